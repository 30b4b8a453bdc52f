-- The first schema.
--
-- Every customer-owned table begins with `shard`, and so does each of its keys and indexes: a row
-- lives where its owner lives, and every statement says where that is. Tables without a shard are
-- small and the same everywhere.
--
-- Instants are microseconds since the epoch, booleans 0 or 1, JSON is text.
--
-- What every payment writes has no foreign keys: it is written under the lock of its account, by one
-- function, and nothing ever deletes an account; looking each parent up again costs the server a
-- third of a payment. The audit looks for strays instead.

CREATE TABLE schema_migrations (
    version BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    applied_at BIGINT NOT NULL
);

-- The bank itself: one row, written when it is created.
CREATE TABLE bank (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('sandbox', 'production')),
    seed TEXT COLLATE "C",
    created_at BIGINT NOT NULL
);

-- OAuth clients and merchants: known everywhere.
CREATE TABLE oauth_clients (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    confidential BIGINT NOT NULL,
    redirect_uris TEXT COLLATE "C" NOT NULL,
    grants TEXT COLLATE "C" NOT NULL,
    options TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE oauth_client_secrets (
    client_id TEXT COLLATE "C" NOT NULL REFERENCES oauth_clients (id),
    digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (client_id, digest)
);

CREATE TABLE merchants (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    group_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    logo TEXT COLLATE "C" NOT NULL,
    emoji TEXT COLLATE "C" NOT NULL,
    category TEXT COLLATE "C" NOT NULL,
    online BIGINT NOT NULL,
    atm BIGINT NOT NULL,
    postal_address TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What must be unique across customers: claimed here, under the shard of the value itself.
CREATE TABLE email_claims (
    shard BIGINT NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    claimed_at BIGINT NOT NULL,
    PRIMARY KEY (shard, email_key)
);

CREATE TABLE account_number_claims (
    shard BIGINT NOT NULL,
    sort_code TEXT COLLATE "C" NOT NULL,
    account_number TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    claimed_at BIGINT NOT NULL,
    PRIMARY KEY (shard, sort_code, account_number)
);

-- People. These rows live in the user's shard.
CREATE TABLE users (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    preferred_first_name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (shard, id)
);

CREATE TABLE passwords (
    shard BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (shard, user_id),
    FOREIGN KEY (shard, user_id) REFERENCES users (shard, id)
);

CREATE TABLE memberships (
    shard BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (shard, user_id, account_id),
    FOREIGN KEY (shard, user_id) REFERENCES users (shard, id)
);

-- The live pair of tokens: one row for each client and user, so a new pair replaces the old one
-- by overwriting it.
CREATE TABLE token_pairs (
    shard BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    access_digest BYTEA NOT NULL,
    access_expires_at BIGINT NOT NULL,
    refresh_digest BYTEA,
    previous_access_digest BYTEA,
    previous_refresh_digest BYTEA,
    issued_at BIGINT NOT NULL,
    PRIMARY KEY (shard, user_id, client_id),
    FOREIGN KEY (shard, user_id) REFERENCES users (shard, id)
);
CREATE UNIQUE INDEX token_pairs_access ON token_pairs (shard, access_digest);
CREATE UNIQUE INDEX token_pairs_refresh ON token_pairs (shard, refresh_digest);

-- Tokens that no longer work, kept to say why and to notice the reuse of a spent one.
CREATE TABLE former_tokens (
    shard BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('access', 'refresh')),
    reason TEXT COLLATE "C" NOT NULL CHECK (reason IN ('evicted', 'spent', 'logged_out', 'revoked')),
    user_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    successor_digest BYTEA,
    ended_at BIGINT NOT NULL,
    keep_until BIGINT NOT NULL,
    reused_at BIGINT,
    reuse_count BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (shard, digest)
);
CREATE INDEX former_tokens_keep ON former_tokens (shard, keep_until);

-- Failed password guesses, counted per (client, e-mail) and per address, under the shard of the key.
CREATE TABLE password_failures (
    shard BIGINT NOT NULL,
    subject BYTEA NOT NULL,
    failures BIGINT NOT NULL,
    window_ends_at BIGINT NOT NULL,
    PRIMARY KEY (shard, subject)
);

-- Accounts. From here on rows live in the account's shard.
CREATE TABLE accounts (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'frozen', 'closed')),
    currency TEXT COLLATE "C" NOT NULL,
    sort_code TEXT COLLATE "C" NOT NULL,
    account_number TEXT COLLATE "C" NOT NULL,
    iban TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    closed_at BIGINT,
    PRIMARY KEY (shard, id)
);

CREATE TABLE owners (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    preferred_first_name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, account_id, user_id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);

-- The row that is locked for every decision about an account. `booked` and `held` are caches of
-- what the entries say; `chain_length` and `chain_head` are the end of the account's hash chain.
-- Half of each page stays free, so that a new version of a row lands beside the old one and no index
-- has to be told (a HOT update).
CREATE TABLE balances (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    booked BIGINT NOT NULL,
    held BIGINT NOT NULL,
    overdraft_limit BIGINT NOT NULL CHECK (overdraft_limit >= 0),
    last_created_at BIGINT NOT NULL,
    chain_length BIGINT NOT NULL,
    chain_head BYTEA NOT NULL,
    PRIMARY KEY (shard, account_id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
) WITH (fillfactor = 50);

CREATE TABLE cards (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'inactive', 'blocked')),
    last_four TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (shard, id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);
CREATE INDEX cards_account ON cards (shard, account_id);

-- The ledger. An entry set is balanced and never changes; its entries are its rows in `entries`.
CREATE TABLE entry_sets (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    forced BIGINT NOT NULL,
    happened_at BIGINT NOT NULL,
    booked_at BIGINT NOT NULL,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (shard, account_id, sequence)
);
CREATE INDEX entry_sets_transaction ON entry_sets (shard, transaction_id);

CREATE TABLE entries (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, account_id, sequence, ordinal)
);

CREATE TABLE transactions (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    settled_at BIGINT,
    kind TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    local_amount BIGINT NOT NULL,
    local_currency TEXT COLLATE "C" NOT NULL,
    account_balance BIGINT NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    merchant_id TEXT COLLATE "C",
    category TEXT COLLATE "C" NOT NULL,
    notes TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    counterparty TEXT COLLATE "C" NOT NULL,
    scheme TEXT COLLATE "C" NOT NULL,
    dedupe_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    is_load BIGINT NOT NULL,
    originator BIGINT NOT NULL,
    include_in_spending BIGINT NOT NULL,
    amount_is_pending BIGINT NOT NULL,
    decline_reason TEXT COLLATE "C",
    PRIMARY KEY (shard, id)
);
CREATE UNIQUE INDEX transactions_order ON transactions (shard, account_id, created_at, id);

-- What one client wrote on one transaction: private to that client.
CREATE TABLE annotations (
    shard BIGINT NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (shard, transaction_id, client_id),
    FOREIGN KEY (shard, transaction_id) REFERENCES transactions (shard, id)
);

CREATE TABLE authorisations (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    card_id TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'presented', 'reversed', 'expired')),
    held BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (shard, id)
);
CREATE INDEX authorisations_open ON authorisations (shard, account_id) WHERE state = 'open';

-- What was answered to each command, so that a repeat is answered alike and done once.
CREATE TABLE outcomes (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    command_id TEXT COLLATE "C" NOT NULL,
    command TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (shard, account_id, issuer, command_id)
);

-- Work that falls due, written with its cause.
CREATE TABLE due_work (
    shard BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL,
    PRIMARY KEY (shard, kind, subject)
);
CREATE INDEX due_work_due ON due_work (shard, due_at);

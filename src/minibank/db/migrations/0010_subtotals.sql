-- What balances at past instants are added up from, and what the audit in the background found.

-- What the entries of one account moved on one address: those that were booked on one day and
-- happened on one (days of UTC since 1970), and whose entry sets are of one block of the account's
-- chain. They lie between `first_sequence` and `last_sequence`, and between the instants, all
-- included. Made of the entries later on, and never by a payment.
CREATE TABLE subtotals (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    booked_day BIGINT NOT NULL,
    happened_day BIGINT NOT NULL,
    block BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    entry_count BIGINT NOT NULL,
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    booked_from BIGINT NOT NULL,
    booked_to BIGINT NOT NULL,
    happened_from BIGINT NOT NULL,
    happened_to BIGINT NOT NULL,
    PRIMARY KEY (shard, account_id, address, currency, booked_day, happened_day, block),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);
CREATE INDEX subtotals_address ON subtotals (shard, address);

-- How far along its chain an account's entries are in its subtotals.
CREATE TABLE subtotal_progress (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (shard, account_id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);

-- What the last finished round of the audit in the background could not prove, the first of it.
CREATE TABLE audit_findings (
    ordinal BIGINT NOT NULL PRIMARY KEY,
    code TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL
);

-- When somebody asked for a round that has not begun yet; 0 when nobody does.
ALTER TABLE audit_rounds ADD COLUMN requested_at BIGINT NOT NULL DEFAULT 0;

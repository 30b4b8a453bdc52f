-- What apps put on the feed, and what they want to be told.
--
-- A transaction's own feed item is the transaction: it has no row here.

-- An app's item on the feed of an account; no other app sees it. `params` is a JSON object of texts.
CREATE TABLE feed_items (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,
    url TEXT COLLATE "C" NOT NULL,
    params TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (shard, id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);
CREATE UNIQUE INDEX feed_items_order
    ON feed_items (shard, account_id, client_id, created_at, id);
CREATE INDEX feed_items_created ON feed_items (shard, created_at);
CREATE INDEX feed_items_expires ON feed_items (shard, expires_at) WHERE expires_at IS NOT NULL;

-- The row that an app locks to put something on a feed: how many items it made on the day (UTC) that
-- begins at `day`, and when the newest is of.
CREATE TABLE feed_writers (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    created_on_day BIGINT NOT NULL,
    last_created_at BIGINT NOT NULL,
    PRIMARY KEY (shard, account_id, client_id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);

-- Requests that may come again: the key that named one, what it asked for and the item it made.
CREATE TABLE feed_keys (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    item_id TEXT COLLATE "C" NOT NULL,
    keep_until BIGINT NOT NULL,
    PRIMARY KEY (shard, account_id, client_id, user_id, key),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);
CREATE INDEX feed_keys_kept ON feed_keys (shard, keep_until);

-- What a user no longer wants on the feed; `subject` is a transaction or an app's item.
CREATE TABLE feed_dismissals (
    shard BIGINT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    dismissed_at BIGINT NOT NULL,
    PRIMARY KEY (shard, subject, user_id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);
CREATE INDEX feed_dismissals_account
    ON feed_dismissals (shard, account_id, dismissed_at, subject, user_id);

-- Where a client wants to be told of an account. `events` is a JSON list of the types it asked for.
-- It is told of what has a place in the account's history after `starts_after` and, once it is
-- removed, not after `ends_after`. A removed webhook has forgotten its `url`.
CREATE TABLE webhooks (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    events TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    starts_after BIGINT NOT NULL,
    ends_after BIGINT,
    next_sequence BIGINT NOT NULL,
    PRIMARY KEY (shard, id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);
CREATE INDEX webhooks_account ON webhooks (shard, account_id);

-- The outbox: one row for each event and webhook, written with the event's cause. `payload` is the
-- body as it is sent, the same bytes each time. `subject` is what the event is about.
-- `next_attempt_at` is in the bank's time, `claimed_until` in real time. Payments write it, so it has
-- no foreign key.
CREATE TABLE deliveries (
    shard BIGINT NOT NULL,
    webhook_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    payload BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL
        CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (shard, webhook_id, sequence)
);
CREATE UNIQUE INDEX deliveries_id ON deliveries (shard, id);
CREATE INDEX deliveries_account ON deliveries (shard, account_id, subject);
CREATE INDEX deliveries_due ON deliveries (shard, next_attempt_at) WHERE state = 'pending';

-- minibank: outside a transaction
-- How far each account was verified, and whose turn it is to audit in the background.
--
-- Run by itself, so that building the index holds up no payment. The tables hold nothing yet when
-- this is run again after it was cut short.

DROP TABLE IF EXISTS audit_marks;

-- Where an account's last audit ended: all that the next one needs to go on from there. `seal`
-- authenticates the row with the server key; it is empty in a bank without one. `proved_at` is when
-- the account was last verified from its first entry set.
CREATE TABLE audit_marks (
    shard BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    chain_length BIGINT NOT NULL,
    chain_head BYTEA NOT NULL,
    transactions BIGINT NOT NULL,
    last_created_at BIGINT NOT NULL,
    main BIGINT NOT NULL,
    held BIGINT NOT NULL,
    explained BIGINT NOT NULL,
    positions TEXT COLLATE "C" NOT NULL,
    verified_at BIGINT NOT NULL,
    proved_at BIGINT NOT NULL,
    seal BYTEA NOT NULL,
    PRIMARY KEY (shard, account_id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
);

DROP TABLE IF EXISTS audit_rounds;

-- The audit in the background: one row, written by whoever has the lease, read by all.
CREATE TABLE audit_rounds (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    claimed_by TEXT COLLATE "C" NOT NULL,
    claimed_until BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    audited BIGINT NOT NULL,
    audited_in_full BIGINT NOT NULL,
    verified BIGINT NOT NULL,
    findings BIGINT NOT NULL,
    milliseconds BIGINT NOT NULL
);

DROP INDEX IF EXISTS outcomes_decided;

-- What was answered since an instant. Without the account, because an index on shard and account
-- looks as good as the key to whoever asks for one answer, and costs a whole history.
CREATE INDEX CONCURRENTLY outcomes_decided ON outcomes (shard, decided_at);

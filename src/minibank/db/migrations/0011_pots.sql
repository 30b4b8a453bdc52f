-- Pots: money that a customer sets aside within an account.

-- `balance` caches what the entries of the address `pot:<id>` say, and is changed under the lock of the
-- account's balance row alone; so is everything else here. `lock_type` is empty, `until_date` with
-- `locked_until`, or `added_security`. A deleted pot is empty and stays: entries lead to it. Half of
-- each page stays free, as with balances.
CREATE TABLE pots (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    style TEXT COLLATE "C" NOT NULL,
    goal_amount BIGINT,
    balance BIGINT NOT NULL CHECK (balance >= 0),
    lock_type TEXT COLLATE "C" NOT NULL CHECK (lock_type IN ('', 'until_date', 'added_security')),
    locked_until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (shard, id),
    FOREIGN KEY (shard, account_id) REFERENCES accounts (shard, id)
) WITH (fillfactor = 50);
CREATE INDEX pots_account ON pots (shard, account_id, created_at, id);

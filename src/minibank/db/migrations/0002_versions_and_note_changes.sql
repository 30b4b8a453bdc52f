-- Versions of what clients change, and the history of the notes that they share.

-- Every change of a row advances its version: clients name it to say what they have seen.
ALTER TABLE transactions ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

ALTER TABLE annotations ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- Who changed a transaction's notes, and what they were before. `version` is the transaction's
-- version that the change made.
CREATE TABLE note_changes (
    shard BIGINT NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    notes_before TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, transaction_id, version),
    FOREIGN KEY (shard, transaction_id) REFERENCES transactions (shard, id)
);

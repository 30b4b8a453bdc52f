-- Receipts: what an app says that a payment was for. They live in the shard of the user for whom the
-- app acts, because they are the app's and that user's alone; the transaction may live elsewhere.

-- `external_id` is the app's own name for a receipt; `content` is JSON.
CREATE TABLE receipts (
    shard BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (shard, user_id, client_id, external_id),
    FOREIGN KEY (shard, user_id) REFERENCES users (shard, id)
);
CREATE INDEX receipts_transaction ON receipts (shard, user_id, client_id, transaction_id);

-- Files that people attach to transactions.

-- How many attachments a transaction has: a page reads them only of those that have some.
ALTER TABLE transactions ADD COLUMN attachments BIGINT NOT NULL DEFAULT 0;
CREATE INDEX transactions_attached ON transactions (shard, id) WHERE attachments > 0;

-- A file that may be sent, or was; it lives with its user. `name_digest` is SHA-256 of the last segment
-- of the file's address, which nobody can guess. `declared_size` is what the client said, NULL if it
-- said nothing. What came is NULL until something has: SHA-256 of the bytes, how many, what they are
-- served as, and when they were safe. `uses` counts the attachments that lead here.
CREATE TABLE uploads (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    name_digest BYTEA NOT NULL,
    file_name TEXT COLLATE "C" NOT NULL,
    file_type TEXT COLLATE "C" NOT NULL,
    declared_size BIGINT,
    created_at BIGINT NOT NULL,
    content_digest BYTEA,
    size BIGINT,
    media_type TEXT COLLATE "C",
    stored_at BIGINT,
    uses BIGINT NOT NULL,
    PRIMARY KEY (shard, id)
);
CREATE UNIQUE INDEX uploads_name ON uploads (shard, name_digest);
CREATE INDEX uploads_content ON uploads (shard, content_digest) WHERE content_digest IS NOT NULL;
CREATE INDEX uploads_user ON uploads (shard, user_id, id);

-- Bytes that are kept once for all uploads of a shard that have them. `name` is where they are kept, and
-- never used again for others. `going` (1, else 0): no upload leads here, and they are about to go.
CREATE TABLE file_contents (
    shard BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    going BIGINT NOT NULL,
    PRIMARY KEY (shard, digest)
);

-- The row that a user locks to send a file: how many files and bytes on the day (UTC) that begins at
-- `day`.
CREATE TABLE upload_days (
    shard BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (shard, user_id)
);

-- An attachment lives with the transaction's account. `file_url` is an address elsewhere as it was
-- given, or begins with a slash and leads to the file of `upload_id`.
CREATE TABLE attachments (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    file_url TEXT COLLATE "C" NOT NULL,
    file_type TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    upload_id TEXT COLLATE "C",
    PRIMARY KEY (shard, id)
);
CREATE INDEX attachments_transaction ON attachments (shard, transaction_id, created_at, id);
CREATE INDEX attachments_account ON attachments (shard, account_id, id);
CREATE INDEX attachments_upload ON attachments (shard, upload_id) WHERE upload_id IS NOT NULL;

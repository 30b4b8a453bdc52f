-- Files of a card scheme's clearing, reconciled with the books.

-- A file, by a digest of its content: the same file is imported once. `day` is the beginning (UTC) of
-- the day that it is for.
CREATE TABLE clearing_files (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    day BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    imported_by TEXT COLLATE "C" NOT NULL,
    began_at BIGINT NOT NULL,
    finished_at BIGINT
);

-- The rows of a file, in the shard of the file's id, with what came of each. A pending row is decided
-- and not yet booked. `reason` says why, `transaction_id` what it was booked as, on `booked_on`.
CREATE TABLE clearing_rows (
    shard BIGINT NOT NULL,
    file_id TEXT COLLATE "C" NOT NULL,
    line BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('presentment', 'refund')),
    reference TEXT COLLATE "C" NOT NULL,
    authorisation_id TEXT COLLATE "C" NOT NULL,
    card_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    local_amount BIGINT,
    local_currency TEXT COLLATE "C" NOT NULL,
    merchant_id TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'matched', 'surplus', 'duplicate')),
    reason TEXT COLLATE "C" NOT NULL,
    booked_on TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, file_id, line)
);
CREATE INDEX clearing_rows_status ON clearing_rows (shard, file_id, status, line);

-- The scheme's own names of what has come, each in the shard of the name.
CREATE TABLE clearing_references (
    shard BIGINT NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    file_id TEXT COLLATE "C" NOT NULL,
    line BIGINT NOT NULL,
    PRIMARY KEY (shard, reference)
);

-- Transactions that a row was found to be, each in its own shard.
CREATE TABLE clearing_matches (
    shard BIGINT NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    file_id TEXT COLLATE "C" NOT NULL,
    line BIGINT NOT NULL,
    PRIMARY KEY (shard, transaction_id, file_id, line)
);

-- Card payments and refunds of the file's day that no row had named when it was imported.
CREATE TABLE clearing_missing (
    shard BIGINT NOT NULL,
    file_id TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, file_id, transaction_id)
);

-- What ends by itself is removed as due work, and people can be erased.

CREATE INDEX token_pairs_public ON token_pairs (shard, access_expires_at)
    WHERE refresh_digest IS NULL;
CREATE INDEX token_pairs_refreshed ON token_pairs (shard, issued_at)
    WHERE refresh_digest IS NOT NULL;
CREATE INDEX password_failures_ends ON password_failures (shard, window_ends_at);

-- What was written before removals were planned: one piece of work for each shard that has some.
INSERT INTO due_work (shard, kind, subject, account_id, due_at, claimed_until)
SELECT shard, 'former_tokens', 'former_tokens', '', MIN(keep_until), 0
FROM former_tokens GROUP BY shard;

INSERT INTO due_work (shard, kind, subject, account_id, due_at, claimed_until)
SELECT shard, 'token_pairs', 'token_pairs', '', MIN(access_expires_at), 0
FROM token_pairs GROUP BY shard;

INSERT INTO due_work (shard, kind, subject, account_id, due_at, claimed_until)
SELECT shard, 'password_failures', 'password_failures', '', MIN(window_ends_at), 0
FROM password_failures GROUP BY shard;

INSERT INTO due_work (shard, kind, subject, account_id, due_at, claimed_until)
SELECT 0, 'client_secrets', client_id, '', MIN(expires_at), 0
FROM oauth_client_secrets WHERE expires_at IS NOT NULL GROUP BY client_id;

-- A person who is being erased, or was: since when, and when the last of it was gone. Nobody is
-- found by such a row any more; it stays because entries lead to accounts and those to owners.
ALTER TABLE users ADD COLUMN erasure_began_at BIGINT;

ALTER TABLE users ADD COLUMN erased_at BIGINT;

-- What is left to do of an erasure: how far each part has come. A part that is done has no row.
CREATE TABLE erasure_parts (
    shard BIGINT NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    part TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    position TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, user_id, part, account_id),
    FOREIGN KEY (shard, user_id) REFERENCES users (shard, id)
);

-- That there was an erasure, and when; not whose. The shard is drawn and says nothing either.
CREATE TABLE erasures (
    shard BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (shard, id)
);

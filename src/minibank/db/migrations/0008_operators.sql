-- Those who run the bank, and what they asked for by the operator API.

CREATE TABLE operator_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

-- A key's secrets, by digest alone: two at most while one is replaced by the next.
CREATE TABLE operator_key_secrets (
    digest BYTEA NOT NULL PRIMARY KEY,
    key_id TEXT COLLATE "C" NOT NULL REFERENCES operator_keys (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX operator_key_secrets_key ON operator_key_secrets (key_id);

-- What was done for an operator besides moving money, of which `outcomes` tells: who asked for what,
-- when, and of which object. A repeat is recognised by it; `digest` is that of method, path and body.
-- It holds ids only: what the object looks like is read where the object is.
CREATE TABLE operator_requests (
    key_id TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    requested_at BIGINT NOT NULL,
    PRIMARY KEY (key_id, idempotency_key)
);
CREATE INDEX operator_requests_time ON operator_requests (requested_at, key_id, idempotency_key);
CREATE INDEX operator_requests_subject ON operator_requests (subject, requested_at);

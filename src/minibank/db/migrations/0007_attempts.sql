-- How webhooks are called, and every attempt to.

-- `policy` names how attempts are spaced; empty is the bank's default. `target` stands for the scheme,
-- host and port of the address. `failing_since` is when the first attempt began of those that all
-- failed since; `disabled_at` is when the bank gave up. `signing` says how deliveries are signed: by
-- `hmac` with the secret of a version, and of the one before it until `previous_secret_until`, or by
-- `ed25519` with the bank's key. A `fifo` webhook (1, else 0) is told of nothing before all that came
-- before has ended.
ALTER TABLE webhooks ADD COLUMN policy TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE webhooks ADD COLUMN target BIGINT NOT NULL DEFAULT 0;
ALTER TABLE webhooks ADD COLUMN failing_since BIGINT;
ALTER TABLE webhooks ADD COLUMN disabled_at BIGINT;
ALTER TABLE webhooks ADD COLUMN signing TEXT COLLATE "C" NOT NULL DEFAULT 'hmac';
ALTER TABLE webhooks ADD COLUMN secret_version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE webhooks ADD COLUMN previous_secret_until BIGINT;
ALTER TABLE webhooks ADD COLUMN fifo BIGINT NOT NULL DEFAULT 0;

-- The webhook's target: what waits for one that is busy is passed over without being read.
-- `attempts_before` were made before it was last sent again on request: its policy begins anew then.
ALTER TABLE deliveries ADD COLUMN target BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN attempts_before BIGINT NOT NULL DEFAULT 0;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_queue ON deliveries (target, next_attempt_at, shard, webhook_id, sequence)
    WHERE state = 'pending';
CREATE INDEX deliveries_state ON deliveries (shard, webhook_id, state, sequence);
CREATE INDEX deliveries_time ON deliveries (shard, webhook_id, created_at, sequence);

-- One attempt to deliver: what was sent besides the payload, and what came back. `attempted_at` is in
-- the bank's time. `status` is that of the answer, 0 without one; `error` says in a word what went
-- wrong on the way, empty when nothing did. Headers are JSON lists of pairs; `excerpt` is the
-- beginning of the answer's body.
CREATE TABLE delivery_attempts (
    shard BIGINT NOT NULL,
    webhook_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    attempted_at BIGINT NOT NULL,
    microseconds BIGINT NOT NULL,
    request_headers TEXT COLLATE "C" NOT NULL,
    status BIGINT NOT NULL,
    response_headers TEXT COLLATE "C" NOT NULL,
    excerpt BYTEA NOT NULL,
    error TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, webhook_id, sequence, attempt)
);

-- What came for a closed account goes back by itself: when, in microseconds, or NULL for never. What
-- was in suspense before waits for an operator.

ALTER TABLE corrections ADD COLUMN return_at BIGINT;

-- What merchants gave back of the payments that their refunds named.

-- One row for each refund, so that no payment is given back beyond what it took. Payments write it, so
-- it has no foreign key.
CREATE TABLE refunds (
    shard BIGINT NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    refund_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    booked_at BIGINT NOT NULL,
    PRIMARY KEY (shard, transaction_id, refund_id)
);
CREATE INDEX refunds_booked ON refunds (shard, account_id, booked_at);

-- The name of its payment ends the metadata of a refund there is already: 25 characters and `"}`.
INSERT INTO refunds (shard, transaction_id, refund_id, account_id, amount, booked_at)
SELECT r.shard, o.id, r.id, r.account_id, r.amount, r.created_at
FROM transactions r
JOIN transactions o ON o.shard = r.shard AND o.account_id = r.account_id AND o.kind = 'card'
     AND o.id = substr(r.metadata, length(r.metadata) - 26, 25)
WHERE r.kind = 'refund' AND r.decline_reason IS NULL
  AND r.metadata LIKE '%"original_transaction_id":"%';

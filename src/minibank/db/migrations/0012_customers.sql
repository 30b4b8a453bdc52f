-- Limits of accounts, and the webhooks of closed ones.

-- In minor units, NULL for none: of one payment, of card payments and of transfers out on one day, of
-- what the account may be given. What was spent on the day that begins at `spending_day` is counted
-- while there is a limit of a day.
ALTER TABLE balances ADD COLUMN payment_max BIGINT;
ALTER TABLE balances ADD COLUMN card_daily_max BIGINT;
ALTER TABLE balances ADD COLUMN transfer_daily_max BIGINT;
ALTER TABLE balances ADD COLUMN balance_max BIGINT;
ALTER TABLE balances ADD COLUMN spending_day BIGINT NOT NULL DEFAULT 0;
ALTER TABLE balances ADD COLUMN card_spent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE balances ADD COLUMN transfer_spent BIGINT NOT NULL DEFAULT 0;

-- The webhooks of accounts that were closed already end as those of later ones.
INSERT INTO due_work (shard, kind, subject, account_id, due_at, claimed_until)
SELECT a.shard, 'closed_webhooks', a.id, '', COALESCE(MAX(a.closed_at), 0), 0
FROM accounts a JOIN webhooks w ON w.shard = a.shard AND w.account_id = a.id
WHERE a.state = 'closed' AND w.removed_at IS NULL AND w.url <> 'stream:' GROUP BY a.shard, a.id;

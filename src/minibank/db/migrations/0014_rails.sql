-- What follows a transaction (a return, a dispute), and files of a card scheme's clearing.

-- What followed a transaction, which happens to each at most once: the transfer came back or was
-- sent back, the fee was given back, the payment is disputed, the money stands in suspense.
-- `correction_id` is the transaction that came of it. Payments write it, so it has no foreign key.
CREATE TABLE corrections (
    shard BIGINT NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN
        ('return', 'rejection', 'sent_back', 'fee_reversal', 'chargeback', 'suspense')),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'done', 'won', 'lost')),
    amount BIGINT NOT NULL,
    correction_id TEXT COLLATE "C",
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (shard, transaction_id)
);
CREATE INDEX corrections_open ON corrections (shard, account_id) WHERE state = 'open';
CREATE INDEX corrections_changed ON corrections (shard, account_id, changed_at);

-- The bank's own accounts: in their chains stands what is on no customer's account.
CREATE TABLE bank_accounts (
    purpose TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (purpose, currency)
);

"""Ways to damage what follows transactions, besides those of `tests.support.damage`."""

from tests.support.damaging import NOBODY, NOON, Damage, more

OF_RETURN = "kind = 'return'"
OPEN_DISPUTE = "kind = 'chargeback' AND state = 'open'"
IN_SUSPENSE = "kind = 'suspense' AND state = 'open'"
GOES_BACK = f"{IN_SUSPENSE} AND return_at IS NOT NULL"
WAITS = f"{IN_SUSPENSE} AND return_at IS NULL"
TO_SEND_BACK = "kind = 'suspense_return'"

EDITS = [
    Damage("correction.amount", "corrections", OPEN_DISPUTE, {"amount": 10**6}),
    Damage("correction.transaction", "corrections", OF_RETURN, {"amount": more}),
    Damage("correction.transaction", "corrections", OF_RETURN, {"correction_id": None}),
    Damage("correction.kind", "corrections", OF_RETURN, {"kind": "fee_reversal"}),
    Damage("correction.kind", "corrections", OF_RETURN, {"kind": "suspense"}),
    Damage("correction.stray", "corrections", OF_RETURN, {"transaction_id": "tx_other"},
           names_new=True),
    Damage("account.corrections", "corrections", OPEN_DISPUTE, {"state": "won"},
           subject="account_id"),
    Damage("account.corrections", "corrections", IN_SUSPENSE, {"state": "done"},
           subject="account_id"),
    Damage("correction.transaction", "corrections", "state = 'won'", {"state": "lost"}),
    Damage("account.missing", "corrections", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("correction.due", "corrections", GOES_BACK, {"return_at": more}),
    Damage("correction.due", "corrections", GOES_BACK, {"return_at": None}),
    Damage("correction.due", "corrections", WAITS, {"return_at": NOON}),
    Damage("due_work.stray", "corrections", GOES_BACK, {"state": "done"}),
    Damage("correction.due", "due_work", TO_SEND_BACK, {"due_at": more}),
    Damage("correction.due", "due_work", TO_SEND_BACK, {"kind": "other"}),
    Damage("correction.due", "due_work", TO_SEND_BACK, {"account_id": NOBODY}),
    Damage("due_work.stray", "due_work", TO_SEND_BACK, {"account_id": NOBODY}),
    Damage("due_work.stray", "due_work", TO_SEND_BACK, {"subject": "tx_other"}, names_new=True),
    Damage("correction.transaction", "refunds", changes={"amount": more}),
    Damage("correction.amount", "refunds", changes={"amount": 0}),
    Damage("correction.missing", "refunds", changes={"refund_id": "tx_other"},
           subject="refund_id"),
    Damage("correction.stray", "refunds", changes={"transaction_id": "tx_other"}, names_new=True),
    Damage("account.missing", "refunds", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
]  # fmt: skip

DELETIONS = [
    Damage("correction.missing", "refunds", subject="refund_id"),
    Damage("correction.missing", "corrections", OF_RETURN, subject="correction_id"),
    Damage("correction.missing", "corrections", IN_SUSPENSE),
    Damage("account.corrections", "corrections", OPEN_DISPUTE, subject="account_id"),
    Damage("correction.due", "due_work", TO_SEND_BACK),
]  # fmt: skip

STRAYS = [
    Damage("due_work.stray", "due_work", TO_SEND_BACK, {"subject": "tx_new"}, names_new=True),
    Damage("account.missing", "refunds",
           changes={"transaction_id": "tx_other", "account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("correction.stray", "corrections", OF_RETURN, {"transaction_id": "tx_new"},
           names_new=True),
    Damage("account.missing", "corrections",
           changes={"transaction_id": "tx_other", "account_id": NOBODY}, names_new=True,
           subject="account_id"),
]  # fmt: skip

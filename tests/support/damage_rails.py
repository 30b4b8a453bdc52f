"""Ways to damage what follows transactions, besides those of `tests.support.damage`."""

from tests.support.damaging import NOBODY, Damage, more

OF_RETURN = "kind = 'return'"
OPEN_DISPUTE = "kind = 'chargeback' AND state = 'open'"
IN_SUSPENSE = "kind = 'suspense' AND state = 'open'"

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
]  # fmt: skip

DELETIONS = [
    Damage("correction.missing", "corrections", OF_RETURN, subject="correction_id"),
    Damage("correction.missing", "corrections", IN_SUSPENSE),
    Damage("account.corrections", "corrections", OPEN_DISPUTE, subject="account_id"),
]  # fmt: skip

STRAYS = [
    Damage("correction.stray", "corrections", OF_RETURN, {"transaction_id": "tx_other"},
           names_new=True),
    Damage("account.missing", "corrections",
           changes={"transaction_id": "tx_other", "account_id": NOBODY}, names_new=True,
           subject="account_id"),
]  # fmt: skip

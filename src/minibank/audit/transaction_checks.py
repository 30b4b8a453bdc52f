"""Compare a transaction with its entries and with its authorisation."""

from collections.abc import Iterator

from minibank.audit.chain_walk import Ledger
from minibank.audit.findings import Finding
from minibank.audit.rows import AuthorisationRow, TransactionRow
from minibank.core.ids import milliseconds_of

_SUSPENSE = {"suspense", "suspense_in"}
"""What goes into suspense and comes out on another account is the same kind in both places."""

_CODES: dict[str, set[str | None]] = {
    "card": {None, "authorisation", "increment", "presentment", *_SUSPENSE},
    "refund": {"refund", *_SUSPENSE},
    "chargeback": {"chargeback", "chargeback_lost"},
    "top_up": {"top_up"},
    "transfer_in": {"transfer_in", *_SUSPENSE},
    "transfer_out": {"transfer_out"},
    "pot_deposit": {"pot_deposit"},
    "pot_withdrawal": {"pot_withdrawal"},
    "transfer_return": {
        "transfer_returned",
        "transfer_rejected",
        "transfer_sent_back",
        *_SUSPENSE,
    },
    "cash_in": {"cash_in"},
    "cash_out": {"cash_out"},
    "fee": {"fee", "fee_reversal"},
    "adjustment": {"adjustment"},
}
"""How the entries of each kind of transaction begin; None where nothing moved."""

_OWN_MONEY = ("pot_deposit", "pot_withdrawal")
"""Kinds that never count as spending."""

_FREE = ("transfer_in", "transfer_out", "transfer_return", "adjustment")
"""Kinds that need not count as spending."""

_UNDONE = ("reversed", "expired")


def check_transaction(
    row: TransactionRow, ledger: Ledger, authorisation: AuthorisationRow | None
) -> Iterator[Finding]:
    """What is wrong with one transaction; `authorisation` is the one it belongs to, if any."""
    for code, message in (
        *_amounts(row, ledger, authorisation),
        *_local(row),
        *_state(row, authorisation),
    ):
        yield Finding(f"transaction.{code}", row.account_id, row.id, message)


def _amounts(
    row: TransactionRow, ledger: Ledger, authorisation: AuthorisationRow | None
) -> Iterator[tuple[str, str]]:
    movement = ledger.movements.get(row.id)
    moved = movement.main if movement else 0
    amount = 0 if row.decline_reason else row.amount
    if moved != amount:
        yield "amount", f"says {amount}, its entries moved {moved}"
    if row.currency != ledger.currency:
        yield "currency", f"is in {row.currency}, the account in {ledger.currency}"
    first, left = (movement.first, movement.left) if movement else (None, row.account_balance)
    if first not in _CODES.get(row.kind, ()):
        yield "kind", f"is called {row.kind}, and its entries begin with {first}"
    # A card check moves nothing, so what its later entries left is not what it says was left.
    told = authorisation is None or first == "authorisation"
    if told and left is not None and left != row.account_balance:
        yield "balance", f"says {row.account_balance} was left, the entries {left}"


def _local(row: TransactionRow) -> Iterator[tuple[str, str]]:
    at_home = row.local_currency == row.currency
    if (at_home and row.local_amount != row.amount) or row.local_amount * row.amount < 0:
        yield "local", f"is {row.amount} {row.currency} and {row.local_amount} {row.local_currency}"


def _state(
    row: TransactionRow, authorisation: AuthorisationRow | None
) -> Iterator[tuple[str, str]]:
    state = authorisation.state if authorisation else None
    if bool(row.amount_is_pending) != (state == "open"):
        yield "pending", "is pending without a hold, or held without being pending"
    is_nothing = row.decline_reason is not None or state in _UNDONE
    counts = not is_nothing and row.kind not in _OWN_MONEY
    settles = not is_nothing and state != "open"
    if (row.settled_at is not None) != settles:
        yield "settled", "is settled and was not paid, or was paid and is not settled"
    elif row.settled_at is not None and row.settled_at < row.created_at:
        yield "settled", "was settled before it was made"
    is_free = row.kind in _FREE
    if bool(row.include_in_spending) != counts and not (counts and is_free):
        yield "spending", "counts as spending and spent nothing, or the reverse"
    if milliseconds_of(row.id) != row.created_at // 1000:
        yield "created", f"says it is of {row.created_at}, its id that it is not"

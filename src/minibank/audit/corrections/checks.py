"""Compare what followed transactions with the transactions and with the entries."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from minibank.audit.chain_walk import Ledger
from minibank.audit.corrections.store import CorrectionRow
from minibank.audit.findings import Finding
from minibank.audit.rows import TransactionRow
from minibank.ledger.entries import CHARGEBACKS, SUSPENSE
from minibank.payments.corrections import ORIGINAL_KEY

_CORRECTED = {
    "return": "transfer_out",
    "rejection": "transfer_out",
    "sent_back": "transfer_in",
    "fee_reversal": "fee",
    "chargeback": "card",
    "refund": "card",
}
"""The kind of transaction that each kind of correction follows; suspense follows several."""


def check_corrections(
    rows: Sequence[CorrectionRow],
    ledger: Ledger,
    transactions: Mapping[str, TransactionRow],
    new: Collection[str],
) -> Iterator[Finding]:
    """What is wrong with what followed an account's transactions.

    `rows` are all that are open and all that belong to `new` transactions, at least.
    """
    for row in rows:
        for code, message in _check(row, transactions):
            yield Finding(f"correction.{code}", row.account_id, row.transaction_id, message)
    for transaction_id in _uncorrected(rows, ledger, transactions, new):
        message = "corrects another transaction, or is in suspense, and no row says so"
        yield Finding("correction.missing", ledger.account_id, transaction_id, message)
    yield from _check_positions(rows, ledger, transactions)


def _check(
    row: CorrectionRow, transactions: Mapping[str, TransactionRow]
) -> Iterator[tuple[str, str]]:
    before = transactions.get(row.transaction_id)
    if before is None:
        yield "stray", "is about a transaction that is not there"
        return
    # A merchant may give back more than was paid.
    most = row.amount if row.kind == "refund" else abs(before.amount)
    if not 0 < row.amount <= most:
        yield "amount", f"is of {row.amount}, the transaction of {before.amount}"
    if row.kind == "suspense":
        if before.decline_reason is None:
            yield "kind", "is about suspense, and the account got the money"
        if row.state == "open" and row.due_at != row.return_at:
            yield "due", f"is to go back at {row.return_at}, and that is planned for {row.due_at}"
        return
    if before.kind != _CORRECTED.get(row.kind):
        yield "kind", f"is called {row.kind} and follows {before.kind}"
    yield from _check_after(row, before, transactions.get(row.correction_id or ""))


def _check_after(
    row: CorrectionRow, before: TransactionRow, after: TransactionRow | None
) -> Iterator[tuple[str, str]]:
    """What is wrong with the transaction that follows another one."""
    is_refund = row.kind == "refund"
    is_credit = is_refund or (before.amount < 0 and row.state != "lost")
    sign = 1 if is_credit else -1
    if after is None or after.amount != sign * row.amount:
        yield "transaction", f"names {row.correction_id}, which does not undo {row.amount}"
    elif is_refund and not _names(after, before.id):
        yield "stray", f"is about a payment that {after.id} does not give back"


def _uncorrected(
    rows: Sequence[CorrectionRow],
    ledger: Ledger,
    transactions: Mapping[str, TransactionRow],
    new: Collection[str],
) -> Iterator[str]:
    """New transactions that must have a row and have none."""
    named = {row.correction_id for row in rows}
    suspended = {row.transaction_id for row in rows if row.kind == "suspense"}
    # A dispute that was lost names the debit, so that its credit is known by the amount.
    lost = Counter(row.amount for row in rows if row.state == "lost")
    for transaction_id in new:
        one = transactions[transaction_id]
        movement = ledger.movements.get(transaction_id)
        if movement and movement.first == "suspense" and transaction_id not in suspended:
            yield transaction_id
        if not _must_be_named(one):
            continue
        if transaction_id in named or (movement and movement.first == "suspense_in"):
            continue
        if one.kind == "chargeback" and lost[one.amount] > 0:
            lost[one.amount] -= 1
            continue
        yield transaction_id


def _names(refund: TransactionRow, payment_id: str) -> bool:
    """Whether a refund says that it gives back this payment; an erased one says nothing more."""
    return refund.metadata == "{}" or f'"{ORIGINAL_KEY}":"{payment_id}"' in refund.metadata


def _must_be_named(one: TransactionRow) -> bool:
    """Whether a transaction corrects another one, so that a row says which."""
    is_reversal = one.kind == "fee" and one.amount > 0
    is_refund = one.kind == "refund" and one.decline_reason is None
    is_refund = is_refund and f'"{ORIGINAL_KEY}":' in one.metadata
    return is_reversal or is_refund or one.kind in ("transfer_return", "chargeback")


def _check_positions(
    rows: Sequence[CorrectionRow], ledger: Ledger, transactions: Mapping[str, TransactionRow]
) -> Iterator[Finding]:
    """What is disputed and in suspense, against the addresses where it stands."""
    disputed = -sum(row.amount for row in rows if _is_open(row, "chargeback"))
    suspended = sum(
        transactions[row.transaction_id].amount
        for row in rows
        if _is_open(row, "suspense") and row.transaction_id in transactions
    )
    for address, amount in ((CHARGEBACKS, disputed), (SUSPENSE, suspended)):
        stands = ledger.positions.get((address, ledger.currency), 0)
        if stands != amount:
            message = f"{address} is at {stands}, what is open comes to {amount}"
            yield Finding("account.corrections", ledger.account_id, ledger.account_id, message)


def _is_open(row: CorrectionRow, kind: str) -> bool:
    return row.kind == kind and row.state == "open"

"""Compare what is stored about an account and its holds with what its entries say."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from minibank.audit.chain_walk import Ledger, Movement
from minibank.audit.findings import Finding
from minibank.audit.marks.marks import VerifiedMark
from minibank.audit.rows import AuthorisationRow, BalanceRow, OwnerRow

_OWNERS = {
    "uk_retail": range(1, 2),
    "uk_retail_joint": range(2, 1000),
    "bank_suspense": range(1),
}
"""How many people own an account of each type."""

_ENDINGS = {"reversed": "reversal", "expired": "expiry"}
"""How the entries of an authorisation that was undone end."""


def check_owners(
    row: BalanceRow, owners: Sequence[OwnerRow], memberships: Collection[tuple[str, str]]
) -> Iterator[Finding]:
    """Who owns the account; `memberships` are (user, account) pairs as the users' rows say."""
    numbers = _OWNERS.get(row.type, range(1, 1000))
    positions = sorted(owner.position for owner in owners)
    if len(owners) not in numbers or positions != list(range(len(owners))):
        message = f"{len(owners)} people at {positions} own an account of type {row.type}"
        yield Finding("account.owners", row.account_id, row.account_id, message)
    for owner in owners:
        if (owner.user_id, row.account_id) not in memberships:
            message = "owns the account, and the user's own rows do not say so"
            yield Finding("owner.membership", row.account_id, owner.user_id, message)


def check_balance(row: BalanceRow, ledger: Ledger, newest: int) -> Iterator[Finding]:
    """The cached balance, the end of the chain, the limit, and the `newest` created (0: none)."""

    def finding(code: str, message: str) -> Finding:
        return Finding(f"balance.{code}", row.account_id, row.account_id, message)

    if row.booked is None or row.held is None or row.overdraft_limit is None:
        yield finding("missing", "the account has no balance row")
        return
    booked = ledger.main + ledger.held
    if row.booked != booked:
        yield finding("booked", f"booked is {row.booked}, the entries say {booked}")
    if row.held != ledger.held:
        yield finding("held", f"held is {row.held}, the entries say {ledger.held}")
    if row.chain_length != ledger.length or row.chain_head != ledger.head:
        yield finding("chain", "the chain does not end where the balance says")
    if row.last_created_at != newest:
        message = f"the newest transaction is of {newest}, the balance says {row.last_created_at}"
        yield finding("created", message)
    beyond = -row.overdraft_limit - ledger.main
    if beyond > ledger.explained:
        yield finding("limit", f"{beyond} beyond the limit, and no forced posting explains it")


def check_holds(
    rows: Collection[AuthorisationRow], ledger: Ledger, transactions: Collection[str]
) -> Iterator[Finding]:
    """Authorisations against the held address, and against the work that ends them.

    `rows` are all that hold something, and more.
    """
    held = sum(row.held for row in rows)
    if held != ledger.held:
        message = f"its authorisations hold {held}, the entries say {ledger.held}"
        yield Finding("account.holds", ledger.account_id, ledger.account_id, message)
    movements = dict(ledger.movements)
    for row in rows:
        yield from _check_authorisation(row, movements.pop(row.transaction_id, None))
        if row.transaction_id not in transactions:
            message = f"names {row.transaction_id}, which is not there"
            yield Finding("authorisation.transaction", row.account_id, row.id, message)
    for transaction_id, movement in movements.items():
        if movement.held:
            message = f"holds {movement.held} without an authorisation"
            yield Finding("transaction.held", ledger.account_id, transaction_id, message)


def _check_authorisation(row: AuthorisationRow, movement: Movement | None) -> Iterator[Finding]:
    for code, message in (*_hold(row, movement), *_due(row)):
        yield Finding(f"authorisation.{code}", row.account_id, row.id, message)


def _hold(row: AuthorisationRow, movement: Movement | None) -> Iterator[tuple[str, str]]:
    held = movement.held if movement else 0
    if row.held != held:
        yield "held", f"holds {row.held}, its entries say {held}"
    if row.held and row.state != "open":
        yield "state", f"is {row.state} and still holds {row.held}"
    ending = _ENDINGS.get(row.state)
    last = movement.last if movement else ending
    if ending and last != ending:
        yield "state", f"is {row.state}, and its entries end with {last}"
    if not row.has_card:
        yield "card", "names a card that the account does not have"


def _due(row: AuthorisationRow) -> Iterator[tuple[str, str]]:
    if row.state == "open" and row.due_at != row.expires_at:
        yield "due", "is open and nothing ends it when it expires"
    if row.state != "open" and row.due_at is not None:
        yield "due", f"is {row.state} and its expiry is still to come"


def missing_transactions(ledger: Ledger, transactions: Mapping[str, object]) -> Iterator[Finding]:
    """Transactions that entries were posted for and that are not there."""
    for transaction_id in ledger.movements:
        if transaction_id not in transactions:
            message = "has entries and is not there"
            yield Finding("transaction.missing", ledger.account_id, transaction_id, message)


def check_mark(
    mark: VerifiedMark, ledger: Ledger, created_at: Collection[int]
) -> Iterator[Finding]:
    """What was verified earlier against a walk from the beginning that saw its place.

    `created_at` are those of all the account's transactions.
    """

    def finding(code: str, message: str) -> Finding:
        return Finding(f"mark.{code}", ledger.account_id, ledger.account_id, message)

    head, sums = ledger.seen.get(mark.chain_length, (None, None))
    if mark.chain_length and head != mark.chain_head:
        message = f"its first {mark.chain_length} entry sets are not those that were verified"
        yield finding("chain", message)
    elif mark.chain_length and sums != mark.sums:
        yield finding("sums", f"said {mark.sums}, the entries up to there say {sums}")
    transactions = sum(1 for one in created_at if one <= mark.last_created_at)
    if transactions != mark.transactions:
        message = f"{mark.transactions} transactions were verified, there are {transactions}"
        yield finding("transactions", message)

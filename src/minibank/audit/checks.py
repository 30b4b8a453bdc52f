"""Compare what is stored about an account with what its entries say."""

from collections.abc import Iterable, Iterator

from minibank.audit.chain_walk import Ledger
from minibank.audit.findings import Finding
from minibank.audit.store import AuthorisationRow, BalanceRow, TransactionRow


def check_balance(row: BalanceRow, ledger: Ledger) -> Iterator[Finding]:
    """The cached balance, the end of the chain, the limit, the owners."""

    def finding(code: str, message: str) -> Finding:
        return Finding(f"balance.{code}", row.account_id, row.account_id, message)

    if not row.owners:
        yield Finding("account.owners", row.account_id, row.account_id, "nobody owns the account")
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
    beyond = -row.overdraft_limit - ledger.main
    if beyond > ledger.forced_out:
        yield finding("limit", f"{beyond} beyond the limit, and no forced posting explains it")


def check_transaction(
    row: TransactionRow, ledger: Ledger, holding: set[str], last_created_at: int | None
) -> Iterator[Finding]:
    """One transaction against its entries; `holding` are those with an open authorisation."""

    def finding(code: str, message: str) -> Finding:
        return Finding(f"transaction.{code}", row.account_id, row.id, message)

    moved = ledger.main_by_transaction.get(row.id, 0)
    amount = 0 if row.decline_reason else row.amount
    if moved != amount:
        yield finding("amount", f"says {amount}, its entries moved {moved}")
    if row.currency != ledger.currency:
        yield finding("currency", f"is in {row.currency}, the account in {ledger.currency}")
    balance = ledger.balance_after.get(row.id, row.account_balance)
    if balance != row.account_balance:
        yield finding("balance", f"says {row.account_balance} was left, the entries {balance}")
    if bool(row.amount_is_pending) != (row.id in holding):
        yield finding("pending", "is pending without a hold, or held without being pending")
    if row.settled_at is not None and (row.decline_reason or row.amount_is_pending):
        yield finding("settled", "is settled although it was declined or is pending")
    if last_created_at is not None and row.created_at > last_created_at:
        yield finding("created", "is newer than the newest the account knows of")


def check_holds(
    rows: Iterable[AuthorisationRow], ledger: Ledger, transactions: set[str]
) -> Iterator[Finding]:
    """Authorisations against the held address, and against the work that ends them."""
    held_for = dict(ledger.held_by_transaction)
    for row in rows:
        yield from _check_authorisation(row, held_for.pop(row.transaction_id, 0))
        if row.transaction_id not in transactions:
            message = f"names {row.transaction_id}, which is not there"
            yield Finding("authorisation.transaction", row.account_id, row.id, message)
    for transaction_id, amount in held_for.items():
        if amount:
            message = f"holds {amount} without an authorisation"
            yield Finding("transaction.held", ledger.account_id, transaction_id, message)


def _check_authorisation(row: AuthorisationRow, held: int) -> Iterator[Finding]:
    def finding(code: str, message: str) -> Finding:
        return Finding(f"authorisation.{code}", row.account_id, row.id, message)

    if row.held != held:
        yield finding("held", f"holds {row.held}, its entries say {held}")
    if row.state != "open":
        if row.held:
            yield finding("state", f"is {row.state} and still holds {row.held}")
        if row.due_at is not None:
            yield finding("due", f"is {row.state} and its expiry is still to come")
    elif row.due_at != row.expires_at:
        yield finding("due", "is open and nothing ends it when it expires")

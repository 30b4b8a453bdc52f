"""The audit: account by account, in short snapshots, while the bank goes on."""

from collections.abc import Callable, Iterable

from minibank.audit import store
from minibank.audit.chain_walk import Ledger
from minibank.audit.checks import check_balance, check_holds, check_transaction
from minibank.audit.findings import AuditReport, Finding
from minibank.audit.store import AuthorisationRow, BalanceRow, Keys
from minibank.core.ids import shard_of
from minibank.db import Database, ReadTx

SETS_PER_SNAPSHOT = 20_000
ACCOUNTS_PER_SNAPSHOT = 100

Progress = Callable[[int, int], None]
"""Told how many accounts are done, and of how many."""


async def audit(db: Database, progress: Progress | None = None) -> AuditReport:
    """Prove the whole bank from its rows; what does not prove is in the report's findings.

    Each snapshot covers a few accounts, so that a live bank is not held up: every account is seen
    whole at one instant, though not all at the same.
    """
    report = AuditReport()
    total = await db.read(store.count_accounts)
    after = (-1, "")
    while group := await _next_group(db, after):
        accounts: Keys = ([shard for shard, _ in group], [account for _, account in group])

        async def work(tx: ReadTx, accounts: Keys = accounts) -> AuditReport:
            return await _audit_group(tx, accounts)

        _merge(report, await db.snapshot(work))
        if progress:
            progress(report.accounts, total)
        after = group[-1]
    for stray in await db.snapshot(store.list_stray_work):
        account_id, subject = stray["account_id"], stray["subject"]
        report.add(Finding("due_work.stray", account_id, subject, "there is nothing to expire"))
    return report


async def _next_group(db: Database, after: tuple[int, str]) -> list[tuple[int, str]]:
    """The next accounts, few enough for one short snapshot."""
    rows = await db.read(lambda tx: store.list_account_keys(tx, after))
    group: list[tuple[int, str]] = []
    sets = 0
    for row in rows[:ACCOUNTS_PER_SNAPSHOT]:
        sets += row["chain_length"]
        if group and sets > SETS_PER_SNAPSHOT:
            break
        group.append((row["shard"], row["id"]))
    return group


def _merge(report: AuditReport, part: AuditReport) -> None:
    report.accounts += part.accounts
    report.entry_sets += part.entry_sets
    report.transactions += part.transactions
    for finding in part.findings:
        report.add(finding)
    for position, amount in part.positions.items():
        report.positions[position] = report.positions.get(position, 0) + amount


async def _audit_group(tx: ReadTx, accounts: Keys) -> AuditReport:
    report = AuditReport()
    authorisations: dict[str, list[AuthorisationRow]] = {}
    for authorisation in await store.list_authorisations(tx, accounts):
        authorisations.setdefault(authorisation.account_id, []).append(authorisation)
    for row in await store.list_balances(tx, accounts):
        await _audit_account(tx, report, row, authorisations.get(row.account_id, []))
    for stray in await store.list_stray_entries(tx, accounts):
        account_id, number = stray["account_id"], str(stray["sequence"])
        report.add(Finding("entry.stray", account_id, number, "an entry belongs to no entry set"))
    return report


async def _audit_account(
    tx: ReadTx,
    report: AuditReport,
    row: BalanceRow,
    authorisations: Iterable[AuthorisationRow],
) -> None:
    report.accounts += 1
    ledger = Ledger(row.account_id, row.currency)
    async for entry_set in store.walk_entry_sets(tx, row.shard, row.account_id):
        report.entry_sets += 1
        for finding in ledger.add(entry_set):
            report.add(finding)
    for position, amount in ledger.positions.items():
        report.positions[position] = report.positions.get(position, 0) + amount
    holding = {one.transaction_id for one in authorisations if one.state == "open"}
    transactions: dict[str, int] = {}
    async for transaction in store.walk_transactions(tx, row.shard, row.account_id):
        transactions[transaction.id] = transaction.amount
        checked = check_transaction(transaction, ledger, holding, row.last_created_at)
        for finding in checked:
            report.add(finding)
    report.transactions += len(transactions)
    _report(report, check_balance(row, ledger))
    _report(report, check_holds(authorisations, ledger, set(transactions)))
    _report(report, _missing_transactions(ledger, transactions))
    await _audit_outcomes(tx, report, row, transactions)


def _report(report: AuditReport, findings: Iterable[Finding]) -> None:
    for finding in findings:
        report.add(finding)


def _missing_transactions(ledger: Ledger, transactions: dict[str, int]) -> Iterable[Finding]:
    for transaction_id in ledger.balance_after:
        if transaction_id not in transactions:
            message = "has entries and is not there"
            yield Finding("transaction.missing", ledger.account_id, transaction_id, message)


async def _audit_outcomes(
    tx: ReadTx, report: AuditReport, row: BalanceRow, transactions: dict[str, int]
) -> None:
    """Every transaction was answered to some command, and both sides of a transfer are there."""
    unanswered = set(transactions)
    transfers: dict[str, str] = {}
    async for command_id, outcome in store.walk_outcomes(tx, row.shard, row.account_id):
        if outcome is None:
            report.add(Finding("outcome.unreadable", row.account_id, command_id, "cannot be read"))
            continue
        named = {outcome.transaction_id, outcome.payee_transaction_id}
        if not named & transactions.keys():
            message = "names no transaction of the account"
            report.add(Finding("outcome.transaction", row.account_id, command_id, message))
        unanswered -= named
        if outcome.payee_transaction_id and outcome.transaction_id in transactions:
            transfers[outcome.transaction_id] = outcome.payee_transaction_id
    for transaction_id in sorted(unanswered):
        message = "was answered to no command"
        report.add(Finding("transaction.outcome", row.account_id, transaction_id, message))
    await _audit_transfers(tx, report, row, transactions, transfers)


async def _audit_transfers(
    tx: ReadTx,
    report: AuditReport,
    row: BalanceRow,
    transactions: dict[str, int],
    transfers: dict[str, str],
) -> None:
    """What left for another customer of the bank arrived there."""
    keys = sorted(
        (shard, one) for one in transfers.values() if (shard := shard_of(one)) is not None
    )
    arrived = await store.list_amounts(tx, ([s for s, _ in keys], [one for _, one in keys]))
    for sent, received in transfers.items():
        if arrived.get(received) != -transactions[sent]:
            message = f"sent {-transactions[sent]}, and {arrived.get(received)} arrived"
            report.add(Finding("transfer.credit", row.account_id, sent, message))

"""The audit: account by account, in short snapshots, while the bank goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from minibank.audit import store
from minibank.audit.chain_walk import Ledger
from minibank.audit.checks import (
    check_balance,
    check_holds,
    check_owners,
    missing_transactions,
)
from minibank.audit.feed.checks import check_expiries, check_feeds
from minibank.audit.findings import AuditReport, Finding, Mark
from minibank.audit.outcome_checks import Answers
from minibank.audit.store import AccountKey, AuthorisationRow, BalanceRow, Keys, TransactionRow
from minibank.audit.transaction_checks import check_transaction
from minibank.audit.webhooks.checks import History, check_webhook
from minibank.audit.webhooks.store import WebhookRow, list_stray_deliveries, list_webhooks
from minibank.db import Database, ReadTx
from minibank.payments.store import keys_of

SETS_PER_SNAPSHOT = 20_000
ACCOUNTS_PER_SNAPSHOT = 100

Progress = Callable[[int, int], None]
"""Told how many accounts are done, and of how many."""

NO_MARKS: Mapping[str, Mark] = MappingProxyType({})

_FIRST: AccountKey = (-(2**62), "")
_LAST: AccountKey = (2**62, "")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A few neighbours in the order of the accounts: what one snapshot covers.

    `accounts` are those between `after` (excluded) and `until` (included).
    """

    after: AccountKey
    until: AccountKey
    accounts: Sequence[AccountKey]

    @property
    def keys(self) -> Keys:
        """The accounts as a statement takes them."""
        return [shard for shard, _ in self.accounts], [one for _, one in self.accounts]


async def audit(
    db: Database, progress: Progress | None = None, before: Mapping[str, Mark] = NO_MARKS
) -> AuditReport:
    """Prove the whole bank from its rows; what does not prove is in the report's findings.

    Each snapshot covers a few accounts, so that a live bank is not held up: every account is seen
    whole at one instant, though not all at the same. `before` is where accounts ended earlier; the
    report says which chains still pass there.
    """
    report = AuditReport()
    total = await db.read(store.count_accounts)
    after = _FIRST
    while after != _LAST:
        stretch = await _next_stretch(db, after)

        async def work(tx: ReadTx, stretch: Stretch = stretch) -> AuditReport:
            return await _audit_stretch(tx, stretch, before)

        report.merge(await db.snapshot(work))
        if progress:
            progress(report.accounts, total)
        after = stretch.until
    for stray in await db.snapshot(store.list_stray_work):
        account_id, subject = stray["account_id"], stray["subject"]
        report.add(Finding("due_work.stray", account_id, subject, "there is nothing to expire"))
    report.add(*await db.snapshot(check_expiries))
    return report


async def _next_stretch(db: Database, after: AccountKey) -> Stretch:
    """The next accounts, few enough for one short snapshot; the last stretch has none."""
    rows = await db.read(lambda tx: store.list_account_keys(tx, after))
    accounts: list[AccountKey] = []
    sets = 0
    for row in rows[:ACCOUNTS_PER_SNAPSHOT]:
        sets += row["chain_length"]
        if accounts and sets > SETS_PER_SNAPSHOT:
            break
        accounts.append((row["shard"], row["id"]))
    return Stretch(after, accounts[-1] if accounts else _LAST, accounts)


async def _audit_stretch(tx: ReadTx, stretch: Stretch, before: Mapping[str, Mark]) -> AuditReport:
    report = AuditReport()
    accounts = stretch.keys
    authorisations: dict[str, list[AuthorisationRow]] = {}
    for authorisation in await store.list_authorisations(tx, accounts):
        authorisations.setdefault(authorisation.account_id, []).append(authorisation)
    webhooks: dict[str, list[WebhookRow]] = {}
    for webhook in await list_webhooks(tx, accounts):
        webhooks.setdefault(webhook.account_id, []).append(webhook)
    balances = await store.list_balances(tx, accounts)
    for row in balances:
        ledger = Ledger(row.account_id, row.currency, mark=before.get(row.account_id))
        holds = authorisations.get(row.account_id, [])
        history = await _audit_account(tx, report, row, ledger, holds)
        for webhook in webhooks.get(row.account_id, ()):
            report.add(*[finding async for finding in check_webhook(tx, webhook, history)])
    await _audit_messages(tx, report, accounts)
    await _audit_owners(tx, report, balances, accounts)
    for stray in await store.list_stray_entries(tx, accounts):
        account_id, number = stray["account_id"], str(stray["sequence"])
        report.add(Finding("entry.stray", account_id, number, "an entry belongs to no entry set"))
    for stray in await store.list_strays(tx, stretch.after, stretch.until):
        account_id, message = stray["account_id"], f"has rows in {stray['place']} and is not there"
        report.add(Finding("account.missing", account_id, account_id, message))
    return report


async def _audit_messages(tx: ReadTx, report: AuditReport, accounts: Keys) -> None:
    """What accounts tell people and programs."""
    report.add(*await check_feeds(tx, accounts))
    for stray in await list_stray_deliveries(tx, accounts):
        message = "goes to a webhook that the account does not have"
        report.add(Finding("delivery.stray", stray["account_id"], stray["id"], message))


async def _audit_owners(
    tx: ReadTx, report: AuditReport, balances: Sequence[BalanceRow], accounts: Keys
) -> None:
    owners = await store.list_owners(tx, accounts)
    memberships = await store.list_memberships(tx, owners)
    for row in balances:
        own = [owner for owner in owners if owner.account_id == row.account_id]
        report.add(*check_owners(row, own, memberships))


async def _audit_account(
    tx: ReadTx,
    report: AuditReport,
    row: BalanceRow,
    ledger: Ledger,
    holds: Sequence[AuthorisationRow],
) -> History:
    report.accounts += 1
    async for entry_set in store.walk_entry_sets(tx, row.shard, row.account_id):
        report.entry_sets += 1
        report.add(*ledger.add(entry_set))
    report.add_positions(ledger.positions)
    authorised = {one.transaction_id: one for one in holds}
    transactions: dict[str, TransactionRow] = {}
    newest = 0
    async for transaction in store.walk_transactions(tx, row.shard, row.account_id):
        transactions[transaction.id] = transaction
        newest = transaction.created_at
        report.add(*check_transaction(transaction, ledger, authorised.get(transaction.id)))
    report.transactions += len(transactions)
    report.marks[row.account_id] = Mark(ledger.length, ledger.head, len(transactions))
    if ledger.mark is not None and ledger.mark.chain_length:
        report.passed[row.account_id] = ledger.passed_mark
    report.add(*check_balance(row, ledger, newest))
    report.add(*check_holds(holds, ledger, transactions))
    report.add(*missing_transactions(ledger, transactions))
    answers = Answers(ledger, transactions, {one.id: one for one in holds})
    async for outcome in store.walk_outcomes(tx, row.shard, row.account_id):
        report.add(*answers.take(outcome))
    report.add(*answers.finish())
    if others := [other for _, other in answers.transfers]:
        amounts = await store.list_amounts(tx, keys_of(others))
        report.add(*answers.compare_transfers(amounts))
    return History(transactions, answers.decided_at)

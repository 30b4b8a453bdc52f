"""The audit: account by account, in short snapshots, while the bank goes on."""

from collections.abc import Callable

from minibank.audit import store
from minibank.audit.due_work.checks import check_due_work
from minibank.audit.files.checks import check_files
from minibank.audit.findings import AuditReport
from minibank.audit.marks.store import delete_marks, put_marks
from minibank.audit.plan import PROVE, Plan
from minibank.audit.store import AccountKey
from minibank.audit.strays.attempts import find_stray_attempts
from minibank.audit.stretch import Stretch, StretchAudit
from minibank.db import Database, ReadTx, Tx

Progress = Callable[[int, int], None]
"""Told how many accounts are done, and of how many."""

_FIRST: AccountKey = (-(2**62), "")
_LAST: AccountKey = (2**62, "")


async def audit(db: Database, plan: Plan = PROVE, progress: Progress | None = None) -> AuditReport:
    """Prove the whole bank from its rows; what does not prove is in the report's findings.

    Each snapshot covers a few accounts, so that a live bank is not held up: every account is seen
    whole at one instant, though not all at the same. Marks are written as the audit goes on, so
    that one which is cut short leaves the less to the next.
    """
    report = AuditReport()
    total = await db.read(store.count_accounts)
    after = _FIRST
    while after != _LAST:
        stretch = await _next_stretch(db, plan, after)
        await _add(report, plan, await _audit_stretch(db, plan, stretch))
        if progress:
            progress(report.accounts, total)
        after = stretch.until
    for look in (check_due_work, find_stray_attempts, check_files):
        part = AuditReport()
        part.add(*await look(db))
        await _add(report, plan, part)
    return report


async def _add(report: AuditReport, plan: Plan, part: AuditReport) -> None:
    report.merge(part)
    if not plan.collects_marks:
        report.marks.clear()
    if plan.after_each:
        await plan.after_each(part)


async def _next_stretch(db: Database, plan: Plan, after: AccountKey) -> Stretch:
    """The next accounts, few enough for one short snapshot; the last stretch has none."""
    rows = await db.read(lambda tx: store.list_account_keys(tx, after))
    accounts: list[AccountKey] = []
    sets = 0
    for row in rows[: plan.accounts_max]:
        verified = 0 if plan.starts_over(row["shard"], row["proved_at"]) else row["verified"]
        sets += max(0, row["chain_length"] - verified)
        if accounts and sets > plan.sets_max:
            break
        accounts.append((row["shard"], row["id"]))
    return Stretch(after, accounts[-1] if accounts else _LAST, accounts)


async def _audit_stretch(db: Database, plan: Plan, stretch: Stretch) -> AuditReport:
    async def work(tx: ReadTx) -> StretchAudit:
        return await StretchAudit.run(tx, plan, stretch)

    done = await db.snapshot(work)
    if plan.leaves_marks and done.marks:
        await db.transact(lambda tx: put_marks(tx, done.marks))
    return done.report


async def start_over(tx: Tx) -> None:
    """Have the next audit begin with the first entry set of every account: no mark is believed."""
    await delete_marks(tx)

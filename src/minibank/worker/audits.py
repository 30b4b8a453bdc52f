"""The audit in the background: one process at a time, at its leisure, again and again.

A round proves what is new of every account, and some accounts from their first entry set: each
shard has its own moment in every `full_days`, so that the work is spread over them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from minibank.audit import AuditReport, Finding, Plan, audit
from minibank.audit.marks.marks import Seal
from minibank.core.clock import MICROSECONDS, Clock
from minibank.core.ids import SHARDS
from minibank.db import Database, DatabaseError, Tx
from minibank.worker import store
from minibank.worker.metrics import AuditMetrics

log = structlog.get_logger()

LEASE_SECONDS = 120
PAUSE_SECONDS_MAX = LEASE_SECONDS / 2
POLL_SECONDS_MAX = 60
SHARE = 0.2
"""The part of the time that a round works; for the rest it lets requests go first."""

LOGGED_MAX = 100
"""How many findings of a round are logged one by one."""

_DAY = 24 * 3600 * MICROSECONDS


Sleep = Callable[[float], Awaitable[object]]
"""Waits so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """How often there is a round, in how many days each account is verified from its beginning.

    What one snapshot covers is a fraction of a second's work.
    """

    interval_seconds: int
    full_days: int
    accounts_max: int = 100
    sets_max: int = 2_000


@dataclass(frozen=True, slots=True)
class AuditStatus:
    """What is known of the audit in the background, whichever process ran it.

    Instants are microseconds of real time, 0 for never. The figures are of the last round that was
    finished: `accounts_in_full` of its `accounts` were verified from their first entry set,
    `entry_sets` is how many it verified, `findings` what did not prove, `milliseconds` how long it
    took, pauses included. `requested_at`, in the bank's time, is when
    somebody asked for a round that has not begun yet.
    """

    started_at: int = 0
    finished_at: int = 0
    accounts: int = 0
    accounts_in_full: int = 0
    entry_sets: int = 0
    findings: int = 0
    milliseconds: int = 0
    requested_at: int = 0


class LeaseLost(Exception):
    """Another process has taken the round over, because this one was too slow to prolong it."""


class BackgroundAudit:
    """The audit in the background of a bank; `clock` is real time, for leases and intervals.

    `status` is as of this process's last look.
    """

    def __init__(
        self,
        db: Database,
        seal: Seal,
        settings: AuditSettings,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._db = db
        self._seal = seal
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._name = db.ids.secret(16).hex()
        self.status = AuditStatus()

    async def run_forever(self) -> None:
        """Run a round whenever one is due and nobody else does; ends when cancelled."""
        poll_seconds = min(self._settings.interval_seconds, POLL_SECONDS_MAX)
        while True:
            # Processes that started together drift apart, so that they rarely claim together.
            await self._sleep(poll_seconds * (0.5 + self._db.ids.secret(1)[0] / 256))
            try:
                await self.run_round()
                await self.look()
            except DatabaseError as error:
                log.warning("the audit has to wait", error=str(error))
            except LeaseLost:
                log.warning("another process has taken over the audit")
            except Exception:
                # A fault of the audit must not end the audits to come, and never the bank.
                log.exception("the audit failed")

    def show_in(self, metrics: AuditMetrics) -> None:
        """Have these instruments tell the status whenever they are asked."""
        metrics.interval_seconds.set(self._settings.interval_seconds)
        metrics.findings.follow(lambda: self.status.findings)
        metrics.finished_at.follow(lambda: self.status.finished_at / MICROSECONDS)
        metrics.seconds.follow(lambda: self.status.milliseconds / 1000)
        metrics.accounts.follow(lambda: self.status.accounts)
        metrics.entry_sets.follow(lambda: self.status.entry_sets)

    async def look(self) -> None:
        """Bring `status` up to date."""
        row = await self._db.read(store.find_round)
        if row is not None:
            self.status = AuditStatus(
                started_at=row.started_at,
                finished_at=row.finished_at,
                accounts=row.accounts,
                accounts_in_full=row.accounts_in_full,
                entry_sets=row.entry_sets,
                findings=row.findings,
                milliseconds=row.milliseconds,
                requested_at=row.requested_at,
            )

    async def run_round(self) -> AuditReport | None:
        """Run a round if one is due and nobody else does; what it found.

        Raises `LeaseLost`.
        """
        began = self._clock.now()
        if not await self._claim(began):
            return None
        pace = _Pace(self._db, self._clock, self._sleep, self._name)
        plan = Plan(
            starts_over=in_turn(self._settings.full_days, self._db.clock.now()),
            seal=self._seal,
            leaves_marks=True,
            collects_marks=False,
            sets_max=self._settings.sets_max,
            accounts_max=self._settings.accounts_max,
            after_each=pace.after_each,
        )
        report = await audit(self._db, plan)
        ended = self._clock.now()
        result = store.RoundResult(
            accounts=report.accounts,
            accounts_in_full=report.accounts_in_full,
            entry_sets=report.entry_sets_now,
            findings=report.findings_count,
            milliseconds=(ended - began) // 1000,
        )
        found = report.findings
        await self._db.transact(lambda tx: store.finish_round(tx, self._name, ended, result, found))
        log.info("the books were audited", accounts=report.accounts, findings=result.findings)
        return report

    async def _claim(self, now: int) -> bool:
        started_by = now - self._settings.interval_seconds * MICROSECONDS
        # A look first: on SQLite a claim takes the writer, and mostly nothing is due.
        row = await self._db.read(store.find_round)
        if row is not None and not _is_due(row, now, started_by):
            return False
        until = now + LEASE_SECONDS * MICROSECONDS
        return await self._db.transact(
            lambda tx: store.claim_round(tx, self._name, now, until, started_by)
        )


def _is_due(row: store.RoundRow, now: int, started_by: int) -> bool:
    was_cut_short = row.finished_at < row.started_at
    is_wanted = row.requested_at > 0
    return row.claimed_until <= now and (row.started_at <= started_by or was_cut_short or is_wanted)


def in_turn(full_days: int, now: int) -> Callable[[int, int], bool]:
    """Whose turn it is to be verified from the beginning at an instant of the bank's world.

    Each shard has its own moment in every `full_days`: accounts that were last proved before its
    latest one are to be proved again.
    """
    period = full_days * _DAY

    def is_its_turn(shard: int, proved_at: int) -> bool:
        moment = shard * period // SHARDS
        return (now - moment) // period > (proved_at - moment) // period

    return is_its_turn


async def ask_for_round(tx: Tx) -> None:
    """Have a round begin within a minute, in whichever process looks first."""
    await store.request_round(tx)


class _Pace:
    """After each snapshot: logs what it found, keeps the lease, and lets requests go first."""

    def __init__(self, db: Database, clock: Clock, sleep: Sleep, name: str) -> None:
        self._db = db
        self._clock = clock
        self._sleep = sleep
        self._name = name
        self._logged = 0
        self._since = self._kept_at = clock.now()

    async def after_each(self, part: AuditReport) -> None:
        """See `Plan.after_each`; raises `LeaseLost`."""
        for finding in part.findings[: LOGGED_MAX - self._logged]:
            self._log(finding)
        now = self._clock.now()
        if now - self._kept_at > LEASE_SECONDS * MICROSECONDS // 4:
            await self._keep(now)
        worked = (now - self._since) / MICROSECONDS
        await self._sleep(min(worked * (1 / SHARE - 1), PAUSE_SECONDS_MAX))
        self._since = self._clock.now()

    def _log(self, finding: Finding) -> None:
        # Not its message: that tells of money.
        log.error(
            "the books do not prove",
            code=finding.code,
            account=finding.account_id,
            subject=finding.subject,
        )
        self._logged += 1

    async def _keep(self, now: int) -> None:
        until = now + LEASE_SECONDS * MICROSECONDS
        if not await self._db.transact(lambda tx: store.keep_round(tx, self._name, until)):
            raise LeaseLost
        self._kept_at = now

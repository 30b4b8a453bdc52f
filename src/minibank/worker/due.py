"""Run what has fallen due, and keep doing so.

Two processes that run the same piece, or one that runs it again after a crash, change nothing
twice: a command's id follows from its row, and a chore begins by locking its row and looking
whether it is still due.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from minibank.core.clock import MICROSECONDS, Clock
from minibank.core.errors import BankError
from minibank.core.ids import SHARDS
from minibank.db import Database, DatabaseError, Tx
from minibank.files import FilesUnavailable
from minibank.payments.engine import Engine
from minibank.worker.kinds import STANDARD, Chore, Kinds
from minibank.worker.metrics import DueMetrics
from minibank.worker.store import (
    DueRow,
    Overdue,
    claim_due,
    delete_due,
    lock_due,
    move_due,
    read_overdue,
    set_leases,
)

log = structlog.get_logger()

RETRY_SECONDS = 60
"""How long a piece of work that could not be done waits for the next try."""

SLICES = 16
"""How many statements one round over all shards takes: each stays a fraction of a millisecond."""


@dataclass(slots=True)
class DueReport:
    """What a run did: `done` pieces, and `put_off` ones that are tried again later."""

    done: int = 0
    put_off: int = 0


@dataclass(slots=True)
class _Overdue:
    """What the last look found in each slice."""

    clock: Clock
    slices: dict[int, Overdue] = field(default_factory=dict)

    def count(self) -> int:
        """How much was due."""
        return sum(one.count for one in self.slices.values())

    def oldest_seconds(self) -> float:
        """How late the oldest of it is by now."""
        found = [one.oldest_due_at for one in self.slices.values() if one.oldest_due_at is not None]
        return max(self.clock.now() - min(found), 0) / MICROSECONDS if found else 0


class DueWork:
    """The due work of a bank; `clock` is real time, while `db.clock` is the bank's world."""

    def __init__(
        self,
        db: Database,
        engine: Engine,
        *,
        kinds: Kinds = STANDARD,
        lease_seconds: int = 60,
        clock: Clock | None = None,
        metrics: DueMetrics | None = None,
    ) -> None:
        self._db = db
        self._engine = engine
        self._kinds = kinds
        self._lease_seconds = lease_seconds
        self._clock = clock or db.clock
        self._metrics = metrics or DueMetrics()
        self._overdue = _Overdue(db.clock)
        self._metrics.overdue.follow(self._overdue.count)
        self._metrics.oldest_seconds.follow(self._overdue.oldest_seconds)

    async def run_slice(self, number: int) -> DueReport:
        """Run all that is due now in one of the `SLICES` parts of the shards."""
        shards = list(range(number * SHARDS // SLICES, (number + 1) * SHARDS // SLICES))
        report = DueReport()
        # A look first: on SQLite a claim takes the writer, and mostly there is nothing.
        if (await self._look(number, shards)).unclaimed:
            while rows := await self._claim(shards):
                await self._execute(rows, report)
            await self._look(number, shards)
        return report

    async def _look(self, number: int, shards: Sequence[int]) -> Overdue:
        now = self._clock.now()
        found = await self._db.read(lambda tx: read_overdue(tx, shards, now))
        self._overdue.slices[number] = found
        self._metrics.looks.add()
        return found

    async def _claim(self, shards: Sequence[int]) -> list[DueRow]:
        now = self._clock.now()
        until = now + self._lease_seconds * MICROSECONDS
        return await self._db.transact(
            lambda tx: claim_due(tx, shards, self._kinds.names, now, until)
        )

    async def _execute(self, rows: Sequence[DueRow], report: DueReport) -> None:
        commands = [row for row in rows if row.kind in self._kinds.commands]
        failed = await self._command(commands)
        for row in rows:
            if row.kind not in self._kinds.commands and not await self._do(row):
                failed.append(row)
        for row in rows:
            (self._metrics.put_off if row in failed else self._metrics.done).add(row.kind)
        report.done += len(rows) - len(failed)
        report.put_off += len(failed)
        if failed:
            until = self._clock.now() + RETRY_SECONDS * MICROSECONDS
            await self._db.transact(lambda tx: set_leases(tx, failed, until))

    async def _command(self, rows: Sequence[DueRow]) -> list[DueRow]:
        """Have the engine do these; those that failed."""
        commands = [self._kinds.commands[row.kind](row) for row in rows]
        failed = []
        answers = await self._engine.execute_many(commands) if commands else []
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, BankError):
                log.warning(
                    "due work put off", kind=row.kind, subject=row.subject, code=answer.code
                )
                failed.append(row)
        return failed

    async def _do(self, row: DueRow) -> bool:
        """Do a part of this chore, or this errand; whether that went well."""
        try:
            if errand := self._kinds.errands.get(row.kind):
                await errand(self._db, row)
            else:
                chore = self._kinds.chores[row.kind]
                await self._db.transact(lambda tx: do_part(tx, row, chore))
        except (DatabaseError, FilesUnavailable) as error:
            log.warning("due work put off", kind=row.kind, subject=row.subject, error=str(error))
            return False
        except Exception:
            # A fault in one piece must not end what all the others wait for.
            log.exception("due work put off", kind=row.kind, subject=row.subject)
            return False
        return True

    async def run_forever(self, poll_seconds: float) -> None:
        """Go round all shards, again and again, in about `poll_seconds`; ends when cancelled."""
        number = self._draw() % SLICES
        while True:
            # Processes that started together drift apart, so that they rarely meet at a slice.
            pause = poll_seconds / SLICES * (0.5 + self._draw() / 256)
            await asyncio.sleep(pause)
            try:
                await self.run_slice(number)
            except DatabaseError as error:
                log.warning("due work has to wait", error=str(error))
                await asyncio.sleep(poll_seconds)
            except Exception:
                # A fault in one piece must not end what all the others wait for.
                log.exception("due work failed")
                await asyncio.sleep(poll_seconds)
            number = (number + 1) % SLICES

    def _draw(self) -> int:
        """A number from 0 to 255."""
        return self._db.ids.secret(1)[0]


async def do_part(tx: Tx, row: DueRow, chore: Chore, *, early: bool = False) -> bool:
    """Do a bounded part of a chore that is due, or `early`; whether there is more to do."""
    due_at = await lock_due(tx, row)
    if due_at is None:
        return False
    if due_at > tx.now and not early:
        return True  # whoever had it before did it, however late
    again_at = await chore(tx, row)
    if again_at is None:
        await delete_due(tx, row)
        return False
    await move_due(tx, row, again_at)
    return True


async def run_due(
    db: Database,
    engine: Engine,
    *,
    kinds: Kinds = STANDARD,
    lease_seconds: int = 60,
    clock: Clock | None = None,
) -> DueReport:
    """Run everything that is due at the bank's instant, and return when it is done."""
    work = DueWork(db, engine, kinds=kinds, lease_seconds=lease_seconds, clock=clock)
    total = DueReport()
    for number in range(SLICES):
        report = await work.run_slice(number)
        total.done += report.done
        total.put_off += report.put_off
    return total

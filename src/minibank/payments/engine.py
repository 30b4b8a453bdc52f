"""The queue in front of the money: commands that wait together are committed together.

One batch is in flight at a time. What queues while it runs becomes the next one, so a lone command
is not delayed, and under load one commit pays for hundreds.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from minibank.core.clock import Clock
from minibank.core.errors import (
    BadRequest,
    BankError,
    Conflict,
    InternalService,
    RateLimited,
    Timeout,
    Unavailable,
)
from minibank.db import BadData, Database, DatabaseError, DatabaseUnavailable, UniqueViolation
from minibank.db.errors import StorageFull, TakesNoWrites
from minibank.payments.batch import Rules, preview_batch, run_batch
from minibank.payments.commands import COMMAND_NAMES, Command, Outcome
from minibank.payments.metrics import LATE, QUEUE_FULL, SHUTTING_DOWN, EngineMetrics
from minibank.payments.picture import Answer, Written
from minibank.payments.prepared import Prepared, prepare

log = structlog.get_logger()

BATCH_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How much may queue and for how long.

    `hold_seconds`, `suspense_return_days` and `public_url` are those of `Rules`.
    """

    batch_max: int = 500
    queue_max: int = 10_000
    queue_wait_seconds: float = 5.0
    hold_seconds: int = 7 * 24 * 3600
    suspense_return_days: int = 1
    public_url: str = ""

    @property
    def rules(self) -> Rules:
        """What decisions depend on."""
        return Rules(self.hold_seconds, self.suspense_return_days, self.public_url)


@dataclass(frozen=True, slots=True)
class EngineCounters:
    """What the engine has done since it started."""

    commands: int
    commits: int


class _Queued(msgspec.Struct, frozen=True):
    prepared: Prepared
    queued_at: float
    answer: "asyncio.Future[Outcome]"


class Engine:
    """Executes commands; safe to share between all requests of a process."""

    def __init__(
        self,
        db: Database,
        settings: EngineSettings | None = None,
        metrics: EngineMetrics | None = None,
    ) -> None:
        self._db = db
        self._clock: Clock = db.clock
        self._settings = settings or EngineSettings()
        self._waiting: deque[_Queued] = deque()
        self._bulk: deque[_Queued] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._closing = False
        self._metrics = metrics or EngineMetrics()
        self._metrics.queue_length.follow(lambda: len(self._waiting) + len(self._bulk))

    @property
    def counters(self) -> EngineCounters:
        """Commands that were committed, and the commits that took."""
        size = self._metrics.batch_size
        return EngineCounters(int(size.total()), int(self._metrics.commits.total()))

    async def execute(self, command: Command) -> Outcome:
        """Execute one command and answer its outcome, declined or done.

        Once queued it runs, whether or not the caller still waits. Raises the command's own
        `BankError`; `RateLimited` when the queue is full, `Timeout` when it waited too long to be
        begun, `Unavailable` when the database is away. After any of these nothing has happened,
        except `Unavailable`, after which the same command may be sent again.
        """
        return await self._enqueue(self._waiting, command)

    async def execute_many(self, commands: Sequence[Command]) -> list[Answer]:
        """Execute many commands in order, one answer for each; errors are values here.

        They enter in slices and take at most half of a batch, so that they hold nobody else up.
        """
        answers: list[Answer] = []
        size = max(1, self._settings.batch_max // 2)
        for start in range(0, len(commands), size):
            answers += await asyncio.gather(
                *(self._try(command) for command in commands[start : start + size])
            )
        return answers

    async def preview(self, commands: Sequence[Command]) -> tuple[list[Answer], Written]:
        """What commands would be answered now, one after the other, and what they would write.

        Nothing is written. Raises what the database raises.
        """
        prepared = [_try_prepare(command) for command in commands]
        good = [one for one in prepared if isinstance(one, Prepared)]
        rules = self._settings.rules
        decided, written = await self._db.transact(lambda tx: preview_batch(tx, good, rules))
        answers = iter(decided)
        return [next(answers) if isinstance(one, Prepared) else one for one in prepared], written

    async def _try(self, command: Command) -> Answer:
        try:
            return await self._enqueue(self._bulk, command)
        except BankError as refusal:
            return refusal

    def _enqueue(self, queue: deque[_Queued], command: Command) -> "asyncio.Future[Outcome]":
        if self._closing:
            self._metrics.turned_away.add(SHUTTING_DOWN)
            raise Unavailable("unavailable.shutting_down", "The bank is shutting down")
        if len(self._waiting) + len(self._bulk) >= self._settings.queue_max:
            self._metrics.turned_away.add(QUEUE_FULL)
            raise RateLimited(
                "rate_limited.overloaded", "Too many payments are waiting", retry_after=1
            )
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        queue.append(_Queued(prepare(command), self._clock.monotonic(), answer))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return answer

    async def drain(self) -> None:
        """Take no more commands, and return when those queued are answered."""
        self._closing = True
        if self._runner is not None:
            # Awaiting the task itself would cancel the batch in flight with whoever drains.
            await asyncio.wait([self._runner])

    async def _run(self) -> None:
        while batch := self._next_batch():
            await self._execute(batch)
        self._runner = None

    def _next_batch(self) -> list[_Queued]:
        """What runs next: at most half of it bulk, and never more than a batch may hold."""
        count = self._settings.batch_max
        half = count // 2
        reserved = min(len(self._bulk), half)
        size = 0
        batch: list[_Queued] = []
        for queue, share in ((self._waiting, count - reserved), (self._bulk, max(1, half))):
            taken = 0
            while queue and taken < share and len(batch) < count:
                if batch and size + queue[0].prepared.size > BATCH_BYTES_MAX:
                    break
                one = queue.popleft()
                if self._is_late(one):
                    continue
                taken += 1
                size += one.prepared.size
                batch.append(one)
        return batch

    def _is_late(self, one: _Queued) -> bool:
        waited = self._clock.monotonic() - one.queued_at
        if waited <= self._settings.queue_wait_seconds:
            return False
        self._metrics.turned_away.add(LATE)
        _settle(one, Timeout("timeout", "The payment waited too long and was not begun"))
        return True

    async def _execute(self, batch: Sequence[_Queued]) -> None:
        """Run one batch; what the database refuses is found by halves, so that it fails alone."""
        prepared = [one.prepared for one in batch]
        rules = self._settings.rules
        began = self._clock.monotonic()
        try:
            answers = await self._db.transact(lambda tx: run_batch(tx, prepared, rules))
        except (BadData, UniqueViolation) as error:
            if len(batch) > 1:
                half = len(batch) // 2
                await self._execute(batch[:half])
                await self._execute(batch[half:])
            else:
                self._refuse(batch, error, _unstorable)
        except (StorageFull, TakesNoWrites) as error:
            self._refuse(batch, error, _read_only)
        except DatabaseError as error:
            self._refuse(batch, error, _unavailable)
        except Exception as error:
            log.exception("a batch failed")
            self._refuse(batch, error, InternalService)
        else:
            self._metrics.commits.add()
            self._metrics.batch_size.observe(len(batch))
            self._metrics.batch_seconds.observe(self._clock.monotonic() - began)
            self._settle(batch, answers)

    def _refuse(
        self, batch: Sequence[_Queued], error: Exception, answer: Callable[[], BankError]
    ) -> None:
        reason = type(error).__name__
        if isinstance(error, DatabaseUnavailable | StorageFull):  # words about the machine
            reason += f": {error}"
        log.error("commands were refused", error=reason, commands=len(batch))
        self._settle(batch, [answer() for _ in batch])

    def _settle(self, batch: Sequence[_Queued], answers: Sequence[Answer]) -> None:
        count = self._metrics.commands.add
        for one, answer in zip(batch, answers, strict=True):
            count(COMMAND_NAMES[type(one.prepared.command)], _outcome_of(answer))
            _settle(one, answer)


def _try_prepare(command: Command) -> Prepared | BankError:
    try:
        return prepare(command)
    except BankError as refusal:
        return refusal


def _unstorable() -> BankError:
    return BadRequest("bad_request.bad_command", "The command holds a value that cannot be stored")


def _unavailable() -> BankError:
    return Unavailable("unavailable.database", "The database is away")


def _read_only() -> BankError:
    return Unavailable("unavailable.read_only", "The database takes no writes")


def _outcome_of(answer: Answer) -> str:
    """The label of an answer."""
    if isinstance(answer, Outcome):
        return answer.status
    if isinstance(answer, Conflict):
        return "conflict"
    return "failed" if isinstance(answer, InternalService | Unavailable) else "refused"


def _settle(one: _Queued, answer: Answer) -> None:
    """Give a caller its answer, if it still waits."""
    if one.answer.done():
        return
    if isinstance(answer, BankError):
        one.answer.set_exception(answer)
    else:
        one.answer.set_result(answer)

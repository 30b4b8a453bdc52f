"""Deliver what is due, in one process of perhaps many.

One unit of work at a time records what was sent and claims what comes next. What ends while it runs
is recorded by the next one, so that under load one commit is for many deliveries, and a lone one is
not delayed. No unit of work is open while anything is sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from minibank.core.clock import MICROSECONDS, Clock
from minibank.db import BadData, Database, DatabaseError, Tx, UniqueViolation
from minibank.webhooks.delivering import store
from minibank.webhooks.delivering.metrics import COUNTED_MAX, DeliveryMetrics
from minibank.webhooks.delivering.policies import Policies
from minibank.webhooks.delivering.recording import Recorded, record
from minibank.webhooks.delivering.records import Attempt, Attempted, Claim, Key
from minibank.webhooks.delivering.store import DueTarget
from minibank.webhooks.delivering.targets import Targets
from minibank.webhooks.store import DELIVERIES

log = structlog.get_logger()

PAGE = 100
"""How many targets one look sees."""
BEFORE_ALL = -(2**63)
STOP_SECONDS = 5.0
"""How long what is being sent may take when the process stops; the rest is given back."""
ATTEMPT_SECONDS_MAX = 11
"""Longer than any attempt takes: a claim with less time left is not begun."""
COUNT_SECONDS = 15.0
"""How often what waits is counted."""


class Sends(Protocol):
    """Makes attempts, see `Sender`."""

    async def send(self, claim: Claim) -> Attempt:
        """Make an attempt; nothing is raised."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """How much this process sends, how often it looks, and how attempts are spaced."""

    policies: Policies = field(default_factory=Policies)
    concurrency: int = 8
    claims_max: int = 1_000
    lease_seconds: int = 60
    poll_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a unit of work did: what was recorded and claimed, how much was over.

    `passed` counts what was due and not claimed: what was over, and what must wait for others.
    `last` is the last target that had its turn.
    """

    recorded: Recorded
    claims: list[Claim]
    cancelled: int
    passed: int
    last: int | None


class Dispatcher:
    """Delivers; `clock` is real time, for leases, while `db.clock` is the bank's world.

    `open_sender` is called when there is something to send for the first time.
    """

    def __init__(
        self,
        db: Database,
        settings: DispatchSettings,
        open_sender: Callable[[], Awaitable[Sends]],
        clock: Clock,
        metrics: DeliveryMetrics | None = None,
    ) -> None:
        self._db = db
        self._settings = settings
        self._open_sender = open_sender
        self._clock = clock
        self._metrics = metrics or DeliveryMetrics()
        self._targets = Targets(settings.concurrency, settings.claims_max)
        self._sender: Sends | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._ended: list[Attempted] = []
        self._in_hand: set[Key] = set()
        self._resume_after = BEFORE_ALL
        self._woken = asyncio.Event()
        self._stopping = False
        self._next_due_at: int | None = None
        self._oldest_due_at: int | None = None
        self._counted_at: float | None = None
        self._metrics.in_flight.follow(lambda: self._targets.claimed)
        self._metrics.oldest_seconds.follow(self._oldest_seconds)

    async def run_forever(self) -> None:
        """Deliver until cancelled; then let what is being sent end, and give the rest back."""
        end = self._db.wakes.work(DELIVERIES, self._woken.set)
        try:
            while True:
                await self._try(self.run_round)
                await self._pause()
        finally:
            end()
            await self._stop()

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except DatabaseError as error:
            log.warning("deliveries have to wait", error=str(error))
            self._next_due_at = None
        except Exception:
            # A fault must not end what every webhook waits for.
            log.exception("deliveries have to wait")
            self._next_due_at = None

    async def _pause(self) -> None:
        """Until something is woken for, is due, or it is time to look again."""
        seconds = self._settings.poll_seconds
        if self._next_due_at is not None:
            until_due = (self._next_due_at - self._db.clock.now()) / MICROSECONDS
            seconds = min(seconds, max(until_due, 0.01))
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def run_round(self) -> None:
        """Record what has ended, look at all targets once, and begin to send what is due.

        It begins behind the target at which there was no more room, so that each has its turn.
        """
        self._woken.clear()
        found: list[int] = []
        begin = after = self._resume_after
        self._resume_after = BEFORE_ALL
        while True:
            page = await self._look(after)
            found += [one.due_at for one in page if one.due_at is not None]
            wanted = self._targets.wanted(page, self._db.clock.now())
            if (wanted and self._targets.room > 0) or self._ended:
                await self._turn(wanted)
            if len(page) == PAGE:
                after = page[-1].target
            elif begin == BEFORE_ALL:
                break
            else:
                begin = after = BEFORE_ALL
        now = self._db.clock.now()
        self._oldest_due_at = min(found, default=None)
        self._next_due_at = min((one for one in found if one > now), default=None)
        await self._count()

    @property
    def is_busy(self) -> bool:
        """Whether something is being sent or is to be recorded, or there may be more to send."""
        return bool(self._sending or self._ended) or self._woken.is_set()

    async def settle(self) -> None:
        """Wait until what is being sent has ended one way or the other."""
        while self._sending:
            await asyncio.wait(self._sending)

    async def _look(self, after: int) -> list[DueTarget]:
        now = self._clock.now()
        self._metrics.looks.add()
        return await self._db.read(lambda tx: store.list_targets(tx, after, now, PAGE))

    async def _turn(self, wanted: Mapping[int, int]) -> None:
        """Record and claim in one unit of work, and begin to send what was claimed."""
        if self._sender is None and wanted:
            self._sender = await self._open_sender()
        ended, now = list(self._ended), self._clock.now()
        until = now + self._settings.lease_seconds * MICROSECONDS
        try:
            turn = await self._db.transact(lambda tx: self._work(tx, ended, wanted, now, until))
        except (BadData, UniqueViolation):
            # Never again together: what cannot be recorded must not stop all the others.
            turn = await self._record_apart(ended)
        del self._ended[: len(ended)]
        self._in_hand.difference_update(one.claim.key for one in ended)
        self._report(turn)
        for claim in turn.claims:
            self._in_hand.add(claim.key)
            slots = self._targets.take(claim.target)
            task = asyncio.create_task(self._deliver(claim, slots))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if turn.last is not None and self._targets.room <= 0:
            self._resume_after = turn.last
        if turn.claims or turn.passed or ended:
            # There may be room for more now, or more for the same targets.
            self._woken.set()

    async def _record_apart(self, ended: list[Attempted]) -> _Turn:
        """Record attempts one by one, and forget those that cannot be: their leases end."""
        recorded = Recorded()
        for one in ended:
            try:
                await self._db.transact(partial(self._record_one, recorded, one))
            except (BadData, UniqueViolation):
                log.exception("an attempt could not be recorded", delivery=one.claim.id)
        return _Turn(recorded, [], 0, 0, None)

    async def _record_one(self, recorded: Recorded, one: Attempted, tx: Tx) -> None:
        part = await record(tx, [one], self._settings.policies, self._draw)
        recorded.delivered += part.delivered
        recorded.failed += part.failed
        recorded.disabled += part.disabled

    async def _work(
        self, tx: Tx, ended: list[Attempted], wanted: Mapping[int, int], now: int, until: int
    ) -> _Turn:
        recorded = await record(tx, ended, self._settings.policies, self._draw)
        keys: list[Key] = []
        last = None
        for target, room in wanted.items():
            left = self._targets.room - len(keys)
            if left <= 0:
                break
            keys += await store.lock_due(tx, target, now, min(room, left))
            last = target
        # One that is being sent and was asked for again waits until that has ended.
        keys = [key for key in keys if key not in self._in_hand]
        if not keys:
            return _Turn(recorded, [], 0, 0, last)
        found = await store.list_found(tx, keys, until)
        claims = [one.claim for one in found if not (one.is_over or one.must_wait)]
        over = [one.claim for one in found if one.is_over]
        waiting = [one.claim.key for one in found if one.must_wait and not one.is_over]
        await store.set_leases(tx, [claim.key for claim in claims], until)
        await store.park(tx, waiting)
        await store.cancel(tx, [claim.key for claim in over])
        if lanes := {(claim.shard, claim.webhook_id) for claim in over if claim.fifo}:
            await store.release_next(tx, sorted(lanes))
        return _Turn(recorded, claims, len(over), len(over) + len(waiting), last)

    def _draw(self) -> float:
        return int.from_bytes(self._db.ids.secret(4)) / 2**32

    async def _deliver(self, claim: Claim, slots: asyncio.Semaphore) -> None:
        """Send one delivery when it is its turn, and keep what came of it for the next turn."""
        attempt = None
        try:
            async with slots:
                if not self._stopping and self._has_time(claim):
                    assert self._sender is not None, "it is there before anything is claimed"
                    attempt = await self._sender.send(claim)
        except Exception:
            # A fault of ours counts as an attempt, or it would be repeated without end.
            log.exception("an attempt failed", delivery=claim.id)
            attempt = Attempt(attempted_at=self._db.clock.now(), fault="internal")
        finally:
            self._ended.append(Attempted(claim, attempt))
            succeeded = attempt is not None and attempt.succeeded
            self._targets.give_back(claim.target, succeeded=succeeded)
            self._woken.set()
        if attempt is not None:
            self._metrics.attempts.add(attempt.result)
            self._metrics.attempt_seconds.observe(attempt.microseconds / MICROSECONDS)
            if claim.is_first:
                waited = max(attempt.attempted_at - claim.created_at, 0)
                self._metrics.latency_seconds.observe(waited / MICROSECONDS)

    def _has_time(self, claim: Claim) -> bool:
        """Whether an attempt would end well before another process may claim this."""
        return self._clock.now() + ATTEMPT_SECONDS_MAX * MICROSECONDS < claim.claimed_until

    def _report(self, turn: _Turn) -> None:
        for state, count in (
            ("delivered", turn.recorded.delivered),
            ("failed", turn.recorded.failed),
            ("cancelled", turn.cancelled),
        ):
            if count:
                self._metrics.ended.add(state, by=count)
        for webhook_id, reason in turn.recorded.disabled:
            self._metrics.disabled.add()
            log.warning("a webhook was disabled", webhook=webhook_id, reason=reason)

    async def _count(self) -> None:
        now = self._clock.monotonic()
        if self._counted_at is None or now - self._counted_at >= COUNT_SECONDS:
            self._counted_at = now
            count = await self._db.read(lambda tx: store.count_pending(tx, COUNTED_MAX))
            self._metrics.pending.set(count)

    def _oldest_seconds(self) -> float:
        if self._oldest_due_at is None:
            return 0
        return max(self._db.clock.now() - self._oldest_due_at, 0) / MICROSECONDS

    async def _stop(self) -> None:
        self._stopping = True
        if self._sending:
            await asyncio.wait(self._sending, timeout=STOP_SECONDS)
        sending = list(self._sending)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        if self._ended:
            await self._try(lambda: self._turn({}))
        if self._sender is not None:
            await self._sender.close()

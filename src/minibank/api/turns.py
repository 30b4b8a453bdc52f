"""Turns: a bound on the requests of one client that are worked on at a time.

A process works on requests side by side, so whoever sends many makes everybody wait. Here the
requests of one client beyond a few wait for each other, in the order in which they came, and those
of everybody else pass.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from minibank.core.errors import RateLimited

RETRY_SECONDS = 1


@dataclass(slots=True)
class _Line:
    running: int = 0
    waiting: OrderedDict[asyncio.Future[None], None] = field(default_factory=OrderedDict)


class Turns:
    """Lines by subject: `running_max` of each are worked on, `waiting_max` may wait for that."""

    def __init__(self, running_max: int, waiting_max: int) -> None:
        self._running_max = running_max
        self._waiting_max = waiting_max
        self._lines: dict[str, _Line] = {}

    @property
    def size(self) -> int:
        """How many subjects have a request here."""
        return len(self._lines)

    def turn(self, subject: str) -> "_Turn":
        """Wait for a turn, and have it until the block ends; `RateLimited` when too many wait."""
        return _Turn(self, subject)

    async def enter(self, subject: str) -> None:
        """Wait for a turn."""
        line = self._lines.get(subject)
        if line is None:
            line = self._lines[subject] = _Line()
        if line.running < self._running_max:
            line.running += 1
            return
        if len(line.waiting) >= self._waiting_max:
            raise RateLimited(
                "rate_limited.concurrency",
                "Too many requests of this client at once",
                retry_after=RETRY_SECONDS,
            )
        turn = asyncio.get_running_loop().create_future()
        line.waiting[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # It was given a turn in the same moment, which goes to the next.
                self.leave(subject)
            else:
                line.waiting.pop(turn, None)
            raise

    def leave(self, subject: str) -> None:
        """Give the turn on."""
        line = self._lines[subject]
        while line.waiting:
            turn, _ = line.waiting.popitem(last=False)
            if not turn.done():
                turn.set_result(None)
                return
        line.running -= 1
        if not line.running:
            del self._lines[subject]


class _Turn:
    """One turn, as a block: the same as a generator would be, at a third of its price."""

    __slots__ = ("_subject", "_turns")

    def __init__(self, turns: Turns, subject: str) -> None:
        self._turns = turns
        self._subject = subject

    async def __aenter__(self) -> None:
        await self._turns.enter(self._subject)

    async def __aexit__(self, *raised: object) -> None:
        # Not now: work that never waited (a read of SQLite) would give its turn on before the
        # event loop has looked for anybody else, and a flood would be worked on in one go.
        asyncio.get_running_loop().call_soon(self._turns.leave, self._subject)

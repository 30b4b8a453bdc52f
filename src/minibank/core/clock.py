"""The only module that reads a clock.

Instants are integer microseconds since the Unix epoch, in UTC. Whatever needs the time receives
a `Clock` (or, inside a unit of work, the instant `tx.now`), so that a test can choose it.
"""

import time
from typing import Protocol

MICROSECONDS = 1_000_000


class Clock(Protocol):
    """A source of time."""

    def now(self) -> int:
        """The present instant of the bank's world, in microseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back: for timeouts and waiting only."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """See `Clock.now`."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()


class FakeClock:
    """A clock that stands still until it is told to move; for tests and simulations."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        """See `Clock.now`."""
        return self._now

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._now / MICROSECONDS

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`; never backwards."""
        assert seconds >= 0, "a bank's clock never goes back"
        self._now += round(seconds * MICROSECONDS)

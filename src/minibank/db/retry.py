"""Run a unit of work again when a race or a connection was lost; a bounded number of times."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from minibank.db.errors import DatabaseError, DatabaseUnavailable, LostRace, UniqueViolation
from minibank.db.metrics import DatabaseMetrics, kind_of

T = TypeVar("T")

ATTEMPTS_MAX = 8
UNIQUE_ATTEMPTS_MAX = 3
PAUSE_SECONDS = 0.005
PAUSE_SECONDS_MAX = 0.25
PATIENCE_SECONDS = 10.0
"""No attempt begins later than this: attempts that each wait for a lock add up."""


def pause_before(attempt: int) -> float:
    """Seconds to wait before this attempt (1 is the first repeat): doubling, with a ceiling."""
    return float(min(PAUSE_SECONDS * 2 ** (attempt - 1), PAUSE_SECONDS_MAX))


def may_repeat(error: Exception, attempt: int) -> bool:
    """Whether attempt number `attempt` (from 1) may be followed by another after this error."""
    if isinstance(error, UniqueViolation):
        return attempt < UNIQUE_ATTEMPTS_MAX
    return isinstance(error, LostRace | DatabaseUnavailable) and attempt < ATTEMPTS_MAX


async def with_retries(
    run: Callable[[], Awaitable[T]], metrics: DatabaseMetrics | None = None
) -> T:
    """Call `run` until it answers, or until its last error may not be retried."""
    loop = asyncio.get_running_loop()
    patient_until = loop.time() + PATIENCE_SECONDS
    attempt = 1
    while True:
        try:
            return await run()
        except DatabaseError as error:
            pause = pause_before(attempt)
            is_last = not may_repeat(error, attempt) or loop.time() + pause > patient_until
            if metrics:
                (metrics.errors if is_last else metrics.repeats).add(kind_of(error))
            if is_last:
                raise
        await asyncio.sleep(pause)
        attempt += 1

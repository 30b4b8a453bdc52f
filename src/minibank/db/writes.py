"""Whether a database takes writes: what the last ones have shown."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from minibank.core.clock import Clock
from minibank.db.errors import StorageFull, TakesNoWrites

T = TypeVar("T")

CALM_SECONDS = 5.0
"""How long no write may have failed until one that succeeds shows that all do.

On a disk that is nearly full small writes succeed between large ones that do not.
"""


class Writes:
    """Remembers whether writes met a disk that is full, or read-only.

    A write that failed for another reason shows nothing: it may not have got as far as the disk.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed_at: float | None = None

    @property
    def are_taken(self) -> bool:
        """False from a write that failed so until one succeeds when calm has returned."""
        return self._failed_at is None

    async def noting(self, write: Callable[[], Awaitable[T]]) -> T:
        """Run a write, and remember what it shows."""
        try:
            answer = await write()
        except (StorageFull, TakesNoWrites):
            self._failed_at = self._clock.monotonic()
            raise
        if self._failed_at is not None and self._is_calm(self._failed_at):
            self._failed_at = None
        return answer

    def _is_calm(self, failed_at: float) -> bool:
        return self._clock.monotonic() - failed_at >= CALM_SECONDS

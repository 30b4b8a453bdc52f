"""What this process has in hand for each target, and how much more it may claim."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from minibank.webhooks.delivering.store import DueTarget

GROWTH = 8
AHEAD_MAX = 256
"""The most that is claimed for one target at a time, sent or waiting for its turn."""
KNOWN_MAX = 10_000
"""How many targets are remembered."""


@dataclass(slots=True)
class _Target:
    slots: asyncio.Semaphore
    window: int
    claimed: int = 0


@dataclass(slots=True)
class Targets:
    """Bounds: `concurrency` requests at a time to one target, `claims_max` in hand in all.

    For a target that answers well more is claimed than is sent at a time, so that it never waits
    for the database; one attempt that fails ends that, because what is claimed and waits is lost
    time for whoever else could send it.
    """

    concurrency: int
    claims_max: int
    _known: dict[int, _Target] = field(default_factory=dict)
    _claimed: int = 0

    @property
    def claimed(self) -> int:
        """How much is in hand."""
        return self._claimed

    @property
    def room(self) -> int:
        """How much more may be claimed in all."""
        return self.claims_max - self._claimed

    def wanted(self, due: Iterable[DueTarget], now: int) -> dict[int, int]:
        """How much may be claimed now for each target that is due."""
        return {
            one.target: room
            for one in due
            if one.due_at is not None and one.due_at <= now and (room := self._room(one.target)) > 0
        }

    def _room(self, target: int) -> int:
        known = self._known.get(target)
        return self.concurrency if known is None else known.window - known.claimed

    def take(self, target: int) -> asyncio.Semaphore:
        """Something was claimed: where it waits for its turn."""
        if target not in self._known:
            self._known[target] = _Target(asyncio.Semaphore(self.concurrency), self.concurrency)
        known = self._known[target]
        known.claimed += 1
        self._claimed += 1
        return known.slots

    def give_back(self, target: int, *, succeeded: bool) -> None:
        """It is over, one way or the other."""
        known = self._known[target]
        known.claimed -= 1
        self._claimed -= 1
        known.window = (
            min(known.window + GROWTH, max(AHEAD_MAX, self.concurrency))
            if succeeded
            else self.concurrency
        )
        if len(self._known) > KNOWN_MAX:
            self._forget_idle()

    def _forget_idle(self) -> None:
        """Let go of targets that have nothing in hand, so that nothing grows for ever."""
        for target in [one for one, known in self._known.items() if not known.claimed]:
            del self._known[target]

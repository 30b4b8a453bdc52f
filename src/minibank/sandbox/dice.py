"""Chance for the simulation: every draw follows from a seed, none from global state."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from random import Random  # noqa: TID251
from typing import TypeVar
from zoneinfo import ZoneInfo

from minibank.core.instants import from_datetime

T = TypeVar("T")

LONDON = "Europe/London"


class Dice:
    """A source of chance that is the same for the same words.

    The one use of `random` in the bank: what it draws is scenery, never an id that must be unique
    or a secret.
    """

    def __init__(self, *words: str) -> None:
        self._random = Random("\n".join(words))  # noqa: S311

    def between(self, low: int, high: int) -> int:
        """Any whole number from low to high."""
        return self._random.randint(low, high)

    def skewed(self, low: int, high: int) -> int:
        """A whole number from low to high, more often a low one; on average a third of the way."""
        return min(self.between(low, high), self.between(low, high))

    def chance(self, percent: int) -> bool:
        """True in this many of a hundred cases."""
        return self._random.randrange(100) < percent

    def pick(self, choices: Sequence[T]) -> T:
        """One of these."""
        return choices[self._random.randrange(len(choices))]

    def bits(self, count: int) -> int:
        """A number of this many random bits."""
        return self._random.getrandbits(count)

    def moment(self, day: date, hours: tuple[int, int], zone: str = LONDON) -> int:
        """An instant on that day, in a local hour from the first to before the second."""
        seconds = self.between(hours[0] * 3600, hours[1] * 3600 - 1)
        return instant_of(day, seconds, zone) + self.between(1, 999) * 1000


def instant_of(day: date, seconds: int, zone: str = LONDON) -> int:
    """The instant when the wall clock of that zone shows so many seconds after midnight.

    From 86 400 on the next day is meant.
    """
    later, seconds = divmod(seconds, 86_400)
    hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
    local = datetime.combine(
        day + timedelta(days=later), time(hour, minute, second), ZoneInfo(zone)
    )
    return from_datetime(local)

"""When to come again for rows of a shard that end, some of which were removed."""

from minibank.core.clock import MICROSECONDS

BATCH = 1000
"""How many rows one unit of work removes."""
PAUSE_SECONDS = 60
"""How soon a shard is looked at again at the earliest: what ends together goes together."""


def again_at(now: int, next_at: int | None, *, has_more: bool) -> int | None:
    """At once when there is more, else when the next row ends; None when none does."""
    if has_more:
        return now
    return None if next_at is None else max(next_at, now + PAUSE_SECONDS * MICROSECONDS)

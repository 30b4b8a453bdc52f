"""Which part of an ordered history a caller wants: `since`, `before` and `limit`.

The order is (created, id), oldest first. A position is a bound in that order: a timestamp bounds
by millisecond, because that is what clients see; an object bounds by its own microsecond and id.
"""

from dataclasses import dataclass
from typing import NewType

ObjectId = NewType("ObjectId", str)

LIMIT_MAX = 100


@dataclass(frozen=True, slots=True)
class Window:
    """What was asked for: bounds still as instants (microseconds) or ids of objects.

    A `since` instant is inclusive and a `since` id exclusive: clients walk with the last id they
    saw until a page comes back empty. `before` is exclusive in both forms.
    """

    limit: int
    since: int | ObjectId | None = None
    before: int | ObjectId | None = None


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two rows: rows after it satisfy (created_at, id) > (created_at, id)."""

    created_at: int
    id: str


START = Position(-1, "")
END = Position(2**63 - 1, "")


def floor_of(instant: int) -> Position:
    """The place just before the first row of the instant's millisecond."""
    return Position(instant // 1000 * 1000, "")

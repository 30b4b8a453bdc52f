"""Which rows of a history a window asks for: from bounds as sent to places in the order."""

from collections.abc import Mapping
from dataclasses import dataclass

from minibank.core.errors import BadParam
from minibank.core.pages import END, START, ObjectId, Position, Window, floor_of


@dataclass(frozen=True, slots=True)
class Span:
    """The rows strictly between two places, oldest first, at most `limit` of them."""

    after: Position
    until: Position
    limit: int


def ids_in(window: Window) -> list[str]:
    """The objects by which the window is bounded; their places must be looked up."""
    return [bound for bound in (window.since, window.before) if isinstance(bound, str)]


def span_of(window: Window, positions: Mapping[str, Position], thing: str = "transaction") -> Span:
    """The span of a window, given the places of its objects.

    An object bounds by its own place and is itself left out, on both sides. A timestamp stands
    just before the first row of its millisecond: `since` takes that row, `before` does not.
    Raises `BadParam` for an object that has no place in this history; `thing` says what has one.
    """
    return Span(
        after=_place("since", window.since, positions, thing) or START,
        until=_place("before", window.before, positions, thing) or END,
        limit=window.limit,
    )


def _place(
    name: str,
    bound: int | ObjectId | None,
    positions: Mapping[str, Position],
    thing: str,
) -> Position | None:
    if bound is None:
        return None
    if isinstance(bound, int):
        return floor_of(bound)
    if bound not in positions:
        raise BadParam(name, f"names no {thing} of this account")
    return positions[bound]

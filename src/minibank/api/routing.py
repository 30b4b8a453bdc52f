"""Finds the endpoint of a path that was already split into segments.

Starlette routes on a path that is decoded as a whole, where an encoded slash can no longer be told
from a real one; here a segment is matched by itself.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from minibank.api.endpoint import Runner
from minibank.api.operation import Operation
from minibank.api.paths import Segments
from minibank.api.requests import BODY_BYTES_MAX

BodyForm = Literal["parameters", "bytes", "stream"]
"""What a body is to an endpoint: parameters in any accepted form, bytes that it reads itself, or so
many that it takes them as they come."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: in `path` a segment in braces stands for any one segment.

    Without an `operation` it is not in the reference: every endpoint of `routes.py` has one. A body
    larger than `body_bytes_max` is refused before it is read, unless it is a stream, whose endpoint
    knows how much it takes.
    """

    method: str
    path: str
    run: Runner
    operation: Operation | None = None
    body: BodyForm = "parameters"
    body_bytes_max: int = BODY_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Place:
    """All endpoints of one path."""

    path: str
    pattern: Segments
    routes: dict[str, Route] = field(default_factory=dict)

    @property
    def methods(self) -> list[str]:
        """What the path can be asked."""
        implied = ["HEAD", "OPTIONS"] if "GET" in self.routes else ["OPTIONS"]
        return [*self.routes, *implied]

    def match(self, segments: Segments) -> dict[str, str] | None:
        """The named segments when these are of this path, else None."""
        named = {}
        for expected, given in zip(self.pattern, segments, strict=True):
            if expected.startswith("{"):
                named[expected[1:-1]] = given
            elif expected != given:
                return None
        return named


class Table:
    """The places of all routes: those without a named segment by their path, the rest by length."""

    def __init__(self, routes: Sequence[Route]) -> None:
        places: dict[str, Place] = {}
        for route in routes:
            pattern = tuple(part for part in route.path.split("/") if part)
            place = places.setdefault(route.path, Place(route.path, pattern))
            assert route.method not in place.routes, f"two routes {route.method} {route.path}"
            place.routes[route.method] = route
        self._plain: dict[Segments, Place] = {}
        self._named = defaultdict(list)
        for place in places.values():
            if "{" in place.path:
                self._named[len(place.pattern)].append(place)
            else:
                self._plain[place.pattern] = place

    def find(self, segments: Segments) -> tuple[Place, dict[str, str]] | None:
        """The place of a path and its named segments; None when there is no such path."""
        if plain := self._plain.get(segments):
            return plain, {}
        for place in self._named.get(len(segments), ()):
            named = place.match(segments)
            if named is not None:
                return place, named
        return None

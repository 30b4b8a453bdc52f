"""Counters, gauges and histograms: plain objects that are handed to whoever counts with them.

A package that counts something has a `metrics.py` with a dataclass whose fields are its
instruments; `app/metrics.py` puts the classes together. Name, labels, meaning and the alert that a
metric is for stand where the instrument is made, and docs/reference/metrics.md follows from there.

To count costs a look-up in a dictionary. Nothing here is shared between processes or safe to use
from several threads: each process counts in its event loop, and reports (see `merge`).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Generic, Literal, ParamSpec, TypeVar

import msgspec
from typing_extensions import override

T = TypeVar("T")
Made = TypeVar("Made")
P = ParamSpec("P")

Labels = tuple[str, ...]
"""The values of an instrument's labels, in their order."""

Together = Literal["sum", "max", "min"]
"""What several processes come to, for a gauge."""

SERIES_MAX = 1_000
"""The most series that one instrument has; what would be more is counted under `OTHER`."""
OTHER = "other"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Buckets for how long something takes."""


@dataclass(frozen=True, slots=True)
class Alert:
    """When somebody should look: `expression` is PromQL and has to hold for `minutes`."""

    name: str
    expression: str
    summary: str
    minutes: int = 5
    severity: Literal["page", "ticket"] = "ticket"


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One series: its value, or for a histogram its sum and the count in each bucket."""

    labels: Labels
    value: float
    counts: tuple[int, ...] = ()


class Instrument(Generic[T]):
    """What all instruments share.

    `known` names for each label the values that are there from the start, because a series that
    begins with its first event hides that event from `increase()`.
    """

    kind: Literal["counter", "gauge", "histogram"]

    def __init__(
        self,
        name: str,
        meaning: str,
        labels: Sequence[str] = (),
        *,
        known: Sequence[Sequence[str]] = (),
        alerts: Sequence[Alert] = (),
    ) -> None:
        self.name = name
        self.meaning = meaning
        self.labels = tuple(labels)
        self.alerts = tuple(alerts)
        self._series: dict[Labels, T] = {}
        if known or (not labels and self.kind != "gauge"):
            for values in product(*known):
                self._series[values] = self._empty()

    def _empty(self) -> T:
        raise NotImplementedError

    def _new(self, labels: Labels) -> Labels:
        """Under which labels something is counted that was not seen before."""
        assert len(labels) == len(self.labels), f"{self.name} has the labels {self.labels}"
        if len(self._series) >= SERIES_MAX:
            labels = (OTHER,) * len(labels)
        self._series.setdefault(labels, self._empty())
        return labels

    def samples(self) -> list[Sample]:
        """All series as they are now."""
        raise NotImplementedError


class _Scalar(Instrument[float]):
    """An instrument whose series are numbers."""

    def __init__(
        self,
        name: str,
        meaning: str,
        labels: Sequence[str] = (),
        *,
        known: Sequence[Sequence[str]] = (),
        alerts: Sequence[Alert] = (),
    ) -> None:
        super().__init__(name, meaning, labels, known=known, alerts=alerts)
        self._followed: dict[Labels, Callable[[], float]] = {}

    @override
    def _empty(self) -> float:
        return 0.0

    def follow(self, read: Callable[[], float], *labels: str) -> None:
        """Ask `read` for the value each time that it is wanted, and never store one."""
        assert len(labels) == len(self.labels), f"{self.name} has the labels {self.labels}"
        self._series.pop(labels, None)
        self._followed[labels] = read

    @override
    def samples(self) -> list[Sample]:
        """See `Instrument.samples`."""
        stored = [Sample(labels, value) for labels, value in self._series.items()]
        return [
            *stored,
            *(Sample(labels, float(read())) for labels, read in self._followed.items()),
        ]


class Counter(_Scalar):
    """How often something has happened since the start; it only grows."""

    kind = "counter"

    def add(self, *labels: str, by: float = 1) -> None:
        """Count one, or `by`."""
        try:
            self._series[labels] += by
        except KeyError:
            self._series[self._new(labels)] += by

    def total(self) -> float:
        """All series together."""
        return sum(self._series.values())


class Gauge(_Scalar):
    """How much of something there is now; several processes come to their `together`.

    A series that was never set does not appear.
    """

    kind = "gauge"

    def __init__(
        self,
        name: str,
        meaning: str,
        labels: Sequence[str] = (),
        *,
        together: Together = "sum",
        alerts: Sequence[Alert] = (),
    ) -> None:
        super().__init__(name, meaning, labels, alerts=alerts)
        self.together: Together = together

    def set(self, value: float, *labels: str) -> None:
        """Say how much there is."""
        if labels not in self._series:
            labels = self._new(labels)
        self._series[labels] = value


@dataclass(slots=True)
class _Distribution:
    counts: list[int]
    sum: float = 0.0


class Histogram(Instrument[_Distribution]):
    """How values are distributed: a count for each of the `buckets`, and one for what is above."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        meaning: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float] = SECONDS,
        alerts: Sequence[Alert] = (),
    ) -> None:
        self.buckets = tuple(buckets)
        super().__init__(name, meaning, labels, alerts=alerts)

    @override
    def _empty(self) -> _Distribution:
        return _Distribution([0] * (len(self.buckets) + 1))

    def observe(self, value: float, *labels: str) -> None:
        """Count one value."""
        found = self._series.get(labels)
        if found is None:
            found = self._series[self._new(labels)]
        found.counts[bisect_left(self.buckets, value)] += 1
        found.sum += value

    def total(self) -> float:
        """All values of all series added up."""
        return sum(one.sum for one in self._series.values())

    @override
    def samples(self) -> list[Sample]:
        """See `Instrument.samples`."""
        return [Sample(labels, one.sum, tuple(one.counts)) for labels, one in self._series.items()]


AnyInstrument = Counter | Gauge | Histogram


def instrument(make: Callable[P, Made], *args: P.args, **named: P.kwargs) -> Made:
    """A field of a dataclass: each of its objects has an instrument of its own."""
    made: Made = field(default_factory=partial(make, *args, **named))
    return made


def instruments_of(*groups: object) -> Iterator[AnyInstrument]:
    """The instruments that are attributes of these objects, in their order."""
    for group in groups:
        for value in vars(group).values():
            if isinstance(value, AnyInstrument):
                yield value


Snapshot = dict[str, list[Sample]]
"""What instruments say at one moment, by name."""


def snapshot_of(instruments: Iterable[AnyInstrument]) -> Snapshot:
    """What these instruments say now."""
    return {one.name: one.samples() for one in instruments}

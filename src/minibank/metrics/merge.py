"""Several processes' snapshots as one: counters that never go back, gauges of those that live."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import add

from minibank.metrics.instruments import AnyInstrument, Gauge, Labels, Sample, Snapshot

_TOGETHER: Mapping[str, Callable[[float, float], float]] = {"sum": add, "max": max, "min": min}

Series = dict[Labels, Sample]


class Totals:
    """What processes said last, and what those had counted that are gone.

    A process is named by a number that is never used again (not its id, which the system gives to
    another one day).
    """

    def __init__(self, instruments: Iterable[AnyInstrument]) -> None:
        self._instruments = list(instruments)
        self._departed: Snapshot = {}
        self._live: dict[int, Snapshot] = {}

    def report(self, process: int, snapshot: Snapshot) -> None:
        """A process says what it has counted since its start."""
        self._live[process] = snapshot

    def retire(self, process: int) -> None:
        """The process is gone: what it counted stays, what it had is no more."""
        last = self._live.pop(process, {})
        counters = [one for one in self._instruments if not isinstance(one, Gauge)]
        self._departed = _merged(counters, [self._departed, last])

    def merged(self) -> Snapshot:
        """All of it together."""
        return _merged(self._instruments, [self._departed, *self._live.values()])


def _merged(instruments: Iterable[AnyInstrument], snapshots: Sequence[Snapshot]) -> Snapshot:
    found: Snapshot = {}
    for one in instruments:
        join = _TOGETHER[one.together if isinstance(one, Gauge) else "sum"]
        series: Series = {}
        for snapshot in snapshots:
            for sample in snapshot.get(one.name, ()):
                known = series.get(sample.labels)
                series[sample.labels] = _joined(known, sample, join) if known else sample
        found[one.name] = list(series.values())
    return found


def _joined(left: Sample, right: Sample, join: Callable[[float, float], float]) -> Sample:
    counts = tuple(map(add, left.counts, right.counts))
    return Sample(left.labels, join(left.value, right.value), counts)

"""A snapshot in the form that Prometheus reads, written by its own client library.

The library is loaded with the first page: a bank that nobody watches starts without it.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from minibank.metrics.instruments import AnyInstrument, Histogram, Sample, Snapshot

if TYPE_CHECKING:
    from prometheus_client import Metric

_OPEN_METRICS = "application/openmetrics-text"


def write_page(
    instruments: Iterable[AnyInstrument], snapshot: Snapshot, accept: str
) -> tuple[str, bytes]:
    """The content type and the page: OpenMetrics for whoever accepts it, else the text format."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - slow
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - slow

    class Collector:
        def collect(self) -> Iterator["Metric"]:
            return (_metric(one, snapshot.get(one.name, ())) for one in instruments)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    # Not the client's own words: the library repeats some of them in the content type.
    encode, content_type = choose_encoder(_OPEN_METRICS if _OPEN_METRICS in accept else "")
    return content_type, encode(registry)


def _metric(instrument: AnyInstrument, samples: Iterable[Sample]) -> "Metric":
    from prometheus_client import Metric  # noqa: PLC0415 - slow

    name = instrument.name
    family = name.removesuffix("_total") if instrument.kind == "counter" else name
    metric = Metric(family, instrument.meaning, instrument.kind)
    for sample in samples:
        labels = dict(zip(instrument.labels, sample.labels, strict=True))
        if isinstance(instrument, Histogram):
            _add_histogram(metric.add_sample, instrument, labels, sample)
        else:
            metric.add_sample(name, labels, sample.value)
    return metric


def _add_histogram(
    add: Callable[[str, dict[str, str], float], None],
    instrument: Histogram,
    labels: dict[str, str],
    sample: Sample,
) -> None:
    """Buckets count what is in those below them too."""
    bounds = [*(str(bound) for bound in instrument.buckets), "+Inf"]
    sums = list(accumulate(sample.counts))
    for bound, count in zip(bounds, sums, strict=True):
        add(f"{instrument.name}_bucket", {**labels, "le": bound}, count)
    add(f"{instrument.name}_sum", labels, sample.value)
    add(f"{instrument.name}_count", labels, sums[-1])

"""Numbers made of numbers: medians over rounds, percentiles, ratios to a limit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

RATIOS = (
    "write_vs_tpcb",
    "write_hot_vs_tpcb",
    "bulk_vs_tpcb",
    "hot_pair_vs_spread",
    "list100_vs_pgbench",
    "list100_vs_static",
    "list20_vs_static",
    "whoami_vs_static",
    "deliveries_vs_client",
    "deliveries_vs_procrastinate",
    "flood_p99",
)
"""What is printed for scripts, in this order; a name is never given another meaning."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one thing did in one round.

    `rate` is per second, latencies are milliseconds, `cpu_us` the processor time that its servers
    (the database's too) took for each request, in microseconds; None where that cannot be known.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """How something compares with its limit on one engine."""

    name: str
    engine: str
    value: float


def median_round(rounds: Sequence[Round]) -> Round:
    """The median of each figure by itself."""
    cpu = [one.cpu_us for one in rounds if one.cpu_us is not None]
    return Round(
        rate=median(one.rate for one in rounds),
        p50_ms=median(one.p50_ms for one in rounds),
        p99_ms=median(one.p99_ms for one in rounds),
        cpu_us=median(cpu) if cpu else None,
    )


def median_ratio(ours: Sequence[float], limits: Sequence[float]) -> float:
    """The median of the ratios within each round.

    Not the ratio of the medians: what slows a whole round down, on a machine that others use too,
    then cancels out.
    """
    return median(our / limit for our, limit in zip(ours, limits, strict=True))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def ratio_line(ratio: Ratio) -> str:
    """The line that scripts read: `ratio NAME ENGINE VALUE`."""
    assert ratio.name in RATIOS, f"{ratio.name} is no known ratio"
    return f"ratio {ratio.name} {ratio.engine} {ratio.value:.3f}"

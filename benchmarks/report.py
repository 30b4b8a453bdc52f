"""What a run found: tables for people, lines and JSON for scripts."""

import platform
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from os import cpu_count
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.bulk import BULK, HOT_PAIR, SPREAD_PAIRS
from benchmarks.figures import RATIOS, Ratio, Round, median_ratio, median_round, ratio_line
from benchmarks.plan import Plan

DELIVERIES, CLIENT, PROCRASTINATE = "deliveries", "client", "procrastinate"

_LIMITS = {
    "write_vs_tpcb": ("write", "write", "tpcb"),
    "write_hot_vs_tpcb": ("write_hot", "write", "tpcb"),
    "list100_vs_pgbench": ("list100", "list100", "pgbench"),
    "list100_vs_static": ("list100", "list100", "static"),
    "list20_vs_static": ("list20", "list20", "static"),
    "whoami_vs_static": ("whoami", "whoami", "static"),
    "bulk_vs_tpcb": (BULK, BULK, "tpcb"),
    "hot_pair_vs_spread": (HOT_PAIR, SPREAD_PAIRS, ""),
    "deliveries_vs_client": (DELIVERIES, DELIVERIES, CLIENT),
    "deliveries_vs_procrastinate": (DELIVERIES, DELIVERIES, PROCRASTINATE),
}
"""By ratio: what is measured, and the measure and the name of its limit (empty: the engine's)."""

Figures = dict[tuple[str, str], list[Round]]
"""By what was measured and whose it is (an engine or a limit): its rounds."""


@dataclass(frozen=True, slots=True)
class Start:
    """How long a process takes from being started to its first answers, in seconds."""

    what: str
    engine: str
    healthz: float
    whoami: float | None


@dataclass(frozen=True, slots=True)
class Page:
    """Pages of 100 from the middle of one account's history of so many transactions."""

    engine: str
    transactions: int
    figures: Round


@dataclass(slots=True)
class Report:
    """Everything that a run found.

    `load` is how many processes wanted to run before it began. `memory` is in bytes by server,
    `commits_per_command` by measure and engine.
    """

    plan: Plan
    postgres: str
    load: float
    figures: Figures = field(default_factory=dict)
    deliveries: Figures = field(default_factory=dict)
    floods: dict[str, list[float]] = field(default_factory=dict)
    commits_per_command: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)

    def ratios(self) -> list[Ratio]:
        """Every ratio that was measured, in the order of `RATIOS`."""
        return [
            Ratio(name, engine, value)
            for name in RATIOS
            for engine in self.plan.engines
            if (value := self._ratio(name, engine)) is not None
        ]

    def _ratio(self, name: str, engine: str) -> float | None:
        if name == "flood_p99":
            floods = self.floods.get(engine)
            return median_ratio(floods, [1.0] * len(floods)) if floods else None
        measure, *limit = _LIMITS[name]
        figures = self.figures | self.deliveries
        ours = figures.get((measure, engine))
        limits = figures.get((limit[0], limit[1] or engine))
        if not ours or not limits:
            return None
        return median_ratio([one.rate for one in ours], [one.rate for one in limits])


def machine(report: Report) -> dict[str, object]:
    """What it ran on."""
    return {
        "processors": cpu_count(),
        "load_before": report.load,
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "postgres": report.postgres,
    }


def print_report(report: Report, console: Console) -> None:
    """Tables, then the lines for scripts."""
    plan = report.plan
    console.print(
        f"{plan.connections} connections, {plan.workers} server process"
        f"{'es' if plan.workers > 1 else ''}, medians of {plan.rounds} rounds of"
        f" {plan.seconds} s; every write is on disk before it is answered."
    )
    if report.load > (cpu_count() or 1) / 2:
        console.print(
            f"The machine was busy before the run began (load {report.load:.1f} on"
            f" {cpu_count()} processors): expect ratios to be off.",
            style="bold red",
        )
    requests = _rates("\nRequests, and their limits", report.figures)
    deliveries = _rates("\nDeliveries to webhooks, and their limits", report.deliveries)
    for table in (requests, deliveries, _pages(report), _starts(report), _facts(report)):
        if table.row_count:
            console.print(table)
    console.print(
        "For sqlite the limits tpcb, pgbench and procrastinate are those of the same run's"
        " PostgreSQL.",
        style="dim",
    )
    for ratio in report.ratios():
        # Not by rich, which would wrap and colour what scripts read.
        console.file.write(ratio_line(ratio) + "\n")


def _table(title: str, *headings: str, left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number < left else "right")
    return table


def _rates(title: str, figures: Figures) -> Table:
    headings = ("what", "by", "per second", "p50 ms", "p99 ms", "server CPU us")
    table = _table(title, *headings, left=2)
    last = ""
    for (measure, who), rounds in figures.items():
        middle = median_round(rounds)
        cpu = f"{middle.cpu_us:.0f}" if middle.cpu_us is not None else ""
        table.add_row(
            measure if measure != last else "",
            who,
            f"{middle.rate:.0f}",
            f"{middle.p50_ms:.2f}",
            f"{middle.p99_ms:.2f}",
            cpu,
        )
        last = measure
    return table


def _pages(report: Report) -> Table:
    headings = ("transactions in the account", "engine", "per second", "p50 ms", "p99 ms")
    table = _table("\nA page of 100 from the middle of a history", *headings, left=2)
    for page in report.pages:
        table.add_row(
            f"{page.transactions:,}",
            page.engine,
            f"{page.figures.rate:.0f}",
            f"{page.figures.p50_ms:.2f}",
            f"{page.figures.p99_ms:.2f}",
        )
    return table


def _starts(report: Report) -> Table:
    table = _table(
        "\nFrom start to answer, in seconds", "what", "engine", "healthz", "whoami", left=2
    )
    for start in report.starts:
        whoami = "" if start.whoami is None else f"{start.whoami:.2f}"
        table.add_row(start.what, start.engine, f"{start.healthz:.2f}", whoami)
    return table


def _facts(report: Report) -> Table:
    table = _table("\nAfter all that", "", "")
    for name, size in report.memory.items():
        table.add_row(f"resident memory, {name}", f"{size / 2**20:.0f} MiB")
    for name, value in report.commits_per_command.items():
        table.add_row(f"commits per command, {name}", f"{value:.3f}")
    return table


def write_json(report: Report, path: Path) -> None:
    """All of it, every round."""
    content = {
        "plan": {**asdict(report.plan), "parent": None},
        "machine": machine(report),
        "ratios": [asdict(ratio) for ratio in report.ratios()],
        "figures": [
            {"measure": measure, "by": who, "rounds": _rounds(rounds)}
            for (measure, who), rounds in (report.figures | report.deliveries).items()
        ],
        "floods": report.floods,
        "pages": [asdict(page) for page in report.pages],
        "starts": [asdict(start) for start in report.starts],
        "memory_bytes": report.memory,
        "commits_per_command": report.commits_per_command,
    }
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def _rounds(rounds: Sequence[Round]) -> list[dict[str, object]]:
    return [asdict(one) for one in rounds]

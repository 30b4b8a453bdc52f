"""What is printed for scripts."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.figures import RATIOS, Round
from benchmarks.plan import Plan
from benchmarks.report import Report, print_report, write_json


@pytest.fixture
def report() -> Report:
    """A run in which every limit did a thousand a second, and the bank a quarter of that."""
    report = Report(Plan(), "15.18", 0.1)
    limit, ours = Round(1000, 1, 2, 50), Round(250, 4, 8, 200)
    for measure in ("whoami", "list20", "list100", "write", "write_hot", "bulk", "hot_pair"):
        for engine in ("sqlite", "postgres"):
            report.figures[measure, engine] = [ours] * 3
        report.figures[measure, "static"] = [limit] * 3
    report.figures["list100", "pgbench"] = [limit] * 3
    report.figures["write", "tpcb"] = report.figures["bulk", "tpcb"] = [limit] * 3
    report.deliveries["deliveries", "client"] = [limit] * 3
    report.deliveries["deliveries", "procrastinate"] = [Round(100, 1, 2, 50)] * 3
    for engine in ("sqlite", "postgres"):
        report.figures["spread_pairs", engine] = [limit] * 3
        report.deliveries["deliveries", engine] = [ours] * 3
    report.floods = {"sqlite": [2.0, 3.0, 9.0], "postgres": [4.0, 1.0, 2.0]}
    return report


def lines_of(report: Report) -> list[str]:
    """The lines for scripts."""
    printed = io.StringIO()
    print_report(report, Console(file=printed, width=60))
    return [line for line in printed.getvalue().splitlines() if line.startswith("ratio ")]


def test_every_ratio_is_printed_for_each_engine_on_a_line_of_its_own(report: Report):
    lines = lines_of(report)
    assert [line.split()[1:3] for line in lines] == [
        [name, engine] for name in RATIOS for engine in ("sqlite", "postgres")
    ]
    assert "ratio write_hot_vs_tpcb postgres 0.250" in lines
    assert "ratio deliveries_vs_client postgres 0.250" in lines
    assert "ratio deliveries_vs_procrastinate postgres 2.500" in lines


def test_the_ratio_of_a_flood_is_the_median_of_its_rounds(report: Report):
    assert lines_of(report)[-2:] == [
        "ratio flood_p99 sqlite 3.000",
        "ratio flood_p99 postgres 2.000",
    ]


def test_what_was_not_measured_has_no_line(report: Report):
    report.plan = replace(report.plan, engines=("sqlite",))
    del report.figures["list100", "pgbench"]
    names = [line.split()[1] for line in lines_of(report)]
    assert names == [name for name in RATIOS if name != "list100_vs_pgbench"]


def test_the_file_for_scripts_holds_every_round(report: Report, tmp_path: Path):
    write_json(report, tmp_path / "bench.json")
    content = json.loads((tmp_path / "bench.json").read_text())
    assert len(content["ratios"]) == 2 * len(RATIOS)
    [whoami] = [
        one for one in content["figures"] if (one["measure"], one["by"]) == ("whoami", "sqlite")
    ]
    assert whoami["rounds"] == [{"rate": 250, "p50_ms": 4, "p99_ms": 8, "cpu_us": 200}] * 3

"""`python -m benchmarks`: the command behind `make bench`."""

import logging
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console

from benchmarks.pgbench import PgbenchFailed
from benchmarks.plan import ENGINES, PARTS, SMALL_HISTORY, Plan
from benchmarks.processes import ProcessFailed
from benchmarks.report import print_report, write_json
from benchmarks.run import Differ, run
from benchmarks.tools import MissingTool, find_tools
from benchmarks.wrk import Failed

MISSING = 2
"""Exit status: a program is not installed."""

FULL = Plan()
QUICK = replace(
    FULL,
    rounds=3,
    seconds=1,
    warm_up=False,
    starts=1,
    floods=1,
    history_rounds=1,
    history=(SMALL_HISTORY, 10 * SMALL_HISTORY),
    told=4,
    lone=50,
    delivery_rounds=1,
)
HUGE_HISTORY = 10_000_000


def _flag(name: str, meaning: str, **more: Any) -> Any:  # noqa: ANN401 - as typer.Option itself
    return typer.Option(f"--{name}", help=meaning, **more)


Quick = Annotated[bool, _flag("quick", "Under three minutes, and figures that jump about.")]
Json = Annotated[Path | None, _flag("json", "Write every round there.", metavar="FILE")]
Engines = Annotated[list[str] | None, _flag("engine", "sqlite or postgres; may be repeated.")]
Only = Annotated[list[str] | None, _flag("only", f"{', '.join(PARTS)}; may be repeated.")]
Rounds = Annotated[int | None, _flag("rounds", "How often all is measured.", min=1)]
Seconds = Annotated[int | None, _flag("seconds", "How long each thing is measured.", min=1)]
Connections = Annotated[int, _flag("connections", "Of clients to bank and database.", min=1)]
Workers = Annotated[int, _flag("workers", "Server processes, on PostgreSQL.", min=1)]
Expanded = Annotated[bool, _flag("expanded", "Pages of 100 with whole merchants too.")]
Huge = Annotated[bool, _flag("huge", "A history of ten million transactions too.")]
Directory = Annotated[Path | None, _flag("dir", "Where databases are kept: a real disk.")]


def main(  # noqa: PLR0913, PLR0917 - each is a flag
    quick: Quick = False,
    json: Json = None,
    engine: Engines = None,
    only: Only = None,
    rounds: Rounds = None,
    seconds: Seconds = None,
    connections: Connections = FULL.connections,
    workers: Workers = FULL.workers,
    expanded: Expanded = False,
    huge: Huge = False,
    directory: Directory = None,
) -> None:
    """Measure the bank next to limits measured in the same run, on both engines."""
    plan = QUICK if quick else FULL
    if any(name not in ENGINES for name in engine or ()):
        raise typer.BadParameter("an engine is sqlite or postgres")
    if any(name not in PARTS for name in only or ()):
        raise typer.BadParameter(f"a part is one of {', '.join(PARTS)}")
    plan = replace(
        plan,
        parts=tuple(name for name in PARTS if name in (only or PARTS)),
        rounds=rounds or plan.rounds,
        delivery_rounds=rounds or plan.delivery_rounds,
        seconds=seconds or plan.seconds,
        connections=connections,
        workers=workers,
        engines=tuple(name for name in ENGINES if name in (engine or ENGINES)),
        expanded=expanded,
        history=(*plan.history, *((HUGE_HISTORY,) if huge else ())),
        parent=directory,
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    # What the bank says in this process is not about the bank that is measured.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    _run(plan, json)


def _leave(number: int, _frame: FrameType | None) -> None:
    """End as after an error, so that everything that was started is stopped."""
    raise SystemExit(128 + number)


def _run(plan: Plan, json: Path | None) -> None:
    errors = Console(stderr=True, highlight=False)
    try:
        tools = find_tools()
        with errors.status("") as status:
            report = run(plan, tools, status.update)
    except MissingTool as error:
        errors.print(str(error), soft_wrap=True)
        raise SystemExit(MISSING) from None
    except (Differ, Failed, PgbenchFailed, ProcessFailed, RuntimeError) as error:
        errors.print(f"The benchmarks failed: {error}", markup=False, soft_wrap=True)
        raise SystemExit(1) from None
    print_report(report, Console(highlight=False, width=None if sys.stdout.isatty() else 120))
    if json:
        write_json(report, json)


if __name__ == "__main__":
    typer.run(main)

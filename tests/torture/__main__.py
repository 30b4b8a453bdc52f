"""`make torture`: hundreds of rounds, one after the other, until one fails.

    python -m tests.torture --rounds 300 --seed 7

Every round has a seed of its own, counted up from the first. A seed chooses the engine, the
accidents and the load; at which instant an accident meets the bank is up to the machine.
"""

import argparse
import shutil
import sys
import time
import traceback
from collections import Counter
from contextlib import ExitStack
from random import SystemRandom

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.support.postgres_process import PostgresProcess
from tests.torture.rounds import Plan, plan, run_round
from tests.torture.server import passing_server, short_directory

ROUNDS = 300


def parse(arguments: list[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog='make torture ARGS="..."',
        description="Stop and kill banks and their PostgreSQL under load, and prove that everything"
        " answered is there. Stops at the first round that fails and leaves its files.",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how many ({ROUNDS})")
    parser.add_argument("--seed", type=int, default=None, help="of the first round; else by chance")
    parser.add_argument(
        "--engine", choices=("sqlite", "postgres"), default="", help="only this one"
    )
    return parser.parse_args(arguments)


class Run:
    """Rounds one after the other, with the server they need."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stack = ExitStack()
        self._postgres: PostgresProcess | None = None
        self.counts: Counter[str] = Counter()
        self.accidents: Counter[str] = Counter()

    def close(self) -> None:
        """Stop the server."""
        self._stack.close()

    def one(self, what: Plan) -> bool:
        """Run a round; whether the bank kept its word. What a failed one left is named."""
        if what.engine == "postgres" and self._postgres is None:
            self._postgres = self._stack.enter_context(passing_server())
        directory = short_directory()
        try:
            report = run_round(what, directory, self._postgres)
        except BaseException as error:
            (directory / "error.txt").write_text("".join(traceback.format_exception(error)))
            self._console.print(f"FAILED  {what}\nits files: {directory}", soft_wrap=True)
            if self._postgres is not None and self._postgres.log.exists():
                shutil.copy(self._postgres.log, directory / "postgres.log")
            if not isinstance(error, Exception):
                raise
            self._console.print_exception(max_frames=8)
            return False
        shutil.rmtree(directory)
        self.counts.update(report.counts)
        self.counts.update(rounds=1, starts=report.starts)
        self.accidents.update(one.__name__ for one in what.accidents)
        return True


def main(arguments: list[str]) -> int:
    """Run the rounds; 1 when one of them failed."""
    asked = parse(arguments)
    first = SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    console = Console(highlight=False)
    console.print(f"{asked.rounds} rounds, the first with seed {first}")
    run, begun = Run(console), time.monotonic()
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[doing]}"),
    )
    failed = None
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", total=asked.rounds, doing="")
            for seed in range(first, first + asked.rounds):
                what = plan(seed, asked.engine)
                progress.update(task, doing=str(what))
                if not run.one(what):
                    failed = seed
                    break
                progress.advance(task)
                if not console.is_terminal:  # where no bar moves
                    console.print(f"held  {what}", soft_wrap=True)
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    finally:
        run.close()
        _tell(console, run, time.monotonic() - begun)
    if failed is None:
        return 0
    engine = f" --engine {asked.engine}" if asked.engine else ""
    console.print(f'again: make torture ARGS="--rounds 1 --seed {failed}{engine}"', soft_wrap=True)
    return 1


def _tell(console: Console, run: Run, seconds: float) -> None:
    console.print(f"{run.counts['rounds']} rounds held, in {seconds:.0f} seconds")
    for name, count in sorted((run.counts + run.accidents).items()):
        console.print(f"  {count:7}  {name.replace('_', ' ')}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Twenty rounds: each accident once on each engine, and others after it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres_process import PostgresProcess
from tests.torture import chaos
from tests.torture.rounds import plan, run_round
from tests.torture.server import passing_server, short_directory

ROUNDS = 10
"""On each engine."""
SEED = 2015
FIRST = {
    # A bank on one file has fewer parts that can break, so each breaks twice.
    "sqlite": chaos.ACCIDENTS["sqlite"] * 2,
    "postgres": (
        chaos.kill_the_bank_while_it_starts,
        chaos.stop_the_bank,
        chaos.pause_a_process,
        chaos.pause_and_kill_a_process,
        chaos.kill_a_process,
        chaos.kill_the_parent,
        chaos.kill_postmaster,
        chaos.crash_postgres,
        chaos.kill_a_backend,
        chaos.pause_postgres,
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresProcess]:
    """A PostgreSQL of our own: the one of all tests must not be killed."""
    with passing_server() as started:
        yield started


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where a round leaves its files; they stay when it fails."""
    made = short_directory()
    yield made
    if not (made / "error.txt").exists():
        shutil.rmtree(made)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_everything_answered_is_there_after_an_accident(
    engine: str, number: int, directory: Path, request: pytest.FixtureRequest
):
    what = plan(SEED + number, engine, FIRST[engine][number])
    postgres = request.getfixturevalue("server") if engine == "postgres" else None
    try:
        report = run_round(what, directory, postgres)
    except BaseException as error:
        (directory / "error.txt").write_text(repr(error))
        error.add_note(f"{what}; its files: {directory}")
        raise
    assert report.counts["answered"] >= 10
    assert report.counts["told"] >= 10

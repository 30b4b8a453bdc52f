"""Fixtures of all tests: a clock and ids that can be chosen, and a fresh bank on each engine.

A test that touches the bank takes `db` (an open database) or `database_url` (its address) and runs
once per engine. A test that is about one engine takes `sqlite_url` or `postgres_url`.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from minibank.core.clock import FakeClock
from minibank.core.ids import SeededIds
from minibank.db import Database, open_database
from tests.support import engines
from tests.support.databases import ENGINES, Databases
from tests.support.memory import memory_directory
from tests.support.postgres import KeeperProcess, Server, ask_keeper

# Examples are not timed: a busy machine pauses for longer than any of them takes.
hypothesis.settings.register_profile("minibank", deadline=None, print_blob=True)
hypothesis.settings.load_profile("minibank")

NOON = 1_773_144_000_000_000
"""2026-03-10 12:00 UTC, a Tuesday in winter time: when a test's clock starts."""

WORKERS_PER_CORE = 1.5
_KEEPER = pytest.StashKey[Path]()
_KEEPER_INPUT = "postgres_keeper"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switch with which `make test` insists on both engines."""
    parser.addoption(
        "--require-both-engines",
        action="store_true",
        help="fail unless the same number of database tests, at least one, ran on each engine",
    )


def pytest_xdist_auto_num_workers() -> int:
    """More workers than cores: tests wait for disks, servers and clocks, and two even on one core,
    for what only fails side by side must fail here."""
    return max(2, int((os.cpu_count() or 1) * WORKERS_PER_CORE))


def pytest_configure(config: pytest.Config) -> None:
    """Hold the keeper of PostgreSQL in the process that leads the run; a worker is told of it."""
    workerinput = getattr(config, "workerinput", None)
    if workerinput is not None:
        config.stash[_KEEPER] = Path(workerinput[_KEEPER_INPUT])
        return
    if config.option.collectonly:
        return
    if memory := memory_directory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))
    required: bool = config.option.require_both_engines
    config.pluginmanager.register(engines.EngineCount(required=required), "engine-count")
    keeper = KeeperProcess()
    config.stash[_KEEPER] = keeper.directory
    config.add_cleanup(keeper.stop)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell a worker where the keeper is; called only when the run has workers."""
    node.workerinput[_KEEPER_INPUT] = str(node.config.stash[_KEEPER])  # type: ignore[attr-defined]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that touch a database, and note their engine."""
    engines.mark(items)


@pytest.fixture(scope="session")
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Databases]:
    """Makes fresh databases on either engine; for what needs more than one, or a long-lived one."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    made = Databases(
        tmp_path_factory.mktemp("databases"),
        worker,
        lambda: Server(ask_keeper(request.config.stash[_KEEPER])),
    )
    yield made
    made.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine the test runs on this time: `sqlite` or `postgres`."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(engine: str, databases: Databases) -> Iterator[str]:
    """The address of a fresh migrated bank."""
    url = databases.new(engine)
    yield url
    databases.discard(url)


@pytest.fixture
def empty_database_url(engine: str, databases: Databases) -> Iterator[str]:
    """The address of a database in which nothing has been made yet."""
    url = databases.new(engine, migrated=False)
    yield url
    databases.discard(url)


@pytest.fixture
def sqlite_url(databases: Databases) -> Iterator[str]:
    """A fresh migrated bank, for a test that is about SQLite alone."""
    url = databases.new("sqlite")
    yield url
    databases.discard(url)


@pytest.fixture
def postgres_url(databases: Databases) -> Iterator[str]:
    """A fresh migrated bank, for a test that is about PostgreSQL alone."""
    url = databases.new("postgres")
    yield url
    databases.discard(url)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still at `NOON` until the test moves it."""
    return FakeClock(NOON)


@pytest.fixture
def ids() -> SeededIds:
    """Ids and secrets that are the same in every run."""
    return SeededIds("tests")


@pytest.fixture
async def db(database_url: str, clock: FakeClock, ids: SeededIds) -> AsyncIterator[Database]:
    """An open, fresh, migrated bank with the test's clock and ids."""
    opened = await open_database(database_url, clock=clock, ids=ids)
    yield opened
    await opened.close()

"""Fixtures of the compatibility tests: a demo bank per engine, and scripts run against it."""

import contextlib
import functools
from collections.abc import Callable, Iterator

import pytest

from tests.compatibility.demo import DemoBank, running_demo
from tests.compatibility.scripts import Run, Runner, run_script
from tests.support.databases import ENGINES, Databases
from tests.support.engines import engine_of


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one bank on one worker: each library's script then runs once per engine."""
    for item in items:
        if "demo_banks" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(f"compatibility-{engine_of(item)}"))


@pytest.fixture(scope="session")
def demo_banks(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], DemoBank]]:
    """A demo bank per engine, started as a person starts one when it is first asked for."""
    with contextlib.ExitStack() as running:

        @functools.cache
        def bank_on(engine: str) -> DemoBank:
            flags = []
            if engine == "postgres":
                url = databases.new("postgres", migrated=False)
                running.callback(databases.discard, url)
                flags = ["--database", url]
            directory = tmp_path_factory.mktemp(f"demo-{engine}")
            return running.enter_context(running_demo(directory, *flags))

        yield bank_on


@pytest.fixture(scope="session")
def runs(
    demo_banks: Callable[[str], DemoBank], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str, str], Run]:
    """Runs a script in an environment against the bank on an engine: once, however many ask."""

    @functools.cache
    def once(engine: str, script: str, environment: str) -> Run:
        directory = tmp_path_factory.mktemp("script")
        return run_script(demo_banks(engine), directory, script, environment)

    return once


@pytest.fixture(params=ENGINES)
def demo_bank(request: pytest.FixtureRequest, demo_banks: Callable[[str], DemoBank]) -> DemoBank:
    """The demo bank on each engine."""
    return demo_banks(request.param)


@pytest.fixture(params=ENGINES)
def run(request: pytest.FixtureRequest, runs: Callable[[str, str, str], Run]) -> Runner:
    """Runs a script of clients/ in an environment, against the demo bank on each engine."""
    return functools.partial(runs, request.param)

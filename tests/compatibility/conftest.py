"""Fixtures of the compatibility tests: a demo bank per engine, and scripts run against it."""

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterator

import pytest

from tests.compatibility.demo import Customer, DemoBank, read_customers, running_demo
from tests.compatibility.libraries import LIBRARIES
from tests.compatibility.scripts import CLIENTS, Run, Runner, execute, once_in
from tests.support.databases import ENGINES, Databases


@pytest.fixture(scope="session")
def demo_banks(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., DemoBank]]:
    """A demo bank per engine, started as a person starts one when it is first asked for.

    Another one is for scripts that move money, which the others would not expect.
    """
    with contextlib.ExitStack() as running:

        @functools.cache
        def start(engine: str, moves_money: bool) -> DemoBank:
            flags = []
            if engine == "postgres":
                url = databases.new("postgres", migrated=False)
                running.callback(databases.discard, url)
                flags = ["--database", url]
            directory = tmp_path_factory.mktemp("moving" if moves_money else engine)
            return running.enter_context(running_demo(directory, *flags))

        def bank_on(engine: str, *, moves_money: bool = False) -> DemoBank:
            return start(engine, moves_money)

        yield bank_on


@pytest.fixture(scope="session")
def runs(
    demo_banks: Callable[..., DemoBank], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str, str], Run]:
    """Runs a script in an environment against the bank on an engine: once, however many ask."""
    journeys = {library.script for library in LIBRARIES}

    @functools.cache
    def customers_on(engine: str) -> list[Customer]:
        return read_customers(demo_banks(engine))

    def run_now(engine: str, script: str, environment: str) -> Run:
        customers = customers_on(engine) if script in journeys else []
        directory = tmp_path_factory.mktemp("script")
        bank = demo_banks(engine, moves_money=script.startswith("things_"))
        printed, exchanges = execute(bank, directory, CLIENTS / script, environment)
        return Run(bank, customers, json.loads(printed), exchanges)

    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    @functools.cache
    def once(engine: str, script: str, environment: str) -> Run:
        key = f"{engine}-{environment}-{script}"
        return once_in(shared, key, lambda: run_now(engine, script, environment))

    return once


@pytest.fixture(params=ENGINES)
def demo_bank(request: pytest.FixtureRequest, demo_banks: Callable[..., DemoBank]) -> DemoBank:
    """The demo bank on each engine."""
    return demo_banks(request.param)


@pytest.fixture(params=ENGINES)
def run(request: pytest.FixtureRequest, runs: Callable[[str, str, str], Run]) -> Runner:
    """Runs a script of clients/ in an environment, against the demo bank on each engine."""
    return functools.partial(runs, request.param)

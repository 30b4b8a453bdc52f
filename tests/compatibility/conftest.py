"""Fixtures of the compatibility tests: a demo bank per engine, and scripts run against it."""

from collections.abc import Iterator

import pytest

from tests.compatibility.demo import DemoBank, running_demo
from tests.compatibility.scripts import Run, Runner, run_script
from tests.support.databases import ENGINES, Databases


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one bank on one worker: each library's script then runs once per engine."""
    for item in items:
        parameters = (
            item.callspec.params
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else {}
        )
        if engine := parameters.get("demo_bank"):
            item.add_marker(pytest.mark.xdist_group(f"compatibility-{engine}"))


@pytest.fixture(scope="session", params=ENGINES)
def demo_bank(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DemoBank]:
    """A demo bank that was started as a person starts one."""
    directory = tmp_path_factory.mktemp(f"demo-{request.param}")
    if request.param == "sqlite":
        with running_demo(directory) as bank:
            yield bank
        return
    url = databases.new("postgres", migrated=False)
    with running_demo(directory, "--database", url) as bank:
        yield bank
    databases.discard(url)


@pytest.fixture(scope="session")
def run(demo_bank: DemoBank, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Runs a script of clients/ in an environment, once: who asks again gets the same run."""
    finished: dict[tuple[str, str], Run] = {}

    def once(script: str, environment: str) -> Run:
        key = (script, environment)
        if key not in finished:
            finished[key] = run_script(demo_bank, tmp_path_factory.mktemp("script"), *key)
        return finished[key]

    return once

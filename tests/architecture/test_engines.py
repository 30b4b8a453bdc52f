"""The count of database tests per engine: what makes a lopsided run fail."""

from pathlib import Path

import pytest

from tests.support.engines import PROPERTY, EngineCount, engine_of


def report(engine: str | None, outcome: str = "passed", when: str = "call") -> pytest.TestReport:
    """A finished test on an engine, or on none."""
    return pytest.TestReport(
        nodeid="test",
        location=("test.py", 1, "test"),
        keywords={},
        outcome=outcome,  # type: ignore[arg-type]
        longrepr=None,
        when=when,  # type: ignore[arg-type]
        user_properties=[(PROPERTY, engine)] if engine else [],
    )


def complaint(*reports: pytest.TestReport) -> str | None:
    """What a run with these tests is told."""
    count = EngineCount(required=True)
    for one in reports:
        count.pytest_runtest_logreport(one)
    return count.complaint


def test_a_run_with_the_same_tests_on_both_engines_is_complete() -> None:
    assert complaint(report("sqlite"), report("postgres"), report(None)) is None


def test_a_failed_test_ran() -> None:
    assert complaint(report("sqlite", "failed"), report("postgres")) is None


@pytest.mark.parametrize(
    "reports",
    [
        [],
        [report(None)],
        [report("sqlite")],
        [report("sqlite"), report("sqlite"), report("postgres")],
        [report("sqlite"), report("postgres", "skipped")],
        [report("sqlite"), report("postgres", when="setup")],
        [report("sqlite"), report("postgres only")],
    ],
)
def test_a_run_in_which_an_engine_has_less_to_say_is_not(reports: list[pytest.TestReport]) -> None:
    assert complaint(*reports) is not None


def test_a_lopsided_run_fails_although_every_test_passed(pytestconfig: pytest.Config) -> None:
    class Session:
        exitstatus: int = pytest.ExitCode.OK

    session = Session()
    EngineCount(required=False).pytest_sessionfinish(session)  # type: ignore[arg-type]
    assert session.exitstatus == pytest.ExitCode.OK
    EngineCount(required=True).pytest_sessionfinish(session)  # type: ignore[arg-type]
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED


def test_this_database_test_is_marked(request: pytest.FixtureRequest, database_url: str) -> None:
    assert database_url.startswith(str(engine_of(request.node)))
    assert request.node.get_closest_marker("database")


def test_a_test_without_a_database_is_not(request: pytest.FixtureRequest) -> None:
    assert engine_of(request.node) is None
    assert not request.node.get_closest_marker("database")


def test_a_test_about_one_engine_is_counted_apart(
    request: pytest.FixtureRequest, sqlite_url: str
) -> None:
    assert engine_of(request.node) == "sqlite only"
    assert Path(sqlite_url.removeprefix("sqlite:///")).exists()

"""Counts the tests that ran against a database, per engine.

The bank promises one behaviour on both engines, so every test of it runs on both, and a run in
which one engine had fewer tests proved less than it seems. A test that is about one engine says so
by its fixture (`sqlite_url`, `postgres_url`) and is counted apart.
"""

from collections import Counter

import pytest

from tests.support.databases import ENGINES

PROPERTY = "database_engine"
_OF_ONE_ENGINE = {"sqlite_url": "sqlite", "postgres_url": "postgres"}


def engine_of(item: pytest.Item) -> str | None:
    """The engine a test runs on, `sqlite only` or `postgres only`, or None without a database."""
    callspec = getattr(item, "callspec", None)
    for value in callspec.params.values() if callspec else ():
        if value in ENGINES:
            return str(value)
    for fixture in getattr(item, "fixturenames", ()):
        if fixture in _OF_ONE_ENGINE:
            return f"{_OF_ONE_ENGINE[fixture]} only"
    return None


def mark(items: list[pytest.Item]) -> None:
    """Give every test that uses a database its marker, and a note that travels with its report."""
    for item in items:
        engine = engine_of(item)
        if engine:
            item.add_marker("database")
            item.user_properties.append((PROPERTY, engine))


class EngineCount:
    """A plugin of the process that leads the run: counts, prints, and fails a lopsided run."""

    def __init__(self, *, required: bool) -> None:
        self._required = required
        self.ran: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once its body has run; a skipped one proved nothing."""
        if report.when == "call" and not (report.skipped and not hasattr(report, "wasxfail")):
            self.ran.update(
                str(value) for name, value in report.user_properties if name == PROPERTY
            )

    @property
    def complaint(self) -> str | None:
        """What is wrong with the counts; None when both engines had the same tests."""
        counts = [self.ran[engine] for engine in ENGINES]
        if not all(counts):
            return "an engine had no database test at all"
        return None if len(set(counts)) == 1 else "the engines did not run the same database tests"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that had to cover both engines and did not."""
        if self._required and self.complaint and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the counts."""
        if not self.ran and not self._required:
            return
        terminalreporter.section("database tests per engine")
        for engine in ENGINES:
            line = f"{engine}: {self.ran[engine]}"
            alone = self.ran[f"{engine} only"]
            terminalreporter.line(f"{line} (and {alone} about {engine} alone)" if alone else line)
        if self._required and self.complaint:
            terminalreporter.line(f"FAILED: {self.complaint}", red=True)
        elif self.complaint is None:
            terminalreporter.line("equal")

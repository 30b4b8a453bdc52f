"""The generated pages of the documentation are what the code says today."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["cli", "limits", "metrics", "personal-data", "settings"])
def test_a_generated_page_is_current(page: str, tmp_path: Path):
    written = (ROOT / f"docs/reference/{page}.md").read_text()
    printed = CommandLine(tmp_path, {}).run("reference", page).out
    assert written == printed, f"run: minibank reference {page} > docs/reference/{page}.md"


def test_the_alerts_are_those_of_the_code(tmp_path: Path):
    written = (ROOT / "docs/operations/alerts.yml").read_text()
    printed = CommandLine(tmp_path, {}).run("reference", "alerts").out
    assert written == printed, "run: minibank reference alerts > docs/operations/alerts.yml"

"""The generated pages of the documentation are what the code says today."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["cli", "limits", "personal-data", "settings"])
def test_a_generated_page_is_current(page: str, tmp_path: Path):
    written = (ROOT / f"docs/reference/{page}.md").read_text()
    printed = CommandLine(tmp_path, {}).run("reference", page).out
    assert written == printed, f"run: minibank reference {page} > docs/reference/{page}.md"

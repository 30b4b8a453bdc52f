"""The commands in the documentation work when they are pasted, and answer what it shows."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from minibank.settings import Settings
from tests.support.command_line import environment
from tests.support.demo_process import Running, running_demo

ROOT = Path(__file__).parents[2]
ANY = "..."
"""What the documentation writes where the answer differs from run to run."""
SHELLS = [shell for shell in ("sh", "bash", "zsh", "dash") if shutil.which(shell)]
BETWEEN = "--- the next block ---"


@dataclass(frozen=True)
class Block:
    """Commands, and the answer that the documentation shows below them."""

    commands: str
    answer: Any = None


def blocks_of(page: str, heading: str = "") -> list[Block]:
    """The `sh` blocks of a page, or of the section with this heading, each with its `json`."""
    text = (ROOT / page).read_text()
    if heading:
        level = heading.split(" ")[0]
        text = text.partition(f"\n{heading}\n")[2].partition(f"\n{level} ")[0]
    found: list[Block] = []
    for kind, content in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL):
        if kind == "sh":
            found.append(Block(content))
        elif kind == "json":
            found[-1] = Block(found[-1].commands, json.loads(content))
    return found


def run(blocks: list[Block], directory: Path, shell: str = "/bin/sh") -> list[str]:
    """Paste the blocks into one shell; what each printed."""
    script = f"echo '{BETWEEN}'\n".join(block.commands for block in blocks)
    programs = Path(sys.executable).parent
    variables = environment(PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    done = subprocess.run(
        [shell, "-eu"],
        input=script,
        capture_output=True,
        text=True,
        timeout=240,
        cwd=directory,
        env=variables,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(f"{BETWEEN}\n")


def matches(shown: Any, answered: Any) -> bool:
    """Whether an answer is what the documentation shows."""
    if shown == ANY:
        return True
    if isinstance(shown, dict) and isinstance(answered, dict):
        return shown.keys() == answered.keys() and all(
            matches(shown[key], answered[key]) for key in shown
        )
    return bool(shown == answered)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A demo to try the tour on."""
    with running_demo(tmp_path_factory.mktemp("tour")) as running:
        yield running


def tour(demo: Running) -> list[Block]:
    """The tour of the README, for a demo that runs on another port and out of a clone."""
    blocks = blocks_of("README.md", "## Five minutes with it")
    usual = f"http://127.0.0.1:{Settings().port}"
    changed = [
        Block(
            block.commands.replace(usual, demo.info["base_url"]).replace(
                ".venv/bin/minibank", "minibank"
            ),
            block.answer,
        )
        for block in blocks
    ]
    assert any(demo.info["base_url"] in block.commands for block in changed)
    return changed


@pytest.mark.parametrize("shell", SHELLS)
def test_the_tour_of_the_readme_works_when_it_is_pasted(demo: Running, shell: str):
    blocks = tour(demo)
    printed = run(blocks, demo.info_file.parent, str(shutil.which(shell)))
    assert len(blocks) == len(printed) >= 8
    for block, text in zip(blocks, printed, strict=True):
        if block.answer is not None:
            assert matches(block.answer, json.loads(text)), (block.commands, text)
    pages = [json.loads(line) for line in printed[3].splitlines()]
    first, second = ([one["id"] for one in page["transactions"]] for page in pages)
    assert len(first) == len(second) == 5
    assert max(first) < min(second)
    assert json.loads(printed[4])["transaction"]["metadata"]["colour"] == "green"
    assert set(json.loads(printed[5])) >= {"access_token", "refresh_token"}
    assert "everything proves" in printed[7]


def test_the_guide_to_receipts_and_cards_works_when_it_is_pasted(demo: Running):
    known, guide = tour(demo)[:3], blocks_of("docs/guides/receipts-and-cards.md")
    printed = run([*known, *guide], demo.info_file.parent)[len(known) :]
    assert len(printed) == len(guide) == 4
    for block, text in zip(guide, printed, strict=True):
        assert matches(block.answer, json.loads(text)), (block.commands, text)


def test_the_guide_to_a_bank_of_ones_own_works_when_it_is_pasted(tmp_path: Path):
    blocks = blocks_of("docs/guides/run-a-bank.md")
    printed = run(blocks, tmp_path)
    assert "mb_cs_" in printed[1]
    assert "1,000.00 GBP are available now" in printed[2]
    assert "everything proves" in printed[2]
    production = (tmp_path / "production.toml").read_text()
    assert 'mode = "production"' in production


def test_the_guide_to_personal_data_works_when_it_is_pasted(tmp_path: Path):
    printed = run(blocks_of("docs/guides/personal-data.md"), tmp_path)
    assert "records are in ada.jsonl" in printed[1]
    assert "is erased" in printed[2]
    assert "everything proves" in printed[2]


def test_the_commands_of_the_guide_to_operating_a_bank_work_when_they_are_pasted(tmp_path: Path):
    printed = run(blocks_of("docs/guides/operate-a-bank.md"), tmp_path)
    assert "is in force" in printed[0]
    assert "its books prove" in printed[1]
    assert "signs" in printed[2]
    assert "verifies" in printed[2]


def test_listening_and_sending_again_work_as_the_guide_shows(tmp_path: Path):
    page = "docs/guides/feed-and-webhooks.md"
    start, listen, *trigger = blocks_of(page, "## Listen on your laptop")
    assert start.commands == "minibank demo\n"
    again = blocks_of(page, "## Send again")
    with running_demo(tmp_path), listening(listen, tmp_path) as heard:
        printed = run([*trigger, *again], tmp_path)
        assert "-5.35 GBP, MUNCHLARK" in printed[0]
        assert "declined: INSUFFICIENT_FUNDS" in printed[0]
        assert "1 is sent again." in printed[1]
        assert "number 3, is to be sent" in printed[2]
        deadline = time.monotonic() + 30
        while "webhook.test" not in heard.read_text():
            assert time.monotonic() < deadline, heard.read_text()
            time.sleep(0.1)
    assert re.search(r"#1  transaction\.created  tx_\w+  -5\.35 GBP  ", heard.read_text())


def test_the_guide_to_the_operator_api_works_when_it_is_pasted(tmp_path: Path):
    with running_demo(tmp_path) as demo:
        where = Block(f"export MINIBANK_OPERATOR_URL={demo.info['base_url']}\n")
        printed = run([where, *blocks_of("docs/guides/operator-api.md")], tmp_path)
    assert "Card processor" in printed[1]
    assert "25.00 GBP" in printed[2]
    assert "june-17" in printed[2]
    assert "batch-7/2" in printed[3]


@contextlib.contextmanager
def listening(block: Block, directory: Path) -> Iterator[Path]:
    """The one command of a block while it runs: what it prints."""
    heard = directory / "heard.txt"
    program = str(Path(sys.executable).parent / "minibank")
    command = [program, *shlex.split(block.commands)[1:]]
    with (
        heard.open("wb") as out,
        subprocess.Popen(command, stdout=out, cwd=directory, env=environment()) as process,
    ):
        try:
            deadline = time.monotonic() + 60
            while "Listening" not in heard.read_text():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield heard
        finally:
            process.terminate()
            assert process.wait(30) == 0


def test_the_production_settings_of_the_guide_are_ones_that_serve(tmp_path: Path):
    text = (ROOT / "docs/guides/run-a-bank.md").read_text()
    [example] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "production.toml").write_text(example)
    code = (
        "from pathlib import Path\n"
        "from minibank.settings import load_settings, require_servable\n"
        "require_servable(load_settings({}, {}, Path('production.toml')))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(), check=True)


def pages() -> list[Path]:
    """All pages of the documentation."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_documentation_leads_somewhere(page: Path):
    for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text()):
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
            assert anchor in slugs, link


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_the_documentation_names_is_there(page: Path):
    pattern = r"`((?:tests|docs|scripts|requirements)/[\w/.\-]+|minibank/[\w/]+\.py)`"
    for name in re.findall(pattern, page.read_text()):
        path = ROOT / ("src" if name.startswith("minibank/") else "") / name
        assert path.exists(), name


def test_the_index_leads_to_every_page():
    index = (ROOT / "docs/README.md").read_text()
    folders = ("guides", "reference")
    named = [
        f"{folder}/{page.name}" for folder in folders for page in (ROOT / "docs" / folder).iterdir()
    ]
    assert [name for name in named if f"({name})" not in index] == []


def test_the_documentation_names_every_package():
    text = (ROOT / "docs/architecture.md").read_text()
    packages = {
        path.name for path in (ROOT / "src/minibank").iterdir() if (path / "__init__.py").exists()
    }
    assert {name for name in packages if f"`{name}`" not in text} == set()

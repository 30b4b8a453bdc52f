"""How commands end, and how they look: nothing here needs more than a file."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from minibank.cli.main import root
from tests.support.command_line import CommandLine, environment


def commands_of(group: Any, path: Sequence[str] = ()) -> Iterator[list[str]]:
    """A group and everything in it, as people write it."""
    yield [*path]
    for name, one in group.commands.items():
        inner = [*path, name]
        if hasattr(one, "commands"):
            yield from commands_of(one, inner)
        else:
            yield inner


COMMANDS = list(commands_of(root))
LIGHT = """
import sys
from minibank.cli import main
assert main(["version"]) == 0
print(*sys.modules)
"""


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """`minibank` in an empty directory."""
    return CommandLine(tmp_path, {})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_at_eighty_columns(cli: CommandLine, command):
    done = cli.run(*command, "--help")
    assert max(len(line) for line in done.out.splitlines()) <= 80
    assert "Usage: minibank" in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bogus"], "bogus"),
        (["user", "create"], "--email"),
        (["serve", "--port", "nonsense"], "port: 'nonsense'"),
        (["serve", "--port", "70000"], "0 to 65535"),
        (["serve", "--workers", "2"], "SQLite"),
        (["serve", "--mode", "production"], "trusted_proxies"),
        (["serve", "--set", "server_key=abc"], "MINIBANK_SERVER_KEY"),
        (["serve", "--set", "colour=red"], "colour"),
        (["serve", "--set", "colour"], "--set name=value"),
        (["serve", "--config", "none.toml"], "none.toml"),
        (["serve", "--database", "mysql://x"], "sqlite:///"),
        (["user", "list"], "minibank migrate"),
        (["account", "list", "--limit", "0"], "limit"),
    ],
)
def test_what_cannot_run_is_said_in_one_line_without_a_traceback(
    cli: CommandLine, arguments, words
):
    done = cli.try_(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("minibank: ")
    assert done.err.count("\n") == 1
    assert words in done.err


def test_a_command_starts_without_what_only_others_need() -> None:
    started = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True
    )
    loaded = set(started.stdout.split())
    assert "minibank.cli.main" in loaded
    assert loaded.isdisjoint({"aiohttp", "starlette", "uvicorn", "minibank.api", "minibank.worker"})


def test_a_process_ends_with_the_status_and_the_line(tmp_path: Path):
    done = CommandLine(tmp_path, {}, spawns=True).try_("bogus")
    assert (done.status, done.out) == (2, "")
    assert done.err == "minibank: No such command 'bogus'. (--help tells more)\n"


def test_a_command_that_is_refused_makes_no_bank(cli: CommandLine, tmp_path: Path):
    cli.try_("user", "list")
    assert list(tmp_path.iterdir()) == []


def test_the_bank_does_not_start_without_its_checks(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-O", "-m", "minibank", "version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("minibank: python -O")


def test_the_settings_in_force_are_shown_with_their_sources_and_without_secrets(
    cli: CommandLine, tmp_path: Path
):
    (tmp_path / "minibank.toml").write_text('database = "postgresql://ada:hunter2@db/bank"\n')
    done = cli.run("settings", "--json", "--set", "hold_seconds=60", MINIBANK_PORT="81")
    shown = done.json
    assert shown["port"] == {"value": 81, "source": "MINIBANK_PORT"}
    assert shown["hold_seconds"] == {"value": 60, "source": "--hold-seconds"}
    assert shown["database"]["value"] == "postgresql://ada:***@db/bank"
    for arguments in (["settings"], ["settings", "--toml"], ["settings", "--json"]):
        assert "hunter2" not in cli.run(*arguments).out


def test_the_reference_file_that_is_printed_is_one_to_start_with(cli: CommandLine, tmp_path: Path):
    reference = cli.run("settings", "--mode", "production", "--toml").out
    (tmp_path / "mine.toml").write_text(reference)
    loaded = cli.run("settings", "--config", "mine.toml", "--json").json
    assert loaded["mode"] == {"value": "production", "source": "mine.toml"}
    assert loaded["revoke_on_refresh_reuse"]["value"] is True


def test_the_version_is_the_packages(cli: CommandLine):
    assert cli.run("version").out.startswith("minibank 0.")


def test_output_goes_to_a_program_without_colours_or_cuts(cli: CommandLine):
    done = cli.run("settings")
    assert "\x1b" not in done.out
    assert "…" not in done.out
    assert json.dumps("sqlite:///minibank.db") in done.out

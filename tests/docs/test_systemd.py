"""The unit files are for the bank as it is: commands, flags, settings, times."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from minibank.app.serving import SLACK_SECONDS
from minibank.cli.main import root
from minibank.settings import SETTINGS, load_settings, require_servable
from minibank.settings.fields import environment_name

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))


def lines_of(unit: Path, key: str) -> list[str]:
    """The values of a key, in order."""
    lines = (line.partition("=") for line in unit.read_text().splitlines())
    return [value for name, _, value in lines if name == key]


def variables() -> dict[str, str]:
    """The settings of the example."""
    lines = (UNITS / "minibank.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that a line means, and what follows it."""
    found: Any = root
    while hasattr(found, "commands"):
        found = found.commands[words.pop(0)]
    return found, words


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_there_is_with_flags_that_it_has(unit: Path):
    [line] = lines_of(unit, "ExecStart")
    program, *words = shlex.split(line)
    assert program.endswith("/bin/minibank")
    command, flags = command_of(words)
    known = {name for one in command.params for name in one.opts}
    assert {flag for flag in flags if flag.startswith("-")} <= known


def test_the_example_names_settings_that_exist_and_a_bank_starts_with_them():
    names = {environment_name(name) for name in SETTINGS}
    assert variables().keys() <= names
    loaded = load_settings({"mode": "production"}, variables())
    require_servable(loaded)
    assert loaded.settings.metrics_port


def test_the_service_has_the_time_that_a_stop_takes():
    [stop] = lines_of(UNITS / "minibank.service", "TimeoutStopSec")
    settings = load_settings({"mode": "production"}, variables()).settings
    needed = settings.drain_seconds + settings.queue_wait_seconds + SLACK_SECONDS
    assert int(stop) > 2 * needed


def test_only_the_main_process_is_asked_to_stop():
    """Server processes that stop before their parent would lose who waits to be accepted."""
    assert lines_of(UNITS / "minibank.service", "KillMode") == ["mixed"]


def test_the_timer_has_its_service():
    for timer in UNITS.glob("*.timer"):
        assert timer.with_suffix(".service").exists()

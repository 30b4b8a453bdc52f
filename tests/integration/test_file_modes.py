"""Files that the bank writes are for their owner's eyes, whatever the umask and what was there."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

OWNER_ONLY = 0o600


@pytest.fixture
def no_umask() -> Iterator[None]:
    """The umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_whatever_is_written_beside_a_bank_is_for_its_owner_only(
    empty_database_url: str, tmp_path: Path
):
    for leftover in ("bank.backup.new", "books.new", "server.key.new"):
        (tmp_path / leftover).touch(0o666)
    key = {"MINIBANK_SERVER_KEY_FILE": "server.key"}
    cli = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url, **key})
    cli.run("key", "create", "server.key")
    cli.run("migrate")
    cli.run("audit", "--checkpoint", "books")
    cli.run("backup", "bank.backup")
    cli.run("key", "rotate", "server.key")
    cli.run("restore", "bank.backup", "--database", "sqlite:///again.db")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert {"server.key", "books", "bank.backup", "again.db"} <= modes.keys()
    assert set(modes.values()) == {OWNER_ONLY}, modes

"""`minibank files`, and what a backup says of files."""

import asyncio
import json
from pathlib import Path

import pytest

from minibank.db import open_database
from minibank.files.directory import DirectoryFiles
from tests.support.banking import open_holder
from tests.support.command_line import CommandLine
from tests.support.files import PNG, expect, send


@pytest.fixture
def cli(tmp_path: Path, database_url: str) -> CommandLine:
    made = CommandLine(tmp_path, {"MINIBANK_DATABASE": database_url, "MINIBANK_FILES": "files"})
    made.run("migrate")
    return made


@pytest.fixture
def sent(tmp_path: Path, database_url: str) -> tuple[str, Path]:
    """Somebody who sent a file: the id, and where its bytes are."""
    files = DirectoryFiles(tmp_path / "files")

    async def work() -> str:
        db = await open_database(database_url)
        user_id = (await open_holder(db)).user_ids[0]
        upload_id, _ = await expect(db, user_id, "oauth2client_1", "Über uns.png")
        await send(db, upload_id, PNG, files)
        await db.close()
        return user_id

    user_id = asyncio.run(work())
    [path] = [one for one in (tmp_path / "files").rglob("*") if one.is_file()]
    return user_id, path


def test_files_are_there_until_one_is_not(cli: CommandLine, sent: tuple[str, Path]):
    assert "1 files, 22 bytes".replace("22", str(len(PNG))) in cli.run("files", "check").out
    found = json.loads(cli.run("files", "check", "--full", "--json").out)
    assert (found["files"], found["missing"], found["wrong"], found["unknown"]) == (1, [], [], 0)
    sent[1].write_bytes(bytes(len(PNG)))
    cli.run("files", "check")
    done = cli.try_("files", "check", "--full")
    assert (done.status, "other bytes: " in done.out) == (1, True)
    assert "1 of 1 files are not as they were sent" in done.err
    sent[1].unlink()
    done = cli.try_("files", "check")
    assert (done.status, f"missing: {sent[1].parent.name}/" in done.out) == (1, True)


def test_what_a_person_sent_is_copied_for_them(
    cli: CommandLine, sent: tuple[str, Path], tmp_path: Path
):
    cli.run("files", "copy", sent[0], "copies")
    [copied] = (tmp_path / "copies").iterdir()
    assert copied.name.startswith("upload_")
    assert copied.name.endswith("-Uber_uns.png")
    assert copied.read_bytes() == PNG
    assert (copied.stat().st_mode & 0o777, copied.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    again = cli.try_("files", "copy", sent[0], "copies")
    assert (again.status, "cannot be written" in again.err) == (2, True)


def test_a_backup_says_that_the_bytes_are_not_in_it_and_a_restore_needs_only_them(
    cli: CommandLine, sent: tuple[str, Path], tmp_path: Path
):
    assert "bytes of 1 files are not" in " ".join(cli.run("backup", "bank.backup").out.split())
    again = {"MINIBANK_DATABASE": f"sqlite:///{tmp_path}/again.db"}
    cli.run("restore", "bank.backup", **again)
    cli.run("files", "check", "--full", **again)


def test_who_is_erased_leaves_no_bytes_behind(cli: CommandLine, sent: tuple[str, Path]):
    cli.run("user", "erase", sent[0], "--yes")
    assert not sent[1].exists()
    found = json.loads(cli.run("files", "check", "--json").out)
    assert (found["files"], found["unknown"]) == (0, 0)

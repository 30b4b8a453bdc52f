"""`minibank backup` and `minibank restore`, as an operator uses them."""

import base64
import gzip
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

KEY = {"MINIBANK_SERVER_KEY_FILE": "server.key"}
AGAIN = {"MINIBANK_DATABASE": "sqlite:///again.db"}


@pytest.fixture
def cli(empty_database_url: str, tmp_path: Path) -> CommandLine:
    """`minibank` on a bank with one account and some money."""
    line = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    line.run("migrate")
    user = ("--email", "ada@example.com", "--name", "Ada Lovelace", "--password-stdin")
    line.run("user", "create", *user, stdin="correct horse battery\n")
    account = line.run("account", "open", "--owner", "ada@example.com", "--json").json["id"]
    line.run("account", "top-up", account, "5000")
    return line


def test_a_bank_is_backed_up_and_restored_and_goes_on(cli: CommandLine) -> None:
    cli.run("backup", "bank.backup")
    restored = cli.run("restore", "bank.backup", **AGAIN)
    assert "its books prove" in restored.out
    [account] = cli.run("account", "list", "--json", **AGAIN).json
    cli.run("account", "top-up", account["id"], "100", **AGAIN)
    cli.run("audit", **AGAIN)
    twice = cli.try_("restore", "bank.backup", **AGAIN)
    assert twice.status == 1
    assert "empty database" in twice.err


def test_a_backup_of_the_other_kind_is_refused_before_anything_is_made(cli: CommandLine) -> None:
    cli.run("backup", "bank.backup")
    done = cli.try_("restore", "bank.backup", "--mode", "production", **AGAIN)
    assert done.status == 1
    assert "sandbox bank" in done.err
    assert not (cli.directory / "again.db").exists()


def test_a_backup_says_which_server_key_it_needs_and_does_not_hold_it(cli: CommandLine) -> None:
    cli.run("key", "create", "server.key")
    done = cli.run("backup", "bank.backup", **KEY).out
    name = done.rpartition("Server key: ")[2].partition(".")[0]
    assert name in cli.run("restore", "bank.backup", **AGAIN).out
    secret = (cli.directory / "server.key").read_bytes().strip()
    plain = gzip.decompress((cli.directory / "bank.backup").read_bytes())
    assert secret not in plain
    assert base64.b64decode(secret) not in plain


def test_a_backup_names_the_key_that_the_bank_works_with_though_none_is_at_hand(
    cli: CommandLine,
) -> None:
    cli.run("key", "create", "server.key")
    cli.run("audit", "--checkpoint", "books", **KEY)
    [key] = cli.run("key", "show", "--json").json
    assert f"Server key: {key['fingerprint']}." in cli.run("backup", "bank.backup").out


def test_a_bank_is_not_restored_beside_another_server_key(cli: CommandLine) -> None:
    cli.run("key", "create", "server.key")
    cli.run("backup", "bank.backup", **KEY)
    cli.run("key", "create", "other.key")
    other = {"MINIBANK_SERVER_KEY_FILE": "other.key"}
    done = cli.try_("restore", "bank.backup", **AGAIN, **other)
    assert done.status == 1
    assert "is another one" in done.err
    assert not (cli.directory / "again.db").exists()
    cli.run("key", "rotate", "server.key")  # the one before is live too
    cli.run("restore", "bank.backup", **AGAIN, **KEY)


def test_what_is_no_backup_is_refused(cli: CommandLine) -> None:
    (cli.directory / "notes.txt").write_text("not a backup")
    for file in ("notes.txt", "nowhere"):
        done = cli.try_("restore", file, **AGAIN)
        assert done.status == 1
        assert "cannot be read as a backup" in done.err
    done = cli.try_("backup", "no/such/place")
    assert done.status == 1
    assert "cannot be written" in done.err

"""`minibank backup` and `minibank restore`, as an operator uses them."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

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


def test_a_backup_says_which_server_key_it_needs(cli: CommandLine) -> None:
    cli.run("key", "create", "server.key")
    key = {"MINIBANK_SERVER_KEY_FILE": "server.key"}
    name = cli.run("backup", "bank.backup", **key).out.rpartition("Server key: ")[2].strip(". \n")
    assert name in cli.run("restore", "bank.backup", **AGAIN).out


def test_what_is_no_backup_is_refused(cli: CommandLine) -> None:
    (cli.directory / "notes.txt").write_text("not a backup")
    for file in ("notes.txt", "nowhere"):
        done = cli.try_("restore", file, **AGAIN)
        assert done.status == 1
        assert "cannot be read as a backup" in done.err
    done = cli.try_("backup", "no/such/place")
    assert done.status == 1
    assert "cannot be written" in done.err

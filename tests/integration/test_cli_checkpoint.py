"""`minibank key` and `minibank audit --checkpoint`, as an operator uses them."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def cli(empty_database_url: str, tmp_path: Path) -> CommandLine:
    """`minibank` on a bank with one account and some money, and a server key."""
    key = {"MINIBANK_SERVER_KEY_FILE": "server.key"}
    line = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url, **key})
    line.run("migrate")
    line.run("key", "create", "server.key")
    user = ("--email", "ada@example.com", "--name", "Ada Lovelace", "--password-stdin")
    line.run("user", "create", *user, stdin="correct horse battery\n")
    account = line.run("account", "open", "--owner", "ada@example.com", "--json").json["id"]
    line.run("account", "top-up", account, "5000")
    return line


def test_a_checkpoint_is_written_held_against_and_moved_forward(cli: CommandLine) -> None:
    first = cli.run("audit", "--checkpoint", "books")
    assert "The checkpoint is in books." in first.out
    before = (cli.directory / "books").read_bytes()

    account = cli.run("account", "list", "--json").json[0]["id"]
    cli.run("account", "top-up", account, "700")
    cli.run("audit", "--against", "books")
    assert (cli.directory / "books").read_bytes() == before

    cli.run("audit", "--checkpoint", "books")
    assert (cli.directory / "books").read_bytes() != before


def test_a_checkpoint_that_cannot_be_believed_is_refused_and_kept(cli: CommandLine) -> None:
    cli.run("audit", "--checkpoint", "books")
    books = cli.directory / "books"
    books.write_bytes(books.read_bytes().replace(b'"accounts":1', b'"accounts":7'))
    forged = books.read_bytes()
    done = cli.try_("audit", "--checkpoint", "books")
    assert (done.status, done.out) == (1, "")
    assert "was changed" in done.err
    assert books.read_bytes() == forged


def test_a_checkpoint_needs_a_key(cli: CommandLine) -> None:
    done = cli.try_("audit", "--checkpoint", "books", MINIBANK_SERVER_KEY_FILE="")
    assert done.status == 1
    assert "minibank key create" in done.err
    missing = cli.try_("audit", "--against", "nowhere")
    assert missing.status == 1
    assert "cannot be read" in missing.err


def test_a_key_is_rotated_and_what_the_one_before_signed_still_holds(cli: CommandLine) -> None:
    cli.run("audit", "--checkpoint", "books")
    cli.run("key", "rotate", "server.key")
    cli.run("audit", "--checkpoint", "books")
    cli.run("key", "rotate", "server.key")
    cli.run("audit", "--against", "books")
    cli.run("key", "rotate", "server.key")
    assert "another key" in cli.try_("audit", "--against", "books").err


def test_a_key_is_never_written_over(cli: CommandLine) -> None:
    kept = (cli.directory / "server.key").read_bytes()
    assert cli.try_("key", "create", "server.key").status == 1
    assert (cli.directory / "server.key").read_bytes() == kept
    assert cli.try_("key", "rotate", "no.key").status == 1


def test_the_keys_at_hand_and_in_the_bank_are_shown_by_fingerprint_only(cli: CommandLine) -> None:
    assert [one["at_hand"] for one in cli.run("key", "show", "--json").json] == ["signs"]
    cli.run("audit", "--checkpoint", "books")
    cli.run("key", "rotate", "server.key")
    cli.run("audit", "--checkpoint", "books")
    shown = [(one["at_hand"], one["in_bank"]) for one in cli.run("key", "show", "--json").json]
    assert shown == [("verifies", "rotated out"), ("signs", "in force")]
    table = cli.run("key", "show").out
    assert not [key for key in (cli.directory / "server.key").read_text().split() if key in table]


def test_no_checkpoint_is_signed_with_a_key_that_is_not_the_banks(cli: CommandLine) -> None:
    cli.run("audit", "--checkpoint", "books")
    cli.run("key", "create", "other.key")
    other = {"MINIBANK_SERVER_KEY_FILE": "other.key"}
    done = cli.try_("audit", "--checkpoint", "more-books", **other)
    assert (done.status, "minibank key adopt" in done.err) == (2, True)
    assert not (cli.directory / "more-books").exists()
    assert "is in force now" in cli.run("key", "adopt", **other).out
    cli.run("audit", "--checkpoint", "more-books", **other)
    assert cli.try_("audit", "--checkpoint", "books").status == 2


def test_a_key_from_the_environment_signs_as_one_from_a_file(cli: CommandLine) -> None:
    cli.run("audit", "--checkpoint", "books")
    cli.run("key", "rotate", "server.key")
    keys = ",".join((cli.directory / "server.key").read_text().split())
    from_environment = {"MINIBANK_SERVER_KEY": keys, "MINIBANK_SERVER_KEY_FILE": ""}
    cli.run("audit", "--checkpoint", "books", **from_environment)
    cli.run("audit", "--checkpoint", "books")
    done = cli.run("settings", **from_environment)
    assert keys not in done.out
    assert "***" in done.out
    assert cli.try_("key", "show", MINIBANK_SERVER_KEY=keys).status == 2

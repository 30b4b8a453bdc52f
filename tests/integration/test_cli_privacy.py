"""`minibank user export` and `user erase`, as an operator uses them."""

import json
import os
from pathlib import Path

import pytest

from minibank.privacy import erasure
from tests.support.command_line import CommandLine

ADA = "ada@example.com"


@pytest.fixture
def cli(empty_database_url: str, tmp_path: Path) -> CommandLine:
    """`minibank` on a bank with two people, of whom Ada has an empty account and a card."""
    line = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    line.run("migrate")
    for email, name in ((ADA, "Ada Lovelace"), ("bob@example.com", "Bob Builder")):
        add(line, email, name)
    account = line.run("account", "open", "--owner", ADA, "--json").json["id"]
    line.run("card", "issue", account, "--user", ADA)
    return line


def add(cli: CommandLine, email: str, name: str) -> str:
    user = ("user", "create", "--email", email, "--name", name, "--password-stdin", "--json")
    return str(cli.run(*user, stdin="correct horse battery\n").json["id"])


def lines_of(path: Path) -> list[str]:
    return [json.loads(line)["record"] for line in path.read_text().splitlines()]


def test_an_export_is_a_new_file_for_its_owner_s_eyes(cli: CommandLine) -> None:
    done = cli.run("user", "export", ADA, "--output", "ada.jsonl")
    file = cli.directory / "ada.jsonl"
    assert "ada.jsonl" in done.out
    assert file.stat().st_mode & 0o777 == 0o600
    assert lines_of(file) == [
        *("export", "person", "email_claim", "password", "account", "card", "end")
    ]


def test_an_export_goes_to_a_file_of_the_person_s_id_when_none_is_named(cli: CommandLine) -> None:
    done = cli.run("user", "export", ADA, "--json").json
    assert done["file"].startswith("user_")
    assert done["records"]["card"] == 1
    assert (cli.directory / done["file"]).exists()


def test_an_export_never_writes_over_a_file(cli: CommandLine) -> None:
    (cli.directory / "ada.jsonl").write_text("mine")
    os.symlink("elsewhere", cli.directory / "link.jsonl")
    for name in ("ada.jsonl", "link.jsonl"):
        done = cli.try_("user", "export", ADA, "--output", name)
        assert done.status == 2
        assert "exists already" in done.err
    assert (cli.directory / "ada.jsonl").read_text() == "mine"
    assert not (cli.directory / "elsewhere").exists()


def test_an_export_that_fails_leaves_no_file(cli: CommandLine) -> None:
    assert cli.try_("user", "export", "eve@example.com").status == 1
    assert list(cli.directory.glob("*.jsonl")) == []
    done = cli.try_("user", "export", ADA, "--output", "no/such/place")
    assert (done.status, "cannot be written" in done.err) == (2, True)
    assert cli.try_("user", "export", ADA, "--output", "-", "--json").status == 2


def test_a_person_is_erased_and_everything_says_so(cli: CommandLine) -> None:
    tried = cli.run("user", "erase", ADA, "--dry-run", "--json").json
    assert (tried["erased"], tried["counts"]["cards"], tried["obstacles"]) == (False, 1, [])
    assert cli.run("user", "show", ADA).status == 0
    erased = cli.run("user", "erase", ADA, "--yes", "--json").json
    assert erased["erased"]
    assert cli.try_("user", "show", ADA).status == 1
    assert cli.try_("user", "export", erased["user_id"]).status == 1
    again = cli.try_("user", "erase", ADA, "--yes")
    assert (again.status, "there is no user" in again.err) == (1, True)
    assert [user["email"] for user in cli.run("user", "list", "--json").json] == ["bob@example.com"]
    [record] = cli.run("user", "erasures", "--json").json
    assert erased["user_id"] not in json.dumps(record)
    cli.run("audit")
    assert add(cli, ADA, "Ada Again") != erased["user_id"]


def test_nobody_is_erased_without_being_asked_about(cli: CommandLine) -> None:
    done = cli.try_("user", "erase", ADA)
    assert (done.status, "--yes" in done.err) == (2, True)
    assert cli.run("user", "show", ADA).status == 0


def test_who_has_money_is_not_erased_and_a_dry_run_says_so_too(cli: CommandLine) -> None:
    [account] = cli.run("account", "list", "--json").json
    cli.run("account", "top-up", account["id"], "100")
    for flag in ("--dry-run", "--yes"):
        done = cli.try_("user", "erase", ADA, flag)
        assert done.status == 1
        assert f"{account['id']} holds money" in done.err


def test_a_joint_account_must_be_closed_before_one_of_its_owners_goes(cli: CommandLine) -> None:
    owners = ("--owner", ADA, "--owner", "bob@example.com")
    account = cli.run("account", "open", *owners, "--json").json["id"]
    assert "another owner" in cli.try_("user", "erase", ADA, "--yes").err
    cli.run("account", "set-state", account, "closed")
    cli.run("user", "erase", ADA, "--yes")
    cli.run("audit")


def test_an_erasure_that_was_broken_off_is_asked_for_again_by_the_address(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(erasure._DOERS, erasure.HISTORY, _stumble)
        with pytest.raises(ZeroDivisionError):
            cli.try_("user", "erase", ADA, "--yes")
    assert cli.try_("user", "show", ADA).status == 1
    assert "erasure began" in cli.run("user", "erase", ADA, "--dry-run").out
    cli.run("user", "erase", ADA, "--yes")
    assert len(cli.run("user", "erasures", "--json").json) == 1
    cli.run("audit")


async def _stumble(*_: object) -> str | None:
    raise ZeroDivisionError

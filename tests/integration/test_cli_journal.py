"""`minibank journal`: the books from the command line."""

import json
import stat
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def cli(empty_database_url: str, tmp_path: Path) -> CommandLine:
    """`minibank` on a bank with one account, two top-ups and a transfer out."""
    line = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    line.run("migrate")
    user = ("--email", "ada@example.com", "--name", "Ada Lovelace", "--password-stdin")
    line.run("user", "create", *user, stdin="correct horse battery\n")
    account = line.run("account", "open", "--owner", "ada@example.com", "--json").json["id"]
    for amount in ("5000", "1234"):
        line.run("account", "top-up", account, amount)
    return line


def account_of(cli: CommandLine) -> str:
    return str(cli.run("account", "list", "--json").json[0]["id"])


def test_entry_sets_are_shown_with_their_entries(cli: CommandLine) -> None:
    account = account_of(cli)
    shown = cli.run("journal", "show", account).out
    assert f"account:main:{account}" in shown
    assert "12.34 GBP" in shown
    first, second = cli.run("journal", "show", account, "--json").json
    assert (first["sequence"], second["previous_hash"]) == (1, first["hash"])
    (later,) = cli.run("journal", "show", account, "--after", "1", "--json").json
    assert later == second


def test_a_balance_is_that_of_now_or_of_an_instant(cli: CommandLine) -> None:
    address = f"account:main:{account_of(cli)}"
    assert "62.34 GBP" in cli.run("journal", "balance", address).out
    first = cli.run("journal", "show", account_of(cli), "--json").json[0]
    for axis in ("booked", "happened"):
        at = ("--at", first[axis], "--axis", axis, "--json")
        then = cli.run("journal", "balance", address, *at).json
        assert [one["amount"] for one in then] == [5000]
        before = ("--at", "2020-01-01", "--axis", axis)
        assert cli.run("journal", "balance", address, *before).out == ""
    known = ("--axis", "happened", "--known-at", "2020-01-01", "--json")
    assert cli.run("journal", "balance", address, *known).json == []


def test_the_trial_balance_is_what_there_is_without_an_address(cli: CommandLine) -> None:
    assert "It all adds up to zero." in cli.run("journal", "balance").out
    trial = cli.run("journal", "balance", "--json").json
    assert [(one["address"], one["amount"]) for one in trial["bank"]] == [
        ("scheme:top_up:settlement", -6234)
    ]


def test_the_journal_is_exported_to_a_file_for_its_owner_or_to_standard_output(
    cli: CommandLine,
) -> None:
    cli.run("journal", "export", "--output", "all.jsonl")
    file = cli.directory / "all.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["type"] for one in lines] == [
        *("journal", "entry_set", "entry_set", "account", "complete")
    ]
    account = account_of(cli)
    printed = cli.run("journal", "export", "--account", account, "--after", f"{account}:1").out
    rest = [json.loads(line) for line in printed.splitlines()]
    assert [one["sequence"] for one in rest if one["type"] == "entry_set"] == [2]


def test_subtotals_are_rebuilt_and_prove(cli: CommandLine) -> None:
    cli.run("journal", "rebuild")
    cli.run("journal", "rebuild", "--account", account_of(cli))
    assert "everything proves" in cli.run("audit", "--full").out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("show", "nonsense"), 1, "There is no account nonsense"),
        (("balance", "account:main:nonsense"), 1, "no such account"),
        (("balance", "nonsense"), 1, "address"),
        (("balance", "scheme:x", "--at", "soon"), 2, "--at soon"),
        (("balance", "scheme:x", "--axis", "other"), 2, "booked or happened"),
        (("balance", "scheme:x", "--known-at", "2020-01-01"), 2, "--axis happened"),
        (("export", "--after", "nonsense:1"), 2, "ACCOUNT:NUMBER"),
        (("export", "--account", "acc_0000B3wV5n0FxAjLRtSlPc"), 1, "There is no account"),
        (("export", "--output", "missing/all.jsonl"), 1, "cannot be written"),
        (("rebuild", "--account", "nonsense"), 1, "There is no account nonsense"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    cli: CommandLine, arguments: tuple[str, ...], status: int, said: str
) -> None:
    done = cli.try_("journal", *arguments)
    assert (done.status, done.out) == (status, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1

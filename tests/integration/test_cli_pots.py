"""`minibank pot`, as people and scripts use it."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def cli(empty_database_url: str, tmp_path: Path) -> CommandLine:
    """`minibank` on a new bank with Ada."""
    line = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    line.run("migrate")
    line.run("user", "create", "--email", "ada@example.com", "--name", "Ada",
             "--password-stdin", stdin="correct horse battery\n")  # fmt: skip
    return line


@pytest.fixture
def account(cli: CommandLine) -> str:
    """Ada's account with 100.00 on it."""
    opened = cli.run("account", "open", "--owner", "ada@example.com", "--json").json
    cli.run("account", "top-up", opened["id"], "10000")
    return str(opened["id"])


def test_a_pot_lives_its_whole_life(cli: CommandLine, account: str) -> None:
    made = cli.run("pot", "create", account, "--name", "Holiday", "--style", "sun",
                   "--goal", "200000", "--json").json  # fmt: skip
    pot = made["id"]
    assert (made["name"], made["style"], made["goal_amount"], made["balance"]) == (
        *("Holiday", "sun", 200_000, 0),
    )
    said = cli.run("pot", "deposit", pot, "3000", "--id", "first").out
    assert "holds 30.00 GBP now, 70.00 GBP are available" in said
    assert cli.run("pot", "deposit", pot, "3000", "--id", "first", "--json").json["balance"] == 7000
    assert cli.run("pot", "withdraw", pot, "500", "--json").json["balance"] == 7500
    assert cli.run("pot", "rename", pot, "--name", "Rain", "--json").json["name"] == "Rain"
    assert "goal_amount" not in cli.run("pot", "goal", pot, "--json").json
    assert cli.run("pot", "goal", pot, "5", "--json").json["goal_amount"] == 5
    locked = cli.run("pot", "lock", pot, "--until", "2999-01-01", "--json").json
    assert (locked["lock_type"], locked["locked_until"]) == (
        *("until_date", "2999-01-01T00:00:00.000Z"),
    )
    refused = cli.try_("pot", "withdraw", pot, "1")
    assert (refused.status, "locked" in refused.err) == (1, True)
    assert "locked until 2999-01-01" in cli.run("pot", "show", pot).out
    assert cli.run("pot", "lock", pot, "--json").json["lock_type"] == "added_security"
    assert cli.run("pot", "unlock", pot, "--json").json["locked"] is False
    table = cli.run("pot", "list", account).out
    assert all(word in table for word in (pot, "Rain", "open", "25.00 GBP"))
    assert f"{pot} is deleted, 100.00 GBP are available" in cli.run("pot", "delete", pot).out
    assert cli.run("pot", "list", account, "--json").json == []
    [gone] = cli.run("pot", "list", account, "--all", "--json").json
    assert (gone["id"], gone["deleted"]) == (pot, True)
    assert cli.run("audit", "--json").json["clean"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("create", "acc_1", "--name", "x"), 1, "no such account"),
        (("create", "ACCOUNT", "--name", ""), 1, "'name'"),
        (("show", "pot_1"), 1, "no such pot"),
        (("deposit", "pot_1", "5"), 1, "no such pot"),
        (("rename", "POT"), 2, "--name"),
        (("lock", "POT", "--until", "soon"), 2, "--until"),
        (("lock", "POT", "--until", "2020-01-01"), 1, "future"),
        (("deposit", "POT", "10001"), 1, "more than your current account balance"),
        (("withdraw", "POT", "1"), 1, "more than the pot holds"),
        (("deposit", "POT", "0"), 1, "'amount'"),
        (("goal", "POT", "0"), 1, "'goal_amount'"),
    ],
)
def test_what_will_not_do_ends_in_one_line(
    cli: CommandLine, account: str, arguments: tuple[str, ...], status: int, words: str
) -> None:
    pot = cli.run("pot", "create", account, "--name", "Holiday", "--json").json["id"]
    places = {"ACCOUNT": account, "POT": pot}
    done = cli.try_("pot", *(places.get(one, one) for one in arguments))
    assert (done.status, done.out) == (status, "")
    assert words in done.err
    assert done.err.count("\n") == 1


def test_an_account_without_pots_says_so(cli: CommandLine, account: str) -> None:
    assert cli.run("pot", "list", account).err == "The account has no pots.\n"
    assert cli.run("pot", "list", "acc_1", "--json").json == []


def test_a_name_cannot_steer_the_terminal(cli: CommandLine, account: str) -> None:
    pot = cli.run("pot", "create", account, "--name", "[red]\u202eHoliday", "--json").json["id"]
    for said in (cli.run("pot", "show", pot).out, cli.run("pot", "list", account).out):
        assert "[red]\ufffdHoliday" in said

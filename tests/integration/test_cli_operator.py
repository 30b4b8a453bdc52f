"""`minibank operator`: the operator API from the command line, of a bank that serves."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from minibank.api.operator.routes import ROUTES
from minibank.cli.operator import _words
from tests.support.command_line import CommandLine, Finished
from tests.support.demo_process import Running, running_demo


@dataclass
class Desk:
    """A demo that serves, and an operator with a key for its rails, customers and books."""

    demo: Running
    line: CommandLine
    key: dict[str, str]

    @property
    def account_id(self) -> str:
        return str(self.demo.info["users"][0]["accounts"][0]["id"])

    def try_(self, *arguments: str, stdin: str = "", secret: str | None = None) -> Finished:
        secret = self.key["secret"] if secret is None else secret
        around = {
            "MINIBANK_OPERATOR_URL": self.demo.info["base_url"],
            "MINIBANK_OPERATOR_KEY": secret,
        }
        return self.line.try_("operator", *arguments, stdin=stdin, **around)

    def run(self, *arguments: str) -> Finished:
        done = self.try_(*arguments)
        assert done.status == 0, done.err
        return done


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("desk")
    with running_demo(directory) as demo:
        database = next(Path(directory).rglob("bank.db"))
        line = CommandLine(directory, {"MINIBANK_DATABASE": f"sqlite:///{database}"})
        made = line.try_(
            *("operator", "key", "create", "--name", "Desk", "--json"),
            *("--scope", "rails", "--scope", "audit", "--scope", "customers"),
        )
        assert made.status == 0, made.err
        yield Desk(demo, line, made.json)


def test_every_endpoint_is_a_command_of_its_own():
    names = [tuple(_words(one)) for one in ROUTES if one.operation and one.operation.scopes]
    assert len(set(names)) == len(names)
    groups = {name[:depth] for name in names for depth in range(1, len(name))}
    assert not groups & set(names), "a group is called like a command"


def test_money_moves_and_a_repeat_moves_it_once(desk: Desk):
    asked = (
        *("top-ups", "create", "--account-id", desk.account_id, "--amount", "5000"),
        *("--idempotency-key", "salary", "--json"),
    )
    first = desk.run(*asked)
    assert first.json["status"] == "done"
    assert desk.run(*asked).json == first.json
    other = desk.try_(*asked, "--amount", "5001")
    assert other.status == 1
    assert "conflict.command_id_reused" in other.err


def test_people_read_an_answer_as_lines_and_a_list_as_a_table(desk: Desk):
    who = desk.run("whoami")
    assert "Desk" in who.out
    assert "audit" in who.out
    dry = desk.run(
        *("top-ups", "create", "--account-id", desk.account_id, "--amount", "1", "--dry-run"),
    )
    assert "0.01 GBP" in dry.out
    listed = desk.run("requests", "list")
    assert listed.out == ""
    assert "none" in listed.err


def test_a_body_comes_from_a_file_or_from_standard_input_and_flags_win(desk: Desk):
    body = {"account_id": desk.account_id, "amount": 1, "description": "From a file"}
    file = desk.line.directory / "body.json"
    file.write_text(json.dumps(body))
    done = desk.run("top-ups", "create", "--body", str(file), "--amount", "7", "--json")
    assert done.json["status"] == "done"
    commands = [{"command": "top_up", "id": "a", "account_id": desk.account_id, "amount": 3}]
    many = desk.run("commands", "create", "--commands", json.dumps(commands), "--json")
    assert many.json["counts"] == {"done": 1, "declined": 0, "refused": 0}
    missing = desk.try_("top-ups", "create", "--body", "nowhere.json")
    assert missing.status == 2
    assert "cannot be read" in missing.err
    broken = desk.try_("commands", "create", "--commands", "[")
    assert broken.status == 2
    assert "--commands is not JSON" in broken.err


def test_a_nested_value_is_given_as_json(desk: Desk):
    done = desk.run(
        *("inbound-transfers", "create", "--account-id", desk.account_id, "--amount", "9"),
        *("--description", "Rent", "--counterparty", '{"name": "Brian Example"}', "--json"),
    )
    assert done.json["status"] == "done"


def test_a_request_that_says_nothing_is_sent_without_a_body(desk: Desk):
    user_id = str(desk.demo.info["users"][0]["user_id"])
    assert desk.run("users", "tokens", "delete", user_id, "--json").json["id"] == user_id
    refused = desk.try_("users", "erasure", "create", user_id, "--dry-run")
    assert "conflict.person_has_business" in refused.err


def test_a_password_is_no_flag_and_comes_with_the_body(desk: Desk, tmp_path: Path):
    body = {"email": "eve@example.com", "name": "Eve", "password": "correct horse battery"}
    (tmp_path / "eve.json").write_text(json.dumps(body))
    made = desk.run("users", "create", "--body", str(tmp_path / "eve.json"), "--json")
    assert made.json["email"] == "eve@example.com"
    words = desk.run("users", "password", "set", "--help").out
    assert "--password" not in words
    assert "--body" in words


def test_what_goes_wrong_is_one_line(desk: Desk):
    nobody = desk.try_("whoami", secret="")
    assert nobody.status == 2
    assert "MINIBANK_OPERATOR_KEY" in nobody.err
    wrong = desk.try_("whoami", secret="mb_op_x")
    assert wrong.status == 1
    assert wrong.err.count("\n") == 1
    away = desk.try_("whoami", "--url", "http://127.0.0.1:1")
    assert away.status == 2
    assert "does not answer" in away.err
    asked = ("top-ups", "create", "--account-id", desk.account_id, "--amount", "1")
    unknown = desk.try_(*asked, "--url", "http://127.0.0.1:1")
    assert "--idempotency-key" in unknown.err
    strange = desk.try_(
        *("card-authorisations", "reversals", "create", "../../top-ups"), "--amount", "1"
    )
    assert strange.status == 1
    assert "not_found.authorisation" in strange.err


def test_a_key_is_rotated_shown_and_disabled(desk: Desk):
    made = desk.run("key", "create", "--scope", "audit", "--json").json
    rotated = desk.run("key", "rotate", made["id"], "--overlap-seconds", "0", "--json").json
    assert desk.try_("whoami", secret=made["secret"]).status == 1
    assert desk.try_("whoami", secret=rotated["secret"]).status == 0
    assert made["id"] in desk.run("key", "list").out
    assert "never" not in desk.run("key", "show", made["id"]).out
    desk.run("key", "disable", made["id"])
    assert desk.try_("whoami", secret=rotated["secret"]).status == 1
    assert desk.try_("key", "show", "opkey_1").status == 1
    assert desk.try_("key", "create", "--scope", "everything").status == 1

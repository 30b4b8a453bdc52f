"""The command line as people and scripts use it, on both engines."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from minibank.api import build_api
from minibank.db import Database, open_database
from minibank.payments.engine import Engine
from minibank.settings import Settings
from tests.support.command_line import CommandLine

PASSWORD = "correct horse battery"


@pytest.fixture
def cli(empty_database_url: str, tmp_path: Path) -> CommandLine:
    """`minibank` on a new bank."""
    line = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    line.run("migrate")
    return line


def add_user(cli: CommandLine, email: str, name: str) -> str:
    done = cli.run(
        *("user", "create", "--email", email, "--name", name),
        *("--password-stdin", "--json"),
        stdin=f"{PASSWORD}\n",
    )
    return str(done.json["id"])


def ask(cli: CommandLine, method: str, path: str, **request: object) -> httpx.Response:
    """One request to the bank's API."""
    return asyncio.run(_ask(cli.variables["MINIBANK_DATABASE"], method, path, **request))


async def _ask(url: str, method: str, path: str, **request: object) -> httpx.Response:
    db: Database = await open_database(url)
    transport = httpx.ASGITransport(build_api(db, Engine(db), Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://bank") as client:
        answer = await client.request(method, path, **request)  # type: ignore[arg-type]
    await db.close()
    return answer


def sign_in(cli: CommandLine, client: dict[str, str], password: str = PASSWORD) -> httpx.Response:
    form = {
        "grant_type": "password",
        "client_id": client["id"],
        "client_secret": client["client_secret"],
        "username": "ada@example.com",
        "password": password,
    }
    return ask(cli, "POST", "/oauth2/token", data=form)


def whoami(cli: CommandLine, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return ask(cli, "GET", "/ping/whoami", headers=headers).status_code


def test_a_bank_of_ones_own_is_made_from_nothing_with_a_handful_of_commands(cli: CommandLine):
    cli = replace(cli, spawns=True)
    user = add_user(cli, "ada@example.com", "Ada Lovelace")
    client = cli.run("client", "create", "--name", "App", "--json").json
    account = cli.run("account", "open", "--owner", "ada@example.com", "--json").json
    cli.run("account", "top-up", account["id"], "12345")
    cli.run("card", "issue", account["id"], "--user", user)
    answer = sign_in(cli, client)
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    balance = ask(cli, "GET", "/balance", headers=headers, params={"account_id": account["id"]})
    assert balance.json()["balance"] == 12345
    audit = cli.run("audit", "--json").json
    assert (audit["clean"], audit["accounts"], audit["transactions"]) == (True, 1, 1)


def test_people_are_created_listed_and_shown(cli: CommandLine):
    ada = add_user(cli, "Ada@Example.com", "Ada Lovelace")
    bob = add_user(cli, "bob@example.com", "Bob")
    assert {user["id"] for user in cli.run("user", "list", "--json").json} == {ada, bob}
    for who in (ada, "ada@example.com", "ADA@EXAMPLE.COM"):
        shown = cli.run("user", "show", who, "--json").json
        assert (shown["id"], shown["email"]) == (ada, "Ada@Example.com")
    table = cli.run("user", "list").out
    assert ada in table
    assert "Ada@Example.com" in table
    assert ada in cli.run("user", "show", ada).out
    cut = cli.run("user", "list", "--limit", "1", "--json")
    assert len(cut.json) == 1
    assert "--limit" in cut.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "variables", "status", "words"),
    [
        (["--password-stdin"], "short\n", {}, 1, "password"),
        ([], "", {}, 2, "--password-stdin"),
        ([], "", {"MINIBANK_PASSWORD": "short"}, 1, "password"),
    ],
)
def test_a_person_without_a_good_password_is_not_created(
    cli: CommandLine, arguments, stdin, variables, status, words
):
    create = ("user", "create", "--email", "ada@example.com", "--name", "Ada")
    done = cli.try_(*create, *arguments, stdin=stdin, **variables)
    assert done.status == status
    assert words in done.err
    assert cli.run("user", "list", "--json").json == []


def test_an_address_that_is_taken_is_refused_in_one_line(cli: CommandLine):
    add_user(cli, "ada@example.com", "Ada")
    create = ("user", "create", "--email", "ADA@example.com", "--name", "Other")
    done = cli.try_(*create, MINIBANK_PASSWORD=PASSWORD)
    assert (done.status, done.out) == (1, "")
    assert done.err == "minibank: The field 'email' belongs to another user\n"


def test_a_new_password_ends_all_tokens_and_the_old_password(cli: CommandLine):
    add_user(cli, "ada@example.com", "Ada")
    client = cli.run("client", "create", "--name", "App", "--json").json
    token = sign_in(cli, client).json()["access_token"]
    assert whoami(cli, token) == 200
    changed = cli.run(
        "user", "set-password", "ada@example.com", "--password-stdin", stdin="another password\n"
    )
    assert "another password" not in changed.out + changed.err
    assert whoami(cli, token) == 401
    assert sign_in(cli, client).status_code == 400
    assert sign_in(cli, client, "another password").status_code == 200


def test_tokens_are_ended_one_by_one_or_all_of_a_person(cli: CommandLine):
    add_user(cli, "ada@example.com", "Ada")
    clients = [cli.run("client", "create", "--name", name, "--json").json for name in "AB"]
    first, second = (sign_in(cli, client).json() for client in clients)
    assert cli.try_("token", "revoke").status == 2
    assert cli.try_("token", "revoke", "--client", clients[0]["id"]).status == 2
    assert cli.try_("token", "revoke", "--token-stdin", stdin="mb_at_nonsense\n").status == 1
    cli.run("token", "revoke", "--token-stdin", stdin=f"{first['refresh_token']}\n")
    assert [whoami(cli, one["access_token"]) for one in (first, second)] == [401, 200]
    again = cli.try_("token", "revoke", "--token-stdin", stdin=f"{first['access_token']}\n")
    assert again.status == 1
    first = sign_in(cli, clients[0]).json()
    cli.run("token", "revoke", "--user", "ada@example.com", "--client", clients[1]["id"])
    assert [whoami(cli, one["access_token"]) for one in (first, second)] == [200, 401]
    ended = cli.run("token", "revoke", "--user", "ada@example.com").out
    assert ended == "1 pair of tokens ended.\n"
    assert whoami(cli, first["access_token"]) == 401


def test_a_secret_is_shown_once_and_rotated_with_an_overlap(cli: CommandLine):
    add_user(cli, "ada@example.com", "Ada")
    created = cli.run("client", "create", "--name", "App")
    secret = re.search(r"mb_cs_\w+", created.out)
    identifier = re.search(r"oauth2client_\w+", created.out)
    assert secret
    assert identifier
    shown = cli.run("client", "show", identifier[0])
    assert secret[0] not in shown.out + cli.run("client", "list").out
    old = {"id": identifier[0], "client_secret": secret[0]}
    rotated = cli.run("client", "rotate-secret", identifier[0], "--json").json
    new = {"id": identifier[0], "client_secret": rotated["client_secret"]}
    assert [sign_in(cli, one).status_code for one in (old, new)] == [200, 200]
    cli.run("client", "rotate-secret", identifier[0], "--overlap-seconds", "0")
    assert [sign_in(cli, one).status_code for one in (old, new)] == [400, 400]


def test_a_disabled_client_is_shut_out_at_once(cli: CommandLine):
    add_user(cli, "ada@example.com", "Ada")
    client = cli.run("client", "create", "--name", "App", "--json").json
    token = sign_in(cli, client).json()["access_token"]
    cli.run("client", "disable", client["id"])
    assert whoami(cli, token) == 401
    assert sign_in(cli, client).status_code == 400
    [listed] = cli.run("client", "list", "--json").json
    assert listed["disabled_at"]


def test_a_client_is_registered_with_what_was_asked_for(cli: CommandLine):
    created = cli.run(
        *("client", "create", "--name", "App", "--redirect-uri", "http://localhost:3000/done"),
        *("--redirect-uri", "app://done", "--grant", "password", "--json"),
        *("--option", "settled_pending=null", "--option", "default_page_limit=100"),
        *("--option", "pots_require_account=false"),
    ).json
    assert created["redirect_uris"] == ["http://localhost:3000/done", "app://done"]
    assert created["grants"] == ["password"]
    assert created["options"]["settled_pending"] == "null"
    assert created["options"]["default_page_limit"] == 100
    assert created["options"]["pots_require_account"] is False
    public = cli.run("client", "create", "--name", "Page", "--public", "--json").json
    assert public["client_secret"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["--grant", "client_credentials"],
        ["--redirect-uri", "not a uri"],
        ["--option", "colour=red"],
        ["--option", "default_page_limit=7"],
        ["--public", "--grant", "refresh_token"],
    ],
)
def test_a_client_that_may_not_be_is_refused_in_one_line(cli: CommandLine, arguments):
    done = cli.try_("client", "create", "--name", "App", *arguments)
    assert done.status == 1
    assert done.err.startswith("minibank: The field '")
    assert done.err.count("\n") == 1
    assert cli.run("client", "list", "--json").json == []


def test_accounts_are_opened_for_one_or_several_people(cli: CommandLine):
    ada = add_user(cli, "ada@example.com", "Ada")
    bob = add_user(cli, "bob@example.com", "Bob")
    codes = {"MINIBANK_SORT_CODE": "123456", "MINIBANK_BIC": "TESTGB2L"}
    own = cli.run("account", "open", "--owner", ada, "--overdraft", "5000", "--json", **codes).json
    assert (own["type"], own["sort_code"], own["overdraft_limit"]) == ("uk_retail", "123456", 5000)
    assert own["iban"][4:8] == "TEST"
    joint = cli.run("account", "open", "--owner", "ada@example.com", "--owner", bob, "--json").json
    assert joint["type"] == "uk_retail_joint"
    assert [owner["user_id"] for owner in joint["owners"]] == [ada, bob]
    listed = cli.run("account", "list", "--json").json
    assert {line["id"] for line in listed} == {own["id"], joint["id"]}
    of_bob = cli.run("account", "list", "--user", "bob@example.com", "--json").json
    assert [line["id"] for line in of_bob] == [joint["id"]]
    assert own["id"] in cli.run("account", "list").out
    shown = cli.run("account", "show", own["id"]).out
    assert "50.00 GBP" in shown
    assert cli.try_("account", "show", "acc_nobody").status == 1
    assert cli.try_("account", "open", "--owner", "nobody@example.com").status == 1
    assert cli.try_("account", "open", "--owner", ada, "--type", "uk_retail_joint").status == 1


def test_an_overdraft_and_a_cards_state_are_changed_while_the_bank_serves(cli: CommandLine):
    ada = add_user(cli, "ada@example.com", "Ada")
    account = cli.run("account", "open", "--owner", ada, "--json").json["id"]
    cli.run("account", "set-overdraft", account, "5000")
    assert cli.run("account", "show", account, "--json").json["overdraft_limit"] == 5000
    assert cli.try_("account", "set-overdraft", account, "-1").status != 0
    card = cli.run("card", "issue", account, "--user", "ada@example.com", "--json").json
    cli.run("card", "set-state", card["id"], "blocked")
    assert cli.run("card", "list", account, "--json").json[0]["state"] == "blocked"
    assert card["id"] in cli.run("card", "list", account).out
    assert cli.try_("card", "set-state", card["id"], "melted").status == 1


def test_a_card_is_for_the_only_owner_unless_it_is_said_for_whom(cli: CommandLine):
    ada = add_user(cli, "ada@example.com", "Ada")
    brian = add_user(cli, "brian@example.com", "Brian")
    alone = cli.run("account", "open", "--owner", ada, "--json").json["id"]
    assert cli.run("card", "issue", alone, "--json").json["user_id"] == ada
    shared = cli.run("account", "open", "--owner", ada, "--owner", brian, "--json").json["id"]
    refused = cli.try_("card", "issue", shared)
    assert (refused.status, "--user" in refused.err) == (2, True)
    assert cli.run("card", "issue", shared, "--user", brian, "--json").json["user_id"] == brian
    assert cli.try_("card", "issue", "acc_nobody").status == 1


def test_a_top_up_with_the_same_id_is_booked_once(cli: CommandLine):
    ada = add_user(cli, "ada@example.com", "Ada")
    account = cli.run("account", "open", "--owner", ada, "--json").json["id"]
    top_up = ("account", "top-up", account, "700", "--id", "payday", "--json")
    first, second = cli.run(*top_up).json, cli.run(*top_up).json
    assert first == second
    assert cli.run("account", "show", account, "--json").json["booked"] == 700
    conflicting = cli.try_("account", "top-up", account, "800", "--id", "payday")
    assert conflicting.status == 1


async def _damage(url: str) -> None:
    db = await open_database(url)
    await db.transact(
        lambda tx: tx.execute("UPDATE balances SET booked = booked + 1 WHERE shard >= 0")
    )
    await db.close()


def test_the_exit_status_of_an_audit_says_whether_the_books_prove(cli: CommandLine):
    ada = add_user(cli, "ada@example.com", "Ada")
    account = cli.run("account", "open", "--owner", ada, "--json").json["id"]
    cli.run("account", "top-up", account, "700")
    clean = cli.run("audit")
    assert "everything proves" in clean.out
    assert cli.run("audit", "--quiet").out == ""
    asyncio.run(_damage(cli.variables["MINIBANK_DATABASE"]))
    found = cli.try_("audit")
    assert found.status == 1
    assert account in found.out
    as_json = cli.try_("audit", "--json")
    assert (as_json.status, as_json.json["clean"]) == (1, False)
    assert as_json.json["findings"][0]["account_id"] == account
    nowhere = cli.try_("audit", "--database", "sqlite:///nowhere.db")
    assert (nowhere.status, nowhere.out) == (2, "")

"""Customers through the operator API: accounts, owners, cards, people and clients."""

import itertools
import json

import pytest

from minibank.audit import audit
from minibank.core.secrets import digest
from minibank.identity.passwords import verify_password
from minibank.identity.store import find_login
from minibank.oauth.store import find_client_with_digests
from minibank.payments.engine import Engine
from minibank.worker.due import run_due
from tests.support.callers import add_account, add_client, add_token
from tests.support.counting import CountingDatabase
from tests.support.operators import add_key, operator_http
from tests.support.personal import dump

PASSWORD = "an unmistakable password"
_NUMBERS = itertools.count(1)


@pytest.fixture
async def desk(bank):
    """An operator who looks after customers, and reads what was done."""
    _, secret = await add_key(bank.db, "customers", "rails", "audit")
    async with operator_http(bank.db, secret) as api:
        yield api


async def do(desk, method, path, body=None, key="", **query):
    """One write under this key, or a fresh one."""
    headers = {"Idempotency-Key": key or f"desk-{next(_NUMBERS)}"}
    more = {} if body is None else {"json": body}
    return await desk.request(method, f"/operator/v1/{path}", headers=headers, params=query, **more)


async def done(desk, method, path, body=None, key="", **query):
    answer = await do(desk, method, path, body, key, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def read(desk, path, **query):
    answer = await desk.get(f"/operator/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def code(answer):
    return answer.status_code, answer.json()["code"]


async def test_an_account_is_opened_once_under_one_key_and_shown_with_all_that_is_on_it(bank, desk):
    body = {"owners": [bank.ada.id], "overdraft_limit": 500}
    account = await done(desk, "POST", "accounts", body, "open-1")
    assert account["owners"][0]["user_id"] == bank.ada.id
    assert (account["type"], account["state"], account["closed"]) == ("uk_retail", "open", None)
    assert (account["balance"], account["held"], account["in_pots"]) == (0, 0, 0)
    assert account["limits"] == {
        "overdraft_limit": 500,
        "payment_max": None,
        "card_daily_max": None,
        "transfer_daily_max": None,
        "balance_max": None,
    }
    assert await done(desk, "POST", "accounts", body, "open-1") == account
    assert await read(desk, f"accounts/{account['id']}") == account
    owned = await read(desk, "accounts", user_id=bank.ada.id)
    assert [one["id"] for one in owned["accounts"]] == [bank.account.id, account["id"]]
    other = await do(desk, "POST", "accounts", body | {"overdraft_limit": 1}, "open-1")
    assert code(other) == (409, "conflict.idempotency_key_reused")


async def test_several_owners_make_a_joint_account(bank, desk):
    account = await done(desk, "POST", "accounts", {"owners": [bank.ada.id, bank.brian.id]})
    assert account["type"] == "uk_retail_joint"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"owners": []},
        {"owners": ["user_x"]},
        {"owners": "user_x"},
        {"owners": [1]},
        {"owners": ["user_x"], "colour": "red"},
        {"owners": ["user_x"], "type": "uk_prepaid"},
    ],
)
async def test_an_account_that_cannot_be_is_refused(bank, desk, body):
    answer = await do(desk, "POST", "accounts", body)
    assert answer.status_code == 400, answer.text


async def test_a_dry_run_opens_nothing_and_leaves_its_key_free(bank, desk):
    body = {"owners": [bank.ada.id]}
    await done(desk, "POST", "accounts", body, "try", dry_run="true")
    owned = await read(desk, "accounts", user_id=bank.ada.id)
    assert [one["id"] for one in owned["accounts"]] == [bank.account.id]
    await done(desk, "POST", "accounts", body, "try")
    assert len((await read(desk, "accounts", user_id=bank.ada.id))["accounts"]) == 2


async def test_accounts_and_people_are_listed_page_by_page_each_once(bank, desk):
    for noun, mine in (
        ("accounts", {bank.account.id, bank.brians_account.id}),
        ("users", {bank.ada.id, bank.brian.id}),
    ):
        found: list[str] = []
        after: dict[str, str] = {}
        for _ in range(4):
            page = await read(desk, noun, limit=1, **after)
            found += [one["id"] for one in page[noun]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert len(found) == 2
        assert set(found) == mine
        answer = await desk.get(f"/operator/v1/{noun}", params={"after": "nonsense"})
        assert code(answer) == (400, "bad_request.bad_param.after")


async def test_limits_are_changed_one_by_one_and_decline_the_next_payment(bank, desk):
    at = f"accounts/{bank.account.id}"
    card = await done(desk, "POST", f"{at}/cards", {"user_id": bank.ada.id})
    await done(desk, "POST", "top-ups", {"account_id": bank.account.id, "amount": 10_000})
    await done(desk, "PATCH", f"{at}/limits", {"card_daily_max": 1000})
    changed = await done(desk, "PATCH", f"{at}/limits", {"payment_max": 900})
    assert (changed["limits"]["payment_max"], changed["limits"]["card_daily_max"]) == (900, 1000)
    payment = {
        "account_id": bank.account.id,
        "card_id": card["id"],
        "description": "SHOP",
    }
    assert (await done(desk, "POST", "card-authorisations", payment | {"amount": 800}))[
        "status"
    ] == "done"
    declined = await done(desk, "POST", "card-authorisations", payment | {"amount": 300})
    assert (declined["status"], declined["decline_reason"], declined["limit"]) == (
        "declined",
        "OTHER",
        "card_daily_max",
    )
    assert (await read(desk, at))["spent"] == {"card": 800, "transfer": 0}
    changed = await done(desk, "PATCH", f"{at}/limits", {"card_daily_max": None})
    assert (changed["limits"]["card_daily_max"], changed["spent"]) == (None, None)
    send = {
        "account_id": bank.account.id,
        "amount": 901,
        "description": "Rent",
        "counterparty": {"name": "A"},
    }
    answer = await do(desk, "POST", "outbound-transfers", send)
    assert code(answer) == (400, "bad_request.limit_exceeded")
    assert answer.json()["params"] == {"limit": "payment_max"}
    answer = await do(desk, "PATCH", f"{at}/limits", {"balance_max": -1})
    assert code(answer) == (400, "bad_request.bad_param.balance_max")


async def test_an_account_is_frozen_and_thawed(bank, desk):
    at = f"accounts/{bank.account.id}"
    frozen = await done(desk, "PUT", f"{at}/state", {"state": "frozen"})
    assert frozen["state"] == "frozen"
    answer = await do(desk, "POST", "top-ups", {"account_id": bank.account.id, "amount": 1})
    assert code(answer) == (409, "conflict.account_not_open")
    assert (await done(desk, "PUT", f"{at}/state", {"state": "open"}))["state"] == "open"
    answer = await do(desk, "PUT", f"{at}/state", {"state": "closed"})
    assert code(answer) == (400, "bad_request.bad_param.state")


async def test_an_account_closes_with_a_payout_and_a_repeat_says_the_same(bank, desk):
    at = f"accounts/{bank.account.id}"
    await done(desk, "POST", "top-ups", {"account_id": bank.account.id, "amount": 700})
    answer = await do(desk, "POST", f"{at}/closure", {})
    assert code(answer) == (409, "conflict.account_not_empty")
    body = {"payout": {"counterparty": {"name": "Ada", "sort_code": "112233"}}}
    tried = await done(desk, "POST", f"{at}/closure", body, dry_run="true")
    assert tried["account"]["state"] == "closed"
    assert (await read(desk, at))["state"] == "open"
    closed = await done(desk, "POST", f"{at}/closure", body, "close-1")
    assert (closed["account"]["state"], closed["account"]["balance"]) == ("closed", 0)
    assert (closed["payout"]["status"], closed["payout"]["balance"]) == ("done", 0)
    assert closed["payout"]["id"] == "close-1"
    assert len(closed["payout"]["entry_sets"]) == 1
    assert await done(desk, "POST", f"{at}/closure", body, "close-1") == closed
    [listed] = (await bank.api.get("/accounts")).json()["accounts"]
    assert listed["closed"] is True
    page = await bank.api.get("/transactions", params={"account_id": bank.account.id})
    assert [one["amount"] for one in page.json()["transactions"]] == [700, -700]
    assert (await audit(bank.db)).findings == []


async def test_an_account_closes_under_a_key_that_another_command_had(bank, desk):
    account = await done(desk, "POST", "accounts", {"owners": [bank.ada.id]})
    paid = {"account_id": account["id"], "amount": 100}
    await done(desk, "POST", "top-ups", paid, "monday")
    sent = paid | {"counterparty": {"name": "Ada"}, "description": "Out"}
    await done(desk, "POST", "outbound-transfers", sent)
    closed = await done(desk, "POST", f"accounts/{account['id']}/closure", {}, "monday")
    assert (closed["account"]["state"], closed["payout"]) == ("closed", None)
    payout = {"payout": {"counterparty": {"name": "Ada"}}}
    again = await done(desk, "POST", f"accounts/{account['id']}/closure", payout, "tuesday")
    assert again["payout"] is None


@pytest.mark.parametrize(
    "payout",
    [
        {},
        {"account_id": "acc_x"},
        {"account_id": "acc_x", "counterparty": {"name": "A"}},
        {"counterparty": {"iban": "GB00"}},
        {"counterparty": {"name": ""}},
    ],
)
async def test_a_payout_to_nowhere_closes_nothing(bank, desk, payout):
    at = f"accounts/{bank.account.id}"
    await done(desk, "POST", "top-ups", {"account_id": bank.account.id, "amount": 700})
    answer = await do(desk, "POST", f"{at}/closure", {"payout": payout})
    assert answer.status_code == 400, answer.text
    assert (await read(desk, at))["balance"] == 700


async def test_people_join_an_account_and_leave_it(bank, desk):
    at = f"accounts/{bank.account.id}"
    joint = await done(desk, "POST", f"{at}/owners", {"user_id": bank.brian.id})
    assert [one["user_id"] for one in joint["owners"]] == [bank.ada.id, bank.brian.id]
    assert (await bank.api.get("/balance", params={"account_id": bank.account.id})).is_success
    left = await done(desk, "DELETE", f"{at}/owners/{bank.ada.id}")
    assert (left["type"], [one["user_id"] for one in left["owners"]]) == (
        "uk_retail",
        [bank.brian.id],
    )
    answer = await bank.api.get("/balance", params={"account_id": bank.account.id})
    assert answer.status_code == 403
    answer = await do(desk, "DELETE", f"{at}/owners/{bank.brian.id}")
    assert code(answer) == (409, "conflict.last_owner")
    answer = await do(desk, "DELETE", f"{at}/owners/{bank.ada.id}")
    assert code(answer) == (404, "not_found.owner")


async def test_a_person_is_created_found_changed_and_given_a_password(bank, desk):
    body = {"email": "Eve@example.com", "name": "Eve Example", "password": PASSWORD}
    eve = await done(desk, "POST", "users", body, "eve")
    assert (eve["email"], eve["preferred_first_name"]) == ("Eve@example.com", "Eve")
    assert await done(desk, "POST", "users", body, "eve") == eve
    assert (await read(desk, "users", email="EVE@example.com"))["users"] == [eve]
    assert (await read(desk, "users", email="nobody@example.com"))["users"] == []
    assert await read(desk, f"users/{eve['id']}") == eve
    changed = await done(
        desk, "PATCH", f"users/{eve['id']}", {"name": "Eve King", "email": "king@example.com"}
    )
    assert changed == eve | {"name": "Eve King", "email": "king@example.com"}
    await done(desk, "PUT", f"users/{eve['id']}/password", {"password": "another password"})
    login = await bank.db.read(lambda tx: find_login(tx, "king@example.com"))
    assert login
    assert await verify_password(login.password_hash, "another password")
    taken = await do(desk, "POST", "users", {"email": "king@example.com", "name": "E"})
    assert code(taken) == (400, "bad_request.bad_param.email")
    for method, path, said in (
        ("PATCH", "users/user_x", {"name": "A"}),
        ("PUT", "users/user_x/password", {"password": PASSWORD}),
        ("DELETE", "users/user_x/tokens", None),
        ("POST", "users/user_x/erasure", None),
    ):
        assert code(await do(desk, method, path, said)) == (404, "not_found.user")


async def test_a_password_leaves_nothing_behind_but_its_hash(bank, desk):
    body = {"email": "eve@example.com", "name": "Eve Example", "password": PASSWORD}
    eve = await done(desk, "POST", "users", body, "eve")
    await done(desk, "PUT", f"users/{eve['id']}/password", {"password": PASSWORD}, "again")
    rows = await dump(bank.db)
    assert PASSWORD not in str(rows)
    answer = await do(desk, "POST", "users", body | {"name": "Other"}, "eve")
    assert code(answer) == (409, "conflict.idempotency_key_reused")
    short = await do(desk, "PUT", f"users/{eve['id']}/password", {"password": "short"})
    assert code(short) == (400, "bad_request.bad_param.password")
    assert "short" not in short.text.replace("shorter", "")


async def test_a_repeat_with_another_password_is_refused_and_changes_nothing(bank, desk):
    body = {"email": "eve@example.com", "name": "Eve Example", "password": PASSWORD}
    eve = await done(desk, "POST", "users", body, "eve")
    at, other = f"users/{eve['id']}/password", {"password": "a different password"}
    reused = (409, "conflict.idempotency_key_reused")
    assert code(await do(desk, "POST", "users", body | other, "eve")) == reused
    assert await done(desk, "POST", "users", body, "eve") == eve
    await done(desk, "PUT", at, {"password": "yet another one"}, "reset")
    for query in ({}, {"dry_run": "true"}):
        assert code(await do(desk, "PUT", at, other, "reset", **query)) == reused
    assert await done(desk, "PUT", at, {"password": "yet another one"}, "reset") == eve
    login = await bank.db.read(lambda tx: find_login(tx, "eve@example.com"))
    assert login
    assert await verify_password(login.password_hash, "yet another one")


async def test_a_sign_out_ends_every_token_of_the_person_alone(bank, desk):
    brians = await add_token(bank.db, bank.app, bank.brian)
    await done(desk, "DELETE", f"users/{bank.ada.id}/tokens")
    assert (await bank.api.get("/ping/whoami")).status_code == 401
    answer = await bank.api.get("/ping/whoami", headers={"Authorization": f"Bearer {brians}"})
    assert answer.status_code == 200


async def test_a_person_is_exported_and_then_erased(bank, desk):
    answer = await desk.get(f"/operator/v1/users/{bank.ada.id}/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[0]["record"] == "export"
    assert lines[-1]["data"]["counts"]["account"] == 1
    assert (await desk.get("/operator/v1/users/user_x/export")).status_code == 404
    at = f"users/{bank.ada.id}/erasure"
    assert (await read(desk, at))["began"] is None
    await done(desk, "POST", "top-ups", {"account_id": bank.account.id, "amount": 1})
    refused = await do(desk, "POST", at, dry_run="true")
    assert code(refused) == (409, "conflict.person_has_business")
    payout = {"payout": {"counterparty": {"name": "Ada"}}}
    await done(desk, "POST", f"accounts/{bank.account.id}/closure", payout)
    begun = await done(desk, "POST", at, key="erase-1")
    assert (begun["began"] is None, begun["ended"]) == (False, None)
    await run_due(bank.db, Engine(bank.db))
    ended = await done(desk, "POST", at, key="erase-1")
    assert ended["ended"] is not None
    assert (await desk.get(f"/operator/v1/users/{bank.ada.id}")).status_code == 404


async def test_a_client_is_registered_and_its_secret_shown_once(bank, desk):
    body = {"name": "Budget", "redirect_uris": ["https://app.example/cb"]}
    first = await done(desk, "POST", "clients", body, "budget")
    client, secret = first["client"], first["client_secret"]
    again = await done(desk, "POST", "clients", body, "budget")
    assert again == {"client": client, "client_secret": None}
    assert await read(desk, f"clients/{client['id']}") == client
    assert client["id"] in {one["id"] for one in (await read(desk, "clients"))["clients"]}

    async def digests():
        _, kept = await bank.db.read(lambda tx: find_client_with_digests(tx, client["id"]))
        return set(kept)

    assert await digests() == {digest(secret)}
    assert secret not in str(await dump(bank.db))
    tried = await done(desk, "POST", f"clients/{client['id']}/secrets", {}, dry_run="true")
    assert tried["client_secret"] is None
    rotated = await done(desk, "POST", f"clients/{client['id']}/secrets", {"overlap_seconds": 60})
    assert await digests() == {digest(secret), digest(rotated["client_secret"])}
    now = await done(desk, "POST", f"clients/{client['id']}/secrets", {"overlap_seconds": 0})
    assert await digests() == {digest(now["client_secret"])}
    public = await done(desk, "POST", "clients", {"name": "Phone", "confidential": False})
    assert public["client_secret"] is None
    answer = await do(desk, "POST", f"clients/{public['client']['id']}/secrets", {})
    assert code(answer) == (400, "bad_request.bad_param.client_id")


async def test_a_client_is_changed_shut_out_and_let_in_again(bank, desk):
    at = f"clients/{bank.app.id}"
    changed = await done(desk, "PATCH", at, {"name": "New", "options": {"default_page_limit": 100}})
    assert (changed["name"], changed["options"]["default_page_limit"]) == ("New", 100)
    assert changed["grants"] == list(bank.app.grants)
    assert (await done(desk, "PUT", f"{at}/state", {"state": "disabled"}))["disabled"] is not None
    assert (await bank.api.get("/ping/whoami")).status_code == 401
    assert (await done(desk, "PUT", f"{at}/state", {"state": "enabled"}))["disabled"] is None
    assert (await bank.api.get("/ping/whoami")).status_code == 200
    for method, path, body in (
        ("PATCH", "clients/x", {"name": "A"}),
        ("POST", "clients/x/secrets", {}),
        ("PUT", "clients/x/state", {"state": "disabled"}),
    ):
        assert code(await do(desk, method, path, body)) == (404, "not_found.client")
    answer = await do(desk, "PATCH", at, {"options": {"colour": "red"}})
    assert answer.status_code == 400


async def test_a_list_costs_the_same_however_long_it_is(bank):
    counting = CountingDatabase(bank.db)
    _, secret = await add_key(bank.db, "customers")
    async with operator_http(counting, secret) as api:
        for noun in ("accounts", "users", "clients", f"accounts?user_id={bank.ada.id}"):
            costs = []
            for _ in range(2):
                await api.get(f"/operator/v1/{noun}")
                counting.statements.clear()
                assert (await api.get(f"/operator/v1/{noun}")).status_code == 200
                costs.append(len(counting.statements))
                await add_account(bank.db, bank.ada)
                await add_client(bank.db)
            assert costs[0] == costs[1] <= 7, (noun, costs)


async def test_what_was_done_is_on_record_without_what_was_said(bank, desk):
    body = {"email": "eve@example.com", "name": "Eve Example", "password": PASSWORD}
    eve = await done(desk, "POST", "users", body, "eve")
    await done(desk, "DELETE", f"users/{eve['id']}/tokens", key="out")
    found = await read(desk, "requests", subject=eve["id"])
    assert [one["operation"] for one in found["requests"]] == [
        "DELETE /operator/v1/users/{user_id}/tokens",
        "POST /operator/v1/users",
    ]
    assert {one["idempotency_key"] for one in found["requests"]} == {"eve", "out"}
    assert all(one["key_id"].startswith("opkey_") for one in found["requests"])
    assert all(len(one["request_id"]) == 32 for one in found["requests"])
    assert "example.com" not in json.dumps(found)

"""Cards through the operator API: issued once, listed in pages, blocked for good."""

import asyncio

import pytest

from minibank.accounts.opening import set_account_state
from minibank.payments.engine import Engine
from tests.support.banking import Holder, Orders
from tests.support.callers import add_account
from tests.support.operators import add_key, operator_http, send


@pytest.fixture
async def operator(bank):
    """A key that may look after customers."""
    _, secret = await add_key(bank.db, "customers")
    async with operator_http(bank.db, secret) as api:
        yield api


async def issue(operator, account, user, key="", **query):
    noun = f"accounts/{account.id}/cards"
    return await send(operator, noun, {"user_id": user.id}, key, **query)


async def issued(operator, account, user):
    answer = await issue(operator, account, user)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def change(operator, card_id, state, key="1", **query):
    headers = {"Idempotency-Key": f"{card_id}-{state}-{key}"}
    path = f"/operator/v1/cards/{card_id}"
    return await operator.patch(path, json={"state": state}, headers=headers, params=query)


async def listed(operator, account, **query):
    answer = await operator.get(f"/operator/v1/accounts/{account.id}/cards", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_card_is_issued_and_its_owner_finds_it(bank, operator):
    card = await issued(operator, bank.account, bank.ada)
    assert card == {
        "id": card["id"],
        "account_id": bank.account.id,
        "user_id": bank.ada.id,
        "state": "active",
        "last_four": card["last_four"],
        "expires": "2030-04-01T00:00:00.000Z",
        "created": "2026-03-10T12:00:00.000Z",
    }
    found = await operator.get(f"/operator/v1/cards/{card['id']}")
    assert found.json() == card
    own = await bank.api.get("/card/list", params={"account_id": bank.account.id})
    assert [one["id"] for one in own.json()["cards"]] == [card["id"]]


async def test_a_request_that_is_sent_again_issues_no_second_card(bank, operator):
    answers = await asyncio.gather(
        *(issue(operator, bank.account, bank.ada, "new-card-7") for _ in range(5))
    )
    assert len({one.json()["id"] for one in answers}) == 1
    assert len((await listed(operator, bank.account))["cards"]) == 1
    other = await add_account(bank.db, bank.ada)
    answer = await issue(operator, other, bank.ada, "new-card-7")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict.idempotency_key_reused")


async def test_a_dry_run_says_what_would_come_and_issues_nothing(bank, operator):
    answer = await issue(operator, bank.account, bank.ada, "later", dry_run=True)
    assert answer.json()["state"] == "active"
    assert (await listed(operator, bank.account))["cards"] == []
    assert (await issue(operator, bank.account, bank.ada, "later")).status_code == 200


async def test_the_list_is_paged_and_every_card_is_on_one_page(bank, operator, clock):
    made = []
    for _ in range(5):
        made.append((await issued(operator, bank.account, bank.ada))["id"])
        clock.advance(1)
    await issued(operator, bank.brians_account, bank.brian)
    found, page = [], await listed(operator, bank.account, limit=2)
    while page["next"]:
        found += page["cards"]
        page = await listed(operator, bank.account, limit=2, after=page["next"])
    assert [one["id"] for one in [*found, *page["cards"]]] == made
    answer = await operator.get(
        f"/operator/v1/accounts/{bank.account.id}/cards", params={"after": "nonsense"}
    )
    assert answer.json()["code"] == "bad_request.bad_param.after"


async def test_what_an_operator_blocks_declines_and_its_owner_cannot_thaw_it(bank, operator):
    card = await issued(operator, bank.account, bank.ada)
    orders, holder = Orders(), Holder(bank.account.id, card["id"], (bank.ada.id,))
    engine = Engine(bank.db)
    await engine.execute(orders.top_up(holder, 1000))
    for state, reason in [("inactive", "CARD_INACTIVE"), ("blocked", "CARD_BLOCKED")]:
        assert (await change(operator, card["id"], state)).json()["state"] == state
        outcome = await engine.execute(orders.authorise(holder, 100))
        assert outcome.decline_reason == reason
    fields = {"card_id": card["id"], "status": "ACTIVE"}
    answer = await bank.api.put("/card/toggle", data=fields)
    assert answer.json()["code"] == "bad_request.card_blocked"
    assert (await change(operator, card["id"], "active", dry_run=True)).json()["state"] == "active"
    assert (await operator.get(f"/operator/v1/cards/{card['id']}")).json()["state"] == "blocked"
    assert (await change(operator, card["id"], "active", "2")).json()["state"] == "active"
    assert (await engine.execute(orders.authorise(holder, 100))).status == "done"


async def test_what_is_not_there_or_will_not_do_is_refused_by_its_code(bank, operator):
    for account_id in ("acc_123", "acc_" + "0" * 22, "%FF_" + "0" * 22, "%00_" + "0" * 22):
        answer = await send(operator, f"accounts/{account_id}/cards", {"user_id": bank.ada.id})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found.account")
        answer = await operator.get(f"/operator/v1/accounts/{account_id}/cards")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found.account")
    for card_id in ("card_123", "card_" + "0" * 22, "%FF_" + "0" * 22, "%00_" + "0" * 22):
        answer = await operator.get(f"/operator/v1/cards/{card_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found.card")
        answer = await change(operator, card_id, "blocked")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found.card")
    answer = await issue(operator, bank.account, bank.brian)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request.bad_param.user_id")
    noun = f"accounts/{bank.account.id}/cards"
    answer = await send(operator, noun, {})
    assert answer.json()["code"] == "bad_request.missing_param.user_id"
    answer = await send(operator, noun, {"user_id": bank.ada.id, "state": "active"})
    assert answer.json()["code"] == "bad_request.bad_param.state"
    card = await issued(operator, bank.account, bank.ada)
    answer = await change(operator, card["id"], "lost")
    assert answer.json()["code"] == "bad_request.bad_param.state"
    await bank.db.transact(lambda tx: set_account_state(tx, bank.account.id, "closed"))
    answer = await issue(operator, bank.account, bank.ada)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict.account_not_open")
    answer = await change(operator, card["id"], "active")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict.card_has_ended")

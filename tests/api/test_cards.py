"""Cards over HTTP: whose they are, freezing and thawing, and what payments come of it."""

import asyncio
from typing import Any

import pytest

from minibank.accounts.opening import issue_card, set_account_state, set_card_state
from minibank.accounts.store import find_card
from minibank.core.clock import MICROSECONDS
from minibank.payments.engine import Engine
from tests.support.banking import Holder, Orders
from tests.support.callers import add_account, add_token, http
from tests.support.people import UnclearCommits

FORMS = ["query", "form", "json", "sniffed json"]


async def issue(bank, account=None, user=None):
    account, user = account or bank.account, user or bank.ada
    return await bank.db.transact(lambda tx: issue_card(tx, account.id, user.id))


async def set_state(bank, card, state):
    await bank.db.transact(lambda tx: set_card_state(tx, card.id, state))


@pytest.fixture
async def card(bank):
    """A card of Ada's."""
    return await issue(bank)


async def cards(api, account):
    answer = await api.get("/card/list", params={"account_id": account.id})
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["cards"]
    return answer.json()["cards"]


async def toggle(api, card_id, status):
    return await api.put("/card/toggle", data={"card_id": card_id, "status": status})


async def paying(bank, card, orders):
    """What a payment with the card comes to, and what is told of it."""
    holder = Holder(bank.account.id, card.id, (bank.ada.id,))
    outcome = await Engine(bank.db).execute(orders.authorise(holder, 100))
    answer = await bank.api.get(f"/transactions/{outcome.transaction_id}")
    return outcome.status, answer.json()["transaction"].get("decline_reason")


async def test_cards_are_listed_with_the_fields_that_clients_read(bank, card):
    assert await cards(bank.api, bank.account) == [
        {
            "id": card.id,
            "account_id": bank.account.id,
            "processor": "mastercard",
            "processor_token": "",
            "last_digits": card.last_four,
            "name": "Ada Example",
            "expires": "03/2030",
            "status": "ACTIVE",
            "created": "2026-03-10T12:00:00.000Z",
        }
    ]


async def test_cards_are_listed_oldest_first_and_a_blocked_one_is_not_the_first(bank, card, clock):
    clock.advance(1)
    second = await issue(bank)
    await set_state(bank, card, "inactive")
    listed = [(one["id"], one["status"]) for one in await cards(bank.api, bank.account)]
    assert listed == [(card.id, "INACTIVE"), (second.id, "ACTIVE")]
    await set_state(bank, card, "blocked")
    listed = [(one["id"], one["status"]) for one in await cards(bank.api, bank.account)]
    assert listed == [(second.id, "ACTIVE"), (card.id, "BLOCKED")]


async def test_an_account_without_cards_has_an_empty_list(bank):
    assert await cards(bank.api, bank.account) == []


@pytest.mark.parametrize("form", FORMS)
async def test_a_card_is_frozen_and_thawed_in_every_form_of_request(bank, card, form):
    for status in ("INACTIVE", "INACTIVE", "ACTIVE"):
        fields = {"card_id": card.id, "status": status}
        text = f'{{"card_id": "{card.id}", "status": "{status}"}}'
        sent: dict[str, dict[str, Any]] = {
            "query": {"params": fields},
            "form": {"data": fields},
            "json": {"json": fields},
            "sniffed json": {"content": text},
        }
        answer = await bank.api.request("PUT", "/card/toggle", **sent[form])
        assert answer.status_code == 200, answer.text
        [listed] = await cards(bank.api, bank.account)
        assert answer.json() == {"card": listed}
        assert listed["status"] == status


async def test_a_frozen_card_declines_until_it_is_thawed(bank, card):
    orders, holder = Orders(), Holder(bank.account.id, card.id, (bank.ada.id,))
    await Engine(bank.db).execute(orders.top_up(holder, 1000))
    assert await paying(bank, card, orders) == ("done", None)
    await toggle(bank.api, card.id, "INACTIVE")
    assert await paying(bank, card, orders) == ("declined", "CARD_INACTIVE")
    await toggle(bank.api, card.id, "ACTIVE")
    assert await paying(bank, card, orders) == ("done", None)
    balance = await bank.api.get("/balance", params={"account_id": bank.account.id})
    assert balance.json()["balance"] == 800


async def test_freezing_races_payments_and_each_is_judged_by_one_state(bank, card):
    orders, holder = Orders(), Holder(bank.account.id, card.id, (bank.ada.id,))
    engine = Engine(bank.db)
    await engine.execute(orders.top_up(holder, 10_000))
    pays = [engine.execute(orders.authorise(holder, 10)) for _ in range(20)]
    toggles = [toggle(bank.api, card.id, ("INACTIVE", "ACTIVE")[n % 2]) for n in range(6)]
    outcomes, answers = await asyncio.gather(asyncio.gather(*pays), asyncio.gather(*toggles))
    assert {one.status_code for one in answers} == {200}
    assert {one.decline_reason for one in outcomes} <= {None, "CARD_INACTIVE"}
    paid = sum(one.status == "done" for one in outcomes)
    balance = await bank.api.get("/balance", params={"account_id": bank.account.id})
    assert balance.json()["balance"] == 10_000 - 10 * paid


async def test_a_blocked_card_stays_blocked_whatever_its_owner_asks(bank, card):
    await set_state(bank, card, "blocked")
    for status in ("ACTIVE", "INACTIVE"):
        answer = await toggle(bank.api, card.id, status)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request.card_blocked")
    assert (await bank.db.read(lambda tx: find_card(tx, card.id))).state == "blocked"


async def test_a_card_that_is_blocked_while_it_is_thawed_is_not_thawed(bank, card):
    for _ in range(5):
        await set_state(bank, card, "inactive")
        await asyncio.gather(toggle(bank.api, card.id, "ACTIVE"), set_state(bank, card, "blocked"))
        assert (await bank.db.read(lambda tx: find_card(tx, card.id))).state == "blocked"


async def test_of_a_joint_account_everybody_sees_and_toggles_their_own_cards_only(bank):
    joint = await add_account(bank.db, bank.ada, bank.brian)
    adas, brians = await issue(bank, joint, bank.ada), await issue(bank, joint, bank.brian)
    async with http(bank.db, token=await add_token(bank.db, bank.app, bank.brian)) as api:
        assert [one["id"] for one in await cards(bank.api, joint)] == [adas.id]
        [his] = await cards(api, joint)
        assert (his["id"], his["name"]) == (brians.id, "Brian Example")
        answer = await toggle(bank.api, brians.id, "INACTIVE")
        assert (answer.status_code, answer.json()) == (403, bank.forbidden)
        assert (await toggle(api, brians.id, "INACTIVE")).status_code == 200
    assert (await bank.db.read(lambda tx: find_card(tx, adas.id))).state == "active"


async def test_what_is_not_the_caller_s_is_refused_as_what_is_not_there(bank):
    foreign = await issue(bank, bank.brians_account, bank.brian)
    for account_id in (bank.brians_account.id, "acc_123", "🍞"):
        answer = await bank.api.get("/card/list", params={"account_id": account_id})
        assert (answer.status_code, answer.json()) == (403, bank.forbidden)
    for card_id in (foreign.id, foreign.id[:-1] + "~", "card_123", "card_" + "0" * 22):
        answer = await toggle(bank.api, card_id, "INACTIVE")
        assert (answer.status_code, answer.json()) == (403, bank.forbidden)
    assert (await bank.db.read(lambda tx: find_card(tx, foreign.id))).state == "active"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "ACTIVE"}, "missing_param.card_id"),
        ({"card_id": "", "status": "ACTIVE"}, "missing_param.card_id"),
        ({"card_id": "card_123"}, "missing_param.status"),
        ({"card_id": "card_123", "status": ""}, "missing_param.status"),
        ({"card_id": "card_123", "status": "BLOCKED"}, "bad_param.status"),
        ({"card_id": "card_123", "status": "active"}, "bad_param.status"),
    ],
)
async def test_what_is_missing_or_wrong_is_refused_by_its_name(bank, fields, code):
    answer = await bank.api.put("/card/toggle", data=fields)
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.{code}")
    answer = await bank.api.get("/card/list")
    assert answer.json()["code"] == "bad_request.missing_param.account_id"


async def test_a_card_expires_with_the_month_that_is_shown(bank, card, clock):
    orders, holder = Orders(), Holder(bank.account.id, card.id, (bank.ada.id,))
    await Engine(bank.db).execute(orders.top_up(holder, 1000))
    [listed] = await cards(bank.api, bank.account)
    assert listed["expires"] == "03/2030"
    clock.advance((card.expires_at - clock.now()) / MICROSECONDS - 1)
    token = await add_token(bank.db, bank.app, bank.ada)
    bank.api.headers["Authorization"] = f"Bearer {token}"
    assert await paying(bank, card, orders) == ("done", None)
    clock.advance(1)
    assert await paying(bank, card, orders) == ("declined", "OTHER")


async def test_a_toggle_whose_commit_was_unclear_is_done(bank, card):
    async with http(UnclearCommits(bank.db), token=bank.token) as api:
        assert (await toggle(api, card.id, "INACTIVE")).json()["card"]["status"] == "INACTIVE"
    assert (await bank.db.read(lambda tx: find_card(tx, card.id))).state == "inactive"


async def test_cards_of_a_closed_account_can_still_be_seen(bank, card):
    await bank.db.transact(lambda tx: set_account_state(tx, bank.account.id, "closed"))
    assert [one["id"] for one in await cards(bank.api, bank.account)] == [card.id]

"""Merchants through the operator API: made known, changed, listed, and paid."""

import asyncio

import pytest

from minibank.accounts.opening import issue_card
from minibank.transactions.merchants import change_merchant, find_merchant
from tests.support.operators import add_key, operator_http, send

DELI = {
    "name": "The Example Deli",
    "category": "eating_out",
    "emoji": "🍞",
    "logo": "https://deli.example/logo.png",
    "address": {"address": "1 High St", "city": "London", "country": "GBR", "latitude": 51.5},
    "metadata": {"website": "deli.example"},
}


@pytest.fixture
async def rails(bank):
    """The operator API with a key for rails."""
    _, secret = await add_key(bank.db, "rails")
    async with operator_http(bank.db, secret) as api:
        yield api


async def test_a_merchant_is_made_known_once_and_paid(bank, rails):
    first = await send(rails, "merchants", DELI, "deli")
    deli = first.json()
    assert first.status_code == 200
    assert (await send(rails, "merchants", DELI, "deli")).json() == deli
    other = await send(rails, "merchants", {**DELI, "name": "Another"}, "deli")
    assert other.json()["code"] == "conflict.idempotency_key_reused"
    listed = (await rails.get("/operator/v1/merchants")).json()
    assert listed == {"merchants": [deli], "next": None}
    card = await bank.db.transact(lambda tx: issue_card(tx, bank.account.id, bank.ada.id))
    await send(rails, "top-ups", {"account_id": bank.account.id, "amount": 1000})
    paid = await send(
        rails,
        "card-authorisations",
        {
            "account_id": bank.account.id,
            "card_id": card.id,
            "amount": 700,
            "description": "DELI",
            "merchant_id": deli["id"],
        },
    )
    path = f"/transactions/{paid.json()['transaction_id']}?expand[]=merchant"
    shown = (await bank.api.get(path)).json()["transaction"]
    assert shown["category"] == "eating_out"
    assert shown["merchant"]["name"] == "The Example Deli"
    assert shown["merchant"]["address"]["city"] == "London"


async def test_what_is_said_of_a_merchant_changes_and_the_rest_stays(rails, clock):
    deli = (await send(rails, "merchants", DELI)).json()
    clock.advance(60)
    path = f"/operator/v1/merchants/{deli['id']}"
    headers = {"Idempotency-Key": "rename"}
    changed = await rails.patch(path, json={"name": "The Deli"}, headers=headers)
    assert changed.status_code == 200
    assert changed.json() == {**deli, "name": "The Deli", "updated": changed.json()["updated"]}
    assert changed.json()["updated"] > deli["updated"]
    assert (await rails.get(path)).json() == changed.json()


async def test_a_dry_run_makes_no_merchant_known(rails):
    tried = await send(rails, "merchants", DELI, dry_run="true")
    assert tried.json()["name"] == "The Example Deli"
    assert (await rails.get("/operator/v1/merchants")).json()["merchants"] == []


async def test_the_list_is_paged(rails):
    made = [
        (await send(rails, "merchants", {**DELI, "name": f"Shop {n}"})).json() for n in range(5)
    ]
    found: list[dict[str, object]] = []
    after: str | None = ""
    while after is not None:
        page = (await rails.get(f"/operator/v1/merchants?limit=2&after={after}")).json()
        found += page["merchants"]
        after = page["next"]
    assert {one["id"] for one in found} == {one["id"] for one in made}
    assert len(found) == 5


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"category": "Eating out"}, "category"),
        ({"logo": "javascript:alert(1)"}, "logo"),
        ({"logo": "//deli.example/logo.png"}, "logo"),
        ({"emoji": "🍞" * 17}, "emoji"),
        ({"address": {"street": "1 High St"}}, "street"),
        ({"address": {"latitude": 181}}, "latitude"),
        ({"metadata": {f"k{n}": "v" for n in range(21)}}, "metadata"),
        ({"metadata": {"k": 1}}, "metadata"),
        ({"online": "yes"}, "online"),
    ],
)
async def test_what_may_not_be_said_of_a_merchant_is_refused_by_its_name(rails, change, name):
    answer = await send(rails, "merchants", {**DELI, **change})
    assert answer.status_code == 400
    assert answer.json()["code"] == f"bad_request.bad_param.{name}"


@pytest.mark.parametrize("merchant_id", ["merch_1", "x", "merch_" + "0" * 22, "%00"])
async def test_a_merchant_that_is_not_there_is_not_found(rails, merchant_id):
    headers = {"Idempotency-Key": "1"}
    path = f"/operator/v1/merchants/{merchant_id}"
    for answer in (await rails.get(path), await rails.patch(path, json={}, headers=headers)):
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found.merchant"


async def test_changes_of_different_things_at_once_all_stay(bank, rails):
    deli = (await send(rails, "merchants", DELI)).json()
    names = ("name", "logo", "emoji", "category", "group_id")
    for n in range(5):
        wanted = {name: f"{name} {n}" for name in names}
        await asyncio.gather(
            *(
                bank.db.transact(lambda tx, one=one: change_merchant(tx, deli["id"], **one))
                for one in ({name: said} for name, said in wanted.items())
            )
        )
        found = await bank.db.read(lambda tx: find_merchant(tx, deli["id"]))
        assert found
        assert {name: getattr(found, name) for name in names} == wanted

"""Receipts over HTTP: every field and tolerance, privacy, limits, races."""

import asyncio
import copy
import json
from typing import Any

import pytest

from minibank.core.ids import shard_of
from minibank.receipts.content import DIGITS_MAX, ID_MAX, ITEMS_MAX, PARTS_MAX, TEXT_MAX
from minibank.receipts.putting import RECEIPTS_MAX
from tests.support.callers import add_account, add_client, add_token, http
from tests.support.histories import put, transaction
from tests.support.people import UnclearCommits
from tests.support.receipts import BURGER

PATH = "/transaction-receipts"
LINE = {"description": "Tea", "amount": 1, "currency": "GBP"}
PAYMENT = {"type": "card", "amount": 1, "currency": "GBP"}
ZERO_ITEM = {"quantity": 0, "unit": "", "tax": 0}
ZERO_PAYMENT = dict.fromkeys(
    ("bin", "last_four", "auth_code", "aid", "mid", "tid", "gift_card_type"), ""
)
ZERO_MERCHANT = {
    "name": "",
    "online": False,
    "phone": "",
    "email": "",
    "store_name": "",
    "store_address": "",
    "store_postcode": "",
}


async def paid_from(bank, account):
    """The id of a transaction of an account."""
    row = transaction(account.id, bank.db.clock.now())
    await put(bank.db, [row])
    return row.id


@pytest.fixture
async def paid(bank):
    """A transaction of Ada's."""
    return await paid_from(bank, bank.account)


@pytest.fixture
async def other(bank):
    """Another app that acts for Ada."""
    client = (await add_client(bank.db, "Another app")).client
    async with http(bank.db, token=await add_token(bank.db, client, bank.ada)) as api:
        yield api


def receipt(paid, external_id="Order-1", **more):
    return {**copy.deepcopy(BURGER), "transaction_id": paid, "external_id": external_id, **more}


def small(paid, external_id="Order-1", **more):
    fields = {"total": 1, "currency": "GBP", "items": []} | more
    return {"transaction_id": paid, "external_id": external_id, **fields}


async def keep(api, body):
    answer = await api.put(PATH, json=body)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["receipt_id"]
    return answer.json()["receipt_id"]


async def read(api, external_id="Order-1"):
    answer = await api.get(PATH, params={"external_id": external_id})
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["receipt"]
    return answer.json()["receipt"]


async def code_of_reading(api, external_id="Order-1"):
    answer = await api.get(PATH, params={"external_id": external_id})
    return answer.status_code, answer.json().get("code")


async def test_a_receipt_is_read_back_with_every_field_and_nothing_missing(bank, paid):
    sent = receipt(paid)
    receipt_id = await keep(bank.api, sent)
    assert receipt_id.startswith("receipt_")
    assert len(receipt_id) == len("receipt_") + 22
    cheese, promotion = sent["items"][0]["sub_items"]
    burger, bananas = sent["items"]
    assert await read(bank.api) == {
        "id": receipt_id,
        "external_id": "Order-1",
        "transaction_id": paid,
        "proof_of_purchase_id": "",
        "barcode": None,
        "total": 1299,
        "currency": "GBP",
        "items": [
            {**burger, "sub_items": [cheese, ZERO_ITEM | promotion]},
            {**bananas, "sub_items": []},
        ],
        "taxes": sent["taxes"],
        "payments": [ZERO_PAYMENT | one for one in sent["payments"]],
        "merchant": sent["merchant"],
    }


async def test_what_was_not_said_is_empty_zero_or_false(bank, paid):
    line = {"description": "Tea", "amount": 1, "currency": "GBP"}
    taxes = [{"description": "VAT", "amount": 0, "currency": "GBP"}]
    await keep(bank.api, small(paid, items=[line], taxes=taxes))
    found = await read(bank.api)
    assert found["items"] == [ZERO_ITEM | line | {"sub_items": []}]
    assert found["taxes"] == [{**taxes[0], "tax_number": ""}]
    assert found["payments"] == []
    assert found["merchant"] == ZERO_MERCHANT
    await keep(bank.api, small(paid, taxes=None, payments=[], merchant={}))
    found = await read(bank.api)
    assert (found["items"], found["taxes"], found["payments"]) == ([], [], [])
    assert found["merchant"] == ZERO_MERCHANT


async def test_the_same_name_replaces_the_whole_and_keeps_the_id(bank, paid):
    first = await keep(bank.api, receipt(paid))
    elsewhere = await paid_from(bank, bank.account)
    assert await keep(bank.api, small(elsewhere, total=2)) == first
    found = await read(bank.api)
    assert (found["id"], found["transaction_id"], found["total"]) == (first, elsewhere, 2)
    assert (found["items"], found["taxes"], found["payments"]) == ([], [], [])
    assert found["merchant"] == ZERO_MERCHANT
    assert await keep(bank.api, small(paid, "Order-2")) != first


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "application/json; charset=utf-8",
        "text/plain",
        "application/x-www-form-urlencoded",
        "nonsense",
    ],
)
async def test_a_body_is_json_whatever_it_is_called(bank, paid, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    content = json.dumps(receipt(paid), ensure_ascii=False).encode()
    answer = await bank.api.put(PATH, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    assert (await read(bank.api))["items"][1]["description"] == "Bananas, £1 per kg 🍌"


async def test_unknown_members_are_passed_over_and_null_and_empty_are_absent(bank, paid):
    line = {
        "description": "Tea",
        "amount": 1,
        "currency": "GBP",
        "quantity": None,
        "unit": None,
        "tax": "",
        "sub_items": None,
        "colour": "green",
    }
    body = small(paid, items=[line], merchant=None, barcode=None, id="receipt_x", payments=None)
    await keep(bank.api, body)
    found = await read(bank.api)
    assert found["items"][0] == ZERO_ITEM | {
        "description": "Tea", "amount": 1, "currency": "GBP", "sub_items": []
    }  # fmt: skip
    assert found["id"] != "receipt_x"


async def test_sub_items_may_say_that_they_have_none_of_their_own(bank, paid):
    part = {"description": "Milk", "amount": 0, "currency": "GBP", "sub_items": []}
    line = {"description": "Tea", "amount": 1, "currency": "GBP", "sub_items": [part]}
    await keep(bank.api, small(paid, items=[line]))
    assert (await read(bank.api))["items"][0]["sub_items"] == [ZERO_ITEM | part]


async def test_a_sum_that_does_not_add_up_is_nobody_s_business(bank, paid):
    line = {"description": "Tea", "amount": 999, "currency": "EUR"}
    pay = {"type": "cash", "amount": -5, "currency": "USD"}
    await keep(bank.api, small(paid, total=1, items=[line], payments=[pay]))


@pytest.mark.parametrize(
    "literal",
    ["1", "2.0", "18.56", "0.1", "1.10", "-3", "0.30000000000000001", "123456789012345678901234"],
)
async def test_a_quantity_is_shown_digit_for_digit_as_it_was_sent(bank, paid, literal):
    body = json.dumps(small(paid, items=[LINE | {"quantity": 0}]))
    body = body.replace('"quantity": 0', f'"quantity": {literal}')
    assert (await bank.api.put(PATH, content=body)).status_code == 200
    answer = await bank.api.get(PATH, params={"external_id": "Order-1"})
    assert f'"quantity":{literal},' in answer.text


async def test_amounts_are_whole_however_they_are_written(bank, paid):
    line = '{"description": "Tea", "amount": -23.0, "currency": "GBP", "tax": "7"}'
    body = json.dumps(small(paid, total=1_000_000_000_000_000)).replace("[]", f"[{line}]")
    assert (await bank.api.put(PATH, content=body)).status_code == 200
    found = await read(bank.api)
    assert found["total"] == 10**15
    assert (found["items"][0]["amount"], found["items"][0]["tax"]) == (-23, 7)
    assert type(found["items"][0]["amount"]) is int


def without(one, name):
    return {key: value for key, value in one.items() if key != name}


REFUSED = [
    *(({name: gone}, f"missing_param.{name}", name)
      for name in ("external_id", "total", "currency", "items", "transaction_id")
      for gone in (None, "")),
    *(({"items": [LINE, without(LINE, name)]}, "missing_param.items", f"items[1].{name}")
      for name in LINE),
    *(({"taxes": [without(LINE, name)]}, "missing_param.taxes", f"taxes[0].{name}")
      for name in LINE),
    *(({"payments": [without(PAYMENT, name)]}, "missing_param.payments", f"payments[0].{name}")
      for name in PAYMENT),
    ({"total": 0}, "bad_param.total", "total"),
    ({"total": -1}, "bad_param.total", "total"),
    ({"total": 12.5}, "bad_param.total", "total"),
    ({"total": 10**15 + 1}, "bad_param.total", "total"),
    ({"total": True}, "bad_param.total", "total"),
    ({"total": "12,50"}, "bad_param.total", "total"),
    ({"currency": "gbp"}, "bad_param.currency", "currency"),
    ({"currency": "POUND"}, "bad_param.currency", "currency"),
    ({"currency": 826}, "bad_param.currency", "currency"),
    ({"external_id": 7}, "bad_param.external_id", "external_id"),
    ({"external_id": "x" * (ID_MAX + 1)}, "bad_param.external_id", "external_id"),
    ({"external_id": "a\0b"}, "bad_param.external_id", "external_id"),
    ({"items": {}}, "bad_param.items", "items"),
    ({"items": [LINE] * (ITEMS_MAX + 1)}, "bad_param.items", "items"),
    ({"items": [[]]}, "bad_param.items", "items[0]"),
    ({"items": [LINE | {"amount": 1.5}]}, "bad_param.items", "items[0].amount"),
    ({"items": [LINE | {"amount": -(10**15) - 1}]}, "bad_param.items", "items[0].amount"),
    ({"items": [LINE | {"description": "\ud800"}]}, "bad_param.items", "items[0].description"),
    ({"items": [LINE | {"unit": "x" * (TEXT_MAX + 1)}]}, "bad_param.items", "items[0].unit"),
    ({"items": [LINE | {"quantity": "many"}]}, "bad_param.items", "items[0].quantity"),
    ({"items": [LINE | {"quantity": "NaN"}]}, "bad_param.items", "items[0]"),
    ({"items": [LINE | {"quantity": "Infinity"}]}, "bad_param.items", "items[0]"),
    ({"items": [LINE | {"quantity": 1e31}]}, "bad_param.items", "items[0]"),
    ({"items": [LINE | {"quantity": 1e-31}]}, "bad_param.items", "items[0]"),
    ({"items": [LINE | {"quantity": 10**DIGITS_MAX}]}, "bad_param.items", "items[0]"),
    ({"items": [LINE | {"sub_items": [without(LINE, "amount")]}]},
     "missing_param.items", "items[0].sub_items[0].amount"),
    ({"items": [LINE | {"sub_items": [LINE | {"sub_items": [LINE]}]}]},
     "bad_param.items", "items[0].sub_items[0].sub_items"),
    ({"items": [LINE | {"sub_items": [LINE] * (PARTS_MAX + 1)}]},
     "bad_param.items", "items[0].sub_items"),
    ({"taxes": [LINE] * (PARTS_MAX + 1)}, "bad_param.taxes", "taxes"),
    ({"payments": [PAYMENT] * (PARTS_MAX + 1)}, "bad_param.payments", "payments"),
    ({"payments": [PAYMENT | {"type": "cheque"}]}, "bad_param.payments", "payments[0].type"),
    ({"payments": [PAYMENT | {"last_four": 1234}]}, "bad_param.payments", "payments[0].last_four"),
    ({"merchant": "Grill"}, "bad_param.merchant", "merchant"),
    ({"merchant": {"online": "perhaps"}}, "bad_param.merchant", "merchant.online"),
    ({"merchant": {"name": "x" * (TEXT_MAX + 1)}}, "bad_param.merchant", "merchant.name"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "named"), REFUSED)
async def test_what_is_missing_or_wrong_is_refused_by_its_name_and_changes_nothing(
    bank, paid, change, code, named
):
    await keep(bank.api, receipt(paid))
    before = await read(bank.api)
    answer = await bank.api.put(PATH, content=json.dumps(small(paid) | change))
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == f"bad_request.{code}"
    assert f"'{named}'" in answer.json()["message"]
    assert await read(bank.api) == before


@pytest.mark.parametrize("body", ["", "[]", "{", "total=5", '"x"', '{"total": NaN}', "\udcff"])
async def test_what_is_no_json_object_is_refused(bank, body):
    answer = await bank.api.put(PATH, content=body.encode("utf-8", "surrogateescape"))
    assert answer.status_code == 400
    expected = "missing_param.total" if body == "" else "bad_body"
    assert answer.json()["code"] == f"bad_request.{expected}"


async def test_a_receipt_as_large_as_may_be_is_kept_and_a_larger_body_refused(bank, paid):
    lines = [LINE | {"description": "x" * 400}] * ITEMS_MAX
    await keep(bank.api, small(paid, items=lines))
    assert len((await read(bank.api))["items"]) == ITEMS_MAX
    lines = [LINE | {"description": "x" * 600}] * ITEMS_MAX
    answer = await bank.api.put(PATH, json=small(paid, items=lines))
    assert (answer.status_code, answer.json()["code"]) == (413, "bad_request.too_large")


@pytest.mark.parametrize("form", ["query", "form", "json", "bare form"])
async def test_a_receipt_is_deleted_by_its_name_in_the_query_or_in_a_body(bank, paid, form):
    await keep(bank.api, receipt(paid))
    named = {"external_id": "Order-1"}
    forms: dict[str, dict[str, Any]] = {
        "query": {"params": named},
        "form": {"data": named},
        "json": {"json": named},
        "bare form": {"content": "external_id=Order-1"},
    }
    sent = forms[form]
    answer = await bank.api.request("DELETE", PATH, **sent)
    assert (answer.status_code, answer.content) == (200, b"{}\n")
    assert await code_of_reading(bank.api) == (404, "not_found.receipt")
    again = await bank.api.request("DELETE", PATH, **sent)
    assert (again.status_code, again.json()["code"]) == (404, "not_found.receipt")


async def test_a_name_is_required_to_read_and_to_delete(bank):
    for method in ("GET", "DELETE"):
        for params in ({}, {"external_id": ""}):
            answer = await bank.api.request(method, PATH, params=params)
            assert answer.status_code == 400
            assert answer.json()["code"] == "bad_request.missing_param.external_id"


@pytest.mark.parametrize("name", ["#1 & more/€=🍞?", " ", "x" * ID_MAX, "🍞" * ID_MAX])
async def test_any_text_may_be_a_name(bank, paid, name):
    await keep(bank.api, small(paid, name))
    assert (await read(bank.api, name))["external_id"] == name
    answer = await bank.api.delete(PATH, params={"external_id": name})
    assert answer.json() == {}


async def test_a_transaction_that_is_not_the_caller_s_is_refused_as_one_that_is_not_there(bank):
    foreign = await paid_from(bank, bank.brians_account)
    for one in (foreign, "tx_123", foreign[:-1] + "~", "acc_" + "0" * 22, "🍞"):
        answer = await bank.api.put(PATH, json=small(one))
        assert (answer.status_code, answer.json()) == (403, bank.forbidden)
    assert await code_of_reading(bank.api) == (404, "not_found.receipt")


async def test_another_app_s_and_another_user_s_receipt_are_not_there(bank, paid, other):
    joint = await add_account(bank.db, bank.ada, bank.brian)
    shared = await paid_from(bank, joint)
    mine = await keep(bank.api, small(shared, total=1))
    async with http(bank.db, token=await add_token(bank.db, bank.app, bank.brian)) as brians:
        for api in (other, brians):
            assert await code_of_reading(api) == (404, "not_found.receipt")
            gone = await api.delete(PATH, params={"external_id": "Order-1"})
            assert gone.json()["code"] == "not_found.receipt"
            theirs = await keep(api, small(shared, total=2))
            assert theirs != mine
            assert (await read(api))["total"] == 2
        brians_id = (await read(brians))["id"]
    assert (await read(bank.api))["total"] == 1
    # A receipt lives with its user, whose shard is in its id.
    assert shard_of(mine) == shard_of(bank.ada.id)
    assert shard_of(brians_id) == shard_of(bank.brian.id)


async def test_a_transaction_has_no_more_receipts_of_an_app_than_it_may(bank, paid, other):
    for number in range(RECEIPTS_MAX):
        await keep(bank.api, small(paid, f"Order-{number}"))
    answer = await bank.api.put(PATH, json=small(paid, "one more"))
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request.too_many_receipts"
    # What is there can still be replaced, and neither another app nor payment is concerned.
    await keep(bank.api, small(paid, "Order-3", total=3))
    await keep(other, small(paid, "one more"))
    await keep(bank.api, small(await paid_from(bank, bank.account), "one more"))
    moved = await bank.api.put(PATH, json=small(paid, "one more"))
    assert moved.json()["code"] == "bad_request.too_many_receipts"
    await bank.api.delete(PATH, params={"external_id": "Order-5"})
    await keep(bank.api, small(paid, "one more"))


async def test_many_at_once_under_one_name_make_one_receipt(bank, paid):
    answers = await asyncio.gather(
        *(bank.api.put(PATH, json=small(paid, total=1 + number)) for number in range(20))
    )
    assert [one.status_code for one in answers] == 20 * [200]
    [receipt_id] = {one.json()["receipt_id"] for one in answers}
    found = await read(bank.api)
    assert found["id"] == receipt_id
    assert found["total"] in range(1, 21)


async def test_many_at_once_under_their_own_names_are_no_more_than_may_be(bank, paid):
    bodies = [small(paid, f"Order-{number}") for number in range(RECEIPTS_MAX + 5)]
    answers = await asyncio.gather(*(bank.api.put(PATH, json=body) for body in bodies))
    assert sorted(one.status_code for one in answers) == RECEIPTS_MAX * [200] + 5 * [400]


async def test_a_receipt_whose_commit_was_unclear_is_kept_once(bank, paid):
    async with http(UnclearCommits(bank.db), token=bank.token) as api:
        receipt_id = await keep(api, small(paid))
    assert (await read(bank.api))["id"] == receipt_id
    assert await keep(bank.api, small(paid)) == receipt_id


async def test_receipts_are_refused_without_a_token_before_anything_is_looked_at(bank):
    bank.api.headers.pop("Authorization")
    for method in ("PUT", "GET", "DELETE"):
        answer = await bank.api.request(method, PATH, content=b"{")
        assert answer.status_code == 401
    assert (await bank.api.post(PATH, json={})).status_code == 405

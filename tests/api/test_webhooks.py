"""Webhooks over HTTP: registered, listed, retrieved and deleted by their own client alone."""

import asyncio
import dataclasses
from typing import Any

import pytest

from tests.support.callers import SETTINGS, add_account, add_client, add_token, http
from tests.support.people import UnclearCommits

URL = "https://user:pw@app.example:8443/hook?key=s3cret&x=%20#part"


@pytest.fixture
async def other(bank):
    """Another app that acts for Ada."""
    client = (await add_client(bank.db, "Another app")).client
    async with http(bank.db, token=await add_token(bank.db, client, bank.ada)) as api:
        yield api


async def register(bank, api=None, account=None, **fields):
    data = {"account_id": (account or bank.account).id, "url": URL} | fields
    return await (api or bank.api).post("/webhooks", data=data)


async def listed(api, account):
    answer = await api.get("/webhooks", params={"account_id": account.id})
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"webhooks"}
    return answer.json()["webhooks"]


@pytest.mark.parametrize("form", ["data", "json", "query", "none"])
async def test_a_webhook_has_exactly_three_keys_and_its_address_as_it_came(bank, form):
    fields = {"account_id": bank.account.id, "url": URL}
    encoded = str(bank.api.build_request("GET", "/", params=fields).url.query, "ascii")
    forms: dict[str, dict[str, Any]] = {
        "data": {"data": fields},
        "json": {"json": fields},
        "query": {"params": fields},
        "none": {"content": encoded},
    }
    answer = await bank.api.post("/webhooks", **forms[form])
    assert answer.status_code == 200
    webhook = answer.json()["webhook"]
    assert webhook == {"id": webhook["id"], "account_id": bank.account.id, "url": URL}
    assert webhook["id"].startswith("webhook_")
    assert await listed(bank.api, bank.account) == [webhook]
    assert (await bank.api.get(f"/webhooks/{webhook['id']}")).json() == {"webhook": webhook}


async def test_the_same_address_again_is_another_webhook(bank, clock):
    first = (await register(bank)).json()["webhook"]
    clock.advance(1)
    second = (await register(bank)).json()["webhook"]
    assert first["id"] != second["id"]
    assert await listed(bank.api, bank.account) == [first, second]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"account_id": ""}, "missing_param.account_id"),
        ({"url": ""}, "missing_param.url"),
        ({"url": "app.example/hook"}, "bad_param.url"),
        ({"url": "ftp://app.example"}, "bad_param.url"),
        ({"url": "http://"}, "bad_param.url"),
        ({"url": "http://a.example/".ljust(2049, "x")}, "bad_param.url"),
        ({"events[]": "transaction.create"}, "bad_param.events"),
        ({"events": "everything"}, "bad_param.events"),
    ],
)
async def test_what_is_missing_or_will_not_do_is_named_and_registers_nothing(bank, fields, code):
    answer = await register(bank, **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.{code}")
    assert await listed(bank.api, bank.account) == []


async def test_events_may_be_asked_for_in_every_form_of_a_list(bank):
    events = ["balance.updated", "transaction.created"]
    fields = {"account_id": bank.account.id, "url": URL}
    for sent in (
        {"data": fields | {"events[]": events}},
        {"data": fields | {"events[0]": events[0], "events[1]": events[1]}},
        {"json": fields | {"events": events}},
        {"json": fields | {"events[]": events}},
    ):
        answer = await bank.api.post("/webhooks", **sent)
        assert answer.json()["webhook"].keys() == {"id", "account_id", "url"}
    rows = await bank.db.read(
        lambda tx: tx.fetch("SELECT DISTINCT events FROM webhooks WHERE shard >= $1", 0)
    )
    assert [row["events"] for row in rows] == ['["transaction.created","balance.updated"]']


async def test_an_account_of_somebody_else_is_forbidden(bank):
    for account_id in (bank.brians_account.id, "acc_123"):
        for answer in (
            await bank.api.get("/webhooks", params={"account_id": account_id}),
            await bank.api.post("/webhooks", data={"account_id": account_id, "url": URL}),
        ):
            assert (answer.status_code, answer.json()) == (403, bank.forbidden)


async def test_another_clients_webhook_is_not_there(bank, other):
    webhook = (await register(bank)).json()["webhook"]
    assert await listed(other, bank.account) == []
    path = f"/webhooks/{webhook['id']}"
    for answer in (
        await other.get(path),
        await other.delete(path),
        await bank.api.get("/webhooks/webhook_0000B476k79qyLyeiOBR34"),
        await bank.api.delete("/webhooks/nonsense"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found.webhook")
    assert await listed(bank.api, bank.account) == [webhook]


async def test_both_owners_of_a_joint_account_see_a_clients_webhooks(bank):
    joint = await add_account(bank.db, bank.ada, bank.brian)
    webhook = (await register(bank, account=joint)).json()["webhook"]
    async with http(bank.db, token=await add_token(bank.db, bank.app, bank.brian)) as brians:
        assert await listed(brians, joint) == [webhook]
        assert (await brians.delete(f"/webhooks/{webhook['id']}")).content == b"{}\n"
    assert await listed(bank.api, joint) == []


async def test_who_owns_the_account_no_longer_has_no_webhook_there(bank):
    webhook = (await register(bank)).json()["webhook"]
    async with http(bank.db, token=await add_token(bank.db, bank.app, bank.brian)) as brians:
        assert (await brians.get(f"/webhooks/{webhook['id']}")).status_code == 404
        assert (await brians.delete(f"/webhooks/{webhook['id']}")).status_code == 404


async def test_a_deleted_webhook_is_gone_and_its_address_forgotten(bank):
    webhook = (await register(bank)).json()["webhook"]
    path = f"/webhooks/{webhook['id']}"
    answer = await bank.api.delete(path)
    assert (answer.status_code, answer.content) == (200, b"{}\n")
    assert await listed(bank.api, bank.account) == []
    assert (await bank.api.get(path)).status_code == 404
    assert (await bank.api.delete(path)).status_code == 404
    rows = await bank.db.read(
        lambda tx: tx.fetch("SELECT id FROM webhooks WHERE shard >= $1 AND url <> ''", 0)
    )
    assert list(rows) == []


async def test_a_client_may_have_so_many_webhooks_on_an_account(bank, other):
    settings = dataclasses.replace(SETTINGS, webhooks_max=3)
    joint = await add_account(bank.db, bank.ada, bank.brian)
    async with http(bank.db, settings, token=bank.token) as api:
        answers = await asyncio.gather(*(register(bank, api) for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 3
        refused = await register(bank, api)
        assert refused.json()["code"] == "bad_request.too_many_webhooks"
        assert (await register(bank, api, joint)).status_code == 200
        [webhook, *_] = await listed(api, bank.account)
        await api.delete(f"/webhooks/{webhook['id']}")
        assert (await register(bank, api)).status_code == 200
    assert (await register(bank, other)).status_code == 200


async def test_a_commit_whose_answer_was_lost_registers_one_webhook(bank):
    async with http(UnclearCommits(bank.db), token=bank.token) as api:
        webhook = (await register(bank, api)).json()["webhook"]
    assert await listed(bank.api, bank.account) == [webhook]

"""The feed over HTTP: both historic shapes, pages, privacy, repeats, conditions."""

import asyncio
import dataclasses

import pytest

from minibank.core.instants import format_instant
from minibank.feed.items import dismiss_item
from minibank.feed.records import item_of
from minibank.oauth.records import ClientOptions
from tests.support.callers import SETTINGS, add_account, add_client, add_token, http
from tests.support.histories import merchant, put, transaction
from tests.support.people import UnclearCommits

BASIC = {"type": "basic", "params[title]": "Rain", "params[image_url]": "www.example.com/rain.png"}
SECOND = 1_000_000


@pytest.fixture
async def other(bank):
    """Another app that acts for Ada."""
    client = (await add_client(bank.db, "Another app")).client
    async with http(bank.db, token=await add_token(bank.db, client, bank.ada)) as api:
        yield api


async def feed(api, account, **query):
    answer = await api.get("/feed", params={"account_id": account.id, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def create(bank, api=None, headers=None, account=None, **fields):
    account = account or bank.account
    data = BASIC | {"account_id": account.id} | fields
    return await (api or bank.api).post("/feed", data=data, headers=headers)


async def renew(bank, api):
    """A token in place of one whose time is over."""
    api.headers["Authorization"] = f"Bearer {await add_token(bank.db, bank.app, bank.ada)}"


async def create_one(bank, **fields):
    answer = await create(bank, **fields)
    assert (answer.status_code, answer.content) == (200, b"{}\n")
    return (await feed(bank.api, bank.account))[0]


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"params[title]": "Rain", "params[image_url]": "x", "type": "basic"}},
        {"files": {"params[title]": (None, "Rain"), "params[image_url]": (None, "x"),
                   "type": (None, "basic")}},
        {"json": {"params": {"title": "Rain", "image_url": "x"}, "type": "basic"}},
        {"json": {"params[title]": "Rain", "params[image_url]": "x", "type": "basic"}},
        {"content": '{"params": {"title": "Rain", "image_url": "x"}, "type": "basic"}'},
        {"content": "params[title]=Rain&params[image_url]=x&type=basic"},
        {"content": "params%5Btitle%5D=Rain&params%5Bimage_url%5D=x&type=basic"},
    ],
    ids=["form", "multipart", "json", "flat json", "sniffed json", "sniffed form", "encoded"],
)  # fmt: skip
async def test_every_encoding_makes_the_same_item_and_is_answered_with_nothing(bank, sent):
    answer = await bank.api.post("/feed", params={"account_id": bank.account.id}, **sent)
    assert (answer.status_code, answer.content) == (200, b"{}\n")
    [item] = await feed(bank.api, bank.account)
    assert item["params"] == {"title": "Rain", "image_url": "x"}
    assert (item["type"], item["url"], item["read"], item["external_id"]) == (
        "basic",
        "",
        False,
        "",
    )
    assert item["account_id"] == bank.account.id
    assert item.keys().isdisjoint({"transaction", "expires_at"})


async def test_the_form_of_september_2015_makes_a_basic_item(bank):
    flat = {"account_id": bank.account.id, "type": "image", "title": "Rain", "image_url": "x"}
    assert (await bank.api.post("/feed", data=flat)).json() == {}
    flat |= {"background_color": "#f80", "body": "Soon"}
    assert (await bank.api.post("/feed", json=flat)).json() == {}
    second, first = await feed(bank.api, bank.account)
    assert first["type"] == second["type"] == "basic"
    assert first["params"] == {"title": "Rain", "image_url": "x", "background_color": "#FFFFFF"}
    assert second["params"]["background_color"] == "#FF8800"
    assert second["params"]["body"] == "Soon"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"account_id": ""}, "missing_param.account_id"),
        ({"type": ""}, "missing_param.type"),
        ({"type": "video"}, "bad_param.type"),
        ({"params[title]": ""}, "missing_param.title"),
        ({"params[image_url]": ""}, "missing_param.image_url"),
        ({"params[body_color]": "red"}, "bad_param.body_color"),
        ({"params": "text"}, "bad_param.params"),
        ({"expires_at": "soon"}, "bad_param.expires_at"),
        ({"expires": "soon"}, "bad_param.expires"),
        ({"expires_at": "2026-03-10T12:00:00Z"}, "bad_param.expires_at"),
        ({"type": "image", "params[title]": ""}, "missing_param.title"),
    ],
)
async def test_what_an_item_lacks_or_cannot_say_is_named_and_makes_none(bank, fields, code):
    answer = await create(bank, **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.{code}")
    assert await feed(bank.api, bank.account) == []


async def test_a_feed_of_somebody_else_is_forbidden_to_read_and_to_write(bank):
    for account_id in (bank.brians_account.id, "acc_123"):
        for answer in (
            await bank.api.get("/feed", params={"account_id": account_id}),
            await bank.api.post("/feed", data=BASIC | {"account_id": account_id}),
        ):
            assert (answer.status_code, answer.json()) == (403, bank.forbidden)


async def test_the_feed_is_transactions_and_items_together_newest_first(bank, clock):
    deli = merchant()
    rows = [
        transaction(bank.account.id, clock.now() + n * SECOND, merchant_id=deli.id)
        for n in (-2, 1, 3)
    ]
    await put(bank.db, rows, [deli])
    await create(bank)
    clock.advance(2)
    await create(bank, **{"params[title]": "Sun"})
    items = await feed(bank.api, bank.account)
    assert [one.get("external_id") or one["params"]["title"] for one in items] == [
        rows[2].id, "Sun", rows[1].id, "Rain", rows[0].id,
    ]  # fmt: skip
    plain = (await bank.api.get(f"/transactions/{rows[0].id}")).json()["transaction"]
    assert items[-1] == {
        "id": item_of(rows[0].id),
        "account_id": bank.account.id,
        "type": "transaction",
        "external_id": rows[0].id,
        "created": plain["created"],
        "updated": plain["updated"],
        "read": False,
        "url": "",
        "params": {},
        "transaction": plain,
    }
    expanded = await feed(bank.api, bank.account, **{"expand[]": "merchant"})
    assert expanded[0]["transaction"]["merchant"]["id"] == deli.id


async def test_a_walk_back_by_id_visits_everything_once(bank, clock):
    rows = [transaction(bank.account.id, clock.now() - SECOND + n // 3) for n in range(20)]
    await put(bank.db, rows)
    for n in range(10):
        await create(bank, **{"params[title]": str(n)})
    everything = await feed(bank.api, bank.account, limit=100)
    assert len(everything) == 30
    for limit in (1, 7):
        walked: list[dict[str, object]] = []
        bound: dict[str, str] = {}
        while page := await feed(bank.api, bank.account, limit=limit, **bound):
            walked += page
            bound = {"before": page[-1]["id"]}
        assert walked == everything


async def test_since_and_before_mean_what_they_mean_for_transactions(bank, clock):
    rows = [transaction(bank.account.id, clock.now() - n * SECOND) for n in (9, 6, 3)]
    await put(bank.db, rows)
    await create(bank)
    ids = [item["id"] for item in await feed(bank.api, bank.account)]
    three = format_instant(rows[2].created_at)

    async def listed(**bounds):
        return [item["id"] for item in await feed(bank.api, bank.account, **bounds)]

    assert await listed(since=ids[1]) == ids[:1]
    assert await listed(since=rows[2].id) == ids[:1]
    assert await listed(since=three) == await listed(start_time=three) == ids[:2]
    assert await listed(before=three) == ids[2:]
    assert await listed(before=ids[1], since=ids[3]) == ids[2:3]
    assert await listed(start_time=format_instant(0), since=three) == ids[:2]
    assert await listed(since="", before="", start_time="", limit="") == ids
    assert await listed(since=ids[0]) == []


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ({"since": "feeditem_0000B476k79qyLyeiOBR34"}, "since"),
        ({"before": "tx_1"}, "before"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"start_time": "feeditem_1"}, "start_time"),
        ({"limit": "0"}, "limit"),
    ],
)
async def test_a_bound_that_is_none_is_refused(bank, bounds, code):
    answer = await bank.api.get("/feed", params={"account_id": bank.account.id, **bounds})
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.bad_param.{code}")


async def test_another_apps_item_cannot_be_seen_bounded_by_changed_or_deleted(bank, other):
    item = await create_one(bank)
    assert await feed(other, bank.account) == []
    bounded = await other.get("/feed", params={"account_id": bank.account.id, "since": item["id"]})
    assert bounded.json()["code"] == "bad_request.bad_param.since"
    path = f"/feed/{item['id']}"
    for answer in (
        await other.get(path),
        await other.patch(path, data={"params[title]": "Mine"}),
        await other.delete(path),
        await bank.api.get("/feed/feeditem_0000B476k79qyLyeiOBR34"),
        await bank.api.get("/feed/nonsense"),
        await bank.api.delete("/feed/acc_0000B476k79qyLyeiOBR34"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found.feed_item")
    assert await feed(bank.api, bank.account) == [item]


async def test_both_owners_of_a_joint_account_see_an_apps_item(bank, clock):
    joint = await add_account(bank.db, bank.ada, bank.brian)
    await create(bank, account=joint)
    token = await add_token(bank.db, bank.app, bank.brian)
    async with http(bank.db, token=token) as brians:
        [item] = await feed(brians, joint)
        assert (await brians.get(f"/feed/{item['id']}")).json() == {"item": item}
        await bank.db.transact(lambda tx: dismiss_item(tx, item["id"], bank.brian.id))
        assert await feed(brians, joint) == []
    assert await feed(bank.api, joint) == [item]


async def test_what_a_user_dismissed_is_not_on_the_feed_in_any_app(bank, other, clock):
    rows = [transaction(bank.account.id, clock.now() - n * SECOND) for n in (2, 1)]
    await put(bank.db, rows)
    item = await create_one(bank)
    for gone in (item["id"], item_of(rows[0].id)):
        for _ in range(2):
            await bank.db.transact(lambda tx, gone=gone: dismiss_item(tx, gone, bank.ada.id))
    for api in (bank.api, other):
        assert [one["id"] for one in await feed(api, bank.account)] == [item_of(rows[1].id)]
    assert (await bank.api.get(f"/feed/{item['id']}")).status_code == 200
    listed = await bank.api.get("/transactions", params={"account_id": bank.account.id})
    assert len(listed.json()["transactions"]) == 2


async def test_a_change_leaves_what_it_does_not_name(bank, clock):
    item = await create_one(bank, url="app://rain", **{"params[body]": "Soon"})
    clock.advance(5)
    path = f"/feed/{item['id']}"
    answer = await bank.api.patch(path, data={"params[title]": "Sun", "params[body]": ""})
    changed = answer.json()["item"]
    assert changed["params"] == {"title": "Sun", "image_url": BASIC["params[image_url]"]}
    assert changed["url"] == "app://rain"
    assert (changed["created"], changed["updated"]) == (
        item["created"],
        format_instant(clock.now()),
    )
    assert await feed(bank.api, bank.account) == [changed]
    assert (await bank.api.patch(path, json={"url": None})).json()["item"]["url"] == ""
    refused = await bank.api.patch(path, json={"params": {"title": ""}})
    assert refused.json()["code"] == "bad_request.missing_param.title"


async def test_a_change_of_nothing_leaves_updated_and_the_tag(bank, clock):
    item = await create_one(bank)
    clock.advance(5)
    read = await bank.api.get(f"/feed/{item['id']}")
    answer = await bank.api.patch(f"/feed/{item['id']}", data={"params[title]": "Rain"})
    assert answer.json() == read.json() == {"item": item}
    assert answer.headers["etag"] == read.headers["etag"]


async def test_a_deleted_item_is_gone(bank):
    item = await create_one(bank)
    answer = await bank.api.delete(f"/feed/{item['id']}")
    assert (answer.status_code, answer.content) == (200, b"{}\n")
    assert await feed(bank.api, bank.account) == []
    assert (await bank.api.get(f"/feed/{item['id']}")).status_code == 404
    assert (await bank.api.delete(f"/feed/{item['id']}")).status_code == 404


async def test_a_transactions_item_can_be_read_and_is_nobodys_to_change(bank, other, clock):
    row = transaction(bank.account.id, clock.now() - SECOND)
    await put(bank.db, [row])
    path = f"/feed/{item_of(row.id)}"
    for api in (bank.api, other):
        answer = await api.get(path)
        assert answer.json()["item"]["external_id"] == row.id
        assert answer.headers["etag"]
    for answer in (await bank.api.patch(path, data=BASIC), await bank.api.delete(path)):
        assert (answer.status_code, answer.json()) == (403, bank.forbidden)
    brians = transaction(bank.brians_account.id, clock.now() - SECOND)
    await put(bank.db, [brians])
    assert (await bank.api.get(f"/feed/{item_of(brians.id)}")).status_code == 404


async def test_an_item_is_off_the_feed_at_the_instant_it_expires(bank, clock):
    item = await create_one(bank, expires_at=format_instant(clock.now() + 10 * SECOND))
    assert item["expires_at"] == format_instant(clock.now() + 10 * SECOND)
    clock.advance(9.999)
    assert await feed(bank.api, bank.account) == [item]
    clock.advance(0.001)
    assert await feed(bank.api, bank.account) == []
    for method in ("GET", "PATCH", "DELETE"):
        assert (await bank.api.request(method, f"/feed/{item['id']}")).status_code == 404


async def test_expiry_can_be_put_off_and_taken_away(bank, clock):
    item = await create_one(bank, expires=format_instant(clock.now() + 10 * SECOND))
    path = f"/feed/{item['id']}"
    later = format_instant(clock.now() + 3600 * SECOND)
    assert (await bank.api.patch(path, data={"expires_at": later})).json()["item"][
        "expires_at"
    ] == later
    past = await bank.api.patch(path, data={"expires_at": "2020-01-01"})
    assert past.json()["code"] == "bad_request.bad_param.expires_at"
    answer = await bank.api.patch(path, data={"expires_at": ""})
    assert "expires_at" not in answer.json()["item"]
    clock.advance(4000)
    assert len(await feed(bank.api, bank.account)) == 1


async def test_a_key_makes_one_item_however_often_and_however_encoded(bank):
    key = {"Idempotency-Key": "rain-1"}
    for _ in range(2):
        assert (await create(bank, headers=key)).json() == {}
    body = {"type": "basic", "account_id": bank.account.id,
            "params": {"image_url": BASIC["params[image_url]"], "title": "Rain"}}  # fmt: skip
    answer = await bank.api.post("/feed", json=body, headers={"Idempotency-Key": '"rain-1"'})
    assert answer.json() == {}
    assert len(await feed(bank.api, bank.account)) == 1


async def test_a_key_that_came_with_other_content_is_a_conflict(bank):
    key = {"Idempotency-Key": "rain-1"}
    await create(bank, headers=key)
    for fields in ({"params[title]": "Sun"}, {"url": "x"}, {"expires_at": "2030-01-01"}):
        answer = await create(bank, headers=key, **fields)
        assert answer.status_code == 409
        assert answer.json()["code"] == "conflict.idempotency_key_reused"
    assert len(await feed(bank.api, bank.account)) == 1


async def test_without_a_key_each_request_makes_an_item_and_keys_are_each_apps_own(bank, other):
    key = {"Idempotency-Key": "rain-1"}
    await create(bank)
    await create(bank)
    await create(bank, headers=key)
    await create(bank, api=other, headers=key, **{"params[title]": "Sun"})
    assert len(await feed(bank.api, bank.account)) == 3
    assert len(await feed(other, bank.account)) == 1


async def test_a_key_answers_after_its_item_is_gone_and_until_it_is_forgotten(bank, clock):
    key = {"Idempotency-Key": "rain-1"}
    soon = format_instant(clock.now() + SECOND)
    await create(bank, headers=key, expires_at=soon)
    clock.advance(SETTINGS.feed_key_seconds - 1)
    await renew(bank, bank.api)
    assert (await create(bank, headers=key, expires_at=soon)).json() == {}
    assert await feed(bank.api, bank.account) == []
    clock.advance(1)
    assert (await create(bank, headers=key)).json() == {}
    assert len(await feed(bank.api, bank.account)) == 1
    assert (await create(bank, headers=key)).json() == {}
    assert len(await feed(bank.api, bank.account)) == 1


async def test_a_bad_key_makes_nothing(bank):
    answer = await create(bank, headers={"Idempotency-Key": "a b"})
    assert answer.json()["code"] == "bad_request.bad_header.idempotency_key"
    assert await feed(bank.api, bank.account) == []


async def test_the_same_key_at_the_same_time_makes_one_item(bank):
    key = {"Idempotency-Key": "rain-1"}
    answers = await asyncio.gather(*(create(bank, headers=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await feed(bank.api, bank.account)) == 1


async def test_a_commit_whose_answer_was_lost_makes_one_item(bank):
    async with http(UnclearCommits(bank.db), token=bank.token) as api:
        assert (await create(bank, api=api)).json() == {}
    assert len(await feed(bank.api, bank.account)) == 1


async def test_an_app_may_put_so_many_items_on_one_feed_in_a_day(bank, clock):
    settings = dataclasses.replace(SETTINGS, feed_items_per_day=2)
    joint = await add_account(bank.db, bank.ada, bank.brian)
    key = {"Idempotency-Key": "second"}
    async with http(bank.db, settings, token=bank.token) as api:
        await create(bank, api=api)
        await create(bank, api=api, headers=key)
        refused = await create(bank, api=api)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited.feed_items")
        assert refused.headers["retry-after"] == str(12 * 3600)
        assert (await create(bank, api=api, headers=key)).json() == {}
        assert (await create(bank, api=api, account=joint)).json() == {}
        clock.advance(12 * 3600)
        await renew(bank, api)
        assert (await create(bank, api=api)).json() == {}
    await renew(bank, bank.api)
    assert len(await feed(bank.api, bank.account)) == 3


async def test_only_a_version_that_was_seen_is_changed_or_deleted(bank):
    item = await create_one(bank)
    path = f"/feed/{item['id']}"
    tag = (await bank.api.get(path)).headers["etag"]
    changed = await bank.api.patch(path, data={"params[title]": "Sun"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] == (await bank.api.get(path)).headers["etag"] != tag
    for answer in (
        await bank.api.patch(path, data={"params[title]": "Fog"}, headers={"If-Match": tag}),
        await bank.api.delete(path, headers={"If-Match": tag}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
        assert "feed item" in answer.json()["message"]
    bad = await bank.api.delete(path, headers={"If-Match": "none"})
    assert bad.json()["code"] == "bad_request.bad_header.if_match"
    unmodified = await bank.api.get(path, headers={"If-None-Match": changed.headers["etag"]})
    assert (unmodified.status_code, unmodified.content) == (304, b"")
    assert (await bank.api.delete(path, headers={"If-Match": "*"})).status_code == 200


async def test_of_two_changes_that_saw_the_same_version_one_is_made(bank):
    item = await create_one(bank)
    path = f"/feed/{item['id']}"
    seen = {"If-Match": (await bank.api.get(path)).headers["etag"]}
    answers = await asyncio.gather(
        *(bank.api.patch(path, data={"params[title]": str(n)}, headers=seen) for n in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]


async def test_the_form_of_settled_follows_the_client_on_the_feed_too(bank, clock):
    await put(bank.db, [transaction(bank.account.id, clock.now() - SECOND, settled_at=None)])
    client = (
        await add_client(bank.db, "Old app", options=ClientOptions(settled_pending="null"))
    ).client
    async with http(bank.db, token=await add_token(bank.db, client, bank.ada)) as api:
        [item] = await feed(api, bank.account)
        assert item["transaction"]["settled"] is None


async def test_items_of_one_app_on_one_feed_are_never_of_one_microsecond(bank):
    await asyncio.gather(*(create(bank) for _ in range(6)))
    rows = await bank.db.read(
        lambda tx: tx.fetch("SELECT created_at FROM feed_items WHERE shard >= $1", 0)
    )
    assert len({row["created_at"] for row in rows}) == 6

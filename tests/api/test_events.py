"""Events for clients that come and ask: numbered pages, and an answer that stays open."""

import asyncio
import contextlib

import msgspec
import pytest

from minibank.api import build_api
from minibank.audit import audit
from minibank.core.ids import shard_of
from minibank.payments.engine import Engine
from minibank.settings import preset
from minibank.webhooks.registering import remove_webhook
from minibank.webhooks.streams import find_stream
from minibank.worker.due import run_due
from tests.support.banking import Holder, Orders
from tests.support.callers import PUBLIC_URL, add_client, add_token, http
from tests.support.outbox import purge_now
from tests.support.sending import FakeSender, dispatcher_of, run_until_idle

orders = Orders("stream")


async def pay(bank, count=1):
    engine = Engine(bank.db)
    for _ in range(count):
        await engine.execute(orders.top_up(Holder(bank.account.id, "", (bank.ada.id,)), 5))


async def page(bank, **params):
    answer = await bank.api.get("/events", params={"account_id": bank.account.id} | params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_events_are_kept_from_the_first_request_on(bank):
    await pay(bank)
    assert await page(bank) == {"events": [], "next": 0}
    await pay(bank)
    got = await page(bank)
    assert [(one["number"], one["type"]) for one in got["events"]] == [
        (1, "transaction.created"),
        (2, "balance.updated"),
    ]
    assert got["next"] == 2
    assert got["events"][0]["data"]["amount"] == 5
    assert got["events"][1]["data"]["balance"] == 10
    assert (await audit(bank.db)).clean


async def test_the_cursor_is_the_number_and_pages_follow_without_gaps(bank):
    await page(bank)
    await pay(bank, 3)
    seen, after = [], 0
    while (got := await page(bank, after=after, limit=4))["events"]:
        seen += [one["number"] for one in got["events"]]
        after = got["next"]
    assert seen == [1, 2, 3, 4, 5, 6]
    assert got == {"events": [], "next": 6}


async def test_only_the_types_that_are_asked_for_are_shown_and_the_cursor_passes_the_others(bank):
    await page(bank)
    await pay(bank, 2)
    got = await page(bank, **{"events[]": "balance.updated"})
    assert [one["number"] for one in got["events"]] == [2, 4]
    assert got["next"] == 4
    got = await page(bank, after=0, limit=1, **{"events[]": "balance.updated"})
    assert got == {"events": [], "next": 1}


async def test_a_stream_is_one_clients_and_no_webhook(bank):
    await page(bank)
    await pay(bank)
    assert (await bank.api.get("/webhooks", params={"account_id": bank.account.id})).json() == {
        "webhooks": []
    }
    other = (await add_client(bank.db, "Another app")).client
    async with http(bank.db, token=await add_token(bank.db, other, bank.ada)) as api:
        answer = await api.get("/events", params={"account_id": bank.account.id})
    assert answer.json() == {"events": [], "next": 0}
    assert len((await page(bank))["events"]) == 2


async def test_nothing_of_a_stream_is_sent(bank):
    await page(bank)
    await pay(bank)
    rows = await bank.db.read(
        lambda tx: tx.fetch("SELECT state FROM deliveries WHERE shard >= $1", 0)
    )
    assert {row["state"] for row in rows} == {"cancelled"}


async def test_a_cursor_behind_which_something_was_removed_is_refused(bank, clock):
    await page(bank)
    await pay(bank, 2)
    clock.advance(3600)
    await pay(bank, 1)
    stream = await bank.db.read(
        lambda tx: find_stream(tx, shard_of(bank.account.id) or 0, bank.account.id, bank.app.id)
    )
    assert stream is not None
    await purge_now(bank.db, stream.webhook, 1800)
    answer = await bank.api.get("/events", params={"account_id": bank.account.id, "after": 1})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request.events_gone")
    assert answer.json()["params"] == {"after": "4"}
    assert [one["number"] for one in (await page(bank, after=4))["events"]] == [5, 6]
    assert [one["number"] for one in (await page(bank))["events"]] == [5, 6]
    assert (await audit(bank.db)).clean


@pytest.mark.parametrize("begins", [False, True])
async def test_a_cursor_of_another_stream_is_refused(bank, begins):
    """As after the bank was restored from a backup: what it would hide, nobody would see."""
    if begins:
        await page(bank)
        await pay(bank)
    answer = await bank.api.get("/events", params={"account_id": bank.account.id, "after": 57})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request.events_gone")
    assert answer.json()["params"] == {"after": "0"}


async def test_an_account_with_a_stream_can_be_erased(bank):
    await page(bank)
    await pay(bank)
    stream = await bank.db.read(
        lambda tx: find_stream(tx, shard_of(bank.account.id) or 0, bank.account.id, bank.app.id)
    )
    assert stream is not None
    await bank.db.transact(lambda tx: remove_webhook(tx, stream.webhook))
    assert await page(bank) == {"events": [], "next": 0}
    assert (await audit(bank.db)).clean


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"account_id": ""}, "missing_param.account_id"),
        ({"after": -1}, "bad_param.after"),
        ({"after": "2026-03-10"}, "bad_param.after"),
        ({"limit": 0}, "bad_param.limit"),
        ({"events[]": "everything"}, "bad_param.events"),
    ],
)
async def test_what_cannot_be_read_is_named(bank, params, code):
    answer = await bank.api.get("/events", params={"account_id": bank.account.id} | params)
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.{code}")


async def test_an_account_of_somebody_else_is_refused(bank):
    answer = await bank.api.get("/events", params={"account_id": "acc_none"})
    assert answer.status_code == 403


class Connection:
    """A request to the API that stays open, without a server."""

    def __init__(self, bank, settings=None, **headers):
        self._sent: asyncio.Queue[bytes] = asyncio.Queue()
        self._gone = asyncio.Event()
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        token = bank.api.headers["authorization"]
        fields = {"host": "bank.example", "authorization": token, "accept": "text/event-stream"}
        api = build_api(
            bank.db, Engine(bank.db), settings or preset("sandbox", public_url=PUBLIC_URL)
        )
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/events",
            "raw_path": b"/events",
            "query_string": f"account_id={bank.account.id}".encode(),
            "headers": [(k.encode(), v.encode()) for k, v in {**fields, **headers}.items()],
            "client": ("127.0.0.1", 1),
            "scheme": "http",
            "http_version": "1.1",
        }
        self._begun = False
        self.task = asyncio.create_task(api(scope, self._receive, self._send))

    async def _receive(self):
        if not self._begun:
            self._begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
        elif message.get("body"):
            await self._sent.put(message["body"])

    async def next(self):
        """The next events, each with its number, type and data."""
        async with asyncio.timeout(20):
            while True:
                part = (await self._sent.get()).decode()
                found = [_event(one) for one in part.split("\n\n") if one.startswith("id:")]
                if found:
                    return found

    async def close(self):
        self._gone.set()
        async with asyncio.timeout(20):
            await self.task


def _event(text):
    lines = dict(line.split(": ", 1) for line in text.splitlines())
    data = msgspec.json.decode(lines["data"])
    assert (lines["event"], int(lines["id"])) == (data["type"], data["number"])
    return data["number"], data["type"]


async def test_an_answer_that_stays_open_has_each_event_when_it_happens(bank):
    connection = Connection(bank)
    await asyncio.sleep(0.05)
    for number in (1, 3):
        await pay(bank)
        assert await connection.next() == [
            (number, "transaction.created"),
            (number + 1, "balance.updated"),
        ]
    assert connection.status == 200
    assert connection.headers[b"content-type"] == b"text/event-stream"
    assert b"content-length" not in connection.headers
    await connection.close()


async def test_a_client_that_comes_back_goes_on_where_it_was(bank):
    await page(bank)
    await pay(bank, 2)
    connection = Connection(bank, **{"last-event-id": "3"})
    assert await connection.next() == [(4, "balance.updated")]
    await connection.close()


async def test_a_token_that_is_revoked_ends_the_answer(bank):
    await page(bank)
    connection = Connection(bank)
    await asyncio.sleep(0.05)
    await bank.api.post("/oauth2/logout")
    async with asyncio.timeout(20):
        await connection.task
    with contextlib.suppress(asyncio.QueueEmpty):
        while True:
            last = connection._sent.get_nowait()
    assert last == b'event: error\ndata: "unauthorized.bad_access_token"\n\n'


async def test_only_so_many_answers_stay_open(bank):
    settings = preset("sandbox", public_url=PUBLIC_URL, event_streams_max=0)
    await page(bank)
    connection = Connection(bank, settings)
    await connection.task
    assert connection.status == 429


async def types_of(bank):
    return [(one["type"], one["data"]) for one in (await page(bank, limit=100))["events"]]


async def test_what_a_client_does_with_its_feed_items_is_told_to_it_alone(bank):
    await page(bank)
    other = (await add_client(bank.db, "Another app")).client
    form = {
        "account_id": bank.account.id,
        "type": "basic",
        "params[title]": "Rain",
        "params[image_url]": "https://app.example/rain.png",
    }
    headers = {"Idempotency-Key": "rain"}
    async with http(bank.db, token=await add_token(bank.db, other, bank.ada)) as api:
        await api.get("/events", params={"account_id": bank.account.id})
        for _ in range(2):
            assert (await bank.api.post("/feed", data=form, headers=headers)).status_code == 200
        [item] = (await bank.api.get("/feed", params={"account_id": bank.account.id})).json()[
            "items"
        ]
        await bank.api.patch(f"/feed/{item['id']}", data={"params[title]": "Sun"})
        await bank.api.patch(f"/feed/{item['id']}", data={"params[title]": "Sun"})
        await bank.api.delete(f"/feed/{item['id']}")
        unseen = await api.get("/events", params={"account_id": bank.account.id})
    assert unseen.json()["events"] == []
    told = await types_of(bank)
    assert [(kind, data["params"]["title"]) for kind, data in told] == [
        ("feed_item.created", "Rain"),
        ("feed_item.updated", "Sun"),
        ("feed_item.deleted", "Sun"),
    ]
    assert told[0][1] == item
    assert (await audit(bank.db)).clean


async def test_another_note_is_told_without_what_clients_keep_to_themselves(bank):
    await pay(bank)
    await page(bank)
    [transaction] = (
        await bank.api.get("/transactions", params={"account_id": bank.account.id})
    ).json()["transactions"]
    path = f"/transactions/{transaction['id']}"
    await bank.api.patch(path, data={"metadata[secret]": "mine"})
    await bank.api.patch(path, data={"metadata[notes]": "Lunch", "metadata[secret]": "still"})
    await bank.api.patch(path, data={"metadata[notes]": "Lunch"})
    [(kind, data)] = await types_of(bank)
    assert (kind, data["id"], data["notes"]) == ("transaction.updated", transaction["id"], "Lunch")
    assert "secret" not in data["metadata"]
    assert (await audit(bank.db)).clean


async def test_a_webhook_that_was_given_up_is_told_to_the_clients_others(bank):
    form = {
        "account_id": bank.account.id,
        "url": "https://gone.example/",
        "retry_policy": "standard",
    }
    gone = (await bank.api.post("/webhooks", data=form)).json()["webhook"]
    await page(bank)
    await pay(bank)
    sender = FakeSender(bank.db.clock, answer=410)
    await run_until_idle(dispatcher_of(bank.db, sender))
    await run_due(bank.db, Engine(bank.db))
    told = dict(await types_of(bank))
    assert told["webhook.disabled"] == {
        "webhook_id": gone["id"],
        "account_id": bank.account.id,
        "disabled": "2026-03-10T12:00:00.000Z",
    }
    assert (await audit(bank.db)).clean

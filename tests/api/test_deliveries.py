"""What a webhook was told, over HTTP: its client sees every attempt and may have it sent again."""

import pytest

from minibank.core.ids import shard_of
from minibank.payments.engine import Engine
from minibank.webhooks.history.store import find_registered
from minibank.webhooks.history.testing import send_test
from tests.support.banking import Holder, Orders
from tests.support.callers import add_client, add_token, http
from tests.support.people import UnclearCommits, refused
from tests.support.sending import FakeSender, advance, dispatcher_of, run_until_idle

orders = Orders("told")
START = "2026-03-10T12:00:00.000Z"


@pytest.fixture
async def webhook(bank):
    """A webhook of the caller's, as it was answered."""
    form = {"account_id": bank.account.id, "url": "https://app.example/hook"}
    return (await bank.api.post("/webhooks", data=form)).json()["webhook"]


@pytest.fixture
def sender(bank):
    return FakeSender(bank.db.clock)


async def pay(bank, count=1):
    holder = Holder(bank.account.id, "", (bank.ada.id,))
    engine = Engine(bank.db)
    for _ in range(count):
        await engine.execute(orders.top_up(holder, 5))


async def listed(bank, webhook, **params):
    answer = await bank.api.get(f"/webhooks/{webhook['id']}/deliveries", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["deliveries"]


async def retrieved(bank, webhook, delivery):
    answer = await bank.api.get(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def resent(bank, webhook, **params):
    answer = await bank.api.post(f"/webhooks/{webhook['id']}/resend", data=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_deliveries_are_listed_the_newest_first(bank, webhook, sender):
    await pay(bank, 3)
    told = await listed(bank, webhook)
    assert [one["sequence"] for one in told] == [3, 2, 1]
    assert {one["state"] for one in told} == {"pending"}
    assert all("next_attempt" in one and "finished" not in one for one in told)
    await run_until_idle(dispatcher_of(bank.db, sender))
    told = await listed(bank, webhook)
    assert all("finished" in one and "next_attempt" not in one for one in told)
    assert told[0] == {
        "id": told[0]["id"],
        "webhook_id": webhook["id"],
        "sequence": 3,
        "event": "transaction.created",
        "subject": told[0]["subject"],
        "created": "2026-03-10T12:00:00.000Z",
        "state": "delivered",
        "attempts": 1,
        "finished": "2026-03-10T12:00:00.000Z",
    }


async def test_pages_are_bounded_by_number_id_and_instant(bank, webhook):
    for _ in range(4):
        await pay(bank)
        advance(bank.db, 60)
    fourth, third, second, first = await listed(bank, webhook)
    assert await listed(bank, webhook, limit=2) == [fourth, third]
    assert await listed(bank, webhook, before=3) == [second, first]
    assert await listed(bank, webhook, before=third["id"]) == [second, first]
    assert await listed(bank, webhook, since=second["id"]) == [fourth, third]
    assert await listed(bank, webhook, since="2") == [fourth, third]
    assert await listed(bank, webhook, since="2026-03-10T12:01:00.000Z") == [fourth, third, second]
    assert await listed(bank, webhook, before="2026-03-10T12:01:00.000Z") == [first]
    assert await listed(bank, webhook, since="2026-03-10T12:03:00.001Z") == []
    assert await listed(bank, webhook, since="2026-03-10T12:01:00.000Z", before=4) == [
        third,
        second,
    ]


async def test_deliveries_are_listed_by_state(bank, webhook, sender):
    sender.answer = lambda claim: 410 if claim.sequence % 2 else 200
    await pay(bank, 4)
    await run_until_idle(dispatcher_of(bank.db, sender))
    assert [one["sequence"] for one in await listed(bank, webhook, state="failed")] == [3, 1]
    assert [one["sequence"] for one in await listed(bank, webhook, state="delivered")] == [4, 2]
    assert await listed(bank, webhook, state="pending") == []


async def test_a_delivery_shows_what_is_sent_and_every_attempt(bank, webhook, sender):
    await pay(bank)
    dispatcher = dispatcher_of(bank.db, sender)
    sender.answer = 500
    await run_until_idle(dispatcher)
    advance(bank.db, 15)
    sender.answer = "timeout"
    await run_until_idle(dispatcher)
    [delivery] = await listed(bank, webhook)
    whole = await retrieved(bank, webhook, delivery)
    assert whole["delivery"] == delivery
    assert whole["payload"]["type"] == "transaction.created"
    assert whole["payload"]["data"]["id"] == delivery["subject"]
    first, second = whole["attempts"]
    assert (first["attempt"], first["status"], first["error"]) == (1, 500, "")
    assert first["request_headers"] == [["webhook-id", delivery["id"]]]
    assert first["response_body"] == "said"
    assert (second["attempt"], second["status"], second["error"]) == (2, 0, "timeout")


async def test_one_delivery_is_sent_again_with_the_same_id_and_its_whole_policy(
    bank, webhook, sender
):
    await pay(bank)
    sender.answer = 410
    dispatcher = dispatcher_of(bank.db, sender)
    await run_until_idle(dispatcher)
    [failed] = await listed(bank, webhook)
    assert failed["state"] == "failed"
    sender.answer = 500
    path = f"/webhooks/{webhook['id']}/deliveries/{failed['id']}/resend"
    answer = await bank.api.post(path)
    assert answer.status_code == 200
    assert answer.json()["delivery"]["state"] == "pending"
    for _ in range(6):
        await run_until_idle(dispatcher)
        advance(bank.db, 2700)
    [again] = await listed(bank, webhook)
    assert (again["id"], again["state"], again["attempts"]) == (failed["id"], "failed", 6)
    assert len({(one.id, one.payload) for one in sender.sent}) == 1


async def test_a_delivery_that_was_taken_may_be_sent_again(bank, webhook, sender):
    await pay(bank)
    dispatcher = dispatcher_of(bank.db, sender)
    await run_until_idle(dispatcher)
    [told] = await listed(bank, webhook)
    await bank.api.post(f"/webhooks/{webhook['id']}/deliveries/{told['id']}/resend")
    await run_until_idle(dispatcher)
    [told] = await listed(bank, webhook)
    assert (told["state"], told["attempts"], len(sender.sent)) == ("delivered", 2, 2)


async def test_one_that_is_pending_is_hastened(bank, webhook, sender):
    await pay(bank)
    dispatcher = dispatcher_of(bank.db, sender)
    sender.answer = 500
    await run_until_idle(dispatcher)
    [told] = await listed(bank, webhook)
    await bank.api.post(f"/webhooks/{webhook['id']}/deliveries/{told['id']}/resend")
    sender.answer = 200
    await run_until_idle(dispatcher)
    [told] = await listed(bank, webhook)
    assert (told["state"], told["attempts"]) == ("delivered", 2)


async def test_all_that_failed_since_is_sent_again_and_not_faster_than_asked_for(
    bank, webhook, sender
):
    sender.answer = lambda claim: 200 if claim.sequence == 3 else 410
    await pay(bank, 5)
    dispatcher = dispatcher_of(bank.db, sender)
    await run_until_idle(dispatcher)
    sender.answer = 200
    assert await resent(bank, webhook, since=2, per_second=1) == {"resent": 3}
    due = [one["next_attempt"] for one in reversed(await listed(bank, webhook, state="pending"))]
    assert due == [
        "2026-03-10T12:00:00.000Z",
        "2026-03-10T12:00:01.000Z",
        "2026-03-10T12:00:02.000Z",
    ]
    sender.sent.clear()
    for count in (1, 2, 3):
        await run_until_idle(dispatcher)
        assert len(sender.sent) == count
        advance(bank.db, 1)
    assert [one.sequence for one in sender.sent] == [2, 4, 5]


@pytest.mark.parametrize(
    ("since", "state", "count"),
    [
        ("1", "all", 4),
        (START, "all", 4),
        ("2026-03-10T12:01:00.000Z", "failed", 1),
        ("2026-03-11T00:00:00.000Z", "all", 0),
        ("99", "all", 0),
        ("1", "delivered", 2),
        ("1", "cancelled", 0),
    ],
)
async def test_what_is_sent_again_is_chosen_by_state_and_time(
    bank, webhook, sender, since, state, count
):
    sender.answer = lambda claim: 410 if claim.sequence % 2 else 200
    dispatcher = dispatcher_of(bank.db, sender)
    await pay(bank, 2)
    await run_until_idle(dispatcher)
    advance(bank.db, 60)
    await pay(bank, 2)
    await run_until_idle(dispatcher)
    assert await resent(bank, webhook, since=since, state=state) == {"resent": count}


async def test_more_than_one_request_sends_again_says_where_to_go_on(
    bank, webhook, sender, monkeypatch
):
    monkeypatch.setattr("minibank.webhooks.history.resending.RESENT_MAX", 2)
    await pay(bank, 5)
    await run_until_idle(dispatcher_of(bank.db, sender))
    assert await resent(bank, webhook, since=1, state="all") == {"resent": 2, "next": 3}
    assert await resent(bank, webhook, since=3, state="all") == {"resent": 2, "next": 5}
    assert await resent(bank, webhook, since=5, state="all") == {"resent": 1}


async def test_a_webhook_that_was_given_up_says_so_and_is_told_again_after_a_resend(bank, sender):
    form = {
        "account_id": bank.account.id,
        "url": "https://app.example/gone",
        "retry_policy": "standard",
    }
    webhook = (await bank.api.post("/webhooks", data=form)).json()["webhook"]
    assert webhook.keys() == {"id", "account_id", "url"}
    sender.answer = 410
    dispatcher = dispatcher_of(bank.db, sender)
    await pay(bank)
    await run_until_idle(dispatcher)
    shown = (await bank.api.get(f"/webhooks/{webhook['id']}")).json()["webhook"]
    assert shown["disabled"] == "2026-03-10T12:00:00.000Z"
    await pay(bank)
    assert [one["state"] for one in await listed(bank, webhook)] == ["cancelled", "failed"]
    sender.answer = 200
    assert await resent(bank, webhook, since=1, state="all") == {"resent": 2}
    await pay(bank)
    advance(bank.db, 1)
    await run_until_idle(dispatcher)
    assert {one["state"] for one in await listed(bank, webhook)} == {"delivered"}
    shown = (await bank.api.get(f"/webhooks/{webhook['id']}")).json()["webhook"]
    assert shown.keys() == {"id", "account_id", "url"}


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"state": "lost"}, "state"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"since": "yesterday"}, "since"),
        ({"before": "-1"}, "before"),
        ({"since": "tx_1"}, "since"),
    ],
)
async def test_a_bound_that_cannot_be_read_is_named(bank, webhook, params, name):
    answer = await bank.api.get(f"/webhooks/{webhook['id']}/deliveries", params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.bad_param.{name}")


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "missing_param.since"),
        ({"since": "soon"}, "bad_param.since"),
        ({"since": 1, "state": "pending"}, "bad_param.state"),
        ({"since": 1, "per_second": 0}, "bad_param.per_second"),
        ({"since": 1, "per_second": 101}, "bad_param.per_second"),
    ],
)
async def test_a_resend_that_cannot_be_read_is_named(bank, webhook, form, code):
    answer = await bank.api.post(f"/webhooks/{webhook['id']}/resend", data=form)
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.{code}")


@pytest.mark.parametrize("bound", ["99999999999999999999999", str(2**63 - 1)])
async def test_a_number_beyond_all_is_beyond_all(bank, webhook, bound):
    await pay(bank)
    assert len(await listed(bank, webhook, before=bound)) == 1
    assert await listed(bank, webhook, since=bound) == []


async def test_deliveries_are_their_own_clients_alone(bank, webhook, sender):
    await pay(bank)
    [told] = await listed(bank, webhook)
    other = (await add_client(bank.db, "Another app")).client
    paths = [
        ("GET", "/deliveries"),
        ("GET", f"/deliveries/{told['id']}"),
        ("POST", f"/deliveries/{told['id']}/resend"),
        ("POST", "/resend?since=1"),
        ("POST", "/test"),
        ("POST", "/rotate_secret"),
    ]
    async with http(bank.db, token=await add_token(bank.db, other, bank.ada)) as api:
        for method, path in paths:
            answer = await api.request(method, f"/webhooks/{webhook['id']}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found.webhook")
    assert await listed(bank, webhook) == [told]


async def test_a_delivery_of_another_webhook_does_not_exist(bank, webhook):
    form = {"account_id": bank.account.id, "url": "https://app.example/other"}
    other = (await bank.api.post("/webhooks", data=form)).json()["webhook"]
    await pay(bank)
    [told] = await listed(bank, other)
    for method, path in (("GET", ""), ("POST", "/resend")):
        for delivery_id in (told["id"], "delivery_none", "x"):
            answer = await bank.api.request(
                method, f"/webhooks/{webhook['id']}/deliveries/{delivery_id}{path}"
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found.delivery")
    answer = await bank.api.get(
        f"/webhooks/{webhook['id']}/deliveries", params={"since": told["id"]}
    )
    assert answer.json()["code"] == "not_found.delivery"


async def test_secrets_are_shown_to_who_asks_and_change_on_request(bank):
    form = {"account_id": bank.account.id, "url": "https://app.example/hook"}
    asked = await bank.api.post("/webhooks", data=form | {"show_secret": "true"})
    webhook = asked.json()["webhook"]
    path = f"/webhooks/{webhook['id']}"
    assert webhook["secret"].startswith("whsec_")
    assert "secret" not in (await bank.api.get(path)).json()["webhook"]
    shown = await bank.api.get(path, params={"show_secret": "true"})
    assert shown.json()["webhook"] == webhook
    rotated = (await bank.api.post(f"{path}/rotate_secret")).json()["webhook"]
    assert rotated["secret"] != webhook["secret"]
    shown = await bank.api.get(path, params={"show_secret": 1})
    assert shown.json()["webhook"] == rotated
    [told] = (await bank.api.get("/webhooks", params=form)).json()["webhooks"]
    assert told.keys() == {"id", "account_id", "url"}


async def test_a_webhook_that_is_signed_by_the_banks_key_has_no_secret(bank):
    form = {
        "account_id": bank.account.id,
        "url": "https://app.example/hook",
        "signature": "ed25519",
        "show_secret": "true",
    }
    webhook = (await bank.api.post("/webhooks", data=form)).json()["webhook"]
    assert webhook.keys() == {"id", "account_id", "url"}
    answer = await bank.api.post(f"/webhooks/{webhook['id']}/rotate_secret")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request.no_secret")
    keys = (await bank.api.get("/.well-known/webhook-keys", headers={})).json()["keys"]
    assert [key[:5] for key in keys] == ["whpk_"]


@pytest.mark.parametrize(
    ("field", "value"), [("signature", "rsa"), ("retry_policy", "never"), ("show_secret", "yes")]
)
async def test_a_choice_that_there_is_not_is_named(bank, field, value):
    form = {"account_id": bank.account.id, "url": "https://app.example/", field: value}
    answer = await bank.api.post("/webhooks", data=form)
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.bad_param.{field}")


async def tested(bank, webhook):
    answer = await bank.api.post(f"/webhooks/{webhook['id']}/test")
    assert answer.status_code == 200, answer.text
    return answer.json()["delivery"]


async def test_a_test_event_is_sent_and_numbered_like_any_other(bank, webhook, sender):
    await pay(bank)
    test = await tested(bank, webhook)
    await pay(bank)
    assert (test["event"], test["subject"], test["sequence"]) == ("webhook.test", webhook["id"], 2)
    await run_until_idle(dispatcher_of(bank.db, sender))
    assert [(one["sequence"], one["state"]) for one in await listed(bank, webhook)] == [
        (3, "delivered"),
        (2, "delivered"),
        (1, "delivered"),
    ]
    assert (await retrieved(bank, webhook, test))["payload"] == {
        "type": "webhook.test",
        "data": {"webhook_id": webhook["id"], "account_id": bank.account.id, "created": START},
    }


async def find(bank, webhook):
    shard = shard_of(webhook["id"])
    assert shard is not None
    return await bank.db.read(lambda tx: find_registered(tx, shard, webhook["id"]))


async def test_a_test_event_whose_answer_was_lost_is_sent_once(bank, webhook):
    found = await find(bank, webhook)
    delivery_id = bank.db.ids.new("delivery", found.webhook.shard, bank.db.clock.now())
    told = await UnclearCommits(bank.db).transact(
        lambda tx: send_test(tx, found.webhook, delivery_id)
    )
    [listed_one] = await listed(bank, webhook)
    assert (told.id, told.sequence) == (listed_one["id"], 1)
    await pay(bank)
    assert [one["sequence"] for one in await listed(bank, webhook)] == [2, 1]


async def test_a_test_event_for_a_webhook_that_goes_meanwhile_is_refused(bank, webhook):
    found = await find(bank, webhook)
    await bank.api.delete(f"/webhooks/{webhook['id']}")
    with refused("not_found.webhook"):
        await bank.db.transact(lambda tx: send_test(tx, found.webhook, "delivery_1"))


async def test_a_webhook_that_was_given_up_is_not_sent_a_test(bank, sender):
    form = {"account_id": bank.account.id, "url": "https://app.example/gone"}
    answer = await bank.api.post("/webhooks", data={**form, "retry_policy": "standard"})
    webhook = answer.json()["webhook"]
    sender.answer = 410
    await tested(bank, webhook)
    await run_until_idle(dispatcher_of(bank.db, sender))
    assert (await tested(bank, webhook))["state"] == "cancelled"

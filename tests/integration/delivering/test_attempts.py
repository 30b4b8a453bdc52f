"""What is in the outbox is delivered, and again when that fails: the same bytes each time."""

import pytest

from minibank.core.clock import MICROSECONDS
from minibank.db import Database
from minibank.oauth.clients import disable_client
from minibank.payments.engine import Engine
from minibank.webhooks.delivering.metrics import DeliveryMetrics
from minibank.webhooks.delivering.policies import MONDO5
from minibank.webhooks.delivering.records import Claim
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder, open_holder
from tests.support.callers import add_client
from tests.support.outbox import list_told, listen, stop_listening
from tests.support.sending import (
    FakeSender,
    advance,
    attempts_of,
    dispatcher_of,
    pay,
    run_until_idle,
    the_delivery,
)


async def test_an_event_is_delivered_and_the_attempt_recorded(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    await pay(money, holder)
    await run_until_idle(dispatcher_of(db, sender))
    told = await the_delivery(db, webhook)
    assert (told.state, told.attempts) == ("delivered", 1)
    [claim] = sender.sent
    assert (claim.id, claim.payload, claim.url) == (told.id, told.payload, webhook.url)
    [attempt] = await attempts_of(db, webhook)
    assert (attempt["attempt"], attempt["status"], attempt["error"]) == (1, 200, "")
    assert attempt["excerpt"] == b"said"
    assert told.id in attempt["request_headers"]


@pytest.mark.parametrize("answer", [201, 204, 299])
async def test_any_2xx_is_taken(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender, answer: int
) -> None:
    sender.answer = answer
    await pay(money, holder)
    await run_until_idle(dispatcher_of(db, sender))
    assert (await the_delivery(db, webhook)).state == "delivered"


async def test_five_attempts_send_identical_bytes_further_and_further_apart(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    sender.answer = 500
    await pay(money, holder)
    dispatcher = dispatcher_of(db, sender)
    await run_until_idle(dispatcher)
    for number, delay in enumerate(MONDO5.delays, 1):
        told = await the_delivery(db, webhook)
        assert (told.state, told.attempts) == ("pending", number)
        waits = (told.next_attempt_at - db.clock.now()) / MICROSECONDS
        assert 0.8 * delay <= waits <= 1.2 * delay
        advance(db, waits - 0.001)
        await run_until_idle(dispatcher)
        assert len(sender.sent) == number
        advance(db, 0.001)
        await run_until_idle(dispatcher)
    told = await the_delivery(db, webhook)
    assert (told.state, told.attempts, len(sender.sent)) == ("failed", 5, 5)
    assert len({(claim.id, claim.payload, claim.sequence) for claim in sender.sent}) == 1
    advance(db, 10**6)
    await run_until_idle(dispatcher)
    assert len(sender.sent) == 5
    assert [one["attempt"] for one in await attempts_of(db, webhook)] == [1, 2, 3, 4, 5]


async def test_a_retrying_event_does_not_hold_up_later_ones(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    sender.answer = lambda claim: 500 if claim.sequence == 1 else 200
    await pay(money, holder, 3)
    await run_until_idle(dispatcher_of(db, sender))
    assert [one.state for one in await list_told(db, webhook)] == [
        "pending",
        "delivered",
        "delivered",
    ]


async def test_deleting_a_webhook_cancels_its_retries(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    sender.answer = 500
    await pay(money, holder)
    dispatcher = dispatcher_of(db, sender)
    await run_until_idle(dispatcher)
    await stop_listening(db, webhook)
    advance(db, 10**6)
    await run_until_idle(dispatcher)
    assert len(sender.sent) == 1
    assert (await the_delivery(db, webhook)).state == "cancelled"


async def test_an_attempt_that_runs_when_its_webhook_is_deleted_is_recorded_and_the_last(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    sender.gate.clear()
    sender.answer = 500
    await pay(money, holder)
    dispatcher = dispatcher_of(db, sender)
    await dispatcher.run_round()
    await stop_listening(db, webhook)
    sender.gate.set()
    await dispatcher.settle()
    await run_until_idle(dispatcher)
    told = await the_delivery(db, webhook)
    assert (told.state, told.attempts) == ("cancelled", 1)
    assert len(await attempts_of(db, webhook)) == 1


async def test_nothing_is_sent_for_a_client_that_was_disabled(
    db: Database,
    money: Engine,
    holder: Holder,
    webhook: Webhook,
    client_id: str,
    sender: FakeSender,
) -> None:
    await pay(money, holder)
    await db.transact(lambda tx: disable_client(tx, client_id))
    metrics = DeliveryMetrics()
    await run_until_idle(dispatcher_of(db, sender, metrics=metrics))
    assert sender.sent == []
    assert (await the_delivery(db, webhook)).state == "cancelled"
    assert {one.labels[0]: one.value for one in metrics.ended.samples()}["cancelled"] == 1


async def test_a_joint_account_tells_each_client_of_each_event_once(
    db: Database, money: Engine, client_id: str, sender: FakeSender
) -> None:
    joint = await open_holder(db, 1000, owners=2)
    other = (await add_client(db)).client.id
    hooks = [
        await listen(db, client_id, joint, user_id=joint.user_ids[0]),
        await listen(db, other, joint, user_id=joint.user_ids[1]),
    ]
    await pay(money, joint, 2)
    await run_until_idle(dispatcher_of(db, sender))
    assert sorted((one.webhook_id, one.sequence) for one in sender.sent) == sorted(
        (hook.id, number) for hook in hooks for number in (1, 2)
    )


async def test_a_fault_of_the_sender_counts_as_an_attempt(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    """Else it would be repeated without end."""

    def fail(_: Claim) -> int:
        raise RuntimeError("a fault")

    sender.answer = fail
    await pay(money, holder)
    await run_until_idle(dispatcher_of(db, sender))
    told = await the_delivery(db, webhook)
    assert (told.state, told.attempts) == ("pending", 1)
    [attempt] = await attempts_of(db, webhook)
    assert attempt["error"] == "internal"

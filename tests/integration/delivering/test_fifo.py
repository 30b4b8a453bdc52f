"""A webhook that asked for order is told of nothing before what came before has ended."""

import asyncio

from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.webhooks.delivering.policies import Policies, RetryPolicy
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder
from tests.support.outbox import list_told, listen, stop_listening
from tests.support.sending import FakeSender, advance, dispatcher_of, pay, run_until_idle

TWICE = Policies("custom", RetryPolicy(delays=(10,), jitter_percent=0))


async def lane(db: Database, client_id: str, holder: Holder) -> Webhook:
    return await listen(db, client_id, holder, fifo=True)


async def test_deliveries_are_sent_one_at_a_time_and_in_order(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    webhook = await lane(db, client_id, holder)
    await pay(money, holder, 20)
    await run_until_idle(dispatcher_of(db, sender))
    assert [one.sequence for one in sender.sent] == list(range(1, 21))
    assert sender.most_in_flight == 1
    assert {one.state for one in await list_told(db, webhook)} == {"delivered"}


async def test_one_that_is_retried_holds_up_those_after_it_and_no_other_webhook(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    webhook = await lane(db, client_id, holder)
    other = await listen(db, client_id, holder)
    sender.answer = lambda claim: 500 if claim.webhook_id == webhook.id else 200
    await pay(money, holder, 3)
    dispatcher = dispatcher_of(db, sender, policies=TWICE)
    await run_until_idle(dispatcher)
    assert [one.sequence for one in sender.sent if one.webhook_id == webhook.id] == [1]
    assert [one.sequence for one in sender.sent if one.webhook_id == other.id] == [1, 2, 3]
    sender.answer = 200
    await run_until_idle(dispatcher)
    assert len(sender.sent) == 4
    advance(db, 10)
    await run_until_idle(dispatcher)
    assert [one.sequence for one in sender.sent if one.webhook_id == webhook.id] == [1, 1, 2, 3]


async def test_one_that_failed_for_good_lets_the_next_go(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    webhook = await lane(db, client_id, holder)
    sender.answer = lambda claim: 410 if claim.sequence == 1 else 200
    await pay(money, holder, 2)
    await run_until_idle(dispatcher_of(db, sender))
    assert [one.state for one in await list_told(db, webhook)] == ["failed", "delivered"]


async def test_what_comes_while_one_is_being_sent_waits_for_it(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    await lane(db, client_id, holder)
    dispatcher = dispatcher_of(db, sender)
    sender.gate.clear()
    await pay(money, holder)
    await dispatcher.run_round()
    await asyncio.sleep(0)
    await pay(money, holder, 2)
    await dispatcher.run_round()
    await dispatcher.run_round()
    assert [one.sequence for one in sender.sent] == [1]
    sender.gate.set()
    await run_until_idle(dispatcher)
    assert [one.sequence for one in sender.sent] == [1, 2, 3]


async def test_two_processes_keep_the_order_too(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    webhook = await lane(db, client_id, holder)
    await pay(money, holder, 12)
    pair = [dispatcher_of(db, sender) for _ in range(2)]
    while any([*(one.state == "pending" for one in await list_told(db, webhook))]):
        await asyncio.gather(*(one.run_round() for one in pair))
        await asyncio.gather(*(one.settle() for one in pair))
    assert [one.sequence for one in sender.sent] == list(range(1, 13))
    assert sender.most_in_flight == 1


async def test_deleting_the_webhook_cancels_what_waits_as_well(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    webhook = await lane(db, client_id, holder)
    sender.answer = 500
    await pay(money, holder, 3)
    await run_until_idle(dispatcher_of(db, sender))
    await stop_listening(db, webhook)
    assert [one.state for one in await list_told(db, webhook)] == ["cancelled"] * 3


async def test_a_webhook_that_is_given_up_cancels_what_waits_as_well(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    webhook = await lane(db, client_id, holder)
    sender.answer = 410
    await pay(money, holder, 3)
    await run_until_idle(dispatcher_of(db, sender, policies=Policies("standard")))
    assert [one.state for one in await list_told(db, webhook)] == [
        "failed",
        "cancelled",
        "cancelled",
    ]


async def test_a_burst_is_worked_off_without_waiting_to_look_again(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    """Nor does it hold up another webhook at the same receiver."""
    webhook = await lane(db, client_id, holder)
    other = await listen(db, client_id, holder)
    await pay(money, holder, 60)
    await run_until_idle(dispatcher_of(db, sender, concurrency=4))
    assert {one.state for one in await list_told(db, webhook)} == {"delivered"}
    assert {one.state for one in await list_told(db, other)} == {"delivered"}

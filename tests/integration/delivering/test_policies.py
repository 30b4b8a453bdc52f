"""When attempts end, and when a webhook is given up."""

from minibank.core.clock import MICROSECONDS
from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.webhooks.delivering.metrics import DeliveryMetrics
from minibank.webhooks.delivering.policies import Policies, RetryPolicy
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder
from tests.support.outbox import list_told
from tests.support.sending import (
    FakeSender,
    advance,
    dispatcher_of,
    pay,
    run_until_idle,
    the_delivery,
)

EXACT = RetryPolicy(delays=(10, 60), jitter_percent=0)
PLAIN = Policies(custom=EXACT, default="custom")


async def test_gone_ends_the_delivery_and_under_the_default_policy_nothing_else(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    sender.answer = 410
    await pay(money, holder)
    await run_until_idle(dispatcher_of(db, sender))
    assert (await the_delivery(db, webhook)).state == "failed"
    await pay(money, holder)
    sender.answer = 200
    await run_until_idle(dispatcher_of(db, sender))
    assert [one.state for one in await list_told(db, webhook)] == ["failed", "delivered"]


async def test_a_receiver_that_asks_to_wait_is_waited_for(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    sender.answer, sender.retry_after = 429, 3000
    await pay(money, holder)
    dispatcher = dispatcher_of(db, sender)
    await run_until_idle(dispatcher)
    told = await the_delivery(db, webhook)
    assert told.next_attempt_at == db.clock.now() + 3000 * MICROSECONDS
    sender.retry_after = 10**9
    advance(db, 3000)
    await run_until_idle(dispatcher)
    told = await the_delivery(db, webhook)
    assert told.next_attempt_at == db.clock.now() + 86_400 * MICROSECONDS


async def test_a_short_wait_does_not_hasten_the_next_attempt(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    sender.answer, sender.retry_after = 503, 1
    await pay(money, holder)
    await run_until_idle(dispatcher_of(db, sender, policies=PLAIN))
    told = await the_delivery(db, webhook)
    assert told.next_attempt_at == db.clock.now() + 10 * MICROSECONDS


async def test_a_webhook_is_disabled_when_its_policy_says_so_and_told_nothing_more(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    gives_up = Policies("custom", RetryPolicy(delays=(50, 50, 50), disables_after=90))
    metrics = DeliveryMetrics()
    sender.answer = 500
    await pay(money, holder)
    dispatcher = dispatcher_of(db, sender, policies=gives_up, metrics=metrics)
    for _ in range(3):
        await run_until_idle(dispatcher)
        advance(db, 60)
    assert len(sender.sent) == 3
    assert metrics.disabled.total() == 1
    await pay(money, holder)
    await run_until_idle(dispatcher)
    assert [one.state for one in await list_told(db, webhook)] == ["cancelled", "cancelled"]
    assert len(sender.sent) == 3
    assert [one.sequence for one in await list_told(db, webhook)] == [1, 2]


async def test_one_success_ends_the_time_that_a_webhook_has_failed_for(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    gives_up = Policies("custom", RetryPolicy(delays=(50,), disables_after=90))
    metrics = DeliveryMetrics()
    dispatcher = dispatcher_of(db, sender, policies=gives_up, metrics=metrics)
    for answer in (500, 200, 500, 200, 500):
        sender.answer = answer
        await pay(money, holder)
        await run_until_idle(dispatcher)
        advance(db, 60)
    assert metrics.disabled.total() == 0


async def test_a_policy_that_says_so_takes_gone_at_its_word(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    sender.answer = 410
    await pay(money, holder)
    metrics = DeliveryMetrics()
    await run_until_idle(dispatcher_of(db, sender, policies=Policies("standard"), metrics=metrics))
    assert metrics.disabled.total() == 1


async def test_the_default_policy_never_disables(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    metrics = DeliveryMetrics()
    sender.answer = "connect"
    dispatcher = dispatcher_of(db, sender, metrics=metrics)
    for _ in range(12):
        await pay(money, holder)
        await run_until_idle(dispatcher)
        advance(db, 30 * 86_400)
    assert metrics.disabled.total() == 0
    assert {one.attempts for one in await list_told(db, webhook)} <= {1, 2, 3, 4, 5}


async def test_a_success_counts_though_the_failure_came_in_the_meantime(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    """Both were claimed when nothing had failed yet."""
    gives_up = Policies("custom", RetryPolicy(delays=(50, 50), disables_after=90))
    metrics = DeliveryMetrics()
    await pay(money, holder, 2)
    dispatcher = dispatcher_of(db, sender, policies=gives_up, metrics=metrics)
    sender.answer = lambda claim: 500 if claim.sequence == 1 else 200
    sender.gate.clear()
    await dispatcher.run_round()
    sender.gate.set()
    await dispatcher.settle()
    fails = [one for one in dispatcher._ended if one.claim.sequence == 1]
    takes = [one for one in dispatcher._ended if one.claim.sequence == 2]
    dispatcher._ended = fails
    await dispatcher.run_round()
    dispatcher._ended = [*takes, *dispatcher._ended]
    await run_until_idle(dispatcher)
    for _ in range(2):
        advance(db, 60)
        await run_until_idle(dispatcher)
    assert metrics.disabled.total() == 0

"""A dispatcher that runs: it is woken, it stops, it outlasts a database that is away."""

import asyncio

from minibank.db import Database, DatabaseUnavailable
from minibank.payments.engine import Engine
from minibank.webhooks.delivering.metrics import DeliveryMetrics
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder
from tests.support.failing import AwayDatabase
from tests.support.outbox import list_told
from tests.support.sending import (
    FakeSender,
    advance,
    dispatcher_of,
    is_delivered,
    pay,
    run_until_idle,
    until,
)


async def test_a_commit_wakes_a_dispatcher_that_would_look_much_later(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    task = asyncio.create_task(dispatcher_of(db, sender, poll_seconds=3600).run_forever())
    try:
        await asyncio.sleep(0.05)
        await pay(money, holder)
        await until(lambda: is_delivered(db, webhook))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert sender.closed


async def test_a_dispatcher_that_stops_lets_attempts_end_and_gives_the_rest_back(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    await pay(money, holder, 12)
    sender.gate.clear()
    task = asyncio.create_task(dispatcher_of(db, sender, concurrency=2).run_forever())
    await until(lambda: asyncio.sleep(0, sender.in_flight == 2))
    task.cancel()
    await asyncio.sleep(0.01)
    sender.gate.set()
    await asyncio.gather(task, return_exceptions=True)
    told = await list_told(db, webhook)
    assert [one.state for one in told].count("delivered") == 2
    assert {one.claimed_until for one in told if one.state == "pending"} == {0}


async def test_a_database_that_is_away_stops_no_dispatcher(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    away = AwayDatabase(db)
    away.error = DatabaseUnavailable("away")
    task = asyncio.create_task(dispatcher_of(away, sender, poll_seconds=0.01).run_forever())
    await asyncio.sleep(0.05)
    await pay(money, holder)
    away.error = None
    try:
        await until(lambda: is_delivered(db, webhook))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_metrics_tell_of_attempts_and_of_what_waits(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    metrics = DeliveryMetrics()
    sender.answer = 500
    await pay(money, holder, 3)
    await run_until_idle(dispatcher_of(db, sender, metrics=metrics))
    assert {one.labels: one.value for one in metrics.attempts.samples()} == {("5xx",): 3}
    advance(db, 100)
    again = DeliveryMetrics()
    await dispatcher_of(db, FakeSender(db.clock), metrics=again, claims_max=1).run_round()
    assert [one.value for one in again.pending.samples()] == [3]
    [oldest] = again.oldest_seconds.samples()
    assert 85 < oldest.value <= 92

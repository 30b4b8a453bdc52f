"""What is in the outbox is delivered: at once, again when that fails, by one process at a time."""

import asyncio

import pytest
from typing_extensions import override

from minibank.core.clock import MICROSECONDS, FakeClock
from minibank.db import Database, DatabaseUnavailable, ReadTx, Row
from minibank.oauth.clients import disable_client
from minibank.payments.engine import Engine
from minibank.webhooks.delivering.metrics import DeliveryMetrics
from minibank.webhooks.delivering.policies import MONDO5, Policies, RetryPolicy
from minibank.webhooks.delivering.records import Attempt, Claim
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder, Orders, open_holder
from tests.support.callers import add_client
from tests.support.failing import AwayDatabase
from tests.support.outbox import Told, list_told, listen, stop_listening
from tests.support.sending import FakeSender, advance, dispatcher_of, run_until_idle, until

orders = Orders()

EXACT = RetryPolicy(delays=(10, 60), jitter_percent=0)
PLAIN = Policies(custom=EXACT, default="custom")


@pytest.fixture
async def holder(db: Database) -> Holder:
    return await open_holder(db, 10_000)


@pytest.fixture
async def client_id(db: Database) -> str:
    return (await add_client(db)).client.id


@pytest.fixture
def money(db: Database) -> Engine:
    return Engine(db)


@pytest.fixture
def sender(db: Database) -> FakeSender:
    return FakeSender(db.clock)


@pytest.fixture
async def webhook(db: Database, client_id: str, holder: Holder) -> Webhook:
    return await listen(db, client_id, holder)


async def pay(money: Engine, holder: Holder, count: int = 1) -> None:
    await money.execute_many([orders.authorise(holder, 1) for _ in range(count)])


async def the_delivery(db: Database, webhook: Webhook) -> Told:
    [told] = await list_told(db, webhook)
    return told


async def is_delivered(db: Database, webhook: Webhook) -> bool:
    return (await the_delivery(db, webhook)).state == "delivered"


async def attempts_of(db: Database, webhook: Webhook) -> list[Row]:
    async def work(tx: ReadTx) -> list[Row]:
        return list(
            await tx.fetch(
                "SELECT sequence, attempt, attempted_at, request_headers, status, excerpt, error"
                " FROM delivery_attempts WHERE shard = $1 AND webhook_id = $2"
                " ORDER BY sequence, attempt",
                webhook.shard,
                webhook.id,
            )
        )

    return await db.read(work)


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


async def test_two_processes_never_send_one_delivery_within_a_lease(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    other = FakeSender(db.clock)
    await pay(money, holder, 40)
    pair = [dispatcher_of(db, one, concurrency=4) for one in (sender, other)]
    while any([*(one.state == "pending" for one in await list_told(db, webhook))]):
        await asyncio.gather(*(one.run_round() for one in pair))
        await asyncio.gather(*(one.settle() for one in pair))
    sent = [claim.id for claim in (*sender.sent, *other.sent)]
    assert len(sent) == len(set(sent)) == 40
    assert sender.sent
    assert other.sent


async def test_a_process_that_died_is_replaced_when_its_lease_ends(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    real = FakeClock(db.clock.now())
    dead = FakeSender(db.clock)
    dead.gate.clear()
    await pay(money, holder)
    await dispatcher_of(db, dead, clock=real, lease_seconds=60).run_round()
    await asyncio.sleep(0)
    heir = dispatcher_of(db, sender, clock=real, lease_seconds=60)
    real.advance(59)
    await run_until_idle(heir)
    assert sender.sent == []
    real.advance(1)
    await run_until_idle(heir)
    assert [one.id for one in sender.sent] == [one.id for one in dead.sent]
    assert (await the_delivery(db, webhook)).state == "delivered"


async def test_who_lost_the_lease_still_tells_that_it_was_delivered(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    """It was: the receiver has it, whoever may send it now."""
    real = FakeClock(db.clock.now())
    sender.gate.clear()
    await pay(money, holder)
    slow = dispatcher_of(db, sender, clock=real)
    await slow.run_round()
    await asyncio.sleep(0)
    real.advance(61)
    failing = FakeSender(db.clock, answer=500)
    await run_until_idle(dispatcher_of(db, failing, clock=real))
    told = await the_delivery(db, webhook)
    assert (told.state, told.attempts) == ("pending", 1)
    sender.gate.set()
    await slow.settle()
    await run_until_idle(slow)
    told = await the_delivery(db, webhook)
    assert (told.state, told.attempts) == ("delivered", 2)
    assert [one["status"] for one in await attempts_of(db, webhook)] == [500, 200]


async def test_who_lost_the_lease_and_failed_does_not_move_the_next_attempt(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    real = FakeClock(db.clock.now())
    sender.gate.clear()
    sender.answer = "timeout"
    await pay(money, holder)
    slow = dispatcher_of(db, sender, clock=real)
    await slow.run_round()
    await asyncio.sleep(0)
    real.advance(61)
    await run_until_idle(dispatcher_of(db, FakeSender(db.clock), clock=real))
    sender.gate.set()
    await slow.settle()
    await run_until_idle(slow)
    told = await the_delivery(db, webhook)
    assert (told.state, told.attempts) == ("delivered", 2)
    assert [one["error"] for one in await attempts_of(db, webhook)] == ["", "timeout"]


async def test_what_waited_too_long_for_its_turn_is_not_begun(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    """Another process may claim it before the attempt would end."""
    real = FakeClock(db.clock.now())
    sender.gate.clear()
    await pay(money, holder, 4)
    dispatcher = dispatcher_of(db, sender, clock=real, concurrency=1)
    # Answers well once, so that more is claimed than is sent at a time.
    await dispatcher.run_round()
    sender.gate.set()
    await dispatcher.settle()
    sender.gate.clear()
    await dispatcher.run_round()
    await asyncio.sleep(0)
    assert (sender.in_flight, len(sender.sent)) == (1, 2)
    real.advance(50)
    sender.gate.set()
    await dispatcher.settle()
    assert len(sender.sent) == 2
    await run_until_idle(dispatcher)
    assert sorted(claim.sequence for claim in sender.sent) == [1, 2, 3, 4]
    assert {one.attempts for one in await list_told(db, webhook)} == {1}


async def test_requests_to_one_target_at_a_time_are_bounded(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    await pay(money, holder, 60)
    await run_until_idle(dispatcher_of(db, sender, concurrency=3))
    assert len(sender.sent) == 60
    assert sender.most_in_flight == 3


async def test_a_target_that_hangs_delays_no_other(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    """Not even when hundreds wait for it, all due before anything of the others."""
    dead = await listen(db, client_id, holder, url="https://dead.example/")
    await pay(money, holder, 300)
    advance(db, 1)
    live = [await listen(db, client_id, holder, url=f"https://live{n}.example/") for n in range(20)]
    hangs = asyncio.Event()

    class Hanging(FakeSender):
        @override
        async def send(self, claim: Claim) -> Attempt:
            if claim.webhook_id == dead.id:
                await hangs.wait()
            return await super().send(claim)

    hanging = Hanging(db.clock)
    dispatcher = dispatcher_of(db, hanging, concurrency=4, claims_max=50)
    await dispatcher.run_round()
    await pay(money, holder, 1)
    await dispatcher.run_round()
    await asyncio.sleep(0)
    assert {claim.webhook_id for claim in hanging.sent} == {one.id for one in live}
    hangs.set()
    await dispatcher.settle()


async def test_webhooks_of_one_client_at_one_host_share_a_target_and_others_do_not(
    db: Database, client_id: str, holder: Holder
) -> None:
    other = (await add_client(db)).client.id
    same = [
        await listen(db, client_id, holder, url=url)
        for url in ("https://a.example/1", "https://a.example:443/2?x", "https://u:p@a.example/")
    ]
    different = [
        await listen(db, other, holder, url="https://a.example/1"),
        await listen(db, client_id, holder, url="http://a.example/1"),
        await listen(db, client_id, holder, url="https://a.example:444/1"),
        await listen(db, client_id, holder, url="https://b.example/1"),
    ]
    assert len({one.target for one in same}) == 1
    assert len({one.target for one in (same[0], *different)}) == 5


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

"""Many processes deliver, and one delivery is one process's at a time."""

import asyncio

from minibank.core.clock import FakeClock
from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.webhooks.delivering.policies import Policies
from minibank.webhooks.delivering.recording import record
from minibank.webhooks.delivering.records import Attempt, Attempted
from minibank.webhooks.history.resending import resend
from minibank.webhooks.history.store import list_told as list_told_rows
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder
from tests.support.outbox import claim as claim_first
from tests.support.outbox import list_told
from tests.support.sending import (
    FakeSender,
    attempts_of,
    dispatcher_of,
    pay,
    run_until_idle,
    the_delivery,
)


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


async def test_what_was_taken_after_all_is_delivered_though_others_gave_it_up(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    real = FakeClock(db.clock.now())
    sender.gate.clear()
    await pay(money, holder)
    slow = dispatcher_of(db, sender, clock=real)
    await slow.run_round()
    await asyncio.sleep(0)
    real.advance(61)
    await run_until_idle(dispatcher_of(db, FakeSender(db.clock, answer=410), clock=real))
    assert (await the_delivery(db, webhook)).state == "failed"
    sender.gate.set()
    await slow.settle()
    await run_until_idle(slow)
    assert (await the_delivery(db, webhook)).state == "delivered"


async def test_one_that_is_asked_for_again_while_it_is_sent_is_sent_again_afterwards(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    """Two claims of one delivery in one process would be recorded as one attempt."""
    sender.gate.clear()
    sender.answer = "disconnected"
    await pay(money, holder)
    dispatcher = dispatcher_of(db, sender)
    await dispatcher.run_round()
    await asyncio.sleep(0)
    [told] = await db.read(lambda tx: list_told_rows(tx, webhook, 0, 10, 10))
    await db.transact(lambda tx: resend(tx, webhook, told))
    await dispatcher.run_round()
    assert len(sender.sent) == 1
    sender.gate.set()
    sender.answer = 200
    await run_until_idle(dispatcher)
    assert (await the_delivery(db, webhook)).state == "delivered"
    assert [one["attempt"] for one in await attempts_of(db, webhook)] in ([1], [1, 2])


async def test_attempts_of_one_delivery_that_end_together_are_both_recorded(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    """As when a process was paused for longer than its lease, and claimed once more."""
    await pay(money, holder)
    claims = []
    for status in (500, 200):
        claim = await claim_first(db, webhook, 1)
        attempt = Attempt(attempted_at=db.clock.now(), status=status)
        claims.append(Attempted(claim, attempt))
    await db.transact(lambda tx: record(tx, claims, Policies(), lambda: 0.5))
    told = await the_delivery(db, webhook)
    assert (told.state, told.attempts) == ("delivered", 2)
    assert [one["status"] for one in await attempts_of(db, webhook)] == [500, 200]

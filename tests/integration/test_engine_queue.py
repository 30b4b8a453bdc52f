"""The queue in front of the money: batches, limits, waiting, draining, callers who go away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import chain

import pytest

from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BadParam, BankError, RateLimited, Timeout, Unavailable
from minibank.db import Database
from minibank.payments.commands import Command, Outcome
from minibank.payments.engine import BATCH_BYTES_MAX, Engine, EngineSettings
from minibank.payments.prepared import prepare
from tests.support.banking import Holder, Orders, list_history, open_holder, read_funds
from tests.support.failing import GatedDatabase

orders = Orders()


@pytest.fixture
async def ada(db: Database) -> Holder:
    return await open_holder(db)


@pytest.fixture
async def gate(db: Database) -> AsyncIterator[GatedDatabase]:
    """A database that nothing gets into before it is let in."""
    yield GatedDatabase(db)
    assert (await audit(db)).clean


class Till:
    """Sends commands as so many callers at once, and knows what became of each."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.calls: list[asyncio.Task[Outcome]] = []

    async def send(self, commands: Sequence[Command]) -> None:
        """Queue commands, each from a caller of its own, without waiting for an answer."""
        self.calls += [asyncio.create_task(self.engine.execute(one)) for one in commands]
        await asyncio.sleep(0)

    async def answers(self) -> list[Outcome | BaseException]:
        """What every caller was told."""
        return await asyncio.gather(*self.calls, return_exceptions=True)


async def occupied(
    gate: GatedDatabase, holder: Holder, settings: EngineSettings | None = None
) -> Till:
    """A till whose engine has one command in flight, which stands at the gate."""
    till = Till(Engine(gate, settings))
    await till.send([orders.top_up(holder, 1)])
    await gate.until_waiting()
    return till


def top_ups(holder: Holder, count: int) -> list[Command]:
    return [orders.top_up(holder, 1) for _ in range(count)]


def sizes(gate: GatedDatabase) -> list[int]:
    return [len(batch) for batch in gate.batches]


async def test_a_lone_command_is_committed_alone_and_at_once(db: Database, ada: Holder) -> None:
    engine = Engine(db)
    for command in top_ups(ada, 3):
        await engine.execute(command)
    assert (engine.counters.commands, engine.counters.commits) == (3, 3)


async def test_what_queues_while_a_batch_runs_is_committed_together(
    gate: GatedDatabase, ada: Holder
) -> None:
    till = await occupied(gate, ada)
    await till.send(top_ups(ada, 499))
    gate.open()
    assert all(isinstance(answer, Outcome) for answer in await till.answers())
    assert sizes(gate) == [1, 499]
    assert (till.engine.counters.commands, till.engine.counters.commits) == (500, 2)


async def test_a_batch_has_a_largest_size_and_keeps_the_order(
    gate: GatedDatabase, ada: Holder
) -> None:
    till = await occupied(gate, ada)
    commands = top_ups(ada, 1201)
    await till.send(commands)
    gate.open()
    await till.answers()
    assert sizes(gate) == [1, 500, 500, 201]
    assert list(chain(*gate.batches[1:])) == [command.id for command in commands]


async def test_a_batch_has_a_largest_size_in_bytes(gate: GatedDatabase, ada: Holder) -> None:
    till = await occupied(gate, ada)
    commands = [orders.top_up(ada, 1, description="d" * 60_000) for _ in range(40)]
    await till.send(commands)
    gate.open()
    assert all(isinstance(answer, Outcome) for answer in await till.answers())
    fit = BATCH_BYTES_MAX // prepare(commands[0]).size
    assert sizes(gate) == [1, fit, fit, 40 - 2 * fit]


async def test_a_full_queue_refuses_says_when_to_come_back_and_leaves_nothing(
    gate: GatedDatabase, ada: Holder
) -> None:
    till = await occupied(gate, ada, EngineSettings(queue_max=3))
    await till.send(top_ups(ada, 5))
    gate.open()
    *done, first, second = await till.answers()
    assert all(isinstance(answer, Outcome) for answer in done)
    for refusal in (first, second):
        assert isinstance(refusal, RateLimited)
        assert (refusal.code, refusal.retry_after) == ("rate_limited.overloaded", 1)
    assert (await read_funds(gate, ada)).booked == 4
    assert await till.engine.execute(orders.top_up(ada, 1))


async def test_a_full_queue_refuses_bulk_commands_as_values(
    gate: GatedDatabase, ada: Holder
) -> None:
    till = await occupied(gate, ada, EngineSettings(queue_max=3))
    many = asyncio.create_task(till.engine.execute_many(top_ups(ada, 5)))
    await asyncio.sleep(0.01)
    gate.open()
    answers = await many
    assert [type(answer) for answer in answers] == [Outcome] * 3 + [RateLimited] * 2


async def test_who_waited_too_long_is_refused_before_anything_happens(
    gate: GatedDatabase, ada: Holder, clock: FakeClock
) -> None:
    till = await occupied(gate, ada, EngineSettings(queue_wait_seconds=5))
    await till.send(top_ups(ada, 2))
    clock.advance(0.5)
    await till.send(top_ups(ada, 1))
    many = asyncio.create_task(till.engine.execute_many(top_ups(ada, 2)))
    await asyncio.sleep(0.01)
    clock.advance(5)
    gate.open()
    first, late, later, in_time = await till.answers()
    assert isinstance(first, Outcome)
    assert isinstance(late, Timeout)
    assert isinstance(later, Timeout)
    assert isinstance(in_time, Outcome)
    assert all(isinstance(answer, Outcome) for answer in await many)
    assert (await read_funds(gate, ada)).booked == 4


async def test_a_queue_of_nothing_but_late_commands_is_answered_and_the_engine_goes_on(
    gate: GatedDatabase, ada: Holder, clock: FakeClock
) -> None:
    till = await occupied(gate, ada)
    await till.send(top_ups(ada, 700))
    clock.advance(6)
    gate.open()
    assert [type(one) for one in await till.answers()] == [Outcome, *[Timeout] * 700]
    assert sizes(gate) == [1]
    assert (await till.engine.execute(orders.top_up(ada, 1))).balance == 2


async def test_draining_answers_what_is_queued_and_refuses_what_comes_after(
    gate: GatedDatabase, ada: Holder
) -> None:
    till = await occupied(gate, ada)
    await till.send(top_ups(ada, 1000))
    drains = [asyncio.create_task(till.engine.drain()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="shutting down"):
        await till.engine.execute(orders.top_up(ada, 1))
    [refusal] = await till.engine.execute_many(top_ups(ada, 1))
    assert isinstance(refusal, Unavailable)
    assert not any(drain.done() for drain in drains)
    gate.open()
    await asyncio.gather(*drains)
    assert all(call.done() for call in till.calls)
    assert (await read_funds(gate, ada)).booked == 1001


async def test_draining_an_idle_engine_returns(db: Database) -> None:
    await Engine(db).drain()


async def test_giving_up_draining_does_not_cancel_the_batch_in_flight(
    gate: GatedDatabase, ada: Holder
) -> None:
    till = await occupied(gate, ada)
    await till.send(top_ups(ada, 5))
    drain = asyncio.create_task(till.engine.drain())
    await asyncio.sleep(0)
    drain.cancel()
    await asyncio.wait([drain])
    gate.open()
    assert all(isinstance(answer, Outcome) for answer in await till.answers())


async def test_bulk_takes_at_most_half_of_a_batch(gate: GatedDatabase, ada: Holder) -> None:
    till = await occupied(gate, ada, EngineSettings(batch_max=10))
    bulk, others = top_ups(ada, 20), top_ups(ada, 12)
    many = asyncio.create_task(till.engine.execute_many(bulk))
    await asyncio.sleep(0.01)
    await till.send(others)
    gate.open()
    await many
    of_bulk = {command.id for command in bulk}
    shares = [sum(name in of_bulk for name in batch) for batch in gate.batches]
    assert max(shares) == 5
    assert sizes(gate)[:2] == [1, 10]
    assert shares[:2] == [0, 5]


async def test_bulk_alone_leaves_room_for_whoever_comes(gate: GatedDatabase, ada: Holder) -> None:
    engine = Engine(gate, EngineSettings(batch_max=10))
    many = asyncio.create_task(engine.execute_many(top_ups(ada, 20)))
    gate.open()
    await many
    assert sizes(gate) == [5, 5, 5, 5]


async def test_a_payment_is_not_delayed_behind_bulk(gate: GatedDatabase, ada: Holder) -> None:
    engine = Engine(gate)
    many = asyncio.create_task(engine.execute_many(top_ups(ada, 5000)))
    await gate.until_waiting()
    gate.let_in(3)
    await gate.until_committed(3)
    await gate.until_waiting()
    payment = asyncio.create_task(engine.execute(orders.top_up(ada, 1)))
    await asyncio.sleep(0)
    gate.let_in(2)
    await payment
    assert len(gate.batches) == 5
    assert not many.done()
    gate.open()
    assert len(await many) == 5000


async def test_bulk_is_not_starved_by_payments(gate: GatedDatabase, ada: Holder) -> None:
    till = await occupied(gate, ada, EngineSettings(batch_max=10))
    many = asyncio.create_task(till.engine.execute_many(top_ups(ada, 5)))
    await asyncio.sleep(0.01)
    await till.send(top_ups(ada, 100))
    gate.let_in(2)
    await many
    assert len(gate.batches) == 2


@pytest.mark.parametrize("batch_max", [1, 2, 3])
async def test_the_smallest_batches_take_payments_and_bulk(
    gate: GatedDatabase, ada: Holder, batch_max: int
) -> None:
    till = await occupied(gate, ada, EngineSettings(batch_max=batch_max))
    many = asyncio.create_task(till.engine.execute_many(top_ups(ada, 7)))
    await asyncio.sleep(0.01)
    await till.send(top_ups(ada, 7))
    gate.open()
    assert len(await many) == 7
    await till.answers()
    assert max(sizes(gate)) <= batch_max
    assert (await read_funds(gate, ada)).booked == 15


async def test_bulk_commands_keep_their_order_across_batches(db: Database, ada: Holder) -> None:
    pairs = [(orders.top_up(ada, 1), orders.send(ada, 1)) for _ in range(300)]
    commands: list[Command] = [command for pair in pairs for command in pair]
    answers = await Engine(db, EngineSettings(batch_max=50)).execute_many(commands)
    assert [getattr(answer, "balance", answer) for answer in answers] == [1, 0] * 300
    history = await list_history(db, ada)
    assert [one.dedupe_id for one in history] == [command.id for command in commands]


async def test_bulk_answers_each_command_in_its_place(db: Database, ada: Holder) -> None:
    answers = await Engine(db).execute_many(
        [
            orders.top_up(ada, 10),
            orders.send(ada, 11),
            orders.top_up(ada, 1, description="\0"),
            orders.top_up(ada, 1, account_id="acc_nothing"),
            orders.send(ada, 10),
        ]
    )
    told = [one.code if isinstance(one, BankError) else one.balance for one in answers]
    refused = ["bad_request.insufficient_funds", "bad_request.bad_command", "not_found.account"]
    assert told == [10, *refused, 0]
    assert await Engine(db).execute_many([]) == []


async def test_a_command_that_cannot_be_stored_does_not_enter_the_queue(
    gate: GatedDatabase, ada: Holder
) -> None:
    engine = Engine(gate)
    with pytest.raises(BadParam):
        await engine.execute(orders.top_up(ada, 1, id=""))
    assert engine.counters.commits == 0
    await engine.drain()


@pytest.mark.parametrize("state", ["queued", "running", "answered"])
async def test_a_command_whose_caller_goes_away_runs_exactly_once(
    gate: GatedDatabase, ada: Holder, state: str
) -> None:
    till = Till(Engine(gate))
    if state == "queued":
        await till.send(top_ups(ada, 1))
        await gate.until_waiting()
    command = orders.top_up(ada, 100)
    await till.send([command])
    call = till.calls[-1]
    if state == "answered":
        gate.before_answer = call.cancel
    else:
        call.cancel()
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await call
    again = await till.engine.execute(command)
    history = await list_history(gate, ada)
    assert [one.dedupe_id for one in history].count(command.id) == 1
    assert again.transaction_id == history[-1].id
    assert (await till.engine.execute(orders.top_up(ada, 1))).balance == len(history) + 100


async def test_when_all_callers_go_away_the_engine_goes_on(
    gate: GatedDatabase, ada: Holder
) -> None:
    till = await occupied(gate, ada)
    await till.send(top_ups(ada, 99))
    for call in till.calls:
        call.cancel()
    gate.open()
    assert (await till.engine.execute(orders.top_up(ada, 1))).balance == 101


async def test_a_bulk_caller_who_goes_away_leaves_only_what_had_not_entered(
    gate: GatedDatabase, ada: Holder
) -> None:
    engine = Engine(gate, EngineSettings(batch_max=10))
    many = asyncio.create_task(engine.execute_many(top_ups(ada, 20)))
    await gate.until_waiting()
    many.cancel()
    await asyncio.wait([many])
    gate.open()
    await engine.drain()
    assert (await read_funds(gate, ada)).booked == 5

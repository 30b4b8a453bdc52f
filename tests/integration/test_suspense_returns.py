"""What came for a closed account goes back by itself, once, unless somebody settles it before."""

import asyncio
from typing import Any

import pytest

from minibank.accounts.opening import set_account_state
from minibank.app.bank import build_engine
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BankError, Conflict
from minibank.core.ids import SHARDS
from minibank.db import Database, ReadTx, open_database
from minibank.ledger.entries import CARD_SETTLEMENT, SUSPENSE, TRANSFER_SETTLEMENT
from minibank.payments.commands import Command, Outcome
from minibank.payments.effects import SUSPENSE_RETURN
from minibank.payments.engine import Engine, EngineSettings
from minibank.settings import Settings
from minibank.worker import store
from minibank.worker.due import run_due
from tests.support.banking import Holder, list_history, open_holder
from tests.support.rails import Rails, suspense_of

DAY = 86_400
orders = Rails("operator")


async def close(db: Database, holder: Holder) -> None:
    await db.transact(lambda tx: set_account_state(tx, holder.account_id, "closed"))


async def leave(db: Database) -> Holder:
    """Somebody whose account is closed."""
    holder = await open_holder(db)
    await close(db, holder)
    return holder


async def stand(engine: Engine, command: Command) -> str:
    """The transaction of something that goes into suspense."""
    outcome = await engine.execute(command)
    assert outcome.status == "declined"
    assert outcome.transaction_id is not None
    return outcome.transaction_id


async def planned(db: Database) -> dict[str, int]:
    """When which transaction is to go back."""

    async def work(tx: ReadTx) -> dict[str, int]:
        rows = await tx.fetch(
            "SELECT subject, due_at FROM due_work WHERE kind = $1", SUSPENSE_RETURN
        )
        return {row["subject"]: row["due_at"] for row in rows}

    return await db.read(work)


async def position(db: Database, address: str) -> int:
    """What the whole bank has at an address."""

    async def work(tx: ReadTx) -> int:
        row = await tx.fetch_one(
            "SELECT COALESCE(SUM(amount), 0) AS total FROM entries WHERE address = $1", address
        )
        return int(row["total"]) if row else 0

    return await db.read(work)


async def returns_of(db: Database, holder: Holder) -> int:
    """How many entry sets sent something back."""

    async def work(tx: ReadTx) -> int:
        rows = await tx.fetch(
            "SELECT 1 FROM entry_sets WHERE shard = $1 AND account_id = $2 AND code = $3",
            holder.shard,
            holder.account_id,
            "suspense_returned",
        )
        return len(rows)

    return await db.read(work)


@pytest.mark.parametrize(
    ("verb", "scheme"), [("receive", TRANSFER_SETTLEMENT), ("refund", CARD_SETTLEMENT)]
)
async def test_what_came_for_a_closed_account_goes_back_once_its_time_has_come_and_not_before(
    db: Database, clock: FakeClock, verb: str, scheme: str
) -> None:
    engine, gone = Engine(db), await leave(db)
    stands = await stand(engine, getattr(orders, verb)(gone, 50))
    [record] = await list_history(db, gone)
    assert await planned(db) == {stands: record.created_at + DAY * 1_000_000}
    assert (await audit(db)).clean
    clock.advance((record.created_at - clock.now()) / 1_000_000 + DAY - 1)
    assert (await run_due(db, engine)).done == 0
    assert (await position(db, SUSPENSE), await position(db, scheme)) == (50, -50)
    clock.advance(1)
    report = await run_due(db, engine)
    assert (report.done, report.put_off) == (1, 0)
    assert (await position(db, SUSPENSE), await position(db, scheme)) == (0, 0)
    assert await returns_of(db, gone) == 1
    assert await planned(db) == {}
    clock.advance(DAY)
    assert (await run_due(db, engine)).done == 0
    # The customer sees what came to nothing, as before.
    [after] = await list_history(db, gone)
    assert (after.amount, after.decline_reason) == (50, "OTHER")
    assert (await audit(db)).clean


async def test_what_has_no_sender_to_go_back_to_waits_for_an_operator(
    db: Database, clock: FakeClock
) -> None:
    engine, ada = Engine(db), await open_holder(db, 100)
    sent = [str((await engine.execute(orders.send(ada, 50))).transaction_id) for _ in range(2)]
    await close(db, ada)
    stand_there = [
        await stand(engine, orders.come_back(ada, sent[0])),
        await stand(engine, orders.reject(ada, sent[1])),
    ]
    bank = await suspense_of(db)
    for kind in ("payment", "refund"):
        await stand(engine, orders.suspend(bank, 7, kind=kind))
    assert await planned(db) == {}
    clock.advance(30 * DAY)
    assert (await run_due(db, engine)).done == 0
    assert await position(db, SUSPENSE) == 100
    for one in stand_there:
        assert (await engine.execute(orders.clear(ada, one))).status == "done"
    assert (await audit(db)).clean


async def test_its_time_begins_when_it_is_booked_however_long_ago_it_happened(
    db: Database, clock: FakeClock
) -> None:
    ada = await open_holder(db)
    clock.advance(2 * DAY)
    engine, long_ago = Engine(db), clock.now() - DAY * 1_000_000
    await close(db, ada)
    stands = await stand(engine, orders.receive(ada, 50, happened_at=long_ago))
    [due_at] = (await planned(db)).values()
    assert due_at >= clock.now() + DAY * 1_000_000
    assert (await run_due(db, engine)).done == 0
    assert list(await planned(db)) == [stands]


async def test_several_workers_at_once_send_each_piece_back_once(
    db: Database, database_url: str, clock: FakeClock
) -> None:
    engine = Engine(db)
    people = [await leave(db) for _ in range(6)]
    for one in people:
        await stand(engine, orders.receive(one, 50))
    clock.advance(DAY + 1)
    other = await open_database(database_url, clock=clock)
    try:
        reports = await asyncio.gather(run_due(db, engine), run_due(other, Engine(other)))
    finally:
        await other.close()
    assert sum(one.done for one in reports) == 6
    assert sum(one.put_off for one in reports) == 0
    assert [await returns_of(db, one) for one in people] == [1] * 6
    assert await position(db, TRANSFER_SETTLEMENT) == 0
    assert (await audit(db)).clean


async def test_a_piece_that_two_workers_have_goes_back_once(db: Database, clock: FakeClock) -> None:
    engine, gone = Engine(db), await leave(db)
    await stand(engine, orders.receive(gone, 50))
    clock.advance(DAY + 1)
    shards, kinds, now = list(range(SHARDS)), [SUSPENSE_RETURN], clock.now()
    # The first has claimed it and is slow; its lease ends and the second does it.
    await db.transact(lambda tx: store.claim_due(tx, shards, kinds, now, now + 1))
    clock.advance(1)
    first, second = await asyncio.gather(
        run_due(db, engine, lease_seconds=0), run_due(db, Engine(db), lease_seconds=0)
    )
    assert first.put_off + second.put_off == 0
    assert await returns_of(db, gone) == 1
    assert (await audit(db)).clean


async def test_what_an_operator_settled_before_does_not_go_back(
    db: Database, clock: FakeClock
) -> None:
    engine, gone, brian = Engine(db), await leave(db), await open_holder(db)
    to_brian = await stand(engine, orders.receive(gone, 50))
    to_sender = await stand(engine, orders.receive(gone, 60))
    await engine.execute(orders.clear(gone, to_brian, brian))
    await engine.execute(orders.clear(gone, to_sender))
    assert await planned(db) == {}
    clock.advance(2 * DAY)
    assert (await run_due(db, engine)).done == 0
    assert await returns_of(db, gone) == 1
    assert (await position(db, SUSPENSE), await position(db, TRANSFER_SETTLEMENT)) == (0, -50)
    assert (await audit(db)).clean


async def test_what_an_operator_settles_while_a_worker_has_it_is_no_trouble(
    db: Database, clock: FakeClock
) -> None:
    engine, gone, brian = Engine(db), await leave(db), await open_holder(db)
    stands = await stand(engine, orders.receive(gone, 50))
    clock.advance(DAY + 1)
    shards, kinds, now = list(range(SHARDS)), [SUSPENSE_RETURN], clock.now()
    claimed = await db.transact(lambda tx: store.claim_due(tx, shards, kinds, now, now + 1))
    assert [row.subject for row in claimed] == [stands]
    await engine.execute(orders.clear(gone, stands, brian))
    clock.advance(1)
    assert (await run_due(db, engine)).done == 0
    assert await returns_of(db, gone) == 0
    assert (await audit(db)).clean


async def test_of_an_operator_and_a_worker_at_the_same_time_one_settles_it(
    db: Database, database_url: str, clock: FakeClock
) -> None:
    engine, brian = Engine(db), await open_holder(db)
    people = [await leave(db) for _ in range(8)]
    standing = [(one, await stand(engine, orders.receive(one, 50))) for one in people]
    clock.advance(DAY + 1)
    other = await open_database(database_url, clock=clock)
    desk = Engine(other)

    async def settle(holder: Holder, stands: str) -> Outcome | BankError:
        try:
            return await desk.execute(orders.clear(holder, stands, brian))
        except BankError as refusal:
            return refusal

    try:
        _, *answers = await asyncio.gather(run_due(db, engine), *(settle(*one) for one in standing))
    finally:
        await other.close()
    for one, answer in zip(people, answers, strict=True):
        if isinstance(answer, Outcome):
            assert await returns_of(db, one) == 0
        else:
            assert isinstance(answer, Conflict)
            assert await returns_of(db, one) == 1
    moved = sum(isinstance(one, Outcome) for one in answers)
    assert await position(db, SUSPENSE) == 0
    assert await position(db, TRANSFER_SETTLEMENT) == -50 * moved
    assert await planned(db) == {}
    assert (await audit(db)).clean


async def test_what_is_suspended_and_settled_together_plans_nothing(
    db: Database, clock: FakeClock
) -> None:
    engine, gone = Engine(db), await leave(db)
    late = orders.receive(gone, 50)
    dry = await engine.preview([late])
    [outcome] = dry[0]
    assert isinstance(outcome, Outcome)
    assert await planned(db) == {}
    answers = await engine.execute_many([late, orders.clear(gone, str(outcome.transaction_id))])
    assert [one.status for one in answers if isinstance(one, Outcome)] == ["declined", "done"]
    assert await planned(db) == {}
    assert (await audit(db)).clean


async def test_a_bank_that_was_stopped_sends_it_back_when_it_runs_again(
    database_url: str, clock: FakeClock
) -> None:
    db = await open_database(database_url, clock=clock)
    gone = await leave(db)
    await stand(Engine(db), orders.receive(gone, 50))
    await db.close()
    clock.advance(3 * DAY)
    db = await open_database(database_url, clock=clock)
    # By now it is to keep what comes; what was planned stays so.
    engine = Engine(db, EngineSettings(suspense_return_days=0))
    assert (await run_due(db, engine)).done == 1
    assert await returns_of(db, gone) == 1
    assert (await audit(db)).clean
    await db.close()


@pytest.mark.parametrize("days", [0, 3])
async def test_the_setting_says_after_how_many_days_and_0_is_never(
    db: Database, clock: FakeClock, days: int
) -> None:
    engine, gone = build_engine(db, Settings(suspense_return_days=days)), await leave(db)
    await stand(engine, orders.receive(gone, 50))
    clock.advance(2 * DAY)
    assert (await run_due(db, engine)).done == 0
    clock.advance(400 * DAY)
    assert (await run_due(db, engine)).done == (1 if days else 0)
    assert await returns_of(db, gone) == (1 if days else 0)
    assert (await audit(db)).clean


DAMAGE: dict[str, Any] = {
    "deleted": "DELETE FROM due_work WHERE kind = 'suspense_return'",
    "later": "UPDATE due_work SET due_at = due_at + 1 WHERE kind = 'suspense_return'",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
async def test_the_audit_misses_what_nothing_sends_back(db: Database, statement: str) -> None:
    gone = await leave(db)
    stands = await stand(Engine(db), orders.receive(gone, 50))
    await db.transact(lambda tx: tx.execute(statement))
    found = {(one.code, one.subject) for one in (await audit(db)).findings}
    assert found == {("correction.due", stands)}

"""Units of work that lose a race, a connection or their caller: whole, once, or not at all."""

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from minibank.core.clock import FakeClock
from minibank.db import Database, DatabaseUnavailable, LostRace, ReadTx, Tx, UniqueViolation
from minibank.db.retry import ATTEMPTS_MAX, UNIQUE_ATTEMPTS_MAX
from tests.support import counter_process
from tests.support.scratch import (
    COLUMNS,
    all_things,
    another,
    count_of,
    ids_of_things,
    make_things,
    put,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def things(db: Database) -> Database:
    """A bank with the scratch tables in it."""
    await make_things(db)
    return db


@pytest.mark.parametrize("loss", [LostRace, DatabaseUnavailable])
async def test_what_was_lost_is_run_again_from_the_start(things: Database, loss: type[Exception]):
    runs = 0

    async def work(tx: Tx) -> int:
        nonlocal runs
        runs += 1
        assert await tx.fetch("SELECT id FROM things") == []
        await tx.insert_rows("things", COLUMNS, [(1, "a", runs, None, None)])
        if runs < 4:
            raise loss("again")
        return runs

    assert await things.transact(work) == 4
    assert await all_things(things) == [(1, "a", 4, None, None)]


@pytest.mark.parametrize(
    ("loss", "runs_max"),
    [
        (LostRace, ATTEMPTS_MAX),
        (DatabaseUnavailable, ATTEMPTS_MAX),
        (UniqueViolation, UNIQUE_ATTEMPTS_MAX),
    ],
)
async def test_what_is_lost_every_time_is_given_up_and_leaves_nothing(
    things: Database, loss: type[Exception], runs_max: int
):
    runs = 0

    async def work(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        await tx.insert_rows("things", COLUMNS, [(1, "a", runs, None, None)])
        raise loss("again")

    with pytest.raises(loss):
        await things.transact(work)
    assert runs == runs_max
    assert await all_things(things) == []


async def test_reads_are_run_again_too(things: Database):
    for run in (things.read, things.snapshot):
        losses = [LostRace("busy"), LostRace("busy")]

        async def work(tx: ReadTx, losses: list[LostRace] = losses) -> str:
            if losses:
                raise losses.pop()
            return "read"

        assert await run(work) == "read"


async def test_each_run_has_its_own_instant(things: Database, clock: FakeClock):
    instants: list[int] = []

    async def work(tx: Tx) -> None:
        instants.append(tx.now)
        clock.advance(1)
        if len(instants) < 3:
            raise LostRace("again")

    await things.transact(work)
    assert instants == [instants[0] + n * 1_000_000 for n in range(3)]


async def test_the_losers_of_a_race_for_a_key_find_the_winners_row(
    things: Database, database_url: str
):
    """Everybody looks first and inserts then; on PostgreSQL many look before anybody inserts."""

    async def find_or_make(tx: Tx) -> str:
        row = await tx.fetch_one("SELECT note FROM things WHERE shard = $1 AND id = $2", 1, "one")
        if row is None:
            note = tx.ids.new("note", 1, tx.now)
            await tx.insert_rows("things", COLUMNS, [(1, "one", 1, note, None)])
            return note
        return str(row["note"])

    async with another(database_url) as other:
        found = await asyncio.gather(
            *(db.transact(find_or_make) for db in (things, other) for _ in range(15))
        )
    [row] = await all_things(things)
    assert set(found) == {row[3]}


async def test_concurrent_units_of_work_lose_no_update(things: Database, database_url: str):
    async with another(database_url) as other:
        await asyncio.gather(
            *(db.transact(counter_process.count) for db in (things, other) for _ in range(60))
        )
    assert [await count_of(things, 1), await count_of(things, 2)] == [120, 120]


def _start(stack: ExitStack, url: str, counts: int) -> "subprocess.Popen[bytes]":
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-m", counter_process.__name__, url, str(counts)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    )
    stack.callback(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


async def test_concurrent_processes_lose_no_update(things: Database, database_url: str):
    with ExitStack() as stack:
        processes = [_start(stack, database_url, 60) for _ in range(3)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        for _ in range(20):
            await things.transact(counter_process.count)
        for process in processes:
            assert await asyncio.to_thread(process.wait, 60) == 0
    assert [await count_of(things, 1), await count_of(things, 2)] == [200, 200]


async def test_a_process_that_is_killed_leaves_whole_units_of_work(
    things: Database, database_url: str
):
    with ExitStack() as stack:
        for _ in range(3):
            before = await count_of(things)
            process = _start(stack, database_url, 0)
            assert process.stdin is not None
            process.stdin.close()
            while await count_of(things) < before + 5:  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(0.001)
            process.kill()
            process.wait()
            await things.transact(counter_process.count)
            assert await count_of(things, 1) == await count_of(things, 2)


async def _cancel_midway(db: Database, delay: float) -> None:
    """Begin a unit of work that writes both counters or none, and go away in the middle of it."""

    async def work(tx: Tx) -> None:
        for _ in range(5):
            await counter_process.count(tx)

    task = asyncio.create_task(db.transact(work))
    await asyncio.sleep(delay)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_caller_who_goes_away_leaves_a_whole_unit_of_work_or_none(things: Database):
    async def both(tx: Tx) -> list[int]:
        return [row["count"] for row in await tx.fetch("SELECT count FROM counters ORDER BY id")]

    await asyncio.gather(*(_cancel_midway(things, n * 0.0004) for n in range(100)))
    # Behind what had begun already, and goes on although nobody waits for it.
    one, other = await things.transact(both)
    assert one == other
    assert one % 5 == 0
    async with asyncio.timeout(10):
        # As many as there are connections: none of them may be left in a transaction.
        await asyncio.gather(*(things.transact(counter_process.count) for _ in range(30)))
    assert await count_of(things, 1) == one + 30


async def test_readers_who_go_away_leave_nothing_behind(things: Database):
    await put(things, *((1, f"{n}", n, None, None) for n in range(100)))

    async def work(tx: ReadTx) -> int:
        rows = [row for _ in range(10) for row in await tx.fetch("SELECT id FROM things")]
        return len(rows)

    async def leave(n: int) -> None:
        task = asyncio.create_task((things.read if n % 2 else things.snapshot)(work))
        await asyncio.sleep(n * 0.0004)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(leave(n) for n in range(60)))
    async with asyncio.timeout(10):
        found = await asyncio.gather(*(things.read(work) for _ in range(30)))
        found += await asyncio.gather(*(things.snapshot(work) for _ in range(30)))
    assert set(found) == {1000}
    await put(things, (2, "more", None, None, None))
    assert "more" in await ids_of_things(things)

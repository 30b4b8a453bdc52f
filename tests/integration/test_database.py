"""The database port: statements mean the same on both engines."""

import asyncio
from typing import Any

import msgspec
import pytest

from minibank.core.clock import FakeClock
from minibank.core.errors import NotFound
from minibank.db import Database, DatabaseError, DatabaseUnavailable, ReadTx, Row, Tx
from tests.support.scratch import COLUMNS, all_things, another, ids_of_things, make_things, put

LARGEST, SMALLEST = 2**63 - 1, -(2**63)


@pytest.fixture
async def things(db: Database) -> Database:
    """A bank with the scratch tables in it."""
    await make_things(db)
    return db


async def fetch(db: Database, sql: str, *values) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await db.read(lambda tx: tx.fetch(sql, *values))]


async def fetch_one(db: Database, sql: str, *values) -> Row | None:
    return await db.read(lambda tx: tx.fetch_one(sql, *values))


async def execute(db: Database, sql: str, *values) -> int:
    return await db.transact(lambda tx: tx.execute(sql, *values))


# Values and rows


async def test_every_value_comes_back_as_it_went_in(things: Database):
    numbers = [None, 0, 1, -1, 2**31, 2**53 + 1, LARGEST, SMALLEST]
    notes = [None, "", " ", "é", "e\u0301", "\U0001f469\u200d\U0001f4bb", "a'b\"c\\d%_", "$1 ?"]
    contents = [None, b"", b"\x00", b"'", bytes(range(256)), b"\xff" * 100_000, b"$1", b"x"]
    rows = [(1, f"{n}", *row) for n, row in enumerate(zip(numbers, notes, contents, strict=True))]
    await put(things, *rows)
    assert await all_things(things) == rows
    update = "UPDATE things SET number = $3, note = $4, bytes = $5 WHERE shard = $1 AND id = $2"
    for row in rows:
        assert await execute(things, update, *row) == 1
    assert await all_things(things) == rows


async def test_a_row_gives_values_by_name_by_position_and_in_order(things: Database):
    await put(things, (1, "a", 5, "note", b"x"))
    row = await fetch_one(things, "SELECT id, number AS how_many FROM things WHERE shard = $1", 1)
    assert row is not None
    assert (row["id"], row["how_many"]) == ("a", 5)
    assert (row[0], row[1]) == ("a", 5)
    assert list(row) == ["a", 5]


class Thing(msgspec.Struct, array_like=True):
    shard: int
    name: str
    how_many: int | None
    note: str | None


_THINGS = "SELECT shard, id AS name, number AS how_many, note FROM things WHERE shard = $1"


async def test_rows_become_structs_of_the_same_values(things: Database):
    numbers = [None, 0, -1, 2**53 + 1, LARGEST, SMALLEST]
    notes = [None, "", "null", "é\U0001f469\u200d\U0001f4bb\u2028", "a'b\"c\\d/\x01\t\x7f", "[1]"]
    rows = [(1, f"{n}", *row) for n, row in enumerate(zip(numbers, notes, strict=True))]
    await put(things, *((*row, None) for row in rows), (2, "elsewhere", 1, "x", None))
    found = await things.read(lambda tx: tx.fetch_as(Thing, f"{_THINGS} ORDER BY id", 1))
    assert found == [Thing(*row) for row in rows]
    assert await things.read(lambda tx: tx.fetch_as(Thing, _THINGS, 3)) == []


async def test_structs_see_what_their_unit_of_work_wrote(things: Database):
    async def work(tx: Tx) -> list[Thing]:
        await tx.insert_rows("things", ("shard", "id"), [(1, "a")])
        return await tx.fetch_as(Thing, _THINGS, 1)

    assert await things.transact(work) == [Thing(1, "a", None, None)]


async def test_a_column_that_was_not_selected_is_not_there(things: Database):
    row = await fetch_one(things, "SELECT 1 AS one")
    assert row is not None
    with pytest.raises((KeyError, IndexError)):
        row["two"]
    with pytest.raises(IndexError):
        row[1]


async def test_fetch_gives_all_rows_and_fetch_one_the_first_or_none(things: Database):
    assert await fetch(things, "SELECT id FROM things") == []
    assert await fetch_one(things, "SELECT id FROM things") is None
    await put(things, *((1, f"{n}", n, None, None) for n in range(1000)))
    rows = await fetch(things, "SELECT number FROM things WHERE shard = $1 ORDER BY number", 1)
    assert rows == [(n,) for n in range(1000)]
    row = await fetch_one(
        things, "SELECT number FROM things WHERE shard = $1 ORDER BY number DESC", 1
    )
    assert row is not None
    assert row["number"] == 999


async def test_a_row_outlives_its_unit_of_work(things: Database):
    await put(things, (1, "a", 5, "note", b"x"))
    row = await fetch_one(things, "SELECT id, bytes FROM things WHERE shard = $1", 1)
    await execute(things, "DELETE FROM things WHERE shard = $1", 1)
    assert row is not None
    assert (row["id"], row["bytes"]) == ("a", b"x")


async def test_texts_sort_and_compare_by_their_code_points(things: Database):
    names = ["0", "9", "A", "Z", "_", "a", "b", "z", "\u00e9", "\ufffd", "\U0001f4b7"]
    await put(things, *((1, name, None, None, None) for name in reversed(names)))
    assert await ids_of_things(things) == names
    for sql in ("SELECT id FROM things WHERE id < $1", "SELECT id FROM things WHERE id = $1"):
        smaller = await fetch(things, sql + " AND shard = $2 ORDER BY id", "a", 1)
        assert smaller == ([(name,) for name in names[:5]] if "<" in sql else [("a",)])


async def test_ids_sort_on_the_engine_as_they_do_in_the_code(things: Database):
    ids = things.ids
    made = [ids.new("tx", n % 7, 1_773_144_000_000_000 + n * 301) for n in range(500)]
    await put(things, *((1, one, None, None, None) for one in made))
    assert await ids_of_things(things) == sorted(made)


# Rows changed


async def test_execute_says_how_many_rows_it_changed(things: Database):
    insert = "INSERT INTO things (shard, id, number) VALUES ($1, $2, $3)"
    assert await execute(things, insert, 1, "a", 1) == 1
    assert await execute(things, insert + " ON CONFLICT DO NOTHING", 1, "a", 1) == 0
    assert await execute(things, insert + " ON CONFLICT DO NOTHING", 1, "b", 1) == 1
    assert await execute(things, "UPDATE things SET number = $2 WHERE shard = $1", 1, 7) == 2
    assert await execute(things, "UPDATE things SET number = $2 WHERE shard = $1", 2, 7) == 0
    copied = "INSERT INTO things (shard, id) SELECT 2, id FROM things WHERE shard = $1"
    assert await execute(things, copied, 1) == 2
    assert await execute(things, "DELETE FROM things WHERE shard = $1 AND id = $2", 1, "a") == 1
    assert await execute(things, "DELETE FROM things") == 3


async def test_reading_changes_no_rows(things: Database):
    await put(things, (1, "a", 1, None, None), (1, "b", 2, None, None))
    locked = "SELECT id FROM things WHERE shard = $1 ORDER BY id FOR NO KEY UPDATE"
    assert await execute(things, locked, 1) == 0
    assert await execute(things, "WITH t AS (SELECT 1 AS n) SELECT n FROM t") == 0


async def test_what_a_statement_returns_is_fetched_like_rows(things: Database):
    upsert = """
        INSERT INTO things (shard, id, number) VALUES ($1, $2, $3)
        ON CONFLICT (shard, id) DO UPDATE SET number = things.number + excluded.number
        RETURNING id, number
    """

    async def twice(tx: Tx) -> list[tuple[Any, ...]]:
        found = [tuple(row) for row in await tx.fetch(upsert, 1, "a", 5)]
        row = await tx.fetch_one(upsert, 1, "a", 37)
        assert row is not None
        return [*found, tuple(row)]

    assert await things.transact(twice) == [("a", 5), ("a", 42)]


async def test_a_statement_changes_all_its_rows_even_when_only_the_first_is_fetched(
    things: Database,
):
    await put(things, *((1, f"{n}", n, None, None) for n in range(20)))
    sql = "UPDATE things SET number = number + 100 WHERE shard = $1 RETURNING number"
    row = await things.transact(lambda tx: tx.fetch_one(sql, 1))
    assert row is not None
    assert row["number"] >= 100
    assert await fetch(things, "SELECT id FROM things WHERE number < $1", 100) == []


async def test_a_statement_sees_what_the_unit_of_work_did_before(things: Database):
    async def work(tx: Tx) -> list[object]:
        await tx.insert_rows("things", COLUMNS, [(1, "a", 1, None, None)])
        await tx.execute("UPDATE things SET number = 2 WHERE shard = $1", 1)
        return [row["number"] for row in await tx.fetch("SELECT number FROM things")]

    assert await things.transact(work) == [2]


# Lists of values


async def test_any_of_a_list_of_texts_finds_each_once(things: Database):
    stored = ("a", "b", "c", "'", '"', "\\")
    await put(things, *((1, one, None, None, None) for one in stored))
    sql = "SELECT id FROM things WHERE shard = $1 AND id = ANY($2) ORDER BY id"
    for ids in ([], ["b"], ["c", "a", "zzz"], ["a", "a"], ("a",), ["'", '"', "\\"]):
        rows = await fetch(things, sql, 1, ids)
        assert rows == [(one,) for one in sorted(set(ids) - {"zzz"})]


async def test_any_of_a_list_of_integers_compares_exactly(things: Database):
    stored = [5, LARGEST, SMALLEST, 0, 2**53]
    await put(things, *((1, f"{n}", n, None, None) for n in stored))
    sql = "SELECT number FROM things WHERE number = ANY($1)"
    for numbers in ([], [5], [LARGEST, SMALLEST, 0], [LARGEST - 1], [2**53 + 1]):
        rows = await fetch(things, sql, numbers)
        assert {row[0] for row in rows} == set(numbers) & set(stored)


JOINS = {
    1: "SELECT t.id FROM unnest($1::text[]) AS k(id) JOIN things t ON t.shard = 1 AND t.id = k.id",
    2: """SELECT t.id FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
          JOIN things t ON t.shard = k.shard AND t.id = k.id""",
    3: """SELECT t.id FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, id, number)
          JOIN things t ON t.shard = k.shard AND t.id = k.id AND t.number = k.number""",
    4: """SELECT t.id FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[])
             AS k(shard, id, number, note)
          JOIN things t ON t.shard = k.shard AND t.id = k.id AND t.number = k.number
             AND t.note = k.note""",
}


async def test_unnest_joins_keys_of_any_width(things: Database):
    await put(things, *((1, f"{n}", n, f"note {n}", None) for n in range(10)))
    keys = [(1, "3", 3, "note 3"), (1, "7", 7, "note 7"), (1, "no", 0, ""), (9, "no", 0, "")]
    by_column: list[list[Any]] = [list(column) for column in zip(*keys, strict=True)]
    for columns, join in JOINS.items():
        arrays = by_column[1:2] if columns == 1 else by_column[:columns]
        assert await fetch(things, join + " ORDER BY t.id", *arrays) == [("3",), ("7",)]
        assert await fetch(things, join, *([] for _ in arrays)) == []


async def test_the_same_statement_takes_lists_of_any_length(things: Database):
    await put(things, *((1, f"{n:03d}", n, None, None) for n in range(300)))
    for length in (1, 0, 300, 2):
        keys = [f"{n:03d}" for n in range(length)]
        rows = await fetch(things, JOINS[2], [1] * length, keys)
        assert sorted(row[0] for row in rows) == keys


# Many rows in one statement


async def test_a_unit_of_work_answers_what_its_work_answers(things: Database):
    async def work(tx: ReadTx) -> str:
        return "an answer"

    assert await things.transact(work) == "an answer"
    assert await things.read(work) == "an answer"
    assert await things.snapshot(work) == "an answer"


async def test_a_refusal_undoes_everything_and_passes_as_it_is(things: Database):
    refusal = NotFound("webhook")

    async def work(tx: Tx) -> None:
        await tx.insert_rows("things", COLUMNS, [(1, "a", 1, None, None)])
        await tx.execute("UPDATE things SET number = 2 WHERE shard = $1", 1)
        raise refusal

    with pytest.raises(NotFound) as caught:
        await things.transact(work)
    assert caught.value is refusal
    assert caught.value.__cause__ is None
    assert await all_things(things) == []
    await put(things, (1, "b", 1, None, None))
    assert await ids_of_things(things) == ["b"]


async def test_a_statement_that_fails_undoes_the_whole_unit_of_work(things: Database):
    async def work(tx: Tx) -> None:
        await tx.execute("INSERT INTO things (shard, id) VALUES ($1, $2)", 1, "a")
        await tx.execute("INSERT INTO nowhere (shard) VALUES ($1)", 1)

    with pytest.raises(Exception, match="nowhere"):
        await things.transact(work)
    assert await all_things(things) == []


async def test_work_that_goes_on_after_a_failed_statement_keeps_nothing(things: Database):
    await put(things, (1, "a", 1, None, None))

    async def work(tx: Tx) -> str:
        await tx.execute("UPDATE things SET number = 2 WHERE shard = $1", 1)
        try:
            await tx.execute("INSERT INTO things (shard, id) VALUES ($1, $2)", 1, "a")
        except Exception:
            return "as if nothing had happened"
        return "inserted"

    with pytest.raises(RuntimeError, match="may not go on"):
        await things.transact(work)
    assert await all_things(things) == [(1, "a", 1, None, None)]


async def test_the_instant_is_the_same_for_the_whole_unit_of_work(
    things: Database, clock: FakeClock
):
    async def work(tx: ReadTx) -> tuple[int, int]:
        before = tx.now
        clock.advance(60)
        await tx.fetch("SELECT 1")
        return before, tx.now

    for run in (things.transact, things.read, things.snapshot):
        begun = clock.now()
        assert await run(work) == (begun, begun)


async def test_ids_and_clock_of_a_unit_of_work_are_the_databases(things: Database):
    async def work(tx: Tx) -> bool:
        return tx.ids is things.ids and tx.now == things.clock.now()

    assert await things.transact(work)


async def test_a_read_that_writes_is_a_fault_of_the_code_and_writes_nothing(things: Database):
    runs = 0

    async def work(tx: ReadTx) -> None:
        nonlocal runs
        runs += 1
        await tx.fetch("INSERT INTO things (shard, id) VALUES ($1, $2) RETURNING id", 1, "a")

    for run in (things.read, things.snapshot):
        with pytest.raises(Exception, match=r"read-?only") as caught:
            await run(work)
        assert not isinstance(caught.value, DatabaseError)
    assert runs == 2
    assert await all_things(things) == []


async def test_a_tx_cannot_be_used_after_its_unit_of_work(things: Database):
    kept: list[Any] = []

    async def work(tx: ReadTx) -> None:
        kept.append(tx)

    for run in (things.transact, things.read, things.snapshot):
        await run(work)
        with pytest.raises(AttributeError):
            await kept[-1].execute("DELETE FROM things")
        with pytest.raises(AttributeError):
            await kept[-1].fetch("SELECT 1")


async def test_nobody_reads_what_is_not_committed(things: Database, database_url: str):
    await put(things, (1, "a", 1, None, None))
    seen: list[object] = []
    stop = asyncio.Event()

    async def watch(db: Database) -> None:
        sql = "SELECT number FROM things WHERE shard = $1"
        while not stop.is_set():
            row = await db.read(lambda tx: tx.fetch_one(sql, 1))
            assert row is not None
            seen.append(row["number"])
            await asyncio.sleep(0)

    async def back_and_forth(tx: Tx) -> None:
        await tx.execute("UPDATE things SET number = 666 WHERE shard = $1", 1)
        for _ in range(200):
            await tx.fetch("SELECT number FROM things WHERE shard = $1", 1)
        await tx.execute("UPDATE things SET number = 2 WHERE shard = $1", 1)

    async with another(database_url) as other:
        watchers = [asyncio.create_task(watch(db)) for db in (things, other)]
        await asyncio.sleep(0)
        for _ in range(5):
            await things.transact(back_and_forth)
        stop.set()
        await asyncio.gather(*watchers)
    assert set(seen) <= {1, 2}
    assert 2 in seen


async def test_a_snapshot_sees_one_instant_while_writers_go_on(things: Database, database_url: str):
    """Both rows always add up to 100; between two statements the writer moves something."""
    await put(things, (1, "a", 50, None, None), (1, "b", 50, None, None))
    snapshots = moved = 0

    async def move(tx: Tx) -> None:
        await tx.execute("UPDATE things SET number = number - 1 WHERE id = $1 AND shard = 1", "a")
        await tx.execute("UPDATE things SET number = number + 1 WHERE id = $1 AND shard = 1", "b")

    async def look(tx: ReadTx) -> list[int]:
        sql = "SELECT number FROM things WHERE shard = 1 AND id = $1"
        found = []
        for one in ("a", "b") * 20:
            row = await tx.fetch_one(sql, one)
            assert row is not None
            found.append(row["number"])
        return found

    async def keep_moving(db: Database) -> None:
        nonlocal moved
        while snapshots < 10:
            await db.transact(move)
            moved += 1

    async with another(database_url) as other:
        mover = asyncio.create_task(keep_moving(other))
        while snapshots < 10:
            found = await things.snapshot(look)
            assert len(set(found[0::2])) == len(set(found[1::2])) == 1
            assert found[0] + found[1] == 100
            snapshots += 1
        await mover
    assert moved > 0


async def test_statements_run_side_by_side_in_different_units_of_work(things: Database):
    async def one(n: int) -> None:
        await put(things, (n, "a", n, None, None))
        assert await fetch(things, "SELECT number FROM things WHERE shard = $1", n) == [(n,)]
        row = await things.snapshot(
            lambda tx: tx.fetch_one("SELECT number FROM things WHERE shard = $1", n)
        )
        assert row is not None
        assert row["number"] == n

    await asyncio.gather(*(one(n) for n in range(60)))
    assert len(await all_things(things)) == 60


async def test_a_closed_database_answers_nothing_and_can_be_closed_again(things: Database):
    async def nothing(tx: ReadTx) -> None: ...

    await things.close()
    await things.close()
    for run in (things.transact, things.read, things.snapshot):
        with pytest.raises(DatabaseUnavailable, match="closed"):
            await run(nothing)
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await things.schema_version()


async def test_closing_finishes_what_runs(database_url: str):
    async def slow(tx: Tx) -> None:
        for n in range(300):
            await tx.execute("INSERT INTO things (shard, id) VALUES ($1, $2)", n, "a")

    async with another(database_url) as db:
        await make_things(db)
        running = asyncio.create_task(db.transact(slow))
        await asyncio.sleep(0.005)
        await db.close()
        await running
    async with another(database_url) as again:
        assert len(await all_things(again)) == 300

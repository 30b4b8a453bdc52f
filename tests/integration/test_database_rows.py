"""Rows in bulk: inserted, updated and deleted alike on both engines, whenever they are sent."""

from functools import partial
from typing import Any

import pytest

from minibank.db import BadData, Database, DatabaseUnavailable, Tx
from minibank.db.base import Migration
from tests.support.scratch import COLUMNS, all_things, make_things, put

LARGEST, SMALLEST = 2**63 - 1, -(2**63)


@pytest.fixture
async def things(db: Database) -> Database:
    """A bank with the scratch tables in it."""
    await make_things(db)
    return db


async def insert_things(rows: list[tuple[Any, ...]], tx: Tx) -> None:
    await tx.insert_rows("things", ("shard", "id"), rows)


async def test_insert_rows_inserts_all_with_every_type_and_null(things: Database):
    rows = [
        (1, "a", LARGEST, "é", b"\x00\xff"),
        (1, "b", None, None, None),
        (1, "c", SMALLEST, "", b""),
    ]
    await put(things, *rows)
    assert await all_things(things) == rows


async def test_a_boolean_is_one_or_zero(things: Database):
    await put(things, (1, "a", True, None, None), (1, "b", False, None, None))
    await things.transact(
        lambda tx: tx.update_rows("things", ("shard", "id"), ("number",), [(1, "b", True)])
    )
    assert [row[2] for row in await all_things(things)] == [1, 1]


async def test_insert_rows_takes_any_number_of_rows(things: Database):
    for count in (0, 1, 2, 2000):
        await put(things, *((count, f"{n}", n, None, None) for n in range(count)))
        rows = [row for row in await all_things(things) if row[0] == count]
        assert len(rows) == count


async def test_insert_rows_of_some_columns_leaves_the_others_to_their_default(things: Database):
    await things.transact(lambda tx: tx.insert_rows("things", ("id", "shard"), [("a", 1)]))
    assert await all_things(things) == [(1, "a", None, None, None)]


async def test_update_rows_changes_each_row_by_its_key(things: Database):
    await put(things, *((1, f"{n}", n, f"note {n}", b"x") for n in range(5)))
    rows = [(1, "1", 100, None), (1, "3", None, "new"), (2, "1", 7, "elsewhere"), (1, "9", 7, "no")]
    await things.transact(
        lambda tx: tx.update_rows("things", ("shard", "id"), ("number", "note"), rows)
    )
    assert await all_things(things) == [
        (1, "0", 0, "note 0", b"x"),
        (1, "1", 100, None, b"x"),
        (1, "2", 2, "note 2", b"x"),
        (1, "3", None, "new", b"x"),
        (1, "4", 4, "note 4", b"x"),
    ]


async def test_update_rows_of_none_changes_nothing(things: Database):
    await put(things, (1, "a", 1, None, None))
    await things.transact(lambda tx: tx.update_rows("things", ("shard", "id"), ("number",), []))
    assert await all_things(things) == [(1, "a", 1, None, None)]


async def test_delete_rows_deletes_the_rows_with_these_keys_and_no_others(things: Database):
    await put(things, *((shard, f"{n}", n, None, None) for shard in (1, 2) for n in range(3)))
    rows = [(1, "0"), (2, "2"), (1, "9")]
    await things.transact(lambda tx: tx.delete_rows("things", ("shard", "id"), rows))
    await things.transact(lambda tx: tx.delete_rows("things", ("shard", "id"), []))
    assert [row[:2] for row in await all_things(things)] == [
        (1, "1"),
        (1, "2"),
        (2, "0"),
        (2, "1"),
    ]


async def test_every_statement_sees_the_rows_written_before_it(things: Database):
    keys = ("shard", "id")

    async def work(tx: Tx) -> list[int]:
        seen = []

        async def look() -> None:
            row = await tx.fetch_one("SELECT COUNT(*) AS count FROM things WHERE number = $1", 7)
            assert row is not None
            seen.append(row["count"])

        await tx.insert_rows("things", COLUMNS, [(1, "a", 1, None, None), (1, "b", 7, None, None)])
        await look()
        await tx.update_rows("things", keys, ("number",), [(1, "a", 7)])
        await look()
        # Of one table, in order: each finds what the one before it did.
        await tx.insert_rows("things", COLUMNS, [(1, "c", 1, None, None)])
        await tx.update_rows("things", keys, ("number",), [(1, "c", 7)])
        await tx.delete_rows("things", keys, [(1, "a")])
        await tx.update_rows("things", keys, ("note",), [(1, "c", "last")])
        await tx.insert_rows("parts", ("shard", "id", "thing_id"), [(1, "p", "c")])
        changed = await tx.execute("UPDATE things SET bytes = $1 WHERE number = $2", b"x", 7)
        return [*seen, changed]

    assert await things.transact(work) == [1, 2, 2]
    assert await all_things(things) == [(1, "b", 7, None, b"x"), (1, "c", 7, "last", b"x")]


async def test_rows_that_are_refused_undo_those_written_with_them(things: Database):
    async def work(tx: Tx) -> None:
        await tx.insert_rows("things", COLUMNS, [(1, "a", 1, None, None)])
        await tx.insert_rows("parts", ("shard", "id", "thing_id"), [(1, "p", "nothing")])

    with pytest.raises(BadData):
        await things.transact(work)
    assert await all_things(things) == []


async def test_rows_of_another_length_than_their_columns_are_a_fault_of_the_code(things: Database):
    uneven: list[list[tuple[Any, ...]]] = [[(1, "a"), (1, "b", 2)], [(1,)]]
    for rows in uneven:
        with pytest.raises(Exception, match=r".") as caught:
            await things.transact(partial(insert_things, rows))
        assert not isinstance(caught.value, DatabaseUnavailable)
    assert await all_things(things) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE things ADD COLUMN more BIGINT NOT NULL DEFAULT 7",
        "ALTER TABLE things DROP COLUMN bytes",
    ],
)
async def test_rows_are_written_to_a_table_whose_columns_change_meanwhile(
    things: Database, change: str
):
    keys = ("shard", "id")
    await put(things, (1, "a", 1, None, None))
    await things.transact(lambda tx: tx.update_rows("things", keys, ("number",), [(1, "a", 2)]))
    assert await things.apply(Migration(9001, "change", change, transactional=True), 0)
    await things.transact(lambda tx: tx.update_rows("things", keys, ("number",), [(1, "a", 3)]))
    await things.transact(partial(insert_things, [(1, "b")]))
    rows = await things.read(lambda tx: tx.fetch("SELECT id, number FROM things ORDER BY id"))
    assert [tuple(row) for row in rows] == [("a", 3), ("b", None)]


# Units of work

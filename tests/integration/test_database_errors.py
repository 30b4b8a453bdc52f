"""What the database refuses, in the same words on both engines, and without quoting a value."""

import traceback
from functools import partial
from typing import Any

import asyncpg
import pytest

from minibank.db import (
    BadData,
    Database,
    DatabaseError,
    ReadTx,
    Tx,
    UniqueViolation,
    open_database,
)
from minibank.db.errors import TookTooLong
from minibank.db.retry import UNIQUE_ATTEMPTS_MAX
from tests.support.scratch import COLUMNS, FORBIDDEN, all_things, make_things, put

SECRET = "hunter2"
INSERT = "INSERT INTO things (shard, id, number, note, bytes) VALUES ($1, $2, $3, $4, $5)"
TOO_LARGE, TOO_SMALL = 2**63, -(2**63) - 1


@pytest.fixture
async def things(db: Database) -> Database:
    """A bank with the scratch tables, and one thing in them."""
    await make_things(db)
    await put(db, (1, "a", 1, "taken", None))
    return db


class Counted:
    """A unit of work of one statement, which counts its runs."""

    def __init__(self, sql: str, *values: Any) -> None:
        self._sql = sql
        self._values = values
        self.runs = 0

    async def __call__(self, tx: Tx) -> None:
        self.runs += 1
        await tx.execute(self._sql, *self._values)


def printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        (INSERT, (1, "a", 5, SECRET, None)),
        (INSERT, (1, SECRET, 5, "taken", None)),
        ("UPDATE things SET note = $2 WHERE shard = $1", (1, SECRET)),
        ("INSERT INTO counters (id, count) VALUES ($1, $2)", (1, 77)),
    ],
    ids=["primary key", "unique index", "update", "single number key"],
)
async def test_a_key_that_exists_is_a_unique_violation_after_a_few_runs(
    things: Database, sql: str, values: tuple[Any, ...]
):
    await put(things, (1, "b", 1, None, None))
    before = await all_things(things)
    work = Counted(sql, *values)
    with pytest.raises(UniqueViolation) as caught:
        await things.transact(work)
    assert work.runs == UNIQUE_ATTEMPTS_MAX
    assert SECRET not in printed(caught.value)
    assert await all_things(things) == before


BAD = {
    "check": (INSERT, (1, "b", FORBIDDEN, SECRET, None)),
    "not null": ("INSERT INTO things (shard, note) VALUES ($1, $2)", (1, SECRET)),
    "foreign key": (
        "INSERT INTO parts (shard, id, thing_id) VALUES ($1, $2, $3)",
        (1, "p", SECRET),
    ),
    "an integer too large": (INSERT, (1, "b", TOO_LARGE, SECRET, None)),
    "an integer too small": (INSERT, (1, "b", TOO_SMALL, SECRET, None)),
    "a lone surrogate": (INSERT, (1, "b", 1, f"{SECRET}\ud83d", None)),
    "bytes for a text": (INSERT, (1, "b", 1, SECRET.encode(), None)),
    "a text for bytes": (INSERT, (1, "b", 1, None, SECRET)),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_data_is_refused_at_once_and_not_quoted(things: Database, case: str):
    sql, values = BAD[case]
    before = await all_things(things)
    work = Counted(sql, *values)
    with pytest.raises(BadData) as caught:
        await things.transact(work)
    assert type(caught.value) is BadData
    assert work.runs == 1
    assert SECRET not in printed(caught.value)
    assert await all_things(things) == before


async def test_bad_data_among_many_rows_is_refused_with_all_of_them(things: Database):
    good = [(1, f"{n}", n, None, None) for n in range(10)]
    bad_rows: list[tuple[Any, ...]] = [
        (1, "x", TOO_LARGE, SECRET, None),
        (1, "x", FORBIDDEN, SECRET, None),
        (1, "x", 1, f"{SECRET}\ud83d", None),
        (1, None, 1, SECRET, None),
    ]
    for bad in bad_rows:

        async def work(tx: Tx, bad: tuple[Any, ...] = bad) -> None:
            await tx.insert_rows("things", COLUMNS, [*good, bad, *good])

        with pytest.raises(BadData) as caught:
            await things.transact(work)
        assert SECRET not in printed(caught.value)
    assert len(await all_things(things)) == 1


async def test_a_row_that_others_refer_to_is_not_deleted(things: Database):
    insert = "INSERT INTO parts (shard, id, thing_id) VALUES ($1, $2, $3)"
    await things.transact(lambda tx: tx.execute(insert, 1, "p", "a"))
    with pytest.raises(BadData):
        await things.transact(lambda tx: tx.execute("DELETE FROM things WHERE shard = $1", 1))
    assert len(await all_things(things)) == 1


async def test_bad_data_is_refused_in_reads_too(things: Database):
    select = "SELECT id FROM things WHERE shard = $1 AND id = $2"
    reads: list[tuple[Any, ...]] = [
        (select, TOO_LARGE, "x"),
        (select, 1, "\ud83d"),
        ("SELECT id FROM things WHERE id = ANY($1)", ["\ud83d"]),
    ]
    for run in (things.read, things.snapshot):
        for sql, *values in reads:
            with pytest.raises(BadData):
                await run(partial(_fetch, sql, values))


async def _fetch(sql: str, values: list[Any], tx: ReadTx) -> None:
    await tx.fetch(sql, *values)


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("INSERT INTO things", ()),
        ("SELEC 1", ()),
        ("INSERT INTO nowhere (shard) VALUES ($1)", (1,)),
        ("UPDATE things SET nothing = $1", (1,)),
        ("UPDATE things SET number = $1 WHERE id = $2", (1,)),
    ],
    ids=["half a statement", "no statement", "no table", "no column", "no value"],
)
async def test_a_bad_statement_is_a_fault_of_the_code_and_not_run_again(
    things: Database, sql: str, values: tuple[Any, ...]
):
    work = Counted(sql, *values)
    with pytest.raises(Exception, match=r".") as caught:
        await things.transact(work)
    assert not isinstance(caught.value, DatabaseError)
    assert work.runs == 1
    await put(things, (1, "b", 1, None, None))


async def test_after_an_error_the_database_goes_on_as_before(things: Database):
    for n, (sql, values) in enumerate(BAD.values()):
        with pytest.raises(BadData):
            await things.transact(Counted(sql, *values))
        await put(things, (2, f"{n}", n, None, None))
    assert len(await all_things(things)) == 1 + len(BAD)


async def test_u_0000_in_a_text_is_bad_data_on_postgres(postgres_url: str):
    db = await open_database(postgres_url)
    try:
        await make_things(db)
        for sql, values in (
            (INSERT, (1, "b", 1, f"{SECRET}\x00", None)),
            ("UPDATE things SET number = 1 WHERE id = ANY($1)", ([f"{SECRET}\x00"],)),
        ):
            work = Counted(sql, *values)
            with pytest.raises(BadData) as caught:
                await db.transact(work)
            assert work.runs == 1
            assert SECRET not in printed(caught.value)
    finally:
        await db.close()


async def test_a_text_too_long_for_an_index_is_bad_data_on_postgres(postgres_url: str):
    db = await open_database(postgres_url)
    try:
        await make_things(db)
        noise = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(20_000))
        with pytest.raises(BadData):
            await db.transact(Counted(INSERT, 1, "b", 1, noise, None))
    finally:
        await db.close()


async def test_a_statement_that_takes_too_long_is_ended_and_not_run_again(postgres_url: str):
    db = await open_database(postgres_url)
    runs = 0

    async def work(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        await tx.execute("SET LOCAL statement_timeout = '20ms'")
        await tx.execute("SELECT pg_sleep(10)")

    async def nothing(tx: ReadTx) -> None:
        await tx.fetch("SELECT 1")

    try:
        with pytest.raises(TookTooLong, match="57014"):
            await db.transact(work)
        assert runs == 1
        await db.read(nothing)
    finally:
        await db.close()


async def test_a_statement_prepared_for_an_older_schema_is_prepared_again(postgres_url: str):
    db = await open_database(postgres_url, connections_max=1)
    admin = await asyncpg.connect(postgres_url)
    try:
        await make_things(db)
        await put(db, (1, "a", 5, "words", None))
        sql = "SELECT note FROM things WHERE shard = $1"

        async def work(tx: ReadTx) -> object:
            row = await tx.fetch_one(sql, 1)
            assert row is not None
            return row["note"]

        assert await db.transact(work) == "words"
        await admin.execute("ALTER TABLE things ALTER COLUMN note TYPE BIGINT USING 5")
        assert await db.transact(work) == 5
        await admin.execute("ALTER TABLE things ALTER COLUMN note TYPE BIGINT USING 6")
        assert await db.read(work) == 6
    finally:
        await admin.close()
        await db.close()

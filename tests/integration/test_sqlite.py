"""SQLite: what is asked of the file, and what happens when it is held, full or read-only."""

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from minibank.core.clock import SystemClock
from minibank.core.ids import RandomIds
from minibank.db import (
    Database,
    DatabaseUnavailable,
    LostRace,
    ReadTx,
    Row,
    Tx,
    open_database,
    retry,
    sqlite_path,
)
from minibank.db import sqlite as engine
from minibank.db.errors import StorageFull
from minibank.db.sqlite import SqliteDatabase
from tests.support.counter_process import count
from tests.support.scratch import COLUMNS, all_things, another, count_of, make_things, put


@pytest.fixture
def path(sqlite_url: str) -> Path:
    """The file of the bank."""
    found = sqlite_path(sqlite_url)
    assert found is not None
    return found


@pytest.fixture
async def db(sqlite_url: str) -> AsyncIterator[Database]:
    """A bank with the scratch tables in it."""
    async with another(sqlite_url) as opened:
        await make_things(opened)
        yield opened


async def nothing(tx: ReadTx) -> None:
    """A unit of work without statements."""


async def impatient(path: Path, busy_seconds: float) -> SqliteDatabase:
    """The bank, waiting less long for others than it usually does."""
    return await SqliteDatabase.open(path, SystemClock(), RandomIds(), busy_seconds)


# What is asked of the file


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)],
)
async def test_every_connection_is_durable_and_keeps_references(
    db: Database, pragma: str, value: object
):
    async def setting(tx: ReadTx) -> Row | None:
        return await tx.fetch_one(f"PRAGMA {pragma}")

    for run in (db.transact, db.read, db.snapshot):
        row = await run(setting)
        assert row is not None
        assert row[0] == value


async def test_tables_are_strict(db: Database):
    rows = await db.read(
        lambda tx: tx.fetch("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    )
    assert {row["name"] for row in rows if not row["strict"]} <= {"sqlite_schema"}
    assert len(rows) > 20


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT note FROM things WHERE shard = $1 AND id = ANY($2)",
        "SELECT t.note FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)"
        " JOIN things t ON t.shard = k.shard AND t.id = k.id",
    ],
    ids=["any", "unnest"],
)
async def test_keys_that_come_as_a_list_are_looked_up_one_by_one(db: Database, sql: str):
    values: list[list[int] | int | list[str]] = [[1], ["a"]] if "unnest" in sql else [1, ["a"]]
    rows = await db.read(lambda tx: tx.fetch(f"EXPLAIN QUERY PLAN {sql}", *values))
    plan = [row["detail"] for row in rows]
    assert any("USING INDEX" in line and "shard=? AND id=?" in line for line in plan), plan


async def test_closing_leaves_one_file_with_everything_in_it(sqlite_url: str, path: Path):
    async with another(sqlite_url) as db:
        await make_things(db)
        await put(db, (1, "a", 1, None, None))
    beside = [one.name for one in path.parent.iterdir() if one.name.startswith(path.name)]
    assert beside == [path.name]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM things").fetchall() == [("a",)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_eight_at_once_open_a_file_that_is_not_there_yet(tmp_path: Path):
    """Each wants to be the one that turns the write-ahead log on."""
    opened = await asyncio.gather(
        *(open_database(f"sqlite:///{tmp_path}/bank.db") for _ in range(8))
    )
    for db in opened:
        await db.transact(nothing)
        await db.close()


# One writer


async def test_a_unit_of_work_may_await_nothing_but_its_tx(db: Database):
    async def asleep(tx: Tx) -> None:
        await tx.insert_rows("things", COLUMNS, [(1, "a", 1, None, None)])
        await asyncio.sleep(0)

    for run in (db.transact, db.read, db.snapshot):
        with pytest.raises(RuntimeError, match="nothing but its tx"):
            await run(nothing_and_sleep)
    with pytest.raises(RuntimeError, match="nothing but its tx"):
        await db.transact(asleep)
    await put(db, (1, "b", 1, None, None))
    assert [row[1] for row in await all_things(db)] == ["b"]


async def nothing_and_sleep(tx: ReadTx) -> None:
    await asyncio.sleep(0)


async def test_work_runs_in_the_writers_thread_and_short_reads_in_the_event_loop(db: Database):
    async def thread(tx: ReadTx) -> str:
        return threading.current_thread().name

    assert await db.read(thread) == threading.current_thread().name
    assert (await db.transact(thread)).startswith("sqlite-writer")
    assert (await db.snapshot(thread)).startswith("sqlite-snapshot")


async def test_the_event_loop_goes_on_while_a_unit_of_work_is_busy(db: Database):
    async def long(tx: Tx) -> None:
        await tx.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000)"
            " INSERT INTO things (shard, id) SELECT 1, max(i) FROM n"
        )

    ticks = 0
    working = asyncio.create_task(db.transact(long))
    while not working.done():
        await asyncio.sleep(0.001)
        await db.read(nothing)
        ticks += 1
    await working
    assert ticks > 2


async def test_work_that_nobody_waits_for_any_more_is_not_begun(db: Database):
    release = threading.Event()
    begun: list[str] = []

    async def holding(tx: Tx) -> None:
        begun.append("holding")
        assert release.wait(20)
        await tx.execute("UPDATE counters SET count = 7 WHERE id = 1")

    async def queued(tx: Tx) -> None:
        begun.append("queued")

    first = asyncio.create_task(db.transact(holding))
    second = asyncio.create_task(db.transact(queued))
    while not begun:  # noqa: ASYNC110 - in another thread
        await asyncio.sleep(0.001)
    for task in (first, second):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    release.set()
    await db.transact(nothing)
    assert begun == ["holding"]
    assert await count_of(db) == 7  # what had begun was finished all the same


async def test_many_snapshots_run_side_by_side_and_keep_their_connections(db: Database):
    await put(db, (1, "a", 1, None, None))
    assert isinstance(db, SqliteDatabase)
    together = threading.Barrier(engine.SNAPSHOT_THREADS)

    async def look(tx: ReadTx) -> int:
        together.wait(20)
        return len(await tx.fetch("SELECT id FROM things"))

    for _ in range(3):
        found = await asyncio.gather(
            *(db.snapshot(look) for _ in range(2 * engine.SNAPSHOT_THREADS))
        )
        assert set(found) == {1}
    assert len(db._snapshot_connections) == engine.SNAPSHOT_THREADS


async def test_a_snapshot_that_ends_badly_does_not_see_the_past_ever_after(db: Database):
    async def fail(tx: ReadTx) -> None:
        await tx.fetch("SELECT id FROM things")
        raise KeyError

    async def ids(tx: ReadTx) -> int:
        return len(await tx.fetch("SELECT id FROM things"))

    for n in range(3):
        with pytest.raises(KeyError):
            await db.snapshot(fail)
        await put(db, (1, f"{n}", 1, None, None))
        assert await db.snapshot(ids) == n + 1


# Held by somebody else


@contextmanager
def held(path: Path, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
    """The file, while somebody else holds its lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(begin)
        yield connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")


async def test_a_writer_waits_for_another_process_that_holds_the_lock(db: Database, path: Path):
    with held(path) as other:
        waiting = asyncio.create_task(db.transact(count))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        other.execute("UPDATE counters SET count = 10 WHERE id = 1")
        other.execute("COMMIT")
        await waiting
    assert await count_of(db) == 11


async def test_a_lock_that_another_process_keeps_is_a_lost_race_in_bounded_time(
    sqlite_url: str, db: Database, path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(engine, "PATIENCE_SECONDS", 0.3)
    script = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        hurried = await impatient(path, 0.1)
        try:
            async with asyncio.timeout(10):
                # Not one after the other either: the time of each begins when it is asked for.
                answers = await asyncio.gather(
                    *(hurried.transact(count) for _ in range(20)), return_exceptions=True
                )
            assert {type(answer) for answer in answers} == {LostRace}
            assert await count_of(hurried) == 0  # reading goes on meanwhile
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
            await hurried.transact(count)
        finally:
            await hurried.close()


async def test_a_file_held_exclusively_keeps_reads_waiting_but_not_the_event_loop(
    sqlite_url: str, db: Database, path: Path
):
    """As during recovery after a crash: nobody else may even read."""
    await db.close()
    with held(path, "PRAGMA locking_mode = EXCLUSIVE") as other:
        other.execute("BEGIN IMMEDIATE")
        loop = asyncio.get_running_loop()
        opening = asyncio.create_task(impatient(path, 0.05))
        slowest = 0.0
        while not opening.done():
            before = loop.time()
            await asyncio.sleep(0.001)
            slowest = max(slowest, loop.time() - before)
        with pytest.raises(DatabaseUnavailable, match="locked"):
            await opening
    assert slowest < 1


async def test_a_read_that_finds_the_file_busy_is_begun_again(
    sqlite_url: str, db: Database, path: Path, monkeypatch: pytest.MonkeyPatch
):
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    failures = [busy, busy]

    async def work(tx: ReadTx) -> str:
        if failures:
            raise failures.pop()
        return "read"

    assert await db.read(work) == "read"
    failures.extend([busy] * 100)
    with pytest.raises(LostRace):
        await db.read(work)


# Full, read-only, or gone


async def test_a_full_disk_is_said_so_and_nothing_is_half_written(db: Database):
    await put(db, (1, "before", 1, None, None))

    async def limit(tx: Tx, pages: int) -> int:
        row = await tx.fetch_one("PRAGMA page_count")
        assert row is not None
        await tx.execute(f"PRAGMA max_page_count = {row[0] + pages}")
        return int(row[0])

    await db.transact(lambda tx: limit(tx, 5))
    runs = 0

    async def work(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        await tx.execute("UPDATE counters SET count = 99 WHERE id = 1")
        await tx.insert_rows("things", COLUMNS, [(1, "small", 1, None, None)])
        await tx.insert_rows("things", COLUMNS, [(1, "large", 1, None, b"x" * 100_000)])

    with pytest.raises(StorageFull):
        await db.transact(work)
    assert runs == 1
    assert await count_of(db) == 0
    assert [row[1] for row in await all_things(db)] == ["before"]
    await db.transact(count)  # what needs no more room goes on
    assert await count_of(db) == 1
    await db.transact(lambda tx: limit(tx, 1000))
    await db.transact(work)
    assert await count_of(db) == 99


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """For root no file is read-only."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def open_directory() -> Iterator[Path]:
    """A directory that everybody can reach, unlike pytest's."""
    directory = Path(tempfile.mkdtemp(prefix="minibank-sqlite-", dir="/tmp"))
    directory.chmod(0o777)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


async def test_a_file_that_may_not_be_written_can_be_read_and_says_so_when_written(
    db: Database, path: Path
):
    await put(db, (1, "a", 1, None, None))
    await db.close()
    with open_directory() as directory:
        copy = directory / "bank.db"
        shutil.copyfile(path, copy)
        copy.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        with as_an_ordinary_user():
            async with another(f"sqlite:///{copy}") as readable:
                assert [row[1] for row in await all_things(readable)] == ["a"]
                with pytest.raises(StorageFull):
                    await readable.transact(count)
                assert await count_of(readable) == 0


async def test_a_file_that_may_not_be_made_or_read_is_named(path: Path):
    with open_directory() as directory:
        secret = directory / "secret.db"
        shutil.copyfile(path, secret)
        secret.chmod(0)
        directory.chmod(0o555)
        try:
            with as_an_ordinary_user():
                for name in ("new.db", "secret.db"):
                    with pytest.raises(DatabaseUnavailable, match=name):
                        await open_database(f"sqlite:///{directory}/{name}")
        finally:
            directory.chmod(0o777)


async def test_a_damaged_file_is_told_by_the_words_of_the_port(
    sqlite_url: str, db: Database, path: Path
):
    await put(db, *((1, f"{n}", n, None, b"x" * 500) for n in range(200)))
    await db.close()
    content = bytearray(path.read_bytes())  # noqa: ASYNC240
    content[-50_000:] = b"\xff" * 50_000  # where the things are, not the schema
    path.write_bytes(content)  # noqa: ASYNC240
    async with another(sqlite_url) as damaged:
        with pytest.raises(DatabaseUnavailable, match="malformed"):
            await all_things(damaged)
        with pytest.raises(DatabaseUnavailable, match="malformed"):
            await damaged.snapshot(lambda tx: tx.fetch("SELECT bytes FROM things"))

"""Migrations: each applied once, by one process, whole or not at all."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from minibank.core.clock import FakeClock
from minibank.db import Database, DatabaseError, LostRace, open_database, retry
from minibank.db import sqlite as sqlite_engine
from minibank.db.base import Migration
from minibank.db.errors import SchemaTooNew, SchemaTooOld
from minibank.db.migrate import OUTSIDE, migrate, migrations, require_current
from tests.support import migrating_process
from tests.support.scratch import another

ROOT = Path(__file__).parents[2]
KNOWN = len(migrations())
NEWEST = migrations()[-1].version


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Database]:
    """A database with nothing in it."""
    async with another(empty_database_url) as opened:
        yield opened


def step(version: int, sql: str, *, transactional: bool = True) -> Migration:
    return Migration(version, f"step_{version}", sql, transactional)


async def applied(db: Database) -> list[tuple[int, str]]:
    sql = "SELECT version, name FROM schema_migrations ORDER BY version"
    rows = await db.read(lambda tx: tx.fetch(sql))
    return [(row["version"], row["name"]) for row in rows]


async def exists(db: Database, table: str) -> bool:
    """Whether there is a table of this name."""
    catalogue = {
        "sqlite": "SELECT 1 FROM sqlite_schema WHERE name = $1",
        "postgres": "SELECT 1 FROM pg_class WHERE relname = $1",
    }[db.engine]
    return await db.read(lambda tx: tx.fetch_one(catalogue, table)) is not None


def test_migrations_are_numbered_from_one_without_gaps_and_have_names():
    known = migrations()
    assert [one.version for one in known] == list(range(1, KNOWN + 1))
    assert all(one.name and one.sql.strip() for one in known)


def test_a_migration_runs_in_a_transaction_unless_its_first_line_says_otherwise():
    for one in migrations():
        assert one.transactional == (not one.sql.startswith(OUTSIDE))


async def test_an_empty_database_is_brought_to_the_newest_schema(
    empty: Database, empty_database_url: str
):
    assert await empty.schema_version() == 0
    async with another(empty_database_url) as other:
        assert await other.schema_version() == 0
        assert [one.version for one in await migrate(empty)] == list(range(1, KNOWN + 1))
        assert await other.schema_version() == NEWEST
    assert await applied(empty) == [(one.version, one.name) for one in migrations()]
    await require_current(empty)


async def test_migrating_again_does_nothing(empty: Database, empty_database_url: str):
    await migrate(empty)
    before = await applied(empty)
    assert await migrate(empty) == []
    async with another(empty_database_url) as other:
        assert await migrate(other) == []
    assert await applied(empty) == before


async def test_a_migration_says_when_it_was_applied(empty_database_url: str, clock: FakeClock):
    db = await open_database(empty_database_url, clock=clock)
    await migrate(db)
    row = await db.read(lambda tx: tx.fetch_one("SELECT MIN(applied_at) FROM schema_migrations"))
    await db.close()
    assert row is not None
    assert row[0] == clock.now()


async def test_many_who_migrate_at_once_apply_each_migration_once(empty_database_url: str):
    async def one() -> int:
        async with another(empty_database_url) as db:
            count = len(await migrate(db))
            await require_current(db)
            return count

    counts = await asyncio.gather(*(one() for _ in range(8)))
    assert sum(counts) == KNOWN
    async with another(empty_database_url) as db:
        assert len(await applied(db)) == KNOWN


async def test_eight_processes_that_migrate_at_once_apply_each_migration_once(
    empty_database_url: str,
):
    with ExitStack() as stack:
        processes = []
        for _ in range(8):
            process = stack.enter_context(
                subprocess.Popen(  # noqa: ASYNC220
                    [sys.executable, "-m", migrating_process.__name__, empty_database_url],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        counts = [await asyncio.to_thread(_count, process) for process in processes]
    assert sum(counts) == KNOWN
    async with another(empty_database_url) as db:
        assert len(await applied(db)) == KNOWN


def _count(process: "subprocess.Popen[bytes]") -> int:
    assert process.stdout is not None
    said = process.stdout.read()
    assert process.wait() == 0
    return int(said)


async def test_a_schema_that_is_newer_than_the_code_is_refused_and_left_alone(db: Database):
    assert await db.apply(step(NEWEST + 1, "CREATE TABLE of_tomorrow (n BIGINT)"), 0)
    before = await applied(db)
    for refuse in (migrate, require_current):
        with pytest.raises(SchemaTooNew, match=rf"{NEWEST + 1}.*newer.*\({NEWEST}\)"):
            await refuse(db)
    assert await applied(db) == before


async def test_a_schema_that_is_older_than_the_code_is_refused_until_it_is_migrated(
    empty: Database,
):
    with pytest.raises(SchemaTooOld, match=rf"schema 0 .* needs {NEWEST}: run `minibank migrate`"):
        await require_current(empty)
    await migrate(empty)
    await require_current(empty)


async def test_a_migration_that_fails_leaves_nothing_and_can_be_mended(db: Database):
    before = await applied(db)
    broken = step(
        NEWEST + 1,
        """
        CREATE TABLE halves (n BIGINT NOT NULL);
        INSERT INTO halves (n) VALUES (1);
        CREATE INDEX halves_m ON halves (m)
        """,
    )
    for _ in range(2):
        with pytest.raises(Exception, match=r'"?m"?'):
            await db.apply(broken, 0)
    assert await applied(db) == before
    assert not await exists(db, "halves")
    mended = step(NEWEST + 1, broken.sql.replace("(m)", "(n)"))
    assert await db.apply(mended, 0)
    assert await exists(db, "halves")
    assert await applied(db) == [*before, (NEWEST + 1, f"step_{NEWEST + 1}")]


async def test_a_migration_that_breaks_a_rule_of_the_data_is_bad_data(db: Database):
    await db.apply(step(NEWEST + 1, "CREATE TABLE ones (n BIGINT NOT NULL PRIMARY KEY)"), 0)
    twice = "INSERT INTO ones (n) VALUES (1); INSERT INTO ones (n) VALUES (1)"
    with pytest.raises(DatabaseError):
        await db.apply(step(NEWEST + 2, twice), 0)
    row = await db.read(lambda tx: tx.fetch_one("SELECT COUNT(*) FROM ones"))
    assert row is not None
    assert row[0] == 0


CONCURRENT = f"""{OUTSIDE}
DROP INDEX IF EXISTS grains_n;
CREATE INDEX CONCURRENTLY grains_n ON grains (n);
DROP INDEX IF EXISTS grains_m;
CREATE INDEX CONCURRENTLY grains_m ON grains (m)
"""


async def test_a_migration_outside_a_transaction_runs_on_both_engines(db: Database):
    """PostgreSQL builds an index concurrently only outside a transaction, one by one."""
    await db.apply(step(NEWEST + 1, "CREATE TABLE grains (n BIGINT, m BIGINT)"), 0)
    outside = step(NEWEST + 2, CONCURRENT, transactional=False)
    assert await db.apply(outside, 0)
    assert not await db.apply(outside, 0)
    assert await db.schema_version() == NEWEST + 2
    catalogue = {
        "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'grains'",
        "postgres": "SELECT c.relname AS name FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
        " WHERE indisvalid AND indrelid = 'grains'::regclass",
    }[db.engine]
    rows = await db.read(lambda tx: tx.fetch(catalogue))
    assert {row["name"] for row in rows} == {"grains_n", "grains_m"}


async def test_many_who_build_an_index_concurrently_do_not_wait_for_each_other_for_ever(
    db: Database, database_url: str
):
    """Who waits for the lock inside a statement would hold up the builder, who holds the lock."""
    await db.apply(step(NEWEST + 1, "CREATE TABLE grains (n BIGINT, m BIGINT)"), 0)
    outside = step(NEWEST + 2, CONCURRENT, transactional=False)

    async def one() -> bool:
        async with another(database_url) as other:
            return await other.apply(outside, 0)

    async with asyncio.timeout(30):
        done = await asyncio.gather(*(one() for _ in range(6)))
    assert sorted(done) == [False] * 5 + [True]


async def test_a_migration_outside_a_transaction_that_fails_is_not_recorded_and_runs_again(
    db: Database,
):
    await db.apply(step(NEWEST + 1, "CREATE TABLE grains (n BIGINT, m BIGINT)"), 0)
    broken = step(
        NEWEST + 2,
        f"{CONCURRENT}; CREATE INDEX CONCURRENTLY grains_x ON grains (x)",
        transactional=False,
    )
    with pytest.raises(Exception, match="x"):
        await db.apply(broken, 0)
    assert await db.schema_version() == NEWEST + 1
    assert await db.apply(step(NEWEST + 2, CONCURRENT, transactional=False), 0)


async def test_a_migration_waits_for_units_of_work_and_they_for_it(db: Database, database_url: str):
    """Nobody gets an error because somebody migrates meanwhile."""
    async with another(database_url) as other:
        stop = asyncio.Event()
        reads = 0

        async def keep_reading() -> None:
            nonlocal reads
            while not stop.is_set():
                await other.read(lambda tx: tx.fetch("SELECT kind FROM bank"))
                await other.transact(lambda tx: tx.execute("UPDATE bank SET created_at = 1"))
                reads += 1
                await asyncio.sleep(0)

        reading = asyncio.create_task(keep_reading())
        for n in range(1, 4):
            column = "" if n == 1 else str(n)
            sql = f"ALTER TABLE bank ADD COLUMN more{column} BIGINT"
            assert await db.apply(step(NEWEST + n, sql), 0)
            await asyncio.sleep(0.01)
        stop.set()
        await reading
    assert reads > 0


async def test_somebody_who_migrates_for_long_is_waited_for_or_named_as_a_lost_race(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
):
    """On SQLite a migration holds the lock of every writer; nobody waits for it without end."""
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(sqlite_engine, "BUSY_SECONDS", 0.05)
    async with another(sqlite_url) as db, another(sqlite_url) as other:
        assert isinstance(other, sqlite_engine.SqliteDatabase)
        other._writer.execute("PRAGMA busy_timeout = 50")
        long = step(
            NEWEST + 1,
            "CREATE TABLE slow (n BIGINT);"
            "INSERT INTO slow (n) WITH RECURSIVE c(i) AS"
            " (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000000) SELECT max(i) FROM c",
        )
        migrating = asyncio.create_task(db.apply(long, 0))
        await asyncio.sleep(0.05)
        with pytest.raises(LostRace):
            await other.apply(long, 0)
        assert await migrating
        assert not await other.apply(long, 0)

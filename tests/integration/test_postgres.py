"""PostgreSQL: what a pooled connection is like, and what locks do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from minibank.core.errors import NotFound
from minibank.db import (
    Database,
    DatabaseUnavailable,
    LostRace,
    ReadTx,
    Row,
    Tx,
    open_database,
    postgres,
    retry,
)
from minibank.db import pool as pools
from minibank.db.base import ReadWork
from minibank.db.open import CONNECTIONS_MAX
from tests.support import counter_process
from tests.support.proxy import Proxy, proxied
from tests.support.scratch import another, count_of, make_things

INSERT = "INSERT INTO things (shard, id, number) VALUES ($1, $2, $3)"


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    """A bank with the scratch tables in it."""
    async with another(postgres_url) as opened:
        await make_things(opened)
        yield opened


@pytest.fixture
async def admin(postgres_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Somebody else on the same server."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def wire(db: Database, postgres_url: str) -> AsyncIterator[tuple[Proxy, Database]]:
    """A wire to the server, and the bank at its other end."""
    async with proxied(postgres_url) as (proxy, url), another(url) as distant:
        yield proxy, distant


async def nothing(tx: ReadTx) -> None:
    """A unit of work without statements."""


async def pid_of(tx: ReadTx) -> int:
    row = await tx.fetch_one("SELECT pg_backend_pid() AS pid")
    assert row is not None
    return int(row["pid"])


async def states(admin: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """What the connections of the bank are doing."""
    rows = await admin.fetch(
        "SELECT state FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'minibank' ORDER BY state"
    )
    return [row["state"] for row in rows]


# What a connection is like


async def test_every_pooled_connection_has_its_limits_and_names_itself(db: Database):
    names = (
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "default_transaction_read_only",
        "application_name",
        "jit",
        "random_page_cost",
    )
    together = asyncio.Barrier(CONNECTIONS_MAX)

    async def settings(tx: ReadTx) -> tuple[int, tuple[str, ...]]:
        await together.wait()
        rows = [await tx.fetch_one(f"SHOW {name}") for name in names]
        return await pid_of(tx), tuple(row[0] for row in rows if row is not None)

    found = dict(await asyncio.gather(*(db.read(settings) for _ in range(together.parties))))
    assert len(found) == CONNECTIONS_MAX
    assert set(found.values()) == {("30s", "5s", "30s", "on", "minibank", "off", "1.1")}


async def test_units_of_work_are_read_committed_and_snapshots_repeatable_read(db: Database):
    async def isolation(tx: ReadTx) -> tuple[str, str]:
        level = await tx.fetch_one("SHOW transaction_isolation")
        writable = await tx.fetch_one("SHOW transaction_read_only")
        assert level is not None
        assert writable is not None
        return level[0], writable[0]

    assert await db.transact(isolation) == ("read committed", "off")
    assert await db.snapshot(isolation) == ("repeatable read", "on")


async def test_what_the_servers_default_says_does_not_matter(
    admin: "asyncpg.Connection[asyncpg.Record]", postgres_url: str
):
    name = await admin.fetchval("SELECT current_database()")
    for setting in (
        "default_transaction_isolation = 'serializable'",
        "default_transaction_read_only = on",
        "statement_timeout = '1ms'",
    ):
        await admin.execute(f'ALTER DATABASE "{name}" SET {setting}')
    async with another(postgres_url) as db:
        await make_things(db)
        await db.transact(lambda tx: tx.execute(INSERT, 1, "a", 1))
        row = await db.transact(lambda tx: tx.fetch_one("SHOW transaction_isolation"))
    assert row is not None
    assert row[0] == "read committed"


async def test_a_pool_never_opens_more_connections_than_it_may(
    db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
):
    await asyncio.gather(*(db.transact(counter_process.count) for _ in range(100)))
    assert len(await states(admin)) <= CONNECTIONS_MAX
    assert await count_of(db) == 100


async def test_one_connection_is_enough_for_everybody(postgres_url: str, db: Database):
    only = await open_database(postgres_url, connections_max=1)
    await asyncio.gather(*(only.transact(counter_process.count) for _ in range(20)))
    await asyncio.gather(*(only.read(pid_of) for _ in range(20)))
    await only.close()
    assert await count_of(db) == 20


async def test_when_all_connections_stay_taken_the_next_is_told_so(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pools, "WAIT_SECONDS", 0.02)
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.1)
    only = await open_database(postgres_url, connections_max=1)
    holding, release = asyncio.Event(), asyncio.Event()

    async def hold(tx: ReadTx) -> None:
        holding.set()
        await release.wait()

    holder = asyncio.create_task(only.read(hold))
    await holding.wait()
    with pytest.raises(DatabaseUnavailable, match="stayed taken"):
        await only.read(nothing)
    release.set()
    await holder
    await only.read(nothing)
    await only.close()


async def test_closing_leaves_no_connection_behind(
    postgres_url: str, admin: "asyncpg.Connection[asyncpg.Record]"
):
    async with another(postgres_url) as db:
        await asyncio.gather(*(db.read(pid_of) for _ in range(10)))
        assert await states(admin) != []
    for _ in range(200):
        if not await states(admin):
            return
        await asyncio.sleep(0.01)
    pytest.fail("a connection stayed open")


async def test_a_short_unit_of_work_costs_no_more_round_trips_than_its_statements(
    wire: tuple[Proxy, Database],
):
    proxy, db = wire

    async def round_trips(run: Callable[[], Awaitable[object]]) -> int:
        await run()  # the statement is prepared
        before = proxy.answers
        await run()
        return proxy.answers - before

    async def one(tx: ReadTx) -> Row | None:
        return await tx.fetch_one("SELECT count FROM counters WHERE id = $1", 1)

    async def refuse(tx: ReadTx) -> None:
        await one(tx)
        raise NotFound

    async def refused(run: Callable[[ReadWork[None]], Awaitable[None]]) -> None:
        with pytest.raises(NotFound):
            await run(refuse)

    assert await round_trips(lambda: refused(db.read)) == 1
    assert await round_trips(lambda: refused(db.transact)) == 3
    assert await round_trips(lambda: db.read(nothing)) == 0
    assert await round_trips(lambda: db.read(one)) == 1
    assert await round_trips(lambda: db.snapshot(one)) == 3
    assert await round_trips(lambda: db.transact(one)) == 3
    assert proxy.connections == 1


# Locks


async def test_a_deadlock_is_resolved_by_running_one_of_the_two_again(db: Database):
    both_hold_one = asyncio.Barrier(2)
    runs = 0

    async def lock(tx: Tx, first: int, second: int) -> None:
        nonlocal runs
        runs += 1
        sql = "UPDATE counters SET count = count + 1 WHERE id = $1"
        await tx.execute(sql, first)
        if runs <= 2:
            await both_hold_one.wait()
        await tx.execute(sql, second)

    await asyncio.gather(
        db.transact(lambda tx: lock(tx, 1, 2)), db.transact(lambda tx: lock(tx, 2, 1))
    )
    assert runs == 3
    assert [await count_of(db, 1), await count_of(db, 2)] == [2, 2]


async def test_a_lock_that_somebody_keeps_is_a_lost_race_in_bounded_time(
    postgres_url: str,
    admin: "asyncpg.Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
    db: Database,
):
    monkeypatch.setitem(postgres._SERVING, "lock_timeout", "50ms")
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.2)
    async with another(postgres_url) as other:
        async with admin.transaction():
            await admin.execute("UPDATE counters SET count = 5 WHERE id = 1")
            async with asyncio.timeout(5):
                with pytest.raises(LostRace, match="55P03"):
                    await other.transact(counter_process.count)
        await other.transact(counter_process.count)
    assert [await count_of(db, 1), await count_of(db, 2)] == [6, 1]


async def test_a_serialization_failure_is_run_again(db: Database):
    """Only a snapshot can fail so, and only if it locked; that is what the code stands for."""
    runs = 0

    async def work(tx: Tx) -> int:
        nonlocal runs
        runs += 1
        if runs < 3:
            await tx.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")
        return runs

    assert await db.transact(work) == 3


# Opening


async def test_a_database_or_user_that_does_not_exist_is_told_by_its_name(postgres_url: str):
    for url in (
        postgres_url.replace("/bank_", "/no_bank_", 1),
        postgres_url.replace("postgresql://minibank@", "postgresql://nobody_here@"),
    ):
        assert url != postgres_url
        with pytest.raises(DatabaseUnavailable, match=r"no_bank_|nobody_here"):
            await open_database(url)


async def test_names_in_the_url_may_be_percent_encoded(
    postgres_url: str, admin: "asyncpg.Connection[asyncpg.Record]"
):
    await admin.execute('CREATE ROLE "ada@home / o\'hare" LOGIN')
    try:
        url = postgres_url.replace("//minibank@", "//ada%40home%20%2F%20o%27hare@")
        db = await open_database(url)
        row = await db.read(lambda tx: tx.fetch_one("SELECT current_user"))
        await db.close()
        assert row is not None
        assert row[0] == "ada@home / o'hare"
    finally:
        await admin.execute('DROP ROLE "ada@home / o\'hare"')


async def test_the_rows_of_several_tables_are_written_by_one_statement(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    execute = asyncpg.Connection.execute

    async def watched(connection, sql: str, *values: object, **options: object) -> str:
        sent.append(sql)
        return str(await execute(connection, sql, *values, **options))

    async def work(tx: Tx) -> None:
        await tx.insert_rows("things", ("shard", "id"), [(1, "a"), (1, "b")])
        await tx.insert_rows("parts", ("shard", "id", "thing_id"), [(1, "p", "a"), (1, "q", "b")])
        await tx.update_rows("counters", ("id",), ("count",), [(1, 5), (2, 6)])

    monkeypatch.setattr(asyncpg.Connection, "execute", watched)
    await db.transact(work)
    begin, written, commit = sent
    assert (begin.partition(" ")[0], commit) == ("BEGIN", "COMMIT")
    assert all(name in written for name in ("things", "parts", "counters"))
    assert await count_of(db, 2) == 6

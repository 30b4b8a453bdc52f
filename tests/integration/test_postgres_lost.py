"""PostgreSQL: connections, servers and callers that go away in the middle of something."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest

from minibank.db import (
    Database,
    DatabaseError,
    DatabaseUnavailable,
    ReadTx,
    Tx,
    open_database,
    postgres,
    retry,
)
from minibank.db.base import Migration
from tests.support import counter_process
from tests.support.proxy import Proxy, proxied
from tests.support.scratch import all_things, another, count_of, make_things, put

COMMIT = b"COMMIT\x00"
"""As it goes over the wire; the isolation level that BEGIN names is called committed too."""
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


async def insert(shard: int, tx: Tx) -> None:
    await tx.execute(INSERT, shard, "a", 1)


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


async def test_a_unit_of_work_whose_connection_is_killed_is_done_by_another(
    db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
):
    """Killed before its first statement, between two, and before its commit."""
    for killed_at in range(3):
        pids: list[int] = []

        async def work(tx: Tx, killed_at: int = killed_at, pids: list[int] = pids) -> None:
            pids.append(await pid_of(tx))
            for step in range(3):
                if step == killed_at and len(pids) == 1:
                    await admin.execute("SELECT pg_terminate_backend($1)", pids[0])
                if step < 2:
                    await tx.execute(INSERT, killed_at, f"{step}", len(pids))

        await db.transact(work)
        assert len(set(pids)) == len(pids) == 2
    assert await all_things(db) == [
        (killed_at, f"{step}", 2, None, None) for killed_at in range(3) for step in range(2)
    ]


async def test_a_unit_of_work_that_finds_its_connection_closed_is_done_by_another(
    db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
):
    """The driver has heard of the end already, and refuses the next statement itself."""
    for run in (db.transact, db.snapshot, db.read):
        pids: list[int] = []

        async def work(tx: ReadTx, pids: list[int] = pids) -> None:
            pids.append(await pid_of(tx))
            if len(pids) == 1:
                await admin.execute("SELECT pg_terminate_backend($1)", pids[0])
                await asyncio.sleep(0.1)
            await tx.fetch("SELECT 1")

        await run(work)
        assert len(set(pids)) == 2


async def test_a_unit_of_work_whose_connection_is_killed_in_a_statement_is_done_by_another(
    db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
):
    runs = 0

    async def work(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        await tx.execute(INSERT, 1, "a", runs)
        if runs == 1:
            pid = await pid_of(tx)
            asyncio.get_running_loop().create_task(_terminate_when_asleep(admin, pid))
            await tx.execute("SELECT pg_sleep(20)")

    await db.transact(work)
    assert await all_things(db) == [(1, "a", 2, None, None)]


async def _terminate_when_asleep(admin: "asyncpg.Connection[asyncpg.Record]", pid: int) -> None:
    await _until_asleep(admin)
    await admin.execute("SELECT pg_terminate_backend($1)", pid)


async def _until_asleep(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    asleep = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event = 'PgSleep'"
    )
    while not await admin.fetchval(asleep):  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.005)


async def test_connections_killed_while_nobody_uses_them_are_noticed_by_nobody(
    db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
):
    await asyncio.gather(*(db.read(pid_of) for _ in range(10)))
    for _ in range(3):
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'minibank' AND datname = current_database()"
        )
        for run in (db.read, db.snapshot, db.transact):
            await run(pid_of)
        assert await db.schema_version() > 0
    await db.transact(counter_process.count)
    assert await count_of(db) == 1


async def test_when_many_connections_are_killed_under_load_nothing_is_lost_or_done_twice(
    db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
):
    counting = asyncio.gather(*(db.transact(counter_process.count) for _ in range(200)))
    for _ in range(4):
        await asyncio.sleep(0.02)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'minibank' AND datname = current_database()"
        )
    await counting
    # None of these can have been killed in COMMIT itself: the server finishes that first, and a
    # connection that dies with its answer on the way is the next test's.
    assert await count_of(db, 1) == await count_of(db, 2) >= 200


@pytest.mark.parametrize("answered", [False, True], ids=["not done", "done"])
async def test_an_unclear_commit_is_run_again_and_finds_what_it_did(
    wire: tuple[Proxy, Database], answered: bool
):
    """The connection is cut as COMMIT goes out, or as its answer comes back."""
    proxy, db = wire
    found: list[bool] = []

    async def record_once(tx: Tx) -> None:
        row = await tx.fetch_one("SELECT 1 FROM things WHERE shard = $1 AND id = $2", 1, "payment")
        found.append(row is not None)
        if row is None:
            await tx.execute(INSERT, 1, "payment", len(found))

    proxy.cut_at, proxy.cut_after = COMMIT, answered
    await db.transact(record_once)
    assert proxy.cuts == 1
    assert found == [False, answered]
    assert len(await all_things(db)) == 1


async def test_a_cut_wire_is_mended_by_another_connection(wire: tuple[Proxy, Database]):
    proxy, db = wire
    for n, at in enumerate((b"INSERT", b"BEGIN", COMMIT)):
        proxy.cut_at = at
        await db.transact(partial(insert, n))
    assert proxy.cuts == 3
    assert len(await all_things(db)) == 3


async def test_a_server_that_is_gone_is_told_in_bounded_time(postgres_url: str, db: Database):
    async with proxied(postgres_url) as (proxy, url):
        distant = await open_database(url)
        await distant.read(nothing)
    proxy.cut_all()
    begun = asyncio.get_running_loop().time()
    for run in (distant.read, distant.snapshot, distant.transact):
        with pytest.raises(DatabaseUnavailable):
            await run(pid_of)
    assert asyncio.get_running_loop().time() - begun < 10
    with pytest.raises(DatabaseUnavailable):
        await open_database(url)
    await distant.close()


async def test_a_server_that_does_not_answer_is_given_up_in_bounded_time(
    wire: tuple[Proxy, Database], monkeypatch: pytest.MonkeyPatch
):
    proxy, db = wire
    monkeypatch.setattr(postgres, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(postgres, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.5)

    async def freeze(tx: Tx) -> None:
        proxy.freeze()
        await tx.execute(INSERT, 1, "a", 1)

    proxy.cut_all()  # so that the next connection has the shorter limits
    await db.read(nothing)
    async with asyncio.timeout(10):
        with pytest.raises(DatabaseUnavailable):
            await db.transact(freeze)
        with pytest.raises(DatabaseUnavailable):
            await db.read(pid_of)
    proxy.thaw()
    await db.read(pid_of)
    assert await all_things(db) == []


async def test_a_server_that_comes_back_is_found_again(wire: tuple[Proxy, Database]):
    proxy, db = wire
    proxy.freeze()
    reading = asyncio.create_task(db.read(pid_of))
    await asyncio.sleep(0.05)
    proxy.cut_all()
    proxy.thaw()
    assert await reading > 0


# Callers who go away


async def test_a_caller_who_goes_away_leaves_no_transaction_open(
    db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
):
    async def work(tx: Tx) -> None:
        await tx.execute("UPDATE counters SET count = 5 WHERE id = 1")
        await tx.execute("SELECT pg_sleep(0.05)")

    for delay in (0, 0.001, 0.002, 0.005, 0.01, 0.03):
        task = asyncio.create_task(db.transact(work))
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert set(await states(admin)) <= {"idle"}
    await db.transact(counter_process.count)
    assert await count_of(db) == 1


async def test_a_statement_whose_caller_goes_away_is_cancelled(
    db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
):
    async def work(tx: ReadTx) -> None:
        await tx.fetch("SELECT pg_sleep(20)")

    for run in (db.transact, db.snapshot, db.read):
        task = asyncio.create_task(run(work))
        await _until_asleep(admin)
        begun = asyncio.get_running_loop().time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() - begun < postgres.UNDO_SECONDS
        assert await states(admin) == ["idle"]


async def test_a_caller_who_insists_on_going_away_takes_the_connection_along(
    wire: tuple[Proxy, Database], admin: "asyncpg.Connection[asyncpg.Record]"
):
    """Cancelled again while the transaction is being undone, over a wire that is stuck."""
    proxy, db = wire
    begun = asyncio.Event()

    async def work(tx: Tx) -> None:
        await tx.execute("UPDATE counters SET count = 5 WHERE id = 1")
        proxy.freeze()
        begun.set()
        await tx.execute("SELECT 1")

    task = asyncio.create_task(db.transact(work))
    await begun.wait()
    for _ in range(2):
        await asyncio.sleep(0.02)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    proxy.thaw()
    await db.transact(counter_process.count)
    assert await count_of(db) == 1
    assert proxy.connections >= 2


async def test_a_transaction_that_cannot_be_undone_closes_its_connection(
    wire: tuple[Proxy, Database],
):
    proxy, db = wire
    proxy.cut_at = b"ROLLBACK"

    async def refuse(tx: Tx) -> None:
        await tx.execute(INSERT, 1, "a", 1)
        raise KeyError("refused")

    with pytest.raises(KeyError, match="refused"):
        await db.transact(refuse)
    assert proxy.cuts == 1
    await put(db, (1, "b", 1, None, None))
    assert len(await all_things(db)) == 1
    assert proxy.connections == 2


async def test_a_value_half_sent_in_a_read_does_not_disturb_the_next_unit_of_work(db: Database):
    """The driver prepares a statement before it looks at the values."""
    for run in (db.transact, db.snapshot, db.read):
        with pytest.raises(DatabaseError):
            await db.read(lambda tx: tx.fetch("SELECT id FROM things WHERE id = $1", "\ud83d"))
        await run(pid_of)


async def test_work_that_uses_its_tx_twice_at_once_is_told_so_and_keeps_nothing(db: Database):
    async def work(tx: Tx) -> None:
        await asyncio.gather(tx.execute(INSERT, 1, "a", 1), tx.execute(INSERT, 1, "b", 1))

    with pytest.raises(asyncpg.InterfaceError, match="another operation"):
        await db.transact(work)
    assert await all_things(db) == []


async def test_a_server_that_is_still_starting_is_told_to_who_migrates(
    db: Database, monkeypatch: pytest.MonkeyPatch
):
    async def starting(*_: object) -> None:
        raise asyncpg.CannotConnectNowError("the database system is starting up")

    monkeypatch.setattr(postgres, "_connect", starting)
    with pytest.raises(DatabaseUnavailable, match="starting up"):
        await db.apply(Migration(10**6, "later", "SELECT 1", True), 0)

"""The embedded engine: SQLite through the standard library, one writer thread.

SQLite's calls do not wait for anything but the disk, so a unit of work is driven to its end inside
one thread, without a hop per statement. That is also why work may await nothing but its `tx`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from msgspec.json import Decoder

from minibank.core.clock import Clock
from minibank.core.ids import IdSource
from minibank.db.base import (
    WALK_ROWS,
    Migration,
    ReadTx,
    ReadWork,
    Row,
    S,
    SnapshotWork,
    Tx,
    Value,
    Work,
)
from minibank.db.dialect import Places, bind, ddl_to_sqlite, to_sqlite, to_sqlite_arrays
from minibank.db.errors import (
    DatabaseError,
    DatabaseUnavailable,
    LostRace,
    raise_translated,
)
from minibank.db.metrics import DatabaseMetrics, kind_of
from minibank.db.retry import PATIENCE_SECONDS, with_retries
from minibank.db.sqlite_files import (
    connect,
    create,
    require_version,
    translate,
    translate_read,
    undo,
)
from minibank.db.wakes import Wakes
from minibank.db.writes import Writes

T = TypeVar("T")

BUSY_SECONDS = 5.0
SNAPSHOT_THREADS = 4


@lru_cache(maxsize=64)
def _decoder(kind: type[S]) -> Decoder[S]:
    return Decoder(kind)


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never really waits to its end, here and now."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("a unit of work may await nothing but its tx")


class SqliteTx:
    """One unit of work on one connection."""

    def __init__(self, connection: sqlite3.Connection, now: int, ids: IdSource) -> None:
        self._connection = connection
        self.now = now
        self.ids = ids
        self.failed = False
        self.wakes: set[str] = set()

    def wake(self, topic: str) -> None:
        """See `Tx.wake`."""
        self.wakes.add(topic)

    def _run(self, sql: str, values: tuple[Value, ...]) -> sqlite3.Cursor:
        return self._run_here(*to_sqlite(sql), values)

    def _run_here(self, text: str, places: Places, values: tuple[Value, ...]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(text, bind(places, values))
        except BaseException:
            self.failed = True
            raise

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `ReadTx.fetch`."""
        return self._run(sql, values).fetchall()

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """See `ReadTx.fetch_one`."""
        cursor = self._run(sql, values)
        row: Row | None = cursor.fetchone()
        cursor.close()
        return row

    async def fetch_as(self, kind: type[S], sql: str, *values: Value) -> list[S]:
        """See `ReadTx.fetch_as`."""
        rows = self._run_here(*to_sqlite_arrays(sql), values)
        decode = _decoder(kind).decode
        return [decode(text) for (text,) in rows]

    async def walk(self, table: str) -> AsyncIterator[Sequence[Row]]:
        """See `SnapshotTx.walk`."""
        cursor = self._run(f"SELECT * FROM {table}", ())  # noqa: S608
        while rows := cursor.fetchmany(WALK_ROWS):
            yield rows

    async def execute(self, sql: str, *values: Value) -> int:
        """See `Tx.execute`."""
        return max(self._run(sql, values).rowcount, 0)

    def _run_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        if not rows:
            return
        try:
            self._connection.executemany(sql, rows)
        except BaseException:
            self.failed = True
            raise

    async def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """See `Tx.insert_rows`."""
        places = ", ".join("?" * len(columns))
        self._run_many(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)  # noqa: S608

    async def update_rows(
        self,
        table: str,
        keys: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Sequence[Value]],
    ) -> None:
        """See `Tx.update_rows`."""
        news = ", ".join(f"{column} = ?" for column in columns)
        match = " AND ".join(f"{key} = ?" for key in keys)
        self._run_many(
            f"UPDATE {table} SET {news} WHERE {match}",  # noqa: S608
            [(*row[len(keys) :], *row[: len(keys)]) for row in rows],
        )

    async def delete_rows(
        self, table: str, keys: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """See `Tx.delete_rows`."""
        match = " AND ".join(f"{key} = ?" for key in keys)
        self._run_many(f"DELETE FROM {table} WHERE {match}", rows)  # noqa: S608

    def end(self) -> None:
        """Make later use fail: from now on the connection is somebody else's."""
        del self._connection


class SqliteDatabase:
    """A bank in one file; see `Database` for what the methods promise."""

    engine = "sqlite"

    def __init__(
        self,
        path: Path,
        clock: Clock,
        ids: IdSource,
        busy_seconds: float = BUSY_SECONDS,
        metrics: DatabaseMetrics | None = None,
    ) -> None:
        """Use `open`, which can wait for another process that opens the same file."""
        self.path = path
        self.clock = clock
        self.ids = ids
        self.wakes = Wakes()
        self._writer = connect(path, busy_seconds)
        # In the event loop nothing may wait: a read that finds the file busy is begun again.
        try:
            self._reader = connect(path, 0, writes=False)
        except BaseException:
            self._writer.close()
            raise
        self._writer_thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._snapshot_threads = ThreadPoolExecutor(SNAPSHOT_THREADS, "sqlite-snapshot")
        self._snapshot_connections: list[sqlite3.Connection] = []
        self._busy_seconds = busy_seconds
        self._writes = Writes(clock)
        self._closed = False
        self._writing = 0
        self._metrics = metrics or DatabaseMetrics()
        self._metrics.connections_max.set(1)
        self._metrics.connections_in_use.follow(lambda: min(self._writing, 1))
        self._metrics.waiting.follow(lambda: max(self._writing - 1, 0))

    @classmethod
    async def open(
        cls,
        path: Path,
        clock: Clock,
        ids: IdSource,
        busy_seconds: float = BUSY_SECONDS,
        metrics: DatabaseMetrics | None = None,
    ) -> "SqliteDatabase":
        """Open the file, made for its owner's eyes only if there is none.

        Raises `DatabaseUnavailable` when it cannot be: no directory, no permission, no database.
        """
        require_version(sqlite3.sqlite_version_info)
        create(path)

        async def attempt() -> SqliteDatabase:
            return await asyncio.to_thread(cls, path, clock, ids, busy_seconds, metrics)

        try:
            return await with_retries(attempt)
        except DatabaseError as error:
            raise DatabaseUnavailable(f"{path}: {error}") from None

    def _require_open(self) -> None:
        if self._closed:
            raise DatabaseUnavailable("the database is closed")

    @property
    def takes_writes(self) -> bool:
        """See `Database.takes_writes`."""
        return self._writes.are_taken

    async def transact(self, work: Work[T]) -> T:
        """See `Database.transact`."""
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + PATIENCE_SECONDS

        def attempt() -> T:
            if loop.time() > patient_until:
                raise LostRace("the writer was busy for too long")
            result, wakes = self._write(work)
            if wakes:
                # From here, because the caller may have gone away.
                loop.call_soon_threadsafe(self.wakes.fire, wakes)
            return result

        async def run() -> T:
            self._require_open()
            # Not shielded from a caller that goes away: what has begun is finished all the same,
            # and what has not is not begun.
            return await loop.run_in_executor(self._writer_thread, attempt)

        self._writing += 1
        try:
            return await self._writes.noting(lambda: with_retries(run, self._metrics))
        finally:
            self._writing -= 1

    def _write(self, work: Work[T]) -> tuple[T, set[str]]:
        """Run a unit of work; what it gives, and whom to wake."""
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            tx = SqliteTx(connection, self.clock.now(), self.ids)
            try:
                result = drive(work(tx))
            finally:
                tx.end()
            if tx.failed:
                raise RuntimeError("a unit of work may not go on after a statement failed")
            connection.execute("COMMIT")
        except BaseException as error:
            undo(connection)
            raise_translated(translate(error), error)
        return result, tx.wakes

    def _read(self, connection: sqlite3.Connection, work: SnapshotWork[T]) -> T:
        tx = SqliteTx(connection, self.clock.now(), self.ids)
        try:
            return drive(work(tx))
        except BaseException as error:
            raise_translated(translate_read(error), error)
        finally:
            tx.end()

    async def read(self, work: ReadWork[T]) -> T:
        """See `Database.read`; runs in the event loop, so for short reads only."""

        def read() -> T:
            self._require_open()
            return self._read(self._reader, work)

        async def attempt() -> T:
            return read()

        try:
            return read()
        except LostRace:  # seldom: a read takes a few microseconds, and so would the loop below
            return await with_retries(attempt, self._metrics)
        except DatabaseError as error:
            self._metrics.errors.add(kind_of(error))
            raise

    async def snapshot(self, work: SnapshotWork[T]) -> T:
        """See `Database.snapshot`; runs in a thread with a connection of its own."""

        def attempt() -> T:
            connection = self._take_snapshot_connection()
            try:
                connection.execute("BEGIN")
                return self._read(connection, work)
            finally:
                undo(connection)
                self._snapshot_connections.append(connection)

        async def run() -> T:
            self._require_open()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._snapshot_threads, attempt)

        return await with_retries(run, self._metrics)

    def _take_snapshot_connection(self) -> sqlite3.Connection:
        try:
            return self._snapshot_connections.pop()
        except IndexError:
            return connect(self.path, self._busy_seconds, writes=False)

    async def apply(self, migration: Migration, at: int) -> bool:
        """See `Database.apply`; here every migration is one transaction."""

        async def work(tx: Tx) -> bool:
            if await _version(tx) >= migration.version:
                return False
            for statement in ddl_to_sqlite(migration.sql):
                await tx.execute(statement)
            row = (migration.version, migration.name, at)
            await tx.insert_rows("schema_migrations", ("version", "name", "applied_at"), [row])
            return True

        return await self.transact(work)

    async def schema_version(self) -> int:
        """See `Database.schema_version`."""
        return await self.read(_version)

    async def hear_forever(self) -> None:
        """See `Database.hear_forever`: other processes cannot be heard."""

    async def close(self) -> None:
        """See `Database.close`."""
        self._closed = True
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        self._writer_thread.shutdown()
        self._snapshot_threads.shutdown()
        for connection in (*self._snapshot_connections, self._reader, self._writer):
            connection.close()


async def _version(tx: ReadTx) -> int:
    table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'"
    if await tx.fetch_one(table) is None:
        return 0
    newest = await tx.fetch_one("SELECT MAX(version) AS version FROM schema_migrations")
    return (newest and newest["version"]) or 0

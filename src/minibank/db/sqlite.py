"""The embedded engine: SQLite through the standard library, one writer thread.

SQLite's calls do not wait for anything but the disk, so a unit of work is driven to its end inside
one thread, without a hop per statement. That is also why work may await nothing but its `tx`.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from minibank.core.clock import Clock
from minibank.core.ids import IdSource
from minibank.db.base import Migration, ReadWork, Row, Value, Work
from minibank.db.dialect import bind, ddl_to_sqlite, to_sqlite
from minibank.db.errors import (
    BadData,
    DatabaseError,
    DatabaseUnavailable,
    LostRace,
    StorageFull,
    UniqueViolation,
)
from minibank.db.retry import with_retries

T = TypeVar("T")

BUSY_SECONDS = 5
SNAPSHOT_THREADS = 4

_UNIQUE = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}
_KINDS: dict[int, type[DatabaseError]] = {
    sqlite3.SQLITE_BUSY: LostRace,
    sqlite3.SQLITE_LOCKED: LostRace,
    sqlite3.SQLITE_FULL: StorageFull,
    sqlite3.SQLITE_READONLY: StorageFull,
    sqlite3.SQLITE_IOERR: StorageFull,
    sqlite3.SQLITE_CONSTRAINT: BadData,
    sqlite3.SQLITE_MISMATCH: BadData,
    sqlite3.SQLITE_TOOBIG: BadData,
    sqlite3.SQLITE_CANTOPEN: DatabaseUnavailable,
    sqlite3.SQLITE_NOTADB: DatabaseUnavailable,
    sqlite3.SQLITE_CORRUPT: DatabaseUnavailable,
}


def translate(error: Exception) -> Exception:
    """The port's word for a driver's error; what is no fault of the data or the disk stays."""
    if isinstance(error, OverflowError | UnicodeEncodeError | sqlite3.DataError):
        return BadData(str(error))
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return error
    if code in _UNIQUE:
        return UniqueViolation(str(error))
    kind = _KINDS.get(code & 0xFF)
    return kind(str(error)) if kind else error


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

    def _run(self, sql: str, values: tuple[Value, ...]) -> sqlite3.Cursor:
        text, order = to_sqlite(sql)
        return self._connection.execute(text, bind(order, values))

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `ReadTx.fetch`."""
        return self._run(sql, values).fetchall()

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """See `ReadTx.fetch_one`."""
        cursor = self._run(sql, values)
        row: Row | None = cursor.fetchone()
        cursor.close()
        return row

    async def execute(self, sql: str, *values: Value) -> int:
        """See `Tx.execute`."""
        return max(self._run(sql, values).rowcount, 0)

    async def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """See `Tx.insert_rows`."""
        places = ", ".join("?" * len(columns))
        self._connection.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",  # noqa: S608
            rows,
        )

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
        self._connection.executemany(
            f"UPDATE {table} SET {news} WHERE {match}",  # noqa: S608
            [(*row[len(keys) :], *row[: len(keys)]) for row in rows],
        )


class SqliteDatabase:
    """A bank in one file; see `Database` for what the methods promise."""

    engine = "sqlite"

    def __init__(self, path: Path, clock: Clock, ids: IdSource) -> None:
        self.path = path
        self.clock = clock
        self.ids = ids
        self._writer_thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._snapshot_threads = ThreadPoolExecutor(SNAPSHOT_THREADS, "sqlite-snapshot")
        self._writer = self._connect()
        self._reader = self._connect()
        self._reader.execute("PRAGMA query_only = ON")

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error as error:
            raise translate(error) from error
        return connection

    async def _in_writer(self, action: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        # Shielded: a caller that goes away must not leave the thread's result unlooked-at.
        return await asyncio.shield(loop.run_in_executor(self._writer_thread, action))

    async def transact(self, work: Work[T]) -> T:
        """See `Database.transact`."""

        def attempt() -> T:
            connection = self._writer
            try:
                connection.execute("BEGIN IMMEDIATE")
                result = drive(work(SqliteTx(connection, self.clock.now(), self.ids)))
                connection.execute("COMMIT")
            except BaseException as error:
                _undo(connection)
                if isinstance(error, Exception):
                    raise translate(error) from error
                raise
            return result

        return await with_retries(lambda: self._in_writer(attempt))

    async def read(self, work: ReadWork[T]) -> T:
        """See `Database.read`; runs in the event loop, so for short reads only."""
        try:
            return drive(work(SqliteTx(self._reader, self.clock.now(), self.ids)))
        except sqlite3.Error as error:
            raise translate(error) from error

    async def snapshot(self, work: ReadWork[T]) -> T:
        """See `Database.snapshot`; runs in a thread with a connection of its own."""

        def attempt() -> T:
            connection = self._connect()
            try:
                connection.execute("PRAGMA query_only = ON")
                connection.execute("BEGIN")
                return drive(work(SqliteTx(connection, self.clock.now(), self.ids)))
            except sqlite3.Error as error:
                raise translate(error) from error
            finally:
                connection.close()

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._snapshot_threads, attempt)

    async def apply(self, migration: Migration, at: int) -> bool:
        """See `Database.apply`."""

        def attempt() -> bool:
            connection = self._writer
            try:
                connection.execute("BEGIN IMMEDIATE")
                if _version(connection) >= migration.version:
                    connection.execute("ROLLBACK")
                    return False
                for statement in ddl_to_sqlite(migration.sql):
                    connection.execute(statement)
                connection.execute(
                    "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)",
                    (migration.version, migration.name, at),
                )
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                _undo(connection)
                raise translate(error) from error
            return True

        return await with_retries(lambda: self._in_writer(attempt))

    async def schema_version(self) -> int:
        """See `Database.schema_version`."""
        return _version(self._reader)

    async def close(self) -> None:
        """See `Database.close`."""
        self._writer_thread.shutdown()
        self._snapshot_threads.shutdown()
        self._reader.close()
        self._writer.close()


def _undo(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection) -> int:
    known = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
    ).fetchone()
    if known is None:
        return 0
    row = connection.execute("SELECT MAX(version) FROM schema_migrations").fetchone()
    return row[0] or 0

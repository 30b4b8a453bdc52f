"""The server engine: PostgreSQL through asyncpg."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from minibank.core.clock import Clock
from minibank.core.ids import IdSource
from minibank.db.base import Migration, ReadWork, Row, Value, Work
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

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Types = dict[str, dict[str, str]]

MIGRATION_LOCK = 0x6D62616E6B
"""The advisory lock that migrating processes take: the letters "mbank"."""

STATEMENT_SECONDS = 30
IDLE_SECONDS = 30
CONNECT_SECONDS = 10

_STATES: dict[str, type[DatabaseError]] = {
    "40001": LostRace,
    "40P01": LostRace,
    "55P03": LostRace,
    "23505": UniqueViolation,
    "25006": DatabaseUnavailable,
    "25P03": DatabaseUnavailable,
    "57P01": DatabaseUnavailable,
    "57P02": DatabaseUnavailable,
    "57P03": DatabaseUnavailable,
    "53100": StorageFull,
}
_CLASSES: dict[str, type[DatabaseError]] = {
    "08": DatabaseUnavailable,
    "53": DatabaseUnavailable,
    "22": BadData,
    "23": BadData,
}
_GONE = (OSError, asyncio.IncompleteReadError)


def translate(error: Exception) -> Exception:
    """The port's word for a driver's error, by SQLSTATE; other faults stay what they are."""
    if isinstance(error, asyncpg.DataError):
        return BadData(str(error))
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        kind = _STATES.get(state) or _CLASSES.get(state[:2])
        # Not the detail, which quotes the row.
        return kind(f"{state} {error.message}") if kind else error
    if isinstance(error, _GONE):
        return DatabaseUnavailable(str(error))
    return BadData(str(error)) if isinstance(error, UnicodeEncodeError) else error


class PostgresTx:
    """One unit of work on one connection."""

    def __init__(self, connection: Connection, now: int, ids: IdSource, types: Types) -> None:
        self._connection = connection
        self._types = types
        self.now = now
        self.ids = ids

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `ReadTx.fetch`."""
        rows: Sequence[Row] = await self._connection.fetch(sql, *values)
        return rows

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """See `ReadTx.fetch_one`."""
        row: Row | None = await self._connection.fetchrow(sql, *values)
        return row

    async def execute(self, sql: str, *values: Value) -> int:
        """See `Tx.execute`."""
        tag = await self._connection.execute(sql, *values)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def _arrays(self, table: str, columns: Sequence[str]) -> str:
        """`unnest($1::bigint[], ...)` for these columns of the table."""
        if table not in self._types:
            found = await self._connection.fetch(
                "SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute"
                " WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
                table,
            )
            self._types[table] = {row["attname"]: row["type"] for row in found}
        types = self._types[table]
        return ", ".join(f"${n}::{types[column]}[]" for n, column in enumerate(columns, 1))

    async def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """See `Tx.insert_rows`."""
        if rows:
            arrays = await self._arrays(table, columns)
            sql = f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608
            await self._connection.execute(sql, *zip(*rows, strict=True))

    async def update_rows(
        self,
        table: str,
        keys: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Sequence[Value]],
    ) -> None:
        """See `Tx.update_rows`."""
        if rows:
            names = [*keys, *columns]
            arrays = await self._arrays(table, names)
            news = ", ".join(f"{column} = new.{column}" for column in columns)
            match = " AND ".join(f"{table}.{key} = new.{key}" for key in keys)
            sql = (
                f"UPDATE {table} SET {news} FROM unnest({arrays})"  # noqa: S608
                f" AS new({', '.join(names)}) WHERE {match}"
            )
            await self._connection.execute(sql, *zip(*rows, strict=True))


class PostgresDatabase:
    """A bank on a PostgreSQL server; see `Database` for what the methods promise."""

    engine = "postgres"

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock, ids: IdSource) -> None:
        self._pool = pool
        self._types: Types = {}
        self.clock = clock
        self.ids = ids

    @classmethod
    async def connect(
        cls, url: str, clock: Clock, ids: IdSource, connections_max: int
    ) -> "PostgresDatabase":
        """Open a pool; `DatabaseUnavailable` when the server cannot be reached."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=connections_max,
                timeout=CONNECT_SECONDS,
                reset=_check_idle,
                server_settings={
                    "application_name": "minibank",
                    "jit": "off",
                    "statement_timeout": f"{STATEMENT_SECONDS}s",
                    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
                },
            )
        except (asyncpg.PostgresError, *_GONE) as error:
            raise DatabaseUnavailable(str(error)) from error
        return cls(pool, clock, ids)

    def _tx(self, connection: Connection) -> PostgresTx:
        return PostgresTx(connection, self.clock.now(), self.ids, self._types)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection: Connection | None = None
        try:
            async with self._pool.acquire(timeout=CONNECT_SECONDS) as connection:
                yield connection
        except asyncpg.InterfaceError as error:
            # The driver has one word for a lost connection and for being used wrongly.
            if connection is not None and not connection.is_closed():
                raise
            raise DatabaseUnavailable(str(error)) from error
        except Exception as error:
            translated = translate(error)
            if translated is error:
                raise
            raise translated from error

    async def transact(self, work: Work[T]) -> T:
        """See `Database.transact`."""

        async def attempt() -> T:
            async with self._connection() as connection, connection.transaction():
                return await work(self._tx(connection))

        return await with_retries(attempt)

    async def read(self, work: ReadWork[T]) -> T:
        """See `Database.read`."""

        async def attempt() -> T:
            async with self._connection() as connection:
                return await work(self._tx(connection))

        return await with_retries(attempt)

    async def snapshot(self, work: ReadWork[T]) -> T:
        """See `Database.snapshot`."""

        async def attempt() -> T:
            async with (
                self._connection() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                return await work(self._tx(connection))

        return await with_retries(attempt)

    async def apply(self, migration: Migration, at: int) -> bool:
        """See `Database.apply`."""
        async with self._connection() as connection:
            await connection.execute("SET statement_timeout = 0")
            await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
            try:
                if await _version(connection) >= migration.version:
                    return False
                if migration.transactional:
                    async with connection.transaction():
                        await _apply(connection, migration, at)
                else:
                    await _apply(connection, migration, at)
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", MIGRATION_LOCK)
                await connection.execute("RESET statement_timeout")
            return True

    async def schema_version(self) -> int:
        """See `Database.schema_version`."""
        async with self._connection() as connection:
            return await _version(connection)

    async def close(self) -> None:
        """See `Database.close`."""
        await self._pool.close()


async def _check_idle(connection: Connection) -> None:
    """Close a connection that comes back in the middle of a transaction.

    The driver's own reset costs a round trip for state (session variables, cursors, advisory
    locks) that this package never leaves behind.
    """
    if connection.is_in_transaction():
        connection.terminate()


async def _version(connection: Connection) -> int:
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return 0
    return await connection.fetchval("SELECT MAX(version) FROM schema_migrations") or 0


async def _apply(connection: Connection, migration: Migration, at: int) -> None:
    await connection.execute(migration.sql)
    await connection.execute(
        "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)",
        migration.version,
        migration.name,
        at,
    )

"""The server engine: PostgreSQL through asyncpg."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg

from minibank.core.clock import Clock
from minibank.core.errors import BankError
from minibank.core.ids import IdSource
from minibank.db.base import (
    Migration,
    ReadTx,
    ReadWork,
    SnapshotWork,
    Work,
)
from minibank.db.dialect import statements_of
from minibank.db.errors import (
    BadData,
    DatabaseError,
    DatabaseUnavailable,
    LostRace,
    StorageFull,
    TakesNoWrites,
    TookTooLong,
    UniqueViolation,
    raise_translated,
)
from minibank.db.metrics import DatabaseMetrics
from minibank.db.pool import Connection, Pool
from minibank.db.pooler import DIRECT, refused_by_pooler, require_direct, require_limits
from minibank.db.postgres_tx import PostgresTx, Tables
from minibank.db.postgres_wakes import PostgresWakes
from minibank.db.retry import with_retries
from minibank.db.writes import Writes

T = TypeVar("T")

MIGRATION_LOCK = 0x6D62616E6B
"""The advisory lock that migrating processes take: the letters "mbank"."""
MIGRATION_POLL_SECONDS = 0.05
_TRY_LOCK = "SELECT pg_try_advisory_lock($1)"

STATEMENT_SECONDS = 30
LOCK_SECONDS = 5
IDLE_SECONDS = 30
CONNECT_SECONDS = 10
ANSWER_SECONDS = STATEMENT_SECONDS + 5
"""When the server is believed dead: it should have ended the statement itself before."""
UNDO_SECONDS = 5
STATEMENTS_MAX = 1000
"""How many statements each connection keeps prepared."""

_SERVING = {
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    # Only a transaction that says so can write, and only `transact` says so.
    "default_transaction_read_only": "on",
}
# Rows are found by key, in pages that are in memory or on flash. Planned for a disk that seeks,
# reading all of a thousand accounts looks cheaper than finding sixteen.
_PLANNING = {"jit": "off", "random_page_cost": "1.1"}
_MIGRATING = dict.fromkeys(_SERVING, "0") | {"default_transaction_read_only": "off"} | DIRECT

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_READ_ONLY = "25006"
_STATES: dict[str, type[DatabaseError]] = {
    "40001": LostRace,
    "40P01": LostRace,
    "55P03": LostRace,
    "25001": LostRace,  # BEGIN in what somebody left half sent
    "23505": UniqueViolation,
    _READ_ONLY: TakesNoWrites,
    "25P03": DatabaseUnavailable,
    "25P04": DatabaseUnavailable,
    "57014": TookTooLong,
    "26000": DatabaseUnavailable,  # a pooler gave us a connection that does not know the statement
    "53100": StorageFull,
    "42501": StorageFull,  # on a read-only file system too
}
_CLASSES: dict[str, type[DatabaseError]] = {
    "08": DatabaseUnavailable,
    "28": DatabaseUnavailable,
    "3D": DatabaseUnavailable,
    "53": DatabaseUnavailable,
    "57": DatabaseUnavailable,
    "58": DatabaseUnavailable,
    "22": BadData,
    "23": BadData,
    "54": BadData,
    "XX": DatabaseError,
}
_GONE = (OSError, asyncio.IncompleteReadError, asyncpg.InternalClientError)
_OUTDATED = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)


def translate(error: BaseException) -> BaseException:
    """The port's word for a driver's error, by SQLSTATE; other faults stay what they are.

    No message quotes a value: what the server says in class 22 does, and so do all details.
    """
    if isinstance(error, _OUTDATED):
        return LostRace("the schema changed under a prepared statement")
    if _met_another_table(error):
        return DatabaseUnavailable("a table has other columns than when the connection met it")
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        kind = _STATES.get(state) or _CLASSES.get(state[:2])
        return kind(f"{state} {_words(error)}") if kind else error
    if isinstance(error, _GONE):
        return DatabaseUnavailable(str(error) or type(error).__name__)
    if isinstance(error, UnicodeEncodeError):
        return BadData("a text that is not Unicode")
    return error


def _met_another_table(error: BaseException) -> bool:
    """Whether rows that were sent have not the columns that their table has now."""
    source = getattr(error, "server_source_function", None)
    return isinstance(error, asyncpg.DatatypeMismatchError) and source == "record_recv"


def _words(error: asyncpg.PostgresError) -> str:
    """What an error says, without what it quotes; one without a message is the driver's own."""
    if isinstance(error, asyncpg.DataError):
        return type(error).__name__ if error.message else str(error).partition(":")[0]
    return error.message or str(error)


class PostgresDatabase:
    """A bank on a PostgreSQL server; see `Database` for what the methods promise."""

    engine = "postgres"

    def __init__(
        self,
        url: str,
        clock: Clock,
        ids: IdSource,
        connections_max: int,
        metrics: DatabaseMetrics | None = None,
    ) -> None:
        self.clock = clock
        self.ids = ids
        self._url = url
        self._tables: Tables = {}
        self._writes = Writes(clock)
        self._pool = Pool(lambda: _connect(url, ANSWER_SECONDS, _SERVING), connections_max)
        self._others = PostgresWakes(
            self._pool, lambda: _connect(url, ANSWER_SECONDS, _SERVING | DIRECT)
        )
        self.wakes = self._others.wakes
        self._metrics = metrics or DatabaseMetrics()
        self._metrics.connections_max.set(connections_max)
        self._metrics.connections_in_use.follow(lambda: self._pool.in_use)
        self._metrics.waiting.follow(lambda: self._pool.waiting)

    @classmethod
    async def open(
        cls,
        url: str,
        clock: Clock,
        ids: IdSource,
        connections_max: int,
        metrics: DatabaseMetrics | None = None,
    ) -> "PostgresDatabase":
        """Open a pool; `DatabaseUnavailable` when the server cannot be reached or refuses us."""
        db = cls(url, clock, ids, connections_max, metrics)
        try:
            connection = await db._pool.take()
            try:
                await require_limits(connection, _SERVING)
            finally:
                db._pool.give_back(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, *_GONE) as error:
            raise DatabaseUnavailable(str(error) or type(error).__name__) from None
        except DatabaseUnavailable:
            await db.close()
            raise
        return db

    @property
    def takes_writes(self) -> bool:
        """See `Database.takes_writes`."""
        return self._writes.are_taken

    async def transact(self, work: Work[T]) -> T:
        """See `Database.transact`."""
        return await self._writes.noting(
            lambda: with_retries(lambda: self._attempt(work, BEGIN), self._metrics)
        )

    async def read(self, work: ReadWork[T]) -> T:
        """See `Database.read`."""
        return await with_retries(lambda: self._attempt(work, None), self._metrics)

    async def snapshot(self, work: SnapshotWork[T]) -> T:
        """See `Database.snapshot`."""
        return await with_retries(lambda: self._attempt(work, BEGIN_SNAPSHOT), self._metrics)

    async def _attempt(self, work: Work[T] | ReadWork[T] | SnapshotWork[T], begin: str | None) -> T:
        """Run `work` once, between `begin` and COMMIT, or as it is."""
        connection = await self._take()
        tx = self._tx(connection)
        try:
            if begin is None:
                return await work(tx)
            await _begin(connection, begin)
            result = await work(tx)
            await tx.flush()
            if await connection.execute("COMMIT") != "COMMIT":
                raise RuntimeError("a unit of work may not go on after a statement failed")
            if tx.wakes:
                self.wakes.fire(tx.wakes)
            return result
        except BaseException as error:
            translated = _translate_on(connection, error, writes=begin is BEGIN)
            await self._leave_idle(connection, begin, translated)
            raise_translated(translated, error)
        finally:
            tx.end()
            self._pool.give_back(connection)

    def _tx(self, connection: Connection) -> PostgresTx:
        return PostgresTx(connection, self.clock.now(), self.ids, self._tables)

    async def _take(self) -> Connection:
        try:
            return await self._pool.take()
        except Exception as error:
            raise_translated(translate(error), error)

    async def _leave_idle(
        self, connection: Connection, begin: str | None, error: BaseException
    ) -> None:
        """After `error`: end the transaction, or the connection when it is in doubt."""
        if isinstance(error, DatabaseUnavailable):
            connection.terminate()
            self._pool.drop_idle()
            self._tables.clear()  # they may be what changed
            return
        if begin is None and isinstance(error, BankError):
            return
        try:
            # Outside a transaction too. A value that the driver cannot encode leaves the statement
            # half sent; a caller who goes away leaves it running, and the driver asks the server
            # to cancel it: only the answer to another statement says that all that is over.
            last = "SELECT 1" if begin is None else "ROLLBACK"
            await connection.execute(last, timeout=UNDO_SECONDS)
        except BaseException as fault:
            connection.terminate()
            if not isinstance(fault, Exception):
                raise

    async def apply(self, migration: Migration, at: int) -> bool:
        """See `Database.apply`."""

        async def attempt() -> bool:
            async with self._migrating() as connection:
                tx = self._tx(connection)
                if await _version(tx) >= migration.version:
                    return False
                if migration.transactional:
                    async with connection.transaction():
                        await _apply(tx, migration, at)
                else:
                    await _apply(tx, migration, at)
                return True

        return await with_retries(attempt, self._metrics)

    @asynccontextmanager
    async def _migrating(self) -> AsyncIterator[Connection]:
        """A connection of its own, without limits of time, that alone may migrate."""
        try:
            connection = await _connect(self._url, None, _MIGRATING)
        except Exception as error:
            raise_translated(translate(error), error)
        try:
            await require_direct(connection)
            # Not by waiting in a statement: its snapshot would hold up, for ever, an index that
            # the holder of the lock builds concurrently.
            while not await connection.fetchval(_TRY_LOCK, MIGRATION_LOCK):  # noqa: ASYNC110
                await asyncio.sleep(MIGRATION_POLL_SECONDS)
            yield connection
            await connection.close(timeout=UNDO_SECONDS)
        except Exception as error:
            raise_translated(_translate_on(connection, error, writes=True), error)
        finally:
            connection.terminate()

    async def schema_version(self) -> int:
        """See `Database.schema_version`."""
        return await self.read(_version)

    async def hear_forever(self) -> None:
        """See `Database.hear_forever`."""
        await self._others.hear_forever()

    async def close(self) -> None:
        """See `Database.close`."""
        await self._others.close()
        await self._pool.close()


async def _connect(
    url: str, answer_seconds: int | None, server_settings: dict[str, str]
) -> Connection:
    """A new connection; its server is believed dead when it does not answer for so long.

    Raises `ValueError`, with no word of the URL, when that cannot be read.
    """
    try:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=answer_seconds,
            statement_cache_size=STATEMENTS_MAX,
            max_cached_statement_lifetime=0,
            server_settings={"application_name": "minibank", **_PLANNING, **server_settings},
        )
    except asyncpg.ProtocolViolationError as error:
        raise refused_by_pooler(error) or error from None
    except (ValueError, OverflowError):
        raise ValueError(
            "the PostgreSQL URL cannot be read: special characters in the user, the password"
            " and the name of the database are written percent-encoded"
        ) from None


async def _begin(connection: Connection, begin: str) -> None:
    try:
        await connection.execute(begin)
    except asyncpg.FeatureNotSupportedError:
        # What a standby says to READ WRITE, before it comes to a statement that writes.
        raise TakesNoWrites("the server is a standby") from None


def _translate_on(connection: Connection, error: BaseException, *, writes: bool) -> BaseException:
    """`translate`, where the state of the connection and the kind of the transaction say more."""
    translated = translate(error)
    if isinstance(error, asyncpg.InterfaceError) and connection.is_closed():
        # The driver has one word for a lost connection and for being used wrongly.
        translated = DatabaseUnavailable(str(error))
    elif not writes and getattr(error, "sqlstate", None) == _READ_ONLY:
        # Not a server that became a standby, but a read that writes: a fault of the code.
        translated = error
    return translated


async def _version(tx: ReadTx) -> int:
    known = await tx.fetch_one("SELECT to_regclass('schema_migrations') AS name")
    if known is None or known["name"] is None:
        return 0
    newest = await tx.fetch_one("SELECT MAX(version) AS version FROM schema_migrations")
    return (newest and newest["version"]) or 0


async def _apply(tx: PostgresTx, migration: Migration, at: int) -> None:
    for statement in statements_of(migration.sql):
        await tx.execute(statement)
    row = (migration.version, migration.name, at)
    await tx.insert_rows("schema_migrations", ("version", "name", "applied_at"), [row])
    await tx.flush()

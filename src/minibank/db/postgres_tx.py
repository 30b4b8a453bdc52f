"""A unit of work on one connection to PostgreSQL."""

from collections.abc import AsyncIterator, Sequence

from minibank.core.ids import IdSource
from minibank.db.base import WALK_ROWS, Row, S, Value
from minibank.db.pool import Connection
from minibank.db.postgres_writes import Columns, Write, statement_of, whole_rows

Tables = dict[str, Columns]
"""The columns of tables in their own order, by table."""


class PostgresTx:
    """One unit of work on one connection."""

    def __init__(self, connection: Connection, now: int, ids: IdSource, tables: Tables) -> None:
        self._connection = connection
        self._tables = tables
        self._writes: list[Write] = []
        self.now = now
        self.ids = ids
        self.wakes: set[str] = set()

    def wake(self, topic: str) -> None:
        """See `Tx.wake`."""
        self.wakes.add(topic)

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `ReadTx.fetch`."""
        await self.flush()
        rows: Sequence[Row] = await self._connection.fetch(sql, *values)
        return rows

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """See `ReadTx.fetch_one`."""
        await self.flush()
        row: Row | None = await self._connection.fetchrow(sql, *values)
        return row

    async def fetch_as(self, kind: type[S], sql: str, *values: Value) -> list[S]:
        """See `ReadTx.fetch_as`."""
        return [kind(*row) for row in await self.fetch(sql, *values)]

    async def walk(self, table: str) -> AsyncIterator[Sequence[Row]]:
        """See `SnapshotTx.walk`."""
        cursor = await self._connection.cursor(f"SELECT * FROM {table}")  # noqa: S608
        while rows := await cursor.fetch(WALK_ROWS):
            yield rows

    async def execute(self, sql: str, *values: Value) -> int:
        """See `Tx.execute`."""
        await self.flush()
        tag = await self._connection.execute(sql, *values)
        verb, _, count = tag.rpartition(" ")
        return int(count) if count.isdecimal() and verb != "SELECT" else 0

    async def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """See `Tx.insert_rows`."""
        await self._later(Write("insert", table, (), tuple(columns), rows))

    async def update_rows(
        self,
        table: str,
        keys: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Sequence[Value]],
    ) -> None:
        """See `Tx.update_rows`."""
        await self._later(Write("update", table, tuple(keys), tuple(columns), rows))

    async def delete_rows(
        self, table: str, keys: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """See `Tx.delete_rows`."""
        await self._later(Write("delete", table, tuple(keys), (), rows))

    async def _later(self, write: Write) -> None:
        """Keep a write for the next statement; of one table there is never more than one."""
        if not write.rows:
            return
        if any(one.table == write.table for one in self._writes):
            await self.flush()
        self._writes.append(write)

    async def flush(self) -> None:
        """Send the writes that wait, as one statement."""
        if not self._writes:
            return
        writes, self._writes = self._writes, []
        shapes = tuple([one.shape(await self._columns_of(one.table)) for one in writes])
        arrays = [whole_rows(shape, one.rows) for shape, one in zip(shapes, writes, strict=True)]
        await self._connection.execute(statement_of(shapes), *arrays)

    async def _columns_of(self, table: str) -> Columns:
        """A table's columns, asked for once."""
        if table not in self._tables:
            found = await self._connection.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass"
                " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                table,
            )
            self._tables[table] = tuple(row["attname"] for row in found)
        return self._tables[table]

    def end(self) -> None:
        """Make later use fail: from now on the connection is somebody else's."""
        del self._connection

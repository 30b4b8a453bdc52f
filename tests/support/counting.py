"""A database that counts the statements that go through it, and the rows that they read."""

from collections.abc import AsyncIterator, Sequence

from minibank.core.ids import IdSource
from minibank.db import Database, ReadTx, Row, Tx
from minibank.db.base import Migration, ReadWork, S, SnapshotTx, SnapshotWork, T, Value, Work


class _CountingReads:
    def __init__(self, tx: ReadTx, statements: list[str], counts: list[int]) -> None:
        self._reads = tx
        self._statements = statements
        self._counts = counts
        self.now = tx.now

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        self._statements.append(sql)
        rows = await self._reads.fetch(sql, *values)
        self._counts.append(len(rows))
        return rows

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        self._statements.append(sql)
        row = await self._reads.fetch_one(sql, *values)
        self._counts.append(int(row is not None))
        return row

    async def fetch_as(self, kind: type[S], sql: str, *values: Value) -> list[S]:
        self._statements.append(sql)
        rows = await self._reads.fetch_as(kind, sql, *values)
        self._counts.append(len(rows))
        return rows


class _CountingSnapshot(_CountingReads):
    def __init__(self, tx: SnapshotTx, statements: list[str], counts: list[int]) -> None:
        super().__init__(tx, statements, counts)
        self._snapshot = tx

    def walk(self, table: str) -> AsyncIterator[Sequence[Row]]:
        self._statements.append(f"SELECT * FROM {table}")
        return self._snapshot.walk(table)


class _CountingTx(_CountingReads):
    def __init__(self, tx: Tx, statements: list[str], counts: list[int]) -> None:
        super().__init__(tx, statements, counts)
        self._tx = tx
        self.ids: IdSource = tx.ids

    def wake(self, topic: str) -> None:
        self._tx.wake(topic)

    async def execute(self, sql: str, *values: Value) -> int:
        self._statements.append(sql)
        return await self._tx.execute(sql, *values)

    async def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        self._statements.append(f"INSERT INTO {table}")
        await self._tx.insert_rows(table, columns, rows)

    async def update_rows(
        self,
        table: str,
        keys: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Sequence[Value]],
    ) -> None:
        self._statements.append(f"UPDATE {table}")
        await self._tx.update_rows(table, keys, columns, rows)

    async def delete_rows(
        self, table: str, keys: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        self._statements.append(f"DELETE FROM {table}")
        await self._tx.delete_rows(table, keys, rows)


class CountingDatabase:
    """`db` with a list of every statement that was run; see `Database` for the rest.

    `rows` is how many rows were read by them, without those of walks over whole tables.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self.statements: list[str] = []
        self._counts: list[int] = []
        self.clock = db.clock
        self.ids = db.ids
        self.engine = db.engine
        self.wakes = db.wakes

    @property
    def rows(self) -> int:
        return sum(self._counts)

    async def hear_forever(self) -> None:
        await self._db.hear_forever()

    @property
    def takes_writes(self) -> bool:
        return self._db.takes_writes

    async def transact(self, work: Work[T]) -> T:
        return await self._db.transact(
            lambda tx: work(_CountingTx(tx, self.statements, self._counts))
        )

    async def read(self, work: ReadWork[T]) -> T:
        return await self._db.read(
            lambda tx: work(_CountingReads(tx, self.statements, self._counts))
        )

    async def snapshot(self, work: SnapshotWork[T]) -> T:
        return await self._db.snapshot(
            lambda tx: work(_CountingSnapshot(tx, self.statements, self._counts))
        )

    async def apply(self, migration: Migration, at: int) -> bool:
        return await self._db.apply(migration, at)

    async def schema_version(self) -> int:
        return await self._db.schema_version()

    async def close(self) -> None:
        await self._db.close()

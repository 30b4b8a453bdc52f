"""Find out which statements the bank runs for a request, by running it."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from minibank.api import build_api
from minibank.core.clock import Clock
from minibank.core.ids import IdSource
from minibank.db import Database, ReadTx, Row
from minibank.db.base import Migration, ReadWork, S, SnapshotWork, T, Value, Work
from minibank.payments.engine import Engine
from minibank.settings import Settings


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL as the store has it, and the values that go to its places."""

    sql: str
    values: tuple[Value, ...]


class _RecordingReads:
    def __init__(self, tx: ReadTx, statements: list[Statement]) -> None:
        self._tx = tx
        self._statements = statements
        self.now = tx.now

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        self._statements.append(Statement(sql, values))
        return await self._tx.fetch(sql, *values)

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        self._statements.append(Statement(sql, values))
        return await self._tx.fetch_one(sql, *values)

    async def fetch_as(self, kind: type[S], sql: str, *values: Value) -> list[S]:
        self._statements.append(Statement(sql, values))
        return await self._tx.fetch_as(kind, sql, *values)


class _RecordingDatabase:
    """A database that notes what is read."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.statements: list[Statement] = []
        self.clock: Clock = db.clock
        self.ids: IdSource = db.ids
        self.engine = db.engine
        self.wakes = db.wakes

    async def read(self, work: ReadWork[T]) -> T:
        return await self._db.read(lambda tx: work(_RecordingReads(tx, self.statements)))

    async def hear_forever(self) -> None:
        await self._db.hear_forever()

    @property
    def takes_writes(self) -> bool:
        """As ever."""
        return self._db.takes_writes

    async def transact(self, work: Work[T]) -> T:
        return await self._db.transact(work)

    async def snapshot(self, work: SnapshotWork[T]) -> T:
        return await self._db.snapshot(work)

    async def apply(self, migration: Migration, at: int) -> bool:
        return await self._db.apply(migration, at)

    async def schema_version(self) -> int:
        return await self._db.schema_version()

    async def close(self) -> None:
        await self._db.close()


async def statements_of(
    db: Database, settings: Settings, target: str, token: str
) -> list[Statement]:
    """The statements behind a GET request that succeeds, in order."""
    recording = _RecordingDatabase(db)
    transport = httpx.ASGITransport(build_api(recording, Engine(db), settings))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url=settings.public_url, headers=headers
    ) as client:
        answer = await client.get(target)
    answer.raise_for_status()
    return recording.statements

"""Databases that hold work up, notice batches, or refuse what they are told to refuse."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from typing_extensions import override

from minibank.core.clock import Clock
from minibank.core.ids import IdSource
from minibank.db import Database, Row, Tx
from minibank.db.base import Migration, ReadWork, S, SnapshotWork, Value, Work

T = TypeVar("T")

Rows = Sequence[Sequence[Value]]


class ObservedTx:
    """A unit of work that shows every insert to `see` before it happens."""

    def __init__(self, tx: Tx, see: Callable[[str, Sequence[str], Rows], None]) -> None:
        self._tx = tx
        self._see = see
        self.now = tx.now
        self.ids: IdSource = tx.ids

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        """As ever."""
        return await self._tx.fetch(sql, *values)

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """As ever."""
        return await self._tx.fetch_one(sql, *values)

    def wake(self, topic: str) -> None:
        """As ever."""
        self._tx.wake(topic)

    async def fetch_as(self, kind: type[S], sql: str, *values: Value) -> list[S]:
        """As ever."""
        return await self._tx.fetch_as(kind, sql, *values)

    async def execute(self, sql: str, *values: Value) -> int:
        """As ever."""
        return await self._tx.execute(sql, *values)

    async def insert_rows(self, table: str, columns: Sequence[str], rows: Rows) -> None:
        """Show the rows first."""
        self._see(table, columns, rows)
        await self._tx.insert_rows(table, columns, rows)

    async def update_rows(
        self, table: str, keys: Sequence[str], columns: Sequence[str], rows: Rows
    ) -> None:
        """As ever."""
        await self._tx.update_rows(table, keys, columns, rows)

    async def delete_rows(
        self, table: str, keys: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """As ever."""
        await self._tx.delete_rows(table, keys, rows)


class WrappedDatabase:
    """`db`, with whatever a subclass changes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.clock: Clock = db.clock
        self.ids: IdSource = db.ids
        self.engine = db.engine
        self.wakes = db.wakes

    async def hear_forever(self) -> None:
        """As ever."""
        await self._db.hear_forever()

    @property
    def takes_writes(self) -> bool:
        """As ever."""
        return self._db.takes_writes

    async def transact(self, work: Work[T]) -> T:
        """As ever."""
        return await self._db.transact(work)

    async def read(self, work: ReadWork[T]) -> T:
        """As ever."""
        return await self._db.read(work)

    async def snapshot(self, work: SnapshotWork[T]) -> T:
        """As ever."""
        return await self._db.snapshot(work)

    async def apply(self, migration: Migration, at: int) -> bool:
        """As ever."""
        return await self._db.apply(migration, at)

    async def schema_version(self) -> int:
        """As ever."""
        return await self._db.schema_version()

    async def close(self) -> None:
        """As ever."""
        await self._db.close()


def _command_ids(table: str, columns: Sequence[str], rows: Rows) -> list[str]:
    """The commands that a batch answers; each transfer's second record is left out."""
    if table != "outcomes":
        return []
    place = list(columns).index("command_id")
    return [name for row in rows if not (name := str(row[place])).endswith("/credit")]


class GatedDatabase(WrappedDatabase):
    """Begins a unit of work only when it is let in, and remembers what each batch answered.

    `before_answer` is called when a unit of work is committed and its caller does not know yet.
    """

    def __init__(self, db: Database, *, is_open: bool = False) -> None:
        super().__init__(db)
        self.batches: list[list[str]] = []
        self.waiting = 0
        self.before_answer: Callable[[], object] = lambda: None
        self._is_open = is_open
        self._permits = asyncio.Semaphore(0)
        self._changed = asyncio.Event()

    @override
    async def transact(self, work: Work[T]) -> T:
        """Wait at the gate, then go."""
        if not self._is_open:
            self.waiting += 1
            self._note_change()
            await self._permits.acquire()
            self.waiting -= 1
        seen: list[str] = []

        async def watched(tx: Tx) -> T:
            seen.clear()
            return await work(ObservedTx(tx, lambda *insert: seen.extend(_command_ids(*insert))))

        answer = await self._db.transact(watched)
        self.batches.append(seen)
        self._note_change()
        self.before_answer()
        return answer

    def let_in(self, count: int = 1) -> None:
        """Let so many units of work through."""
        for _ in range(count):
            self._permits.release()

    def open(self) -> None:
        """Let everything through from now on."""
        self._is_open = True
        self.let_in(self.waiting)

    async def until_waiting(self) -> None:
        """Return when a unit of work stands at the gate."""
        await self._until(lambda: self.waiting > 0)

    async def until_committed(self, count: int) -> None:
        """Return when so many batches are committed."""
        await self._until(lambda: len(self.batches) >= count)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self._changed.wait()

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class PickyDatabase(WrappedDatabase):
    """Fails with `error` whenever a batch would answer the command `poison`."""

    def __init__(self, db: Database, poison: str, error: Exception) -> None:
        super().__init__(db)
        self.refusals = 0
        self._poison = poison
        self._error = error

    @override
    async def transact(self, work: Work[T]) -> T:
        """Refuse the poison, in the middle of writing."""

        def see(table: str, columns: Sequence[str], rows: Rows) -> None:
            if self._poison in _command_ids(table, columns, rows):
                self.refusals += 1
                raise self._error

        return await self._db.transact(lambda tx: work(ObservedTx(tx, see)))


class AwayDatabase(WrappedDatabase):
    """Fails every unit of work with `error` while there is one."""

    error: Exception | None = None

    @override
    async def transact(self, work: Work[T]) -> T:
        """Fail before anything happens."""
        if self.error is not None:
            raise self.error
        return await self._db.transact(work)

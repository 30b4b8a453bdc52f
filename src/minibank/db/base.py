"""The port: what the rest of the bank may ask of a database."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from minibank.core.clock import Clock
from minibank.core.ids import IdSource
from minibank.db.wakes import Wakes

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

WALK_ROWS = 1000
"""How many rows of a table a walk gives at a time."""

Value = int | str | bytes | None | Sequence[int] | Sequence[str]
"""What a statement may be given; a sequence only for `= ANY($n)` and `unnest`. No fractions: a
driver would cut them off without a word."""


class Row(Protocol):
    """One row: values by column name or position, or all of them in the order of the columns."""

    def __getitem__(self, key: str | int, /) -> Any: ...  # noqa: ANN401 - columns have any type

    def __iter__(self) -> Iterator[Any]: ...

    def keys(self) -> Iterable[str]: ...


class ReadTx(Protocol):
    """Reads. Statements are PostgreSQL's spelling in the subset both engines share."""

    @property
    def now(self) -> int:
        """The one instant of this unit of work, in microseconds."""
        ...

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        """All rows that the statement gives."""
        ...

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or None."""
        ...

    async def fetch_as(self, kind: type[S], sql: str, *values: Value) -> list[S]:
        """All rows as structs of this kind: each column is the field in its place.

        For rows of many columns, which cost SQLite half as much in this way. The statement selects
        plain columns, of integers and texts; the kind is `array_like`.
        """
        ...


class SnapshotTx(ReadTx, Protocol):
    """Reads that all see one snapshot."""

    def walk(self, table: str) -> AsyncIterator[Sequence[Row]]:
        """All rows of a table, some at a time; for backups only."""
        ...


class Tx(ReadTx, Protocol):
    """A unit of work: it commits whole or not at all, at one instant."""

    @property
    def ids(self) -> IdSource:
        """Where new ids come from."""
        ...

    async def execute(self, sql: str, *values: Value) -> int:
        """Run a statement; the number of rows it changed (none for a SELECT)."""
        ...

    async def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """Insert many rows with one statement.

        It may be sent later than this, together with others, but before whatever statement comes
        next and before the commit; what is wrong with the rows is raised then.
        """
        ...

    async def update_rows(
        self,
        table: str,
        keys: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Sequence[Value]],
    ) -> None:
        """Update many rows with one statement; each row is its key values, then the new values.

        No key may occur twice: which of its rows would win differs between the engines. May be sent
        later, as `insert_rows`.
        """
        ...

    async def delete_rows(
        self, table: str, keys: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """Delete the rows with these key values; may be sent later, as `insert_rows`."""
        ...

    def wake(self, topic: str) -> None:
        """Once this is committed, wake who listens for the topic: see `Wakes`."""
        ...


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    version: int
    name: str
    sql: str
    transactional: bool
    """False for statements that refuse to run in a transaction (a concurrent index build)."""


Work = Callable[[Tx], Coroutine[Any, Any, T]]
ReadWork = Callable[[ReadTx], Coroutine[Any, Any, T]]
SnapshotWork = Callable[[SnapshotTx], Coroutine[Any, Any, T]]


class Database(Protocol):
    """An open database of one bank."""

    clock: Clock
    ids: IdSource
    engine: str
    """`sqlite` or `postgres`."""
    wakes: Wakes
    """Who is woken in this process by what is committed."""

    @property
    def takes_writes(self) -> bool:
        """False once a write met a full or read-only disk, until that is over: see `Writes`."""
        ...

    async def transact(self, work: Work[T]) -> T:
        """Run `work` in one unit of work and commit it; the only way to write.

        Lost races and lost connections run the whole of `work` again, a bounded number of times,
        so it must touch nothing but its `tx` and await nothing else.
        Raises `LostRace`, `DatabaseUnavailable`, `BadData` or `StorageFull` when that did not help.
        """
        ...

    async def read(self, work: ReadWork[T]) -> T:
        """Run reads; each statement sees its own snapshot."""
        ...

    async def snapshot(self, work: SnapshotWork[T]) -> T:
        """Run reads that all see one snapshot; long ones hold up nobody."""
        ...

    async def apply(self, migration: Migration, at: int) -> bool:
        """Apply a migration unless it already is, alone among all processes; whether it was now."""
        ...

    async def schema_version(self) -> int:
        """The number of the newest migration applied; 0 on an empty database."""
        ...

    async def hear_forever(self) -> None:
        """Wake the listeners of this process for what others commit, where that is possible; ends
        when cancelled, or at once."""
        ...

    async def close(self) -> None:
        """Finish what runs and let go of every connection."""
        ...

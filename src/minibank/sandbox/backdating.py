"""Write what happened earlier: verbs at another instant, and whole histories at once."""

from collections.abc import Sequence

from minibank.core.errors import BankError
from minibank.core.ids import IdSource
from minibank.db import Row, Tx
from minibank.db.base import S, Value
from minibank.payments.batch import Rules, gather, write
from minibank.payments.commands import Command, Outcome
from minibank.payments.decide import decide_all
from minibank.payments.prepared import prepare
from minibank.sandbox.history import resolve
from minibank.sandbox.timeline import HOLD_DAYS


class Earlier:
    """The same unit of work at an earlier instant: what a verb writes through it happened then."""

    def __init__(self, tx: Tx, at: int) -> None:
        assert at <= tx.now, "earlier means earlier"
        self._tx = tx
        self._at = at

    @property
    def now(self) -> int:
        """The earlier instant, in microseconds."""
        return self._at

    @property
    def ids(self) -> IdSource:
        """See `Tx.ids`."""
        return self._tx.ids

    def wake(self, topic: str) -> None:
        """See `Tx.wake`."""
        self._tx.wake(topic)

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `ReadTx.fetch`."""
        return await self._tx.fetch(sql, *values)

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """See `ReadTx.fetch_one`."""
        return await self._tx.fetch_one(sql, *values)

    async def fetch_as(self, kind: type[S], sql: str, *values: Value) -> list[S]:
        """See `ReadTx.fetch_as`."""
        return await self._tx.fetch_as(kind, sql, *values)

    async def execute(self, sql: str, *values: Value) -> int:
        """See `Tx.execute`."""
        return await self._tx.execute(sql, *values)

    async def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """See `Tx.insert_rows`."""
        await self._tx.insert_rows(table, columns, rows)

    async def update_rows(
        self,
        table: str,
        keys: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Sequence[Value]],
    ) -> None:
        """See `Tx.update_rows`."""
        await self._tx.update_rows(table, keys, columns, rows)

    async def delete_rows(
        self, table: str, keys: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """See `Tx.delete_rows`."""
        await self._tx.delete_rows(table, keys, rows)


async def write_history(tx: Tx, commands: Sequence[Command], ids: IdSource) -> dict[str, Outcome]:
    """Decide a whole history in order and write it at once; the outcomes by command id.

    The queue in front of the engine takes commands whose every id is known. In a history most
    commands name what an earlier one brought about, so it is decided here, as one large batch of
    the engine's own making: gathered, decided and written by the same rules. Raises the `BankError`
    of a command that the bank does not take: then nothing is written.
    """
    picture = await gather(tx, commands, Rules(HOLD_DAYS * 86_400))
    outcomes: dict[str, Outcome] = {}
    for command in commands:
        prepared = prepare(resolve(command, outcomes))
        (answer,) = decide_all([prepared], picture, ids)
        if isinstance(answer, BankError):
            raise answer
        outcomes[command.id] = answer
    await write(tx, picture)
    return outcomes

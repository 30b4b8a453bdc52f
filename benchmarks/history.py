"""Long histories, written fast: rows of transactions alone, without the money behind them.

Enough to read pages of; an audit would object to every one of them.
"""

import asyncio
import itertools
import sqlite3
from collections.abc import Iterator, Sequence

import asyncpg

from benchmarks.world import HOUR, MERCHANTS, Holder
from minibank.core.ids import compose, shard_of
from minibank.db import sqlite_path
from minibank.transactions.records import COLUMNS

SPACING = HOUR // 4
ROWS_AT_ONCE = 50_000

_Row = tuple[object, ...]


def middle(count: int, now: int) -> int:
    """An instant in the middle of a history of so many rows."""
    return now - count // 2 * SPACING


def _rows(holder: Holder, merchants: Sequence[str], count: int, now: int) -> Iterator[_Row]:
    """Settled card payments, a quarter of an hour apart, the last one just before `now`."""
    shard = shard_of(holder.account_id)
    assert shard is not None, "the account was made by the bank"
    metadata = f'{{"mastercard_card_id":"{holder.card_id}"}}'
    for number in range(count):
        at = now - (count - number) * SPACING
        amount = -100 - 37 * (number % 90)
        shop = number % MERCHANTS
        yield (
            *(shard, compose("tx", at, shard, number, number), holder.account_id),
            *(at, at, at, "card", amount, "GBP", amount, "GBP", 500_000),
            *(f"THE EXAMPLE SHOP {shop:<8} LONDON        GBR", merchants[shop], "groceries"),
            *("", metadata, "{}", "mastercard", f"history-{number}", "", 0, 0, 1, 0, None, 1),
        )


def write_history(url: str, holder: Holder, merchants: Sequence[str], count: int, now: int) -> None:
    """Give an account that has none a history of so many transactions, ending at `now`."""
    rows = _rows(holder, merchants, count, now)
    path = sqlite_path(url)
    if path is None:
        asyncio.run(_copy(url, rows))
        return
    with sqlite3.connect(path) as connection:
        places = ", ".join("?" * len(COLUMNS))
        connection.executemany(
            f"INSERT INTO transactions ({', '.join(COLUMNS)}) VALUES ({places})", rows
        )
    connection.close()


async def _copy(url: str, rows: Iterator[_Row]) -> None:
    connection = await asyncpg.connect(url)
    try:
        while some := list(itertools.islice(rows, ROWS_AT_ONCE)):
            await connection.copy_records_to_table("transactions", records=some, columns=COLUMNS)
        await connection.execute("VACUUM ANALYZE transactions")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()

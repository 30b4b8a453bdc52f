"""Long histories, written fast: rows of transactions alone, without the money behind them.

Enough to read pages of; an audit would object to every one of them.
"""

import asyncio
import itertools
import sqlite3
from collections.abc import Iterator, Sequence

import asyncpg
import msgspec

from benchmarks.world import HOUR, MERCHANTS, Holder
from minibank.core.ids import compose, shard_of
from minibank.db import sqlite_path
from minibank.transactions.records import COLUMNS, TransactionRecord

SPACING = HOUR // 4
ROWS_AT_ONCE = 50_000


def middle(count: int, now: int) -> int:
    """An instant in the middle of a history of so many rows."""
    return now - count // 2 * SPACING


def _rows(
    holder: Holder, merchants: Sequence[str], count: int, now: int
) -> Iterator[tuple[object, ...]]:
    """Settled card payments, a quarter of an hour apart, the last one just before `now`."""
    shard = shard_of(holder.account_id)
    assert shard is not None, "the account was made by the bank"
    for number in range(count):
        at = now - (count - number) * SPACING
        amount = -100 - 37 * (number % 90)
        shop = number % MERCHANTS
        record = TransactionRecord(
            shard=shard,
            id=compose("tx", at, shard, number, number),
            account_id=holder.account_id,
            created_at=at,
            updated_at=at,
            settled_at=at,
            kind="card",
            amount=amount,
            currency="GBP",
            local_amount=amount,
            local_currency="GBP",
            account_balance=500_000,
            description=f"THE EXAMPLE SHOP {shop:<8} LONDON        GBR",
            merchant_id=merchants[shop],
            category="groceries",
            notes="",
            metadata=f'{{"mastercard_card_id":"{holder.card_id}"}}',
            counterparty="{}",
            scheme="mastercard",
            dedupe_id=f"history-{number}",
            user_id="",
            is_load=False,
            originator=False,
            include_in_spending=True,
            amount_is_pending=False,
            decline_reason=None,
        )
        yield msgspec.structs.astuple(record)


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


async def _copy(url: str, rows: Iterator[tuple[object, ...]]) -> None:
    connection = await asyncpg.connect(url)
    try:
        while some := list(itertools.islice(rows, ROWS_AT_ONCE)):
            await connection.copy_records_to_table("transactions", records=some, columns=COLUMNS)
        await connection.execute("VACUUM ANALYZE transactions")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()

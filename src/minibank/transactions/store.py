"""Rows of transactions and annotations."""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx, Row, Tx
from minibank.db.base import Value
from minibank.transactions.records import CHANGING, COLUMNS, TransactionRecord


def _value(value: object) -> Value:
    assert value is None or isinstance(value, int | str)
    return int(value) if isinstance(value, bool) else value


def _record(row: Row) -> TransactionRecord:
    fields = {column: row[column] for column in COLUMNS}
    return msgspec.convert(fields, TransactionRecord, strict=False)


async def insert_transactions(tx: Tx, records: Sequence[TransactionRecord]) -> None:
    """Store new transactions."""
    rows = [[_value(getattr(record, column)) for column in COLUMNS] for record in records]
    await tx.insert_rows("transactions", COLUMNS, rows)


async def update_transactions(tx: Tx, records: Sequence[TransactionRecord]) -> None:
    """Store what later events changed in these transactions."""
    columns = ("shard", "id", *CHANGING)
    rows = [[_value(getattr(record, column)) for column in columns] for record in records]
    await tx.update_rows("transactions", ("shard", "id"), CHANGING, rows)


async def list_records(
    tx: ReadTx, shards: Sequence[int], ids: Sequence[str]
) -> list[TransactionRecord]:
    """The transactions with these ids, for the engine."""
    rows = await tx.fetch(
        """
        SELECT t.shard, t.id, t.account_id, t.created_at, t.updated_at, t.settled_at, t.kind,
               t.amount, t.currency, t.local_amount, t.local_currency, t.account_balance,
               t.description, t.merchant_id, t.category, t.notes, t.metadata, t.counterparty,
               t.scheme, t.dedupe_id, t.user_id, t.is_load, t.originator, t.include_in_spending,
               t.amount_is_pending, t.decline_reason
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN transactions t ON t.shard = k.shard AND t.id = k.id
        """,
        shards,
        ids,
    )
    return [_record(row) for row in rows]

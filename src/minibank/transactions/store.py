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
        "SELECT shard, id, account_id, created_at, updated_at, settled_at, kind, amount, currency,"
        " local_amount, local_currency, account_balance, description, merchant_id, category, notes,"
        " metadata, counterparty, scheme, dedupe_id, user_id, is_load, originator,"
        " include_in_spending, amount_is_pending, decline_reason"
        " FROM transactions WHERE shard = ANY($1) AND id = ANY($2)",
        shards,
        ids,
    )
    return [_record(row) for row in rows]

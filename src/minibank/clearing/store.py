"""Rows of clearing files, and what they are held against."""

from collections.abc import Collection, Sequence

import msgspec

from minibank.clearing.records import ISSUER, ClearingFile, ClearingRow, Missing
from minibank.core.ids import shard_of, shard_of_text
from minibank.db import ReadTx, Tx
from minibank.payments.store import Keys, keys_of

_ROW = ClearingRow.__struct_fields__

Alike = tuple[str, int, int, str]
"""What makes a transaction like a row: account, day, signed amount, kind."""


async def claim_file(tx: Tx, file: ClearingFile) -> None:
    """Store a file, unless it is there."""
    await tx.execute(
        "INSERT INTO clearing_files (id, day, row_count, imported_by, began_at, finished_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        *msgspec.structs.astuple(file),
    )


async def find_file(tx: ReadTx, file_id: str) -> ClearingFile | None:
    """The file of this id."""
    row = await tx.fetch_one(
        "SELECT id, day, row_count, imported_by, began_at, finished_at FROM clearing_files"
        " WHERE id = $1",
        file_id,
    )
    return ClearingFile(**row) if row else None


async def list_files(tx: ReadTx, before: tuple[int, str], limit: int) -> list[ClearingFile]:
    """Files, the newest first."""
    rows = await tx.fetch(
        "SELECT id, day, row_count, imported_by, began_at, finished_at FROM clearing_files"
        " WHERE (began_at, id) < ($1, $2) ORDER BY began_at DESC, id DESC LIMIT $3",
        *before,
        limit,
    )
    return [ClearingFile(**row) for row in rows]


async def finish_file(tx: Tx, file_id: str) -> None:
    """Its import is over."""
    await tx.execute(
        "UPDATE clearing_files SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL",
        file_id,
        tx.now,
    )


async def insert_rows(tx: Tx, file_id: str, rows: Sequence[ClearingRow]) -> None:
    """Store rows as they are decided."""
    shard = shard_of(file_id)
    await tx.insert_rows(
        "clearing_rows",
        ("shard", "file_id", *_ROW),
        [(shard, file_id, *msgspec.structs.astuple(one)) for one in rows],
    )


async def update_rows(tx: Tx, file_id: str, rows: Sequence[ClearingRow]) -> None:
    """Store what came of rows."""
    shard = shard_of(file_id)
    await tx.update_rows(
        "clearing_rows",
        ("shard", "file_id", "line"),
        ("status", "reason", "booked_on", "transaction_id"),
        [
            (shard, file_id, one.line, one.status, one.reason, one.booked_on, one.transaction_id)
            for one in rows
        ],
    )


async def list_rows(
    tx: ReadTx, file_id: str, after: int, until: int, limit: int
) -> list[ClearingRow]:
    """Rows of a file between two lines, the first excluded."""
    rows = await tx.fetch(
        """
        SELECT line, kind, reference, authorisation_id, card_id, account_id, amount, currency,
               local_amount, local_currency, merchant_id, description, day, status, reason,
               booked_on, transaction_id
        FROM clearing_rows
        WHERE shard = $1 AND file_id = $2 AND line > $3 AND line <= $4 ORDER BY line LIMIT $5
        """,
        shard_of(file_id),
        file_id,
        after,
        until,
        limit,
    )
    return [ClearingRow(**row) for row in rows]


async def list_rows_of(
    tx: ReadTx, file_id: str, status: str, after: int, limit: int
) -> list[ClearingRow]:
    """Rows of a file of one status, after a line."""
    rows = await tx.fetch(
        """
        SELECT line, kind, reference, authorisation_id, card_id, account_id, amount, currency,
               local_amount, local_currency, merchant_id, description, day, status, reason,
               booked_on, transaction_id
        FROM clearing_rows
        WHERE shard = $1 AND file_id = $2 AND status = $3 AND line > $4 ORDER BY line LIMIT $5
        """,
        shard_of(file_id),
        file_id,
        status,
        after,
        limit,
    )
    return [ClearingRow(**row) for row in rows]


async def count_rows(tx: ReadTx, file_id: str) -> dict[str, int]:
    """How many rows of a file have each status."""
    rows = await tx.fetch(
        "SELECT status, COUNT(*) AS rows FROM clearing_rows WHERE shard = $1 AND file_id = $2"
        " GROUP BY status",
        shard_of(file_id),
        file_id,
    )
    return {row["status"]: row["rows"] for row in rows}


async def list_references(tx: ReadTx, references: Collection[str]) -> dict[str, tuple[str, int]]:
    """Where each of these names of the scheme's has come already, as (file, line)."""
    names = sorted(set(references))
    rows = await tx.fetch(
        """
        SELECT r.reference, r.file_id, r.line
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, reference)
        JOIN clearing_references r ON r.shard = k.shard AND r.reference = k.reference
        """,
        [shard_of_text(one) for one in names],
        names,
    )
    return {row["reference"]: (row["file_id"], row["line"]) for row in rows}


async def insert_references(tx: Tx, file_id: str, rows: Sequence[ClearingRow]) -> None:
    """The scheme's names of rows have come."""
    await tx.insert_rows(
        "clearing_references",
        ("shard", "reference", "file_id", "line"),
        [(shard_of_text(one.reference), one.reference, file_id, one.line) for one in rows],
    )


async def insert_matches(tx: Tx, file_id: str, rows: Sequence[ClearingRow]) -> None:
    """Transactions were found to be rows."""
    await tx.insert_rows(
        "clearing_matches",
        ("shard", "transaction_id", "file_id", "line"),
        [(shard_of(one.transaction_id), one.transaction_id, file_id, one.line) for one in rows],
    )


async def list_matched(tx: ReadTx, transactions: Keys) -> dict[str, str]:
    """Those of these transactions that a row was found to be, with its file."""
    rows = await tx.fetch(
        """
        SELECT m.transaction_id, MIN(m.file_id) AS file_id
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN clearing_matches m ON m.shard = k.shard AND m.transaction_id = k.id
        GROUP BY m.transaction_id
        """,
        *transactions,
    )
    return {row["transaction_id"]: row["file_id"] for row in rows}


async def list_missing_in(tx: ReadTx, shards: Sequence[int], ids: tuple[str, str]) -> list[Missing]:
    """Card payments and refunds between two ids that moved something and that no row named."""
    rows = await tx.fetch(
        """
        SELECT t.id AS transaction_id, t.account_id, t.amount, t.currency
        FROM unnest($1::bigint[]) AS k(shard)
        JOIN transactions t ON t.shard = k.shard AND t.id >= $2 AND t.id < $3
        LEFT JOIN clearing_matches m ON m.shard = t.shard AND m.transaction_id = t.id
        LEFT JOIN entry_sets e ON e.shard = t.shard AND e.transaction_id = t.id
             AND e.code = 'suspense_in'
        WHERE (t.kind = 'card' OR t.kind = 'refund') AND t.amount <> 0
          AND t.decline_reason IS NULL AND m.transaction_id IS NULL AND e.transaction_id IS NULL
        ORDER BY t.id
        """,
        list(shards),
        *ids,
    )
    return [Missing(**row) for row in rows]


async def insert_missing(tx: Tx, file_id: str, missing: Sequence[Missing]) -> None:
    """Store what no row named; what an import that was cut short had found stays."""
    await tx.execute(
        """
        INSERT INTO clearing_missing (shard, file_id, transaction_id, account_id, amount, currency)
        SELECT $1, $2, k.transaction_id, k.account_id, k.amount, k.currency
        FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[])
             AS k(transaction_id, account_id, amount, currency)
        WHERE 1 = 1
        ON CONFLICT (shard, file_id, transaction_id) DO NOTHING
        """,
        shard_of(file_id),
        file_id,
        [one.transaction_id for one in missing],
        [one.account_id for one in missing],
        [one.amount for one in missing],
        [one.currency for one in missing],
    )


async def list_missing(tx: ReadTx, file_id: str, after: str, limit: int) -> list[Missing]:
    """What no row of the file named, with the file that named it since."""
    rows = await tx.fetch(
        "SELECT transaction_id, account_id, amount, currency FROM clearing_missing"
        " WHERE shard = $1 AND file_id = $2 AND transaction_id > $3"
        " ORDER BY transaction_id LIMIT $4",
        shard_of(file_id),
        file_id,
        after,
        limit,
    )
    found = await list_matched(tx, keys_of([row["transaction_id"] for row in rows]))
    return [Missing(**row, found_in=found.get(row["transaction_id"], "")) for row in rows]


async def count_missing(tx: ReadTx, file_id: str) -> int:
    """How many no row of the file named."""
    row = await tx.fetch_one(
        "SELECT COUNT(*) AS rows FROM clearing_missing WHERE shard = $1 AND file_id = $2",
        shard_of(file_id),
        file_id,
    )
    return int(row["rows"]) if row else 0


async def list_alike(tx: ReadTx, wanted: Collection[Alike], window: int) -> dict[Alike, list[str]]:
    """Transactions of an account, kind and amount, made from a day on within `window` microseconds,
    that are settled or in suspense and that no row was found to be; those of one day and amount
    are read once.

    What clearing booked itself belongs to the row that it was booked for, noted yet or not. What
    has left suspense was something before, and a row is found to be that.
    """
    asked = sorted(wanted)
    found = await tx.fetch(
        """
        SELECT k.number, t.id
        FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[])
             AS k(shard, account_id, day, amount, kind, number)
        JOIN transactions t ON t.shard = k.shard AND t.account_id = k.account_id
             AND t.created_at >= k.day AND t.created_at < k.day + $7
        LEFT JOIN clearing_matches m ON m.shard = t.shard AND m.transaction_id = t.id
        WHERE t.kind = k.kind AND t.amount = k.amount AND m.transaction_id IS NULL
          AND (t.settled_at IS NOT NULL OR EXISTS (
              SELECT 1 FROM corrections c
              WHERE c.shard = t.shard AND c.transaction_id = t.id AND c.kind = 'suspense'))
          AND NOT EXISTS (
              SELECT 1 FROM entry_sets e
              WHERE e.shard = t.shard AND e.transaction_id = t.id AND e.code = 'suspense_in')
          AND NOT EXISTS (
              SELECT 1 FROM outcomes o WHERE o.shard = t.shard AND o.account_id = t.account_id
              AND o.issuer = $8 AND o.command_id = t.dedupe_id)
        ORDER BY k.number, t.created_at, t.id
        """,
        [shard_of(one[0]) or 0 for one in asked],
        [one[0] for one in asked],
        [one[1] for one in asked],
        [one[2] for one in asked],
        [one[3] for one in asked],
        list(range(len(asked))),
        window,
        ISSUER,
    )
    alike: dict[Alike, list[str]] = {}
    for row in found:
        alike.setdefault(asked[row["number"]], []).append(row["id"])
    return alike

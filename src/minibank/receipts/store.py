"""Rows of receipts."""

from collections.abc import Sequence

from minibank.db import ReadTx, Row, Tx
from minibank.receipts.records import Holder, Receipt, content_from_json, content_to_json


def _receipt(row: Row) -> Receipt:
    return Receipt(
        external_id=row["external_id"],
        id=row["id"],
        transaction_id=row["transaction_id"],
        content=content_from_json(row["content"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def find_receipt(tx: ReadTx, holder: Holder, external_id: str) -> Receipt | None:
    """This holder's receipt of that name."""
    row = await tx.fetch_one(
        """
        SELECT external_id, id, transaction_id, content, created_at, updated_at FROM receipts
        WHERE shard = $1 AND user_id = $2 AND client_id = $3 AND external_id = $4
        """,
        holder.shard,
        holder.user_id,
        holder.client_id,
        external_id,
    )
    return _receipt(row) if row else None


async def count_others(tx: ReadTx, holder: Holder, receipt: Receipt, limit: int) -> int:
    """How many other receipts the holder has for the same transaction, counted up to `limit`."""
    row = await tx.fetch_one(
        """
        SELECT COUNT(*) AS others FROM (
            SELECT external_id FROM receipts
            WHERE shard = $1 AND user_id = $2 AND client_id = $3 AND transaction_id = $4
              AND external_id <> $5
            ORDER BY external_id LIMIT $6
        ) AS found
        """,
        holder.shard,
        holder.user_id,
        holder.client_id,
        receipt.transaction_id,
        receipt.external_id,
        limit,
    )
    assert row is not None, "a count always has a row"
    return int(row["others"])


async def put_receipt(tx: Tx, holder: Holder, receipt: Receipt) -> str:
    """Store a receipt, in place of all that one of the same name says; the id it has now."""
    row = await tx.fetch_one(
        """
        INSERT INTO receipts (shard, user_id, client_id, external_id, id, transaction_id, content,
                              created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (shard, user_id, client_id, external_id) DO UPDATE
        SET transaction_id = excluded.transaction_id, content = excluded.content,
            updated_at = excluded.updated_at
        RETURNING id
        """,
        holder.shard,
        holder.user_id,
        holder.client_id,
        receipt.external_id,
        receipt.id,
        receipt.transaction_id,
        content_to_json(receipt.content),
        receipt.created_at,
        receipt.updated_at,
    )
    assert row is not None, "it was stored"
    return str(row["id"])


async def delete_receipt(tx: Tx, holder: Holder, external_id: str) -> bool:
    """Remove this holder's receipt of that name; whether there was one."""
    deleted = await tx.execute(
        """
        DELETE FROM receipts
        WHERE shard = $1 AND user_id = $2 AND client_id = $3 AND external_id = $4
        """,
        holder.shard,
        holder.user_id,
        holder.client_id,
        external_id,
    )
    return deleted > 0


async def list_of_user(
    tx: ReadTx, shard: int, user_id: str, after: tuple[str, str], limit: int
) -> Sequence[Row]:
    """The next receipts of a user, whichever app's, in the order of app and name."""
    return await tx.fetch(
        """
        SELECT client_id, external_id, id, transaction_id, content, created_at, updated_at
        FROM receipts
        WHERE shard = $1 AND user_id = $2 AND (client_id, external_id) > ($3, $4)
        ORDER BY client_id, external_id LIMIT $5
        """,
        shard,
        user_id,
        *after,
        limit,
    )


async def delete_of_user(tx: Tx, shard: int, user_id: str, limit: int) -> int:
    """Remove some of a user's receipts; how many."""
    return await tx.execute(
        """
        DELETE FROM receipts
        WHERE shard = $1 AND user_id = $2 AND (client_id, external_id) IN (
            SELECT client_id, external_id FROM receipts WHERE shard = $1 AND user_id = $2
            ORDER BY client_id, external_id LIMIT $3
        )
        """,
        shard,
        user_id,
        limit,
    )

"""Rows of the outbox that are over, and how far it reaches back."""

from collections.abc import Sequence
from dataclasses import dataclass

from minibank.db import Tx


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a webhook's part of the outbox there is: numbers from `kept_from` on, up to the one
    before `next_sequence`."""

    kept_from: int
    next_sequence: int
    is_removed: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """A delivery, when it was over (None when it is not), and how many attempts are recorded."""

    sequence: int
    finished_at: int | None
    attempts: int


async def lock_reach(tx: Tx, shard: int, webhook_id: str) -> Reach | None:
    """Hold a webhook, removed or not; None when there is none."""
    row = await tx.fetch_one(
        """
        SELECT kept_from, next_sequence, removed_at IS NOT NULL AS is_removed FROM webhooks
        WHERE shard = $1 AND id = $2 FOR NO KEY UPDATE
        """,
        shard,
        webhook_id,
    )
    return None if row is None else Reach(row[0], row[1], bool(row[2]))


async def lock_first(
    tx: Tx, shard: int, webhook_id: str, kept_from: int, limit: int
) -> Sequence[Ended]:
    """Hold the first deliveries of a webhook from a number on, in the order of numbers."""
    rows = await tx.fetch(
        """
        SELECT sequence, finished_at, attempts FROM deliveries
        WHERE shard = $1 AND webhook_id = $2 AND sequence >= $3
        ORDER BY sequence LIMIT $4 FOR NO KEY UPDATE
        """,
        shard,
        webhook_id,
        kept_from,
        limit,
    )
    return [Ended(*row) for row in rows]


async def delete_told(tx: Tx, shard: int, webhook_id: str, begin: int, end: int) -> None:
    """Remove deliveries and their attempts from a number on and before another, and say so."""
    await tx.execute(
        "DELETE FROM delivery_attempts"
        " WHERE shard = $1 AND webhook_id = $2 AND sequence >= $3 AND sequence < $4",
        shard,
        webhook_id,
        begin,
        end,
    )
    await tx.execute(
        "DELETE FROM deliveries"
        " WHERE shard = $1 AND webhook_id = $2 AND sequence >= $3 AND sequence < $4",
        shard,
        webhook_id,
        begin,
        end,
    )
    await tx.execute(
        "UPDATE webhooks SET kept_from = $3 WHERE shard = $1 AND id = $2", shard, webhook_id, end
    )


async def delete_webhook(tx: Tx, shard: int, webhook_id: str) -> None:
    """Remove the row of a webhook that no delivery tells of."""
    await tx.execute("DELETE FROM webhooks WHERE shard = $1 AND id = $2", shard, webhook_id)

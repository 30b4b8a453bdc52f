"""Rows of due work: who has which, and until when. They end with their effect."""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx, Row, Tx


class DueRow(msgspec.Struct, frozen=True):
    """One piece of work; `due_at` is in microseconds."""

    shard: int
    kind: str
    subject: str
    account_id: str
    due_at: int


def _due_row(row: Row) -> DueRow:
    return DueRow(
        shard=row["shard"],
        kind=row["kind"],
        subject=row["subject"],
        account_id=row["account_id"],
        due_at=row["due_at"],
    )


class Overdue(msgspec.Struct, frozen=True):
    """Work that is due and not done: how much of it is nobody's, and since when the oldest is."""

    count: int
    unclaimed: int
    oldest_due_at: int | None


async def read_overdue(tx: ReadTx, shards: Sequence[int], now: int) -> Overdue:
    """What is due in these shards at this unit's instant; what is claimed is so at `now`."""
    row = await tx.fetch_one(
        "SELECT COUNT(*) AS count, MIN(due_at) AS oldest,"
        " COUNT(CASE WHEN claimed_until <= $3 THEN 1 END) AS unclaimed FROM due_work"
        " WHERE shard = ANY($1) AND due_at <= $2",
        shards,
        tx.now,
        now,
    )
    assert row is not None, "an aggregate always gives a row"
    return Overdue(row["count"], row["unclaimed"], row["oldest"])


async def claim_due(
    tx: Tx, shards: Sequence[int], kinds: Sequence[str], now: int, claimed_until: int
) -> list[DueRow]:
    """Take up to 100 pieces of work that are due at this unit's instant, the oldest first.

    `now` and `claimed_until` are real time: a lease is about processes, not about the bank's world.
    Rows that another process is taking at this moment are passed over.
    """
    rows = await tx.fetch(
        "SELECT shard, kind, subject, account_id, due_at FROM due_work"
        " WHERE shard = ANY($1) AND due_at <= $2 AND claimed_until <= $3 AND kind = ANY($4)"
        " ORDER BY due_at, shard, subject LIMIT 100 FOR UPDATE SKIP LOCKED",
        shards,
        tx.now,
        now,
        kinds,
    )
    found = [_due_row(row) for row in rows]
    await set_leases(tx, found, claimed_until)
    return found


async def set_leases(tx: Tx, rows: Sequence[DueRow], claimed_until: int) -> None:
    """Say until when these are somebody's; those that are gone stay gone."""
    await tx.update_rows(
        "due_work",
        ("shard", "kind", "subject"),
        ("claimed_until",),
        [(row.shard, row.kind, row.subject, claimed_until) for row in rows],
    )


async def lock_due(tx: Tx, row: DueRow) -> int | None:
    """Hold this piece until the unit of work ends; when it is due now, None when it is gone."""
    found = await tx.fetch_one(
        "SELECT due_at FROM due_work"
        " WHERE shard = $1 AND kind = $2 AND subject = $3 FOR NO KEY UPDATE",
        row.shard,
        row.kind,
        row.subject,
    )
    return found["due_at"] if found else None


async def move_due(tx: Tx, row: DueRow, due_at: int) -> None:
    """Have this piece be due then, and nobody's."""
    await tx.execute(
        "UPDATE due_work SET due_at = $4, claimed_until = 0"
        " WHERE shard = $1 AND kind = $2 AND subject = $3",
        row.shard,
        row.kind,
        row.subject,
        due_at,
    )


async def delete_due(tx: Tx, row: DueRow) -> None:
    """This piece is over."""
    await tx.execute(
        "DELETE FROM due_work WHERE shard = $1 AND kind = $2 AND subject = $3",
        row.shard,
        row.kind,
        row.subject,
    )

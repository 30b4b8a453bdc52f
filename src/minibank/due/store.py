"""Rows of due work, as those who cause it write them."""

from collections.abc import Sequence

import msgspec

from minibank.db import Tx


class Planned(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """A piece of work to be done at `due_at` (microseconds); in the order that all lock them in."""

    shard: int
    kind: str
    subject: str
    due_at: int


async def put_work(tx: Tx, works: Sequence[Planned]) -> None:
    """Store work, none of it twice; of what is planned already, the earlier time stands.

    Each row is locked, changed or not: see `minibank.due.planning`.
    """
    await tx.execute(
        """
        INSERT INTO due_work (shard, kind, subject, account_id, due_at, claimed_until)
        SELECT k.shard, k.kind, k.subject, '', k.due_at, 0
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
             AS k(shard, kind, subject, due_at)
        WHERE k.shard >= 0
        ORDER BY k.shard, k.kind, k.subject
        ON CONFLICT (shard, kind, subject)
        DO UPDATE SET due_at = excluded.due_at WHERE due_work.due_at > excluded.due_at
        """,
        [one.shard for one in works],
        [one.kind for one in works],
        [one.subject for one in works],
        [one.due_at for one in works],
    )


async def delete_work(tx: Tx, shard: int, kind: str, subject: str) -> None:
    """Remove a piece of work, whenever it is due, or none when it is not there."""
    await tx.execute(
        "DELETE FROM due_work WHERE shard = $1 AND kind = $2 AND subject = $3",
        shard,
        kind,
        subject,
    )

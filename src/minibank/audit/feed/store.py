"""What does not fit among the rows of the feed; none is written."""

from collections.abc import Sequence

from minibank.audit.store import Keys
from minibank.db import ReadTx, Row


async def list_odd_items(tx: ReadTx, accounts: Keys, since: Sequence[int]) -> Sequence[Row]:
    """Items made at these instants or later whose client is not there, or said to have made none
    as late as that."""
    return await tx.fetch(
        """
        SELECT f.account_id, f.id, c.id IS NULL AS has_no_client
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, account_id, since)
        JOIN feed_items f ON f.shard = k.shard AND f.account_id = k.account_id
             AND f.created_at >= k.since
        LEFT JOIN oauth_clients c ON c.id = f.client_id
        LEFT JOIN feed_writers w ON w.shard = f.shard AND w.account_id = f.account_id
             AND w.client_id = f.client_id
        WHERE c.id IS NULL OR w.last_created_at IS NULL OR w.last_created_at < f.created_at
        """,
        *accounts,
        since,
    )


async def list_stray_dismissals(tx: ReadTx, accounts: Keys, since: Sequence[int]) -> Sequence[Row]:
    """Dismissals, from these instants or later, of what is not on the account's feed."""
    return await tx.fetch(
        """
        SELECT d.account_id, d.subject
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, account_id, since)
        JOIN feed_dismissals d ON d.shard = k.shard AND d.account_id = k.account_id
             AND d.dismissed_at >= k.since
        LEFT JOIN transactions t ON t.shard = d.shard AND t.id = d.subject
             AND t.account_id = d.account_id
        LEFT JOIN feed_items f ON f.shard = d.shard AND f.id = d.subject
             AND f.account_id = d.account_id
        WHERE t.id IS NULL AND f.id IS NULL
        """,
        *accounts,
        since,
    )

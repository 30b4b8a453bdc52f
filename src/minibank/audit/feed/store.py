"""What does not fit among the rows of the feed; none is written."""

from collections.abc import Sequence

from minibank.audit.store import Keys
from minibank.db import ReadTx, Row
from minibank.feed.records import ITEM_EXPIRY, KEY_EXPIRY


async def list_odd_items(tx: ReadTx, accounts: Keys) -> Sequence[Row]:
    """Items with what belongs to each: whether the client is there, the work of its expiry, and
    when the newest of its client is said to be of; only those where something is missing."""
    return await tx.fetch(
        """
        SELECT f.account_id, f.id, c.id IS NULL AS has_no_client,
               w.last_created_at IS NULL OR w.last_created_at < f.created_at AS is_uncounted
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN feed_items f ON f.shard = k.shard AND f.account_id = k.account_id
        LEFT JOIN oauth_clients c ON c.id = f.client_id
        LEFT JOIN feed_writers w ON w.shard = f.shard AND w.account_id = f.account_id
             AND w.client_id = f.client_id
        WHERE c.id IS NULL OR w.last_created_at IS NULL OR w.last_created_at < f.created_at
        """,
        *accounts,
    )


async def list_unplanned_items(tx: ReadTx, accounts: Keys) -> Sequence[Row]:
    """Items that nothing takes off the feed when their time has come."""
    return await tx.fetch(
        """
        SELECT f.account_id, f.id
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN feed_items f ON f.shard = k.shard AND f.account_id = k.account_id
        LEFT JOIN due_work d ON d.shard = f.shard AND d.kind = $3 AND d.subject = f.id
             AND d.account_id = f.account_id AND d.due_at = f.expires_at
        WHERE f.expires_at IS NOT NULL AND d.subject IS NULL
        """,
        *accounts,
        ITEM_EXPIRY,
    )


async def list_unplanned_keys(tx: ReadTx, accounts: Keys) -> Sequence[Row]:
    """Idempotency keys that nothing forgets when they were kept long enough."""
    return await tx.fetch(
        """
        SELECT f.account_id, f.item_id
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN feed_keys f ON f.shard = k.shard AND f.account_id = k.account_id
        LEFT JOIN due_work d ON d.shard = f.shard AND d.kind = $3 AND d.subject = f.item_id
             AND d.account_id = f.account_id AND d.due_at = f.keep_until
        WHERE d.subject IS NULL
        """,
        *accounts,
        KEY_EXPIRY,
    )


async def list_stray_dismissals(tx: ReadTx, accounts: Keys) -> Sequence[Row]:
    """Dismissals of what is not on the account's feed."""
    return await tx.fetch(
        """
        SELECT d.account_id, d.subject
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN feed_dismissals d ON d.shard = k.shard AND d.account_id = k.account_id
        LEFT JOIN transactions t ON t.shard = d.shard AND t.id = d.subject
             AND t.account_id = d.account_id
        LEFT JOIN feed_items f ON f.shard = d.shard AND f.id = d.subject
             AND f.account_id = d.account_id
        WHERE t.id IS NULL AND f.id IS NULL
        """,
        *accounts,
    )


async def list_stray_expiries(tx: ReadTx) -> Sequence[Row]:
    """Work that takes off an item or forgets a key, in the whole bank, where there is none."""
    return await tx.fetch(
        """
        SELECT d.account_id, d.subject
        FROM due_work d LEFT JOIN feed_items f ON f.shard = d.shard AND f.id = d.subject
             AND f.account_id = d.account_id AND f.expires_at = d.due_at
        WHERE d.shard >= $1 AND d.kind = $2 AND f.id IS NULL
        UNION ALL
        SELECT d.account_id, d.subject
        FROM due_work d LEFT JOIN feed_keys f ON f.shard = d.shard AND f.item_id = d.subject
             AND f.account_id = d.account_id AND f.keep_until = d.due_at
        WHERE d.shard >= $1 AND d.kind = $3 AND f.item_id IS NULL
        """,
        0,
        ITEM_EXPIRY,
        KEY_EXPIRY,
    )

"""Rows of feeds and webhooks, read for an export."""

from collections.abc import Sequence

from minibank.core.pages import Position
from minibank.db import ReadTx, Row


async def list_feed_items(
    tx: ReadTx, shard: int, account_id: str, after: tuple[str, int, str], limit: int
) -> Sequence[Row]:
    """The next items on an account's feed, in the order of (client, instant, id)."""
    return await tx.fetch(
        "SELECT id, client_id, user_id, created_at, updated_at, expires_at, url, params"
        " FROM feed_items WHERE shard = $1 AND account_id = $2"
        " AND (client_id, created_at, id) > ($3, $4, $5)"
        " ORDER BY client_id, created_at, id LIMIT $6",
        shard,
        account_id,
        *after,
        limit,
    )


async def list_feed_keys(
    tx: ReadTx, shard: int, account_id: str, user_id: str, after: tuple[str, str], limit: int
) -> Sequence[Row]:
    """The next keys that apps used for a user, in the order of (client, key)."""
    return await tx.fetch(
        "SELECT client_id, key, item_id, keep_until FROM feed_keys"
        " WHERE shard = $1 AND account_id = $2 AND user_id = $3 AND (client_id, key) > ($4, $5)"
        " ORDER BY client_id, key LIMIT $6",
        shard,
        account_id,
        user_id,
        *after,
        limit,
    )


async def list_dismissals(
    tx: ReadTx, shard: int, account_id: str, user_id: str, after: Position, limit: int
) -> Sequence[Row]:
    """The next of what a user dismissed on an account's feed, oldest first."""
    return await tx.fetch(
        "SELECT subject, dismissed_at FROM feed_dismissals"
        " WHERE shard = $1 AND account_id = $2 AND user_id = $3"
        " AND (dismissed_at, subject) > ($4, $5) ORDER BY dismissed_at, subject LIMIT $6",
        shard,
        account_id,
        user_id,
        after.created_at,
        after.id,
        limit,
    )


async def list_webhooks(tx: ReadTx, shard: int, account_id: str, user_id: str) -> Sequence[Row]:
    """The webhooks that programs registered for a user, removed ones too."""
    return await tx.fetch(
        "SELECT id, client_id, url, events, policy, created_at, disabled_at, removed_at"
        " FROM webhooks"
        " WHERE shard = $1 AND account_id = $2 AND user_id = $3 ORDER BY created_at, id",
        shard,
        account_id,
        user_id,
    )


async def list_deliveries(
    tx: ReadTx, shard: int, webhook_id: str, after: int, limit: int
) -> Sequence[Row]:
    """The next of what a webhook is or was told, in the order of its numbers."""
    return await tx.fetch(
        "SELECT id, sequence, event, subject, payload, created_at, state, attempts, finished_at"
        " FROM deliveries WHERE shard = $1 AND webhook_id = $2 AND sequence > $3"
        " ORDER BY sequence LIMIT $4",
        shard,
        webhook_id,
        after,
        limit,
    )


async def list_attempts(
    tx: ReadTx, shard: int, webhook_id: str, after: tuple[int, int], limit: int
) -> Sequence[Row]:
    """The next attempts to call a webhook, in the order of (delivery's number, attempt)."""
    return await tx.fetch(
        "SELECT sequence, attempt, attempted_at, microseconds, request_headers, status,"
        " response_headers, excerpt, error FROM delivery_attempts"
        " WHERE shard = $1 AND webhook_id = $2 AND (sequence, attempt) > ($3, $4)"
        " ORDER BY sequence, attempt LIMIT $5",
        shard,
        webhook_id,
        *after,
        limit,
    )

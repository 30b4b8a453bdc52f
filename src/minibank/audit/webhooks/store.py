"""The rows of webhooks and deliveries that an audit reads; it writes none."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from minibank.audit.store import PAGE, Keys
from minibank.db import ReadTx, Row


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook as stored; `is_forgotten` says whether its address is.

    `has_last` says whether it was told what came last, and `has_more` whether it was told more.
    """

    shard: int
    id: str
    account_id: str
    events: str
    removed_at: int | None
    starts_after: int
    ends_after: int | None
    next_sequence: int
    is_forgotten: bool
    has_client: bool
    has_last: bool
    has_more: bool


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as stored."""

    sequence: int
    id: str
    account_id: str
    event: str
    subject: str
    payload: bytes
    state: str
    finished_at: int | None


async def list_webhooks(tx: ReadTx, accounts: Keys) -> list[WebhookRow]:
    """The webhooks of the accounts, removed ones too."""
    rows = await tx.fetch(
        """
        SELECT w.shard, w.id, w.account_id, w.events, w.removed_at, w.starts_after, w.ends_after,
               w.next_sequence, w.url = '' AS is_forgotten, c.id IS NOT NULL AS has_client,
               EXISTS (SELECT 1 FROM deliveries d WHERE d.shard = w.shard AND d.webhook_id = w.id
                       AND d.sequence = w.next_sequence - 1) AS has_last,
               EXISTS (SELECT 1 FROM deliveries d WHERE d.shard = w.shard AND d.webhook_id = w.id
                       AND d.sequence >= w.next_sequence) AS has_more
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN webhooks w ON w.shard = k.shard AND w.account_id = k.account_id
        LEFT JOIN oauth_clients c ON c.id = w.client_id
        """,
        *accounts,
    )
    return [WebhookRow(*row) for row in rows]


async def walk_deliveries(
    tx: ReadTx, shard: int, webhook_id: str, after: int
) -> AsyncIterator[DeliveryRow]:
    """What a webhook is or was to be told beyond a number, in the order of its numbers."""
    while True:
        rows = await tx.fetch(
            """
            SELECT sequence, id, account_id, event, subject, payload, state, finished_at
            FROM deliveries
            WHERE shard = $1 AND webhook_id = $2 AND sequence > $3
            ORDER BY sequence LIMIT $4
            """,
            shard,
            webhook_id,
            after,
            PAGE,
        )
        for row in rows:
            yield DeliveryRow(*row)
        if len(rows) < PAGE:
            return
        after = rows[-1]["sequence"]


async def list_stray_deliveries(tx: ReadTx, shard: int, account_id: str) -> Sequence[Row]:
    """Deliveries to webhooks that the account does not have."""
    return await tx.fetch(
        """
        SELECT d.id
        FROM deliveries d
        LEFT JOIN webhooks w ON w.shard = d.shard AND w.id = d.webhook_id
             AND w.account_id = d.account_id
        WHERE d.shard = $1 AND d.account_id = $2 AND w.id IS NULL
        """,
        shard,
        account_id,
    )

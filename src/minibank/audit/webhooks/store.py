"""The rows of webhooks and deliveries that an audit reads; it writes none."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from minibank.audit.store import PAGE, Keys
from minibank.db import ReadTx, Row

_END = 2**62
"""Beyond every number."""


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook as stored; `is_forgotten` says whether its address is.

    It says that it was told up to the number before `next_sequence`, and that what is there begins
    at `kept_from`: `has_first` and `has_last` say whether those are there, `has_earlier` and
    `has_more` whether there is something beyond.
    """

    shard: int
    id: str
    account_id: str
    events: str
    removed_at: int | None
    starts_after: int
    ends_after: int | None
    next_sequence: int
    kept_from: int
    is_forgotten: bool
    has_client: bool
    has_earlier: bool
    has_first: bool
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
    attempts: int
    created_at: int


@dataclass(frozen=True, slots=True)
class AttemptsRow:
    """The attempts to make one delivery: how many there are, and the first and last of their
    numbers; `taken` is the last that the receiver took, None without any."""

    sequence: int
    count: int
    first: int
    last: int
    taken: int | None


async def list_webhooks(tx: ReadTx, accounts: Keys) -> list[WebhookRow]:
    """The webhooks of the accounts, removed ones too."""
    rows = await tx.fetch(
        """
        SELECT w.shard, w.id, w.account_id, w.events, w.removed_at, w.starts_after, w.ends_after,
               w.next_sequence, w.kept_from, w.url = '' AS is_forgotten,
               c.id IS NOT NULL AS has_client,
               EXISTS (SELECT 1 FROM deliveries d WHERE d.shard = w.shard AND d.webhook_id = w.id
                       AND d.sequence < w.kept_from) AS has_earlier,
               EXISTS (SELECT 1 FROM deliveries d WHERE d.shard = w.shard AND d.webhook_id = w.id
                       AND d.sequence = w.kept_from) AS has_first,
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


async def walk_told(
    tx: ReadTx, shard: int, webhook_id: str, after: int
) -> AsyncIterator[tuple[list[DeliveryRow], dict[int, AttemptsRow]]]:
    """What a webhook is or was to be told beyond a number, in the order of its numbers, and the
    attempts to tell it, by number: those of no delivery are among them."""
    while True:
        rows = await tx.fetch(
            """
            SELECT sequence, id, account_id, event, subject, payload, state, finished_at, attempts,
                   created_at
            FROM deliveries
            WHERE shard = $1 AND webhook_id = $2 AND sequence > $3
            ORDER BY sequence LIMIT $4
            """,
            shard,
            webhook_id,
            after,
            PAGE,
        )
        until = rows[-1]["sequence"] if len(rows) == PAGE else _END
        yield (
            [DeliveryRow(*row) for row in rows],
            await _attempts(tx, shard, webhook_id, after, until),
        )
        if until == _END:
            return
        after = until


async def _attempts(
    tx: ReadTx, shard: int, webhook_id: str, after: int, until: int
) -> dict[int, AttemptsRow]:
    rows = await tx.fetch(
        """
        SELECT sequence, COUNT(*) AS count, MIN(attempt) AS first, MAX(attempt) AS last,
               MAX(CASE WHEN status BETWEEN 200 AND 299 THEN attempt END) AS taken
        FROM delivery_attempts
        WHERE shard = $1 AND webhook_id = $2 AND sequence > $3 AND sequence <= $4
        GROUP BY sequence ORDER BY sequence
        """,
        shard,
        webhook_id,
        after,
        until,
    )
    return {row["sequence"]: AttemptsRow(*row) for row in rows}


async def find_first_number(
    tx: ReadTx, webhook: WebhookRow, event: str, subjects: Sequence[str]
) -> int | None:
    """The first number with which a webhook was told of one of these by this event."""
    row = await tx.fetch_one(
        """
        SELECT MIN(d.sequence) AS first
        FROM deliveries d
        WHERE d.shard = $1 AND d.account_id = $2 AND d.subject = ANY($3)
          AND d.webhook_id = $4 AND d.event = $5
        """,
        webhook.shard,
        webhook.account_id,
        subjects,
        webhook.id,
        event,
    )
    assert row is not None, "an aggregate always gives a row"
    first: int | None = row["first"]
    return first


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

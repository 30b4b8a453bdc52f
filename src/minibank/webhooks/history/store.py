"""Rows of what a webhook was told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from minibank.db import ReadTx, Row, Tx
from minibank.webhooks.records import PARKED, DeliveryState, Webhook
from minibank.webhooks.store import webhook_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A delivery as its client sees it; instants are microseconds of the bank's time."""

    id: str
    webhook_id: str
    sequence: int
    event: str
    subject: str
    created_at: int
    state: DeliveryState
    attempts: int
    next_attempt_at: int
    finished_at: int | None
    payload: bytes = field(repr=False)

    @property
    def due_at(self) -> int | None:
        """When it is to be sent; None when it has ended, or waits for those before it."""
        is_due = self.finished_at is None and self.next_attempt_at != PARKED
        return self.next_attempt_at if is_due else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """An attempt as it was recorded: headers are JSON lists of pairs."""

    attempt: int
    attempted_at: int
    microseconds: int
    request_headers: str
    status: int
    response_headers: str
    excerpt: bytes
    error: str


def _told(row: Row) -> Told:
    return Told(
        id=row["id"],
        webhook_id=row["webhook_id"],
        sequence=row["sequence"],
        event=row["event"],
        subject=row["subject"],
        created_at=row["created_at"],
        state=row["state"],
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        finished_at=row["finished_at"],
        payload=row["payload"],
    )


async def list_told(
    tx: ReadTx,
    webhook: Webhook,
    after: int,
    before: int,
    limit: int,
    state: DeliveryState | None = None,
) -> list[Told]:
    """What a webhook was told with numbers between two, in one state or any, the newest first."""
    if state is not None:
        return await _list_told_in(tx, webhook, state, after, before, limit)
    rows = await tx.fetch(
        """
        SELECT id, webhook_id, sequence, event, subject, created_at, state, attempts,
               next_attempt_at, finished_at, payload
        FROM deliveries
        WHERE shard = $1 AND webhook_id = $2 AND sequence > $3 AND sequence < $4
        ORDER BY sequence DESC LIMIT $5
        """,
        webhook.shard,
        webhook.id,
        after,
        before,
        limit,
    )
    return [_told(row) for row in rows]


async def _list_told_in(
    tx: ReadTx, webhook: Webhook, state: DeliveryState, after: int, before: int, limit: int
) -> list[Told]:
    # A statement of its own: one that means "this state or any" is planned without its index.
    rows = await tx.fetch(
        """
        SELECT id, webhook_id, sequence, event, subject, created_at, state, attempts,
               next_attempt_at, finished_at, payload
        FROM deliveries
        WHERE shard = $1 AND webhook_id = $2 AND state = $3 AND sequence > $4 AND sequence < $5
        ORDER BY sequence DESC LIMIT $6
        """,
        webhook.shard,
        webhook.id,
        state,
        after,
        before,
        limit,
    )
    return [_told(row) for row in rows]


async def list_after(tx: ReadTx, webhook: Webhook, after: int, limit: int) -> list[Told]:
    """What a webhook or a stream was told beyond a number, the oldest first."""
    rows = await tx.fetch(
        """
        SELECT id, webhook_id, sequence, event, subject, created_at, state, attempts,
               next_attempt_at, finished_at, payload
        FROM deliveries
        WHERE shard = $1 AND webhook_id = $2 AND sequence > $3
        ORDER BY sequence LIMIT $4
        """,
        webhook.shard,
        webhook.id,
        after,
        limit,
    )
    return [_told(row) for row in rows]


async def find_told(tx: ReadTx, webhook: Webhook, delivery_id: str) -> Told | None:
    """The delivery with this id, if it is this webhook's."""
    row = await tx.fetch_one(
        """
        SELECT id, webhook_id, sequence, event, subject, created_at, state, attempts,
               next_attempt_at, finished_at, payload
        FROM deliveries WHERE shard = $1 AND id = $2 AND webhook_id = $3
        """,
        webhook.shard,
        delivery_id,
        webhook.id,
    )
    return None if row is None else _told(row)


async def find_number_at(tx: ReadTx, webhook: Webhook, at: int) -> int | None:
    """The number of the first delivery that was made at an instant or later.

    Processes read their clocks before they wait for each other, so that near an instant numbers and
    instants may be in another order: the least number of the first few.
    """
    row = await tx.fetch_one(
        """
        SELECT MIN(first.sequence) AS sequence FROM (
            SELECT d.sequence FROM deliveries d
            WHERE d.shard = $1 AND d.webhook_id = $2 AND d.created_at >= $3
            ORDER BY d.created_at, d.sequence LIMIT 100
        ) AS first
        """,
        webhook.shard,
        webhook.id,
        at,
    )
    return None if row is None else row["sequence"]


async def list_attempts(tx: ReadTx, webhook: Webhook, sequence: int) -> list[AttemptRow]:
    """The attempts of one delivery, in their order."""
    rows = await tx.fetch(
        """
        SELECT attempt, attempted_at, microseconds, request_headers, status, response_headers,
               excerpt, error
        FROM delivery_attempts
        WHERE shard = $1 AND webhook_id = $2 AND sequence = $3
        ORDER BY attempt
        """,
        webhook.shard,
        webhook.id,
        sequence,
    )
    names = ("attempt", "attempted_at", "microseconds", "request_headers", "status")
    more = ("response_headers", "excerpt", "error")
    return [AttemptRow(**{name: row[name] for name in (*names, *more)}) for row in rows]


async def lock_ended(
    tx: Tx, webhook: Webhook, first: int, limit: int, state: DeliveryState | None
) -> list[tuple[int, int]]:
    """Hold deliveries that have ended, in one state or any, from a number on: their numbers and
    attempts."""
    if state is not None:
        return await _lock_ended_in(tx, webhook, state, first, limit)
    rows = await tx.fetch(
        """
        SELECT sequence, attempts FROM deliveries
        WHERE shard = $1 AND webhook_id = $2 AND sequence >= $3 AND state <> 'pending'
        ORDER BY sequence LIMIT $4
        FOR NO KEY UPDATE
        """,
        webhook.shard,
        webhook.id,
        first,
        limit,
    )
    return [(row["sequence"], row["attempts"]) for row in rows]


async def _lock_ended_in(
    tx: Tx, webhook: Webhook, state: DeliveryState, first: int, limit: int
) -> list[tuple[int, int]]:
    rows = await tx.fetch(
        """
        SELECT sequence, attempts FROM deliveries
        WHERE shard = $1 AND webhook_id = $2 AND state = $3 AND sequence >= $4
        ORDER BY sequence LIMIT $5
        FOR NO KEY UPDATE
        """,
        webhook.shard,
        webhook.id,
        state,
        first,
        limit,
    )
    return [(row["sequence"], row["attempts"]) for row in rows]


async def send_again(tx: Tx, webhook: Webhook, due: Sequence[tuple[int, int, int]]) -> None:
    """Have deliveries be sent anew, by (number, attempts so far, instant)."""
    await tx.update_rows(
        "deliveries",
        ("shard", "webhook_id", "sequence"),
        ("state", "attempts_before", "next_attempt_at", "claimed_until", "finished_at"),
        [
            (webhook.shard, webhook.id, sequence, "pending", attempts, due_at, 0, None)
            for sequence, attempts, due_at in due
        ],
    )


async def enable(tx: Tx, webhook: Webhook) -> None:
    """Have a webhook that the bank gave up be told again."""
    await tx.execute(
        "UPDATE webhooks SET disabled_at = NULL, failing_since = NULL"
        " WHERE shard = $1 AND id = $2 AND disabled_at IS NOT NULL",
        webhook.shard,
        webhook.id,
    )


async def take_number(tx: Tx, webhook: Webhook) -> int:
    """The number of the next event of a webhook whose account is held; it is used up."""
    row = await tx.fetch_one(
        "UPDATE webhooks SET next_sequence = next_sequence + 1"
        " WHERE shard = $1 AND id = $2 RETURNING next_sequence",
        webhook.shard,
        webhook.id,
    )
    assert row is not None, "the webhook was found under the account's lock"
    number: int = row["next_sequence"] - 1
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A webhook with what is known of how it fares: since when all its attempts fail, and the
    number that its next event gets."""

    webhook: Webhook
    failing_since: int | None
    next_sequence: int


def _registered(row: Row) -> Registered:
    return Registered(
        webhook=webhook_of(row),
        failing_since=row["failing_since"],
        next_sequence=row["next_sequence"],
    )


async def list_registered(
    tx: ReadTx, shards: tuple[int, int], account_id: str, client_id: str, limit: int
) -> list[Registered]:
    """Webhooks in a range of shards, shard by shard; of an account and of a client, where one is
    named and not empty."""
    rows = await tx.fetch(
        """
        SELECT shard, id, account_id, client_id, user_id, url, events, policy, signing,
               secret_version, disabled_at, fifo, created_at, failing_since, next_sequence
        FROM webhooks
        WHERE shard >= $1 AND shard <= $2 AND ($3 = '' OR account_id = $3)
          AND ($4 = '' OR client_id = $4) AND removed_at IS NULL
        ORDER BY shard, id LIMIT $5
        """,
        *shards,
        account_id,
        client_id,
        limit,
    )
    return [_registered(row) for row in rows]


async def list_registered_at(tx: ReadTx, pattern: str, limit: int) -> list[Registered]:
    """Webhooks whose address is like a pattern of SQL, shard by shard."""
    rows = await tx.fetch(
        """
        SELECT shard, id, account_id, client_id, user_id, url, events, policy, signing,
               secret_version, disabled_at, fifo, created_at, failing_since, next_sequence
        FROM webhooks
        WHERE shard >= $1 AND url LIKE $2 AND removed_at IS NULL
        ORDER BY shard, id LIMIT $3
        """,
        0,
        pattern,
        limit,
    )
    return [_registered(row) for row in rows]


async def find_registered(tx: ReadTx, shard: int, webhook_id: str) -> Registered | None:
    """The webhook with this id, whichever client's it is."""
    row = await tx.fetch_one(
        """
        SELECT shard, id, account_id, client_id, user_id, url, events, policy, signing,
               secret_version, disabled_at, fifo, created_at, failing_since, next_sequence
        FROM webhooks WHERE shard = $1 AND id = $2 AND removed_at IS NULL
        """,
        shard,
        webhook_id,
    )
    return None if row is None else _registered(row)


async def list_last_results(
    tx: ReadTx, webhook: Webhook, sequences: Sequence[int]
) -> dict[int, tuple[int, str]]:
    """What came of the last attempt of each of these deliveries that was tried: status, error."""
    rows = await tx.fetch(
        """
        SELECT d.sequence, a.status, a.error
        FROM deliveries d
        JOIN delivery_attempts a ON a.shard = d.shard AND a.webhook_id = d.webhook_id
             AND a.sequence = d.sequence AND a.attempt = d.attempts
        WHERE d.shard = $1 AND d.webhook_id = $2 AND d.sequence = ANY($3)
        """,
        webhook.shard,
        webhook.id,
        sequences,
    )
    return {row["sequence"]: (row["status"], row["error"]) for row in rows}


async def has_waited(
    tx: ReadTx, webhooks: Sequence[Webhook], due_before: int, real_now: int
) -> bool:
    """Whether one of these was to be told something before an instant of the bank's time, and no
    process has claimed that."""
    row = await tx.fetch_one(
        """
        SELECT 1 AS found FROM deliveries
        WHERE shard = ANY($1) AND webhook_id = ANY($2) AND state = 'pending'
          AND next_attempt_at <= $3 AND claimed_until <= $4
        LIMIT 1
        """,
        sorted({one.shard for one in webhooks}),
        [one.id for one in webhooks],
        due_before,
        real_now,
    )
    return row is not None

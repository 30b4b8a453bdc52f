"""Rows of webhooks and of the outbox."""

from collections.abc import Sequence

from minibank.db import ReadTx, Row, Tx
from minibank.webhooks.events import events_from_json, events_to_json
from minibank.webhooks.records import STREAM, Delivery, Listener, Webhook

DELIVERIES = "deliveries"
"""The topic that is woken when something is due at once."""


def webhook_of(row: Row) -> Webhook:
    """A webhook from its row."""
    return Webhook(
        shard=row["shard"],
        id=row["id"],
        account_id=row["account_id"],
        client_id=row["client_id"],
        user_id=row["user_id"],
        url=row["url"],
        events=tuple(sorted(events_from_json(row["events"]))),
        policy=row["policy"],
        signing=row["signing"],
        secret_version=row["secret_version"],
        disabled_at=row["disabled_at"],
        fifo=bool(row["fifo"]),
        created_at=row["created_at"],
    )


async def lock_account(tx: Tx, shard: int, account_id: str) -> bool:
    """Hold the row that every decision about an account begins with; False when there is none."""
    row = await tx.fetch_one(
        "SELECT account_id FROM balances WHERE shard = $1 AND account_id = $2 FOR NO KEY UPDATE",
        shard,
        account_id,
    )
    return row is not None


async def read_end_of_history(tx: ReadTx, shard: int, account_id: str) -> int:
    """Where the history of an account that exists ends, in microseconds."""
    row = await tx.fetch_one(
        "SELECT last_created_at FROM balances WHERE shard = $1 AND account_id = $2",
        shard,
        account_id,
    )
    assert row is not None, "every account has a balance"
    end: int = row["last_created_at"]
    return end


async def list_webhooks(tx: ReadTx, shard: int, account_id: str, client_id: str) -> list[Webhook]:
    """A client's webhooks on an account, oldest first."""
    rows = await tx.fetch(
        """
        SELECT shard, id, account_id, client_id, user_id, url, events, policy, signing,
               secret_version, disabled_at, fifo, created_at
        FROM webhooks
        WHERE shard = $1 AND account_id = $2 AND client_id = $3 AND removed_at IS NULL
          AND url <> $4
        ORDER BY created_at, id
        """,
        shard,
        account_id,
        client_id,
        STREAM,
    )
    return [webhook_of(row) for row in rows]


async def list_webhooks_of(
    tx: ReadTx, shard: int, account_id: str, user_id: str, limit: int
) -> list[Webhook]:
    """Some webhooks on an account that were made for a user, or for anybody if it is empty."""
    rows = await tx.fetch(
        """
        SELECT shard, id, account_id, client_id, user_id, url, events, policy, signing,
               secret_version, disabled_at, fifo, created_at
        FROM webhooks
        WHERE shard = $1 AND account_id = $2 AND ($3 = '' OR user_id = $3) AND removed_at IS NULL
        ORDER BY id LIMIT $4
        """,
        shard,
        account_id,
        user_id,
        limit,
    )
    return [webhook_of(row) for row in rows]


async def list_told(tx: ReadTx, shard: int, account_id: str, limit: int) -> list[Webhook]:
    """Some webhooks on an account that nothing is to be sent to any more; no streams."""
    rows = await tx.fetch(
        """
        SELECT w.shard, w.id, w.account_id, w.client_id, w.user_id, w.url, w.events, w.policy,
               w.signing, w.secret_version, w.disabled_at, w.fifo, w.created_at
        FROM webhooks w
        WHERE w.shard = $1 AND w.account_id = $2 AND w.removed_at IS NULL AND w.url <> $3
          AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.shard = w.shard
                          AND d.webhook_id = w.id AND d.state = 'pending')
        ORDER BY w.id LIMIT $4
        """,
        shard,
        account_id,
        STREAM,
        limit,
    )
    return [webhook_of(row) for row in rows]


async def has_webhooks(tx: ReadTx, shard: int, account_id: str) -> bool:
    """Whether an account has webhooks; streams are none."""
    row = await tx.fetch_one(
        "SELECT id FROM webhooks WHERE shard = $1 AND account_id = $2 AND removed_at IS NULL"
        " AND url <> $3 ORDER BY id LIMIT 1",
        shard,
        account_id,
        STREAM,
    )
    return row is not None


async def hand_streams_over(
    tx: Tx, shard: int, account_id: str, from_user: str, to_user: str
) -> None:
    """Have streams that were begun for one user be another's."""
    await tx.execute(
        "UPDATE webhooks SET user_id = $4"
        " WHERE shard = $1 AND account_id = $2 AND user_id = $3 AND url = $5",
        shard,
        account_id,
        from_user,
        to_user,
        STREAM,
    )


async def find_removed(
    tx: ReadTx, shard: int, account_id: str, user_id: str, after: tuple[str, int]
) -> tuple[str, int] | None:
    """A removed webhook, of a user or of anybody, that was told something beyond a place; and the
    number from which on that is there."""
    row = await tx.fetch_one(
        """
        SELECT id, kept_from FROM webhooks
        WHERE shard = $1 AND account_id = $2 AND ($3 = '' OR user_id = $3)
          AND removed_at IS NOT NULL AND (id > $4 OR (id = $4 AND next_sequence - 1 > $5))
        ORDER BY id LIMIT 1
        """,
        shard,
        account_id,
        user_id,
        *after,
    )
    return None if row is None else (row["id"], row["kept_from"])


async def find_webhook(tx: ReadTx, shard: int, webhook_id: str, client_id: str) -> Webhook | None:
    """A client's webhook that is not removed."""
    row = await tx.fetch_one(
        """
        SELECT shard, id, account_id, client_id, user_id, url, events, policy, signing,
               secret_version, disabled_at, fifo, created_at
        FROM webhooks
        WHERE shard = $1 AND id = $2 AND client_id = $3 AND removed_at IS NULL AND url <> $4
        """,
        shard,
        webhook_id,
        client_id,
        STREAM,
    )
    return None if row is None else webhook_of(row)


async def find_live(tx: ReadTx, shard: int, webhook_id: str) -> Webhook | None:
    """A webhook or stream that is not removed, of whichever client."""
    row = await tx.fetch_one(
        """
        SELECT shard, id, account_id, client_id, user_id, url, events, policy, signing,
               secret_version, disabled_at, fifo, created_at
        FROM webhooks
        WHERE shard = $1 AND id = $2 AND removed_at IS NULL
        """,
        shard,
        webhook_id,
    )
    return None if row is None else webhook_of(row)


async def find_stream(
    tx: ReadTx, shard: int, account_id: str, client_id: str
) -> tuple[Webhook, int, int] | None:
    """A client's stream of an account, the first number that is kept of it, and the next one."""
    row = await tx.fetch_one(
        """
        SELECT shard, id, account_id, client_id, user_id, url, events, policy, signing,
               secret_version, disabled_at, fifo, created_at, kept_from, next_sequence
        FROM webhooks
        WHERE shard = $1 AND account_id = $2 AND client_id = $3 AND url = $4
        ORDER BY created_at LIMIT 1
        """,
        shard,
        account_id,
        client_id,
        STREAM,
    )
    return None if row is None else (webhook_of(row), row["kept_from"], row["next_sequence"])


async def list_listeners(tx: ReadTx, shard: int, account_id: str) -> list[Listener]:
    """Whom to tell of what happens on an account, the oldest first."""
    rows = await tx.fetch(
        """
        SELECT w.shard, w.id, w.client_id, w.events, w.next_sequence, w.target,
               w.disabled_at IS NULL AND w.url <> $3 AS is_sent, c.options
        FROM webhooks w JOIN oauth_clients c ON c.id = w.client_id
        WHERE w.shard = $1 AND w.account_id = $2 AND w.removed_at IS NULL
        ORDER BY w.created_at, w.id
        """,
        shard,
        account_id,
        STREAM,
    )
    return [
        Listener(
            shard=row["shard"],
            id=row["id"],
            client_id=row["client_id"],
            events=events_from_json(row["events"]),
            next_sequence=row["next_sequence"],
            target=row["target"],
            is_sent=bool(row["is_sent"]),
            options=row["options"],
        )
        for row in rows
    ]


async def insert_webhook(tx: Tx, webhook: Webhook, starts_after: int) -> None:
    """Store a new webhook; it is told of what comes after this place in the account's history."""
    await tx.insert_rows(
        "webhooks",
        (
            *("shard", "id", "account_id", "client_id", "user_id", "url", "events", "created_at"),
            *("starts_after", "next_sequence", "policy", "target", "signing"),
            "fifo",
        ),
        [
            (
                *(webhook.shard, webhook.id, webhook.account_id, webhook.client_id),
                *(webhook.user_id, webhook.url, events_to_json(webhook.events)),
                *(webhook.created_at, starts_after, 1, webhook.policy, webhook.target),
                webhook.signing,
                int(webhook.fifo),
            )
        ],
    )


async def was_told(tx: ReadTx, webhook: Webhook) -> bool:
    """Whether a webhook was ever told of anything."""
    row = await tx.fetch_one(
        "SELECT next_sequence FROM webhooks WHERE shard = $1 AND id = $2",
        webhook.shard,
        webhook.id,
    )
    return row is not None and row["next_sequence"] > 1


async def remove_webhook(tx: Tx, webhook: Webhook, ends_after: int) -> None:
    """Forget a webhook's address, tell it of nothing after this place, and stop what is under
    way."""
    await tx.execute(
        "UPDATE webhooks SET url = '', removed_at = $3, ends_after = $4"
        " WHERE shard = $1 AND id = $2",
        webhook.shard,
        webhook.id,
        tx.now,
        ends_after,
    )
    await tx.execute(
        "UPDATE deliveries SET state = 'cancelled', finished_at = $3"
        " WHERE shard = $1 AND webhook_id = $2 AND state = 'pending'",
        webhook.shard,
        webhook.id,
        tx.now,
    )


async def rotate_secret(tx: Tx, webhook: Webhook, previous_until: int) -> int | None:
    """Give a webhook its next secret, the one before living until then; the secret's version."""
    row = await tx.fetch_one(
        "UPDATE webhooks SET secret_version = secret_version + 1, previous_secret_until = $3"
        " WHERE shard = $1 AND id = $2 AND removed_at IS NULL RETURNING secret_version",
        webhook.shard,
        webhook.id,
        previous_until,
    )
    return None if row is None else row["secret_version"]


async def update_sequences(tx: Tx, next_sequences: Sequence[tuple[int, str, int]]) -> None:
    """Store the number that each webhook's next event gets, by (shard, id, number)."""
    await tx.update_rows("webhooks", ("shard", "id"), ("next_sequence",), next_sequences)


async def insert_deliveries(tx: Tx, deliveries: Sequence[tuple[int, Delivery]]) -> None:
    """Put numbered events into the outbox, due at once; for a disabled webhook, not to be sent."""
    await tx.insert_rows(
        "deliveries",
        (
            *("shard", "webhook_id", "sequence", "id", "account_id", "event", "subject"),
            *("payload", "created_at", "state", "attempts", "next_attempt_at", "claimed_until"),
            *("finished_at", "target"),
        ),
        [
            (
                *(one.shard, one.webhook_id, sequence, one.id, one.account_id, one.event),
                *(one.subject, one.payload, tx.now, one.state, 0, tx.now, 0),
                *(None if one.state == "pending" else tx.now, one.target),
            )
            for sequence, one in deliveries
        ],
    )
    tx.wake(DELIVERIES)


async def blank_payloads(tx: Tx, shard: int, webhook_id: str, after: int, until: int) -> None:
    """Forget what a webhook was told beyond a number and up to another, and what it answered."""
    await tx.execute(
        "UPDATE deliveries SET payload = $5, retold = retold + 1"
        " WHERE shard = $1 AND webhook_id = $2 AND sequence > $3 AND sequence <= $4",
        shard,
        webhook_id,
        after,
        until,
        b"",
    )
    await tx.execute(
        "UPDATE delivery_attempts"
        " SET request_headers = '[]', response_headers = '[]', excerpt = $5"
        " WHERE shard = $1 AND webhook_id = $2 AND sequence > $3 AND sequence <= $4",
        shard,
        webhook_id,
        after,
        until,
        b"",
    )


async def lock_told(
    tx: Tx, shards: Sequence[int], accounts: Sequence[str], subjects: Sequence[str]
) -> Sequence[Row]:
    """What webhooks of these accounts were told of these subjects, held and in order."""
    return await tx.fetch(
        """
        SELECT d.shard, d.webhook_id, d.sequence, d.subject, d.payload, d.retold
        FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(shard, account_id, subject)
        JOIN deliveries d ON d.shard = k.shard AND d.account_id = k.account_id
             AND d.subject = k.subject
        ORDER BY d.shard, d.webhook_id, d.sequence
        FOR NO KEY UPDATE OF d
        """,
        shards,
        accounts,
        subjects,
    )


async def update_payloads(tx: Tx, payloads: Sequence[tuple[int, str, int, bytes, int]]) -> None:
    """Store messages and how often they were changed, by (shard, webhook, number, message, count);
    what was answered to the former ones is forgotten."""
    await tx.update_rows(
        "deliveries", ("shard", "webhook_id", "sequence"), ("payload", "retold"), payloads
    )
    await tx.update_rows(
        "delivery_attempts",
        ("shard", "webhook_id", "sequence"),
        ("request_headers", "response_headers", "excerpt"),
        [(*one[:3], "[]", "[]", b"") for one in payloads],
    )

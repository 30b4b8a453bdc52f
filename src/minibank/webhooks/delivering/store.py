"""The outbox as a queue: what is due, who has claimed it, what became of it.

The queue is ordered by target first. One that is busy or dead is passed over by its number, however
much waits for it, so that what one receiver costs does not depend on what others leave undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from minibank.core.ids import SHARDS
from minibank.db import ReadTx, Row, Tx
from minibank.webhooks.delivering.records import Attempted, Claim, Headers, Key
from minibank.webhooks.records import PARKED, STREAM
from minibank.webhooks.signing import Secrets

SHARDS_ALL = (0, SHARDS - 1)


@dataclass(frozen=True, slots=True)
class DueTarget:
    """A target for which something is pending: when the first is due that nobody has claimed.

    `due_at` is in the bank's time, and None when all of it is claimed.
    """

    target: int
    due_at: int | None


async def list_targets(tx: ReadTx, after: int, real_now: int, limit: int) -> list[DueTarget]:
    """The next targets beyond `after` for which something is pending, in the order of numbers."""
    rows = await tx.fetch(
        """
        WITH RECURSIVE found(target, place) AS (
            SELECT MIN(d.target), 1 FROM deliveries d
            WHERE d.state = 'pending' AND d.shard >= $1 AND d.shard <= $2 AND d.target > $3
            UNION ALL
            SELECT (SELECT MIN(d.target) FROM deliveries d
                    WHERE d.state = 'pending' AND d.shard >= $1 AND d.shard <= $2
                      AND d.target > f.target), f.place + 1
            FROM found f WHERE f.target IS NOT NULL AND f.place < $5
        )
        SELECT f.target,
               (SELECT MIN(d.next_attempt_at) FROM deliveries d
                WHERE d.state = 'pending' AND d.shard >= $1 AND d.shard <= $2
                  AND d.target = f.target AND d.claimed_until <= $4) AS due_at
        FROM found f WHERE f.target IS NOT NULL ORDER BY f.target
        """,
        *SHARDS_ALL,
        after,
        real_now,
        limit,
    )
    return [DueTarget(row["target"], row["due_at"]) for row in rows]


async def lock_due(tx: Tx, target: int, real_now: int, limit: int) -> list[Key]:
    """Hold the first of what is due for a target and nobody's; passes over what others hold."""
    rows = await tx.fetch(
        """
        SELECT shard, webhook_id, sequence FROM deliveries
        WHERE state = 'pending' AND shard >= $1 AND shard <= $2 AND target = $3
          AND next_attempt_at <= $4 AND claimed_until <= $5
        ORDER BY next_attempt_at, shard, webhook_id, sequence LIMIT $6
        FOR UPDATE SKIP LOCKED
        """,
        *SHARDS_ALL,
        target,
        tx.now,
        real_now,
        limit,
    )
    return [(row["shard"], row["webhook_id"], row["sequence"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery that may be claimed, unless it is not to be sent at all, or not before others."""

    claim: Claim
    is_over: bool
    must_wait: bool


async def list_found(tx: ReadTx, keys: Sequence[Key], claimed_until: int) -> list[Found]:
    """These deliveries, as claims until then.

    Each is over when the webhook is removed or disabled, its client is disabled, or the account was
    closed before; it must wait when its webhook is `fifo` and something before it is pending.
    """
    rows = await tx.fetch(
        """
        SELECT d.shard, d.webhook_id, d.sequence, d.id, d.target, d.event, d.payload, d.attempts,
               d.created_at, d.attempts_before, w.signing, w.secret_version,
               w.previous_secret_until, w.url, w.policy, w.failing_since, d.retold,
               w.removed_at IS NOT NULL OR w.disabled_at IS NOT NULL OR c.id IS NULL
               OR c.disabled_at IS NOT NULL OR d.created_at > a.closed_at OR w.url = $4
                   AS is_over,
               w.fifo,
               w.fifo = 1 AND EXISTS (
                   SELECT 1 FROM deliveries e
                   WHERE e.shard = k.shard AND e.webhook_id = k.webhook_id
                     AND e.state = 'pending' AND e.sequence < k.sequence) AS must_wait
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, webhook_id, sequence)
        JOIN deliveries d ON d.shard = k.shard AND d.webhook_id = k.webhook_id
             AND d.sequence = k.sequence
        JOIN webhooks w ON w.shard = k.shard AND w.id = k.webhook_id
        JOIN accounts a ON a.shard = k.shard AND a.id = w.account_id
        LEFT JOIN oauth_clients c ON c.id = w.client_id
        ORDER BY d.next_attempt_at, d.shard, d.webhook_id, d.sequence
        """,
        *_columns(keys),
        STREAM,
    )
    return [
        Found(_claim(row, tx.now, claimed_until), bool(row["is_over"]), bool(row["must_wait"]))
        for row in rows
    ]


def _columns(keys: Sequence[Key]) -> list[list[int] | list[str]]:
    return [[key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]]


def _secrets(row: Row, now: int) -> Secrets:
    version, until = row["secret_version"], row["previous_secret_until"]
    versions = (version, version - 1) if until is not None and now < until else (version,)
    return Secrets(webhook_id=row["webhook_id"], signing=row["signing"], versions=versions)


def _claim(row: Row, now: int, claimed_until: int) -> Claim:
    return Claim(
        shard=row["shard"],
        webhook_id=row["webhook_id"],
        sequence=row["sequence"],
        id=row["id"],
        target=row["target"],
        event=row["event"],
        payload=row["payload"],
        attempts=row["attempts"],
        attempts_before=row["attempts_before"],
        url=row["url"],
        policy=row["policy"],
        failing_since=row["failing_since"],
        created_at=row["created_at"],
        secrets=_secrets(row, now),
        fifo=bool(row["fifo"]),
        claimed_until=claimed_until,
        retold=row["retold"],
    )


async def set_leases(tx: Tx, keys: Sequence[Key], claimed_until: int) -> None:
    """Say until when these are somebody's; 0 is nobody's."""
    await tx.update_rows(
        "deliveries",
        ("shard", "webhook_id", "sequence"),
        ("claimed_until",),
        [(*key, claimed_until) for key in keys],
    )


async def park(tx: Tx, keys: Sequence[Key]) -> None:
    """Have these wait until whoever ends what is before them says that they are due."""
    await tx.update_rows(
        "deliveries",
        ("shard", "webhook_id", "sequence"),
        ("next_attempt_at",),
        [(*key, PARKED) for key in keys],
    )


async def release_next(tx: Tx, webhooks: Sequence[tuple[int, str]]) -> None:
    """Have the first that each of these webhooks still is to be told of be due, if it is parked.

    Whether it is, is asked of the row that is held: another process may just be parking it. It goes
    where it was in the queue, before what came after it.
    """
    rows = await tx.fetch(
        """
        SELECT d.shard, d.webhook_id, d.sequence, d.created_at, d.next_attempt_at
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, webhook_id)
        JOIN deliveries d ON d.shard = k.shard AND d.webhook_id = k.webhook_id
             AND d.sequence = (SELECT MIN(e.sequence) FROM deliveries e
                               WHERE e.shard = k.shard AND e.webhook_id = k.webhook_id
                                 AND e.state = 'pending')
        ORDER BY d.shard, d.webhook_id, d.sequence
        FOR NO KEY UPDATE OF d
        """,
        [shard for shard, _ in webhooks],
        [webhook_id for _, webhook_id in webhooks],
    )
    await tx.update_rows(
        "deliveries",
        ("shard", "webhook_id", "sequence"),
        ("next_attempt_at",),
        [
            (row["shard"], row["webhook_id"], row["sequence"], min(row["created_at"], tx.now))
            for row in rows
            if row["next_attempt_at"] == PARKED
        ],
    )


async def cancel(tx: Tx, keys: Sequence[Key]) -> None:
    """Say that these are not to be sent any more."""
    await tx.update_rows(
        "deliveries",
        ("shard", "webhook_id", "sequence"),
        ("state", "finished_at"),
        [(*key, "cancelled", tx.now) for key in keys],
    )


class Standing(msgspec.Struct, frozen=True):
    """Where a delivery stands: how many attempts were made, and when the next is due.

    `claimed_until` is in real time, the other instants in the bank's; `finished_at` is None while
    it is pending. `retold` says how often an erasure changed what it says.
    """

    state: str
    attempts: int
    next_attempt_at: int
    claimed_until: int
    finished_at: int | None
    retold: int


_STANDING = Standing.__struct_fields__


async def lock_claimed(tx: Tx, keys: Sequence[Key]) -> dict[Key, Standing]:
    """Hold these deliveries, in one order for everybody; those that are gone are left out."""
    rows = await tx.fetch(
        """
        SELECT d.shard, d.webhook_id, d.sequence, d.state, d.attempts, d.next_attempt_at,
               d.claimed_until, d.finished_at, d.retold
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, webhook_id, sequence)
        JOIN deliveries d ON d.shard = k.shard AND d.webhook_id = k.webhook_id
             AND d.sequence = k.sequence
        ORDER BY d.shard, d.webhook_id, d.sequence
        FOR NO KEY UPDATE OF d
        """,
        *_columns(keys),
    )
    return {
        (row["shard"], row["webhook_id"], row["sequence"]): Standing(
            *(row[name] for name in _STANDING)
        )
        for row in rows
    }


async def update_standings(tx: Tx, news: Sequence[tuple[Key, Standing]]) -> None:
    """Store where deliveries that are held stand now."""
    await tx.update_rows(
        "deliveries",
        ("shard", "webhook_id", "sequence"),
        _STANDING,
        [(*key, *msgspec.structs.astuple(standing)) for key, standing in news],
    )


async def insert_attempts(tx: Tx, attempts: Sequence[tuple[int, Attempted]]) -> None:
    """Record attempts, each with its number."""
    await tx.insert_rows(
        "delivery_attempts",
        (
            *("shard", "webhook_id", "sequence", "attempt", "attempted_at", "microseconds"),
            *("request_headers", "status", "response_headers", "excerpt", "error"),
        ),
        [
            (
                *(*one.claim.key, number, made.attempted_at, made.microseconds),
                *(_text(made.request_headers), made.status, _text(made.response_headers)),
                *(made.excerpt, made.fault),
            )
            for number, one in attempts
            if (made := one.attempt) is not None
        ],
    )


def _text(headers: Headers) -> str:
    return msgspec.json.encode(headers).decode()


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a webhook's attempts fail, and since when."""

    failing_since: int | None
    disabled_at: int | None


async def lock_webhooks(tx: Tx, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Health]:
    """Hold webhooks that are there, by shard and id, in one order for everybody."""
    rows = await tx.fetch(
        """
        SELECT w.shard, w.id, w.failing_since, w.disabled_at
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN webhooks w ON w.shard = k.shard AND w.id = k.id
        WHERE w.removed_at IS NULL
        ORDER BY w.shard, w.id
        FOR NO KEY UPDATE OF w
        """,
        [shard for shard, _ in keys],
        [webhook_id for _, webhook_id in keys],
    )
    return {
        (row["shard"], row["id"]): Health(row["failing_since"], row["disabled_at"]) for row in rows
    }


async def clear_failures(tx: Tx, keys: Sequence[tuple[int, str]]) -> None:
    """Say that webhooks do not fail any more; those that did not are left alone."""
    await tx.execute(
        """
        UPDATE webhooks SET failing_since = NULL
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        WHERE webhooks.shard = k.shard AND webhooks.id = k.id
          AND webhooks.failing_since IS NOT NULL
        """,
        [shard for shard, _ in keys],
        [webhook_id for _, webhook_id in keys],
    )


async def update_health(tx: Tx, news: Sequence[tuple[int, str, Health]]) -> None:
    """Store whether webhooks fail, by shard and id."""
    await tx.update_rows(
        "webhooks",
        ("shard", "id"),
        ("failing_since", "disabled_at"),
        [(shard, one, now.failing_since, now.disabled_at) for shard, one, now in news],
    )


async def count_pending(tx: ReadTx, limit: int) -> int:
    """How many deliveries wait, due or not, counted up to a limit."""
    row = await tx.fetch_one(
        """
        SELECT COUNT(*) AS found FROM (
            SELECT 1 FROM deliveries
            WHERE state = 'pending' AND shard >= $1 AND shard <= $2 LIMIT $3
        ) AS waiting
        """,
        *SHARDS_ALL,
        limit,
    )
    assert row is not None, "an aggregate always gives a row"
    count: int = row["found"]
    return count

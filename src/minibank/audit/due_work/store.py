"""Due work and its causes, as an audit reads them."""

from collections.abc import Sequence

from minibank.db import ReadTx, Row
from minibank.feed.retention import FEED_ITEMS, FEED_KEYS
from minibank.feed.retention import SWEEPS as FEED_SWEEPS
from minibank.identity.erasing import ERASURE
from minibank.oauth.retention.planning import (
    CLIENT_SECRETS,
    EVERYWHERE,
    FORMER_TOKENS,
    PASSWORD_FAILURES,
    SWEEPS,
    TOKEN_PAIRS,
)
from minibank.payments.effects import EXPIRY, SUSPENSE_RETURN
from minibank.webhooks.ending import CLOSED_WEBHOOKS
from minibank.webhooks.records import STREAM
from minibank.webhooks.retention.purging import WEBHOOK_DELIVERIES

PAGE = 5000
"""How many pieces of work about money are read at a time."""


async def list_expiries(tx: ReadTx, after: tuple[int, str]) -> Sequence[Row]:
    """Expiries beyond a shard and subject, each with `is_stray`: nothing is there to expire."""
    return await tx.fetch(
        """
        SELECT d.shard, d.subject, d.account_id, a.id IS NULL AS is_stray
        FROM due_work d LEFT JOIN authorisations a ON a.shard = d.shard AND a.id = d.subject
             AND a.account_id = d.account_id
        WHERE d.kind = $1 AND (d.shard, d.kind, d.subject) > ($2, $1, $3)
        ORDER BY d.shard, d.kind, d.subject LIMIT $4
        """,
        EXPIRY,
        *after,
        PAGE,
    )


async def list_returns(tx: ReadTx, after: tuple[int, str]) -> Sequence[Row]:
    """As `list_expiries`, what is to send money back; `is_stray`: no such money is in suspense."""
    return await tx.fetch(
        """
        SELECT d.shard, d.subject, d.account_id, c.transaction_id IS NULL AS is_stray
        FROM due_work d LEFT JOIN corrections c ON c.shard = d.shard
             AND c.transaction_id = d.subject AND c.account_id = d.account_id
             AND c.kind = 'suspense' AND c.state = 'open'
        WHERE d.kind = $1 AND (d.shard, d.kind, d.subject) > ($2, $1, $3)
        ORDER BY d.shard, d.kind, d.subject LIMIT $4
        """,
        SUSPENSE_RETURN,
        *after,
        PAGE,
    )


async def list_stray_sweeps(tx: ReadTx) -> Sequence[Row]:
    """Removals that are of no shard's, no client's secrets, no webhook's deliveries, and of the
    webhooks of no closed account."""
    return await tx.fetch(
        """
        SELECT d.account_id, d.subject
        FROM due_work d
        LEFT JOIN oauth_clients c ON c.id = d.subject
        LEFT JOIN webhooks w ON w.shard = d.shard AND w.id = d.subject
        LEFT JOIN accounts a ON a.shard = d.shard AND a.id = d.subject AND a.state = 'closed'
        WHERE d.shard >= $1
          AND ((d.kind = ANY($2) AND d.subject <> d.kind) OR (d.kind = $3 AND c.id IS NULL)
               OR (d.kind = $4 AND w.id IS NULL) OR (d.kind = $5 AND a.id IS NULL))
        """,
        0,
        [*SWEEPS, *FEED_SWEEPS],
        CLIENT_SECRETS,
        WEBHOOK_DELIVERIES,
        CLOSED_WEBHOOKS,
    )


async def list_stray_erasures(tx: ReadTx) -> Sequence[Row]:
    """Erasures of people who are not being erased."""
    return await tx.fetch(
        """
        SELECT d.account_id, d.subject
        FROM due_work d LEFT JOIN users u ON u.shard = d.shard AND u.id = d.subject
             AND u.erasure_began_at IS NOT NULL AND u.erased_at IS NULL
        WHERE d.shard >= $1 AND d.kind = $2 AND u.id IS NULL
        """,
        0,
        ERASURE,
    )


async def list_unplanned(tx: ReadTx, ended_by: int) -> Sequence[Row]:
    """Kinds and shards in which rows ended by then and nothing is planned that removes them."""
    return await tx.fetch(
        """
        SELECT $3 AS kind, k.shard FROM former_tokens k
        LEFT JOIN due_work d ON d.shard = k.shard AND d.kind = $3 AND d.subject = $3
        WHERE k.shard >= $1 AND k.keep_until <= $2 AND d.kind IS NULL GROUP BY k.shard
        UNION ALL SELECT $4, k.shard FROM token_pairs k
        LEFT JOIN due_work d ON d.shard = k.shard AND d.kind = $4 AND d.subject = $4
        WHERE k.shard >= $1 AND k.access_expires_at <= $2 AND d.kind IS NULL GROUP BY k.shard
        UNION ALL SELECT $5, k.shard FROM password_failures k
        LEFT JOIN due_work d ON d.shard = k.shard AND d.kind = $5 AND d.subject = $5
        WHERE k.shard >= $1 AND k.window_ends_at <= $2 AND d.kind IS NULL GROUP BY k.shard
        UNION ALL SELECT $6, k.shard FROM feed_items k
        LEFT JOIN due_work d ON d.shard = k.shard AND d.kind = $6 AND d.subject = $6
        WHERE k.shard >= $1 AND k.expires_at <= $2 AND d.kind IS NULL GROUP BY k.shard
        UNION ALL SELECT $7, k.shard FROM feed_keys k
        LEFT JOIN due_work d ON d.shard = k.shard AND d.kind = $7 AND d.subject = $7
        WHERE k.shard >= $1 AND k.keep_until <= $2 AND d.kind IS NULL GROUP BY k.shard
        """,
        0,
        ended_by,
        FORMER_TOKENS,
        TOKEN_PAIRS,
        PASSWORD_FAILURES,
        FEED_ITEMS,
        FEED_KEYS,
    )


async def list_unplanned_secrets(tx: ReadTx, ended_by: int) -> Sequence[Row]:
    """Clients with secrets that ended by then and that nothing removes."""
    return await tx.fetch(
        """
        SELECT DISTINCT s.client_id
        FROM oauth_client_secrets s
        LEFT JOIN due_work d ON d.shard = $1 AND d.kind = $3 AND d.subject = s.client_id
        WHERE s.expires_at <= $2 AND d.kind IS NULL
        """,
        EVERYWHERE,
        ended_by,
        CLIENT_SECRETS,
    )


async def list_unplanned_purges(tx: ReadTx) -> Sequence[Row]:
    """Webhooks of which nothing removes what they were told."""
    return await tx.fetch(
        """
        SELECT w.account_id, w.id
        FROM webhooks w
        LEFT JOIN due_work d ON d.shard = w.shard AND d.kind = $2 AND d.subject = w.id
        WHERE w.shard >= $1 AND d.kind IS NULL
        """,
        0,
        WEBHOOK_DELIVERIES,
    )


async def list_unplanned_endings(tx: ReadTx, closed_by: int) -> Sequence[Row]:
    """Accounts that were closed by then and have webhooks that nothing removes."""
    return await tx.fetch(
        """
        SELECT DISTINCT a.id
        FROM accounts a
        JOIN webhooks w ON w.shard = a.shard AND w.account_id = a.id AND w.removed_at IS NULL
             AND w.url <> $4 AND w.created_at <= a.closed_at
        LEFT JOIN due_work d ON d.shard = a.shard AND d.kind = $3 AND d.subject = a.id
        WHERE a.shard >= $1 AND a.state = 'closed' AND a.closed_at <= $2 AND d.kind IS NULL
        """,
        0,
        closed_by,
        CLOSED_WEBHOOKS,
        STREAM,
    )


async def list_unplanned_erasures(tx: ReadTx) -> Sequence[Row]:
    """People who are being erased, and nothing goes on with it."""
    return await tx.fetch(
        """
        SELECT u.id
        FROM users u LEFT JOIN due_work d ON d.shard = u.shard AND d.kind = $2 AND d.subject = u.id
        WHERE u.shard >= $1 AND u.erasure_began_at IS NOT NULL AND u.erased_at IS NULL
          AND d.kind IS NULL
        """,
        0,
        ERASURE,
    )

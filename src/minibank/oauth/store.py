"""Rows of clients, tokens and failed guesses."""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx, Row, Tx
from minibank.oauth.records import (
    Client,
    EndedPair,
    Exchange,
    FormerToken,
    LivePair,
    PairValues,
    options_from_json,
)

# Clients and their secrets: the same everywhere, without a shard.


def client_of(row: Row) -> Client:
    """A client from its row."""
    return Client(
        id=row["id"],
        name=row["name"],
        confidential=bool(row["confidential"]),
        redirect_uris=tuple(msgspec.json.decode(row["redirect_uris"])),
        grants=tuple(msgspec.json.decode(row["grants"])),
        options=options_from_json(row["options"]),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def insert_client(tx: Tx, client: Client) -> bool:
    """Store a new client; False when there is one with this id."""
    inserted = await tx.execute(
        "INSERT INTO oauth_clients"
        " (id, name, confidential, redirect_uris, grants, options, created_at, disabled_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, NULL) ON CONFLICT (id) DO NOTHING",
        client.id,
        client.name,
        int(client.confidential),
        _json(client.redirect_uris),
        _json(client.grants),
        _json(client.options),
        client.created_at,
    )
    return inserted == 1


async def find_client(tx: ReadTx, client_id: str) -> Client | None:
    """The client with this id, disabled or not."""
    row = await tx.fetch_one(
        "SELECT id, name, confidential, redirect_uris, grants, options, created_at, disabled_at"
        " FROM oauth_clients WHERE id = $1",
        client_id,
    )
    return client_of(row) if row else None


async def list_clients(tx: ReadTx) -> list[Client]:
    """All clients, oldest first."""
    rows = await tx.fetch(
        "SELECT id, name, confidential, redirect_uris, grants, options, created_at, disabled_at"
        " FROM oauth_clients ORDER BY created_at, id"
    )
    return [client_of(row) for row in rows]


async def find_client_with_digests(
    tx: ReadTx, client_id: str
) -> tuple[Client | None, tuple[bytes, ...]]:
    """A client and the digests of its secrets that are live now, in one query."""
    rows = await tx.fetch(
        "SELECT c.id, c.name, c.confidential, c.redirect_uris, c.grants, c.options, c.created_at,"
        " c.disabled_at, s.digest"
        " FROM oauth_clients c LEFT JOIN oauth_client_secrets s"
        " ON s.client_id = c.id AND (s.expires_at IS NULL OR s.expires_at > $2)"
        " WHERE c.id = $1",
        client_id,
        tx.now,
    )
    if not rows:
        return None, ()
    return client_of(rows[0]), tuple(row["digest"] for row in rows if row["digest"] is not None)


async def lock_client(tx: Tx, client_id: str) -> bool:
    """Hold a client's row, so that its secrets change one rotation after the other."""
    row = await tx.fetch_one(
        "SELECT id FROM oauth_clients WHERE id = $1 FOR NO KEY UPDATE", client_id
    )
    return row is not None


async def mark_disabled(tx: Tx, client_id: str) -> None:
    """Disable a client, once."""
    await tx.execute(
        "UPDATE oauth_clients SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL",
        client_id,
        tx.now,
    )


async def mark_enabled(tx: Tx, client_id: str) -> None:
    """Enable a client that was disabled."""
    await tx.execute("UPDATE oauth_clients SET disabled_at = NULL WHERE id = $1", client_id)


async def update_client(tx: Tx, client: Client) -> None:
    """Store a client's other name, addresses, grants and options."""
    await tx.execute(
        "UPDATE oauth_clients SET name = $2, redirect_uris = $3, grants = $4, options = $5"
        " WHERE id = $1",
        client.id,
        client.name,
        _json(client.redirect_uris),
        _json(client.grants),
        _json(client.options),
    )


async def insert_secret(tx: Tx, client_id: str, digest: bytes) -> None:
    """Store a secret's digest."""
    await tx.insert_rows(
        "oauth_client_secrets",
        ("client_id", "digest", "created_at", "expires_at"),
        [(client_id, digest, tx.now, None)],
    )


async def has_current_secret(tx: Tx, client_id: str, digest: bytes) -> bool:
    """Whether this is the secret that the last rotation made."""
    row = await tx.fetch_one(
        "SELECT digest FROM oauth_client_secrets"
        " WHERE client_id = $1 AND digest = $2 AND expires_at IS NULL",
        client_id,
        digest,
    )
    return row is not None


async def retire_secrets(tx: Tx, client_id: str, expires_at: int) -> None:
    """Give the current secret an end, and end those that had one."""
    await tx.execute(
        "DELETE FROM oauth_client_secrets WHERE client_id = $1 AND expires_at IS NOT NULL",
        client_id,
    )
    await tx.execute(
        "UPDATE oauth_client_secrets SET expires_at = $2 WHERE client_id = $1",
        client_id,
        expires_at,
    )


# Token pairs: in the user's shard.


def _ended(row: Row) -> EndedPair:
    return EndedPair(row["user_id"], row["client_id"], row["access_digest"], row["refresh_digest"])


async def put_pair(
    tx: Tx, shard: int, user_id: str, client_id: str, new: PairValues
) -> EndedPair | None:
    """Make this the one live pair of its client and user, in one statement; what it replaced.

    None as well when this very pair is already there.
    """
    row = await tx.fetch_one(
        "INSERT INTO token_pairs (shard, user_id, client_id, access_digest, access_expires_at,"
        " refresh_digest, issued_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (shard, user_id, client_id) DO UPDATE SET"
        " previous_access_digest = token_pairs.access_digest,"
        " previous_refresh_digest = token_pairs.refresh_digest,"
        " access_digest = excluded.access_digest,"
        " access_expires_at = excluded.access_expires_at,"
        " refresh_digest = excluded.refresh_digest,"
        " issued_at = excluded.issued_at"
        " WHERE token_pairs.access_digest <> excluded.access_digest"
        " RETURNING previous_access_digest, previous_refresh_digest",
        shard,
        user_id,
        client_id,
        new.access_digest,
        new.access_expires_at,
        new.refresh_digest,
        new.issued_at,
    )
    if row is None or row["previous_access_digest"] is None:
        return None
    return EndedPair(
        user_id, client_id, row["previous_access_digest"], row["previous_refresh_digest"]
    )


async def exchange_pair(tx: Tx, exchange: Exchange) -> EndedPair | None:
    """Replace the pair that has this refresh token; what it replaced, or None if there is none.

    One statement: of two that try, the second finds the token gone.
    """
    row = await tx.fetch_one(
        "UPDATE token_pairs SET previous_access_digest = access_digest,"
        " previous_refresh_digest = refresh_digest,"
        " access_digest = $5, access_expires_at = $6, refresh_digest = $7, issued_at = $8"
        " WHERE shard = $1 AND refresh_digest = $2 AND client_id = $3 AND issued_at > $4"
        " RETURNING user_id, client_id, previous_access_digest AS access_digest,"
        " previous_refresh_digest AS refresh_digest",
        exchange.shard,
        exchange.spent_digest,
        exchange.client_id,
        exchange.issued_after,
        exchange.new.access_digest,
        exchange.new.access_expires_at,
        exchange.new.refresh_digest,
        exchange.new.issued_at,
    )
    return _ended(row) if row else None


async def delete_pair_with(tx: Tx, shard: int, digest: bytes) -> EndedPair | None:
    """End the pair that this access or refresh token belongs to; its digests."""
    row = await tx.fetch_one(
        "DELETE FROM token_pairs WHERE shard = $1 AND (access_digest = $2 OR refresh_digest = $2)"
        " RETURNING user_id, client_id, access_digest, refresh_digest",
        shard,
        digest,
    )
    return _ended(row) if row else None


async def delete_pair_of(tx: Tx, shard: int, user_id: str, client_id: str) -> EndedPair | None:
    """End the live pair of a client and a user; its digests."""
    row = await tx.fetch_one(
        "DELETE FROM token_pairs WHERE shard = $1 AND user_id = $2 AND client_id = $3"
        " RETURNING user_id, client_id, access_digest, refresh_digest",
        shard,
        user_id,
        client_id,
    )
    return _ended(row) if row else None


async def delete_pairs_of_user(tx: Tx, shard: int, user_id: str) -> list[EndedPair]:
    """End the live pairs of a user with every client; their digests."""
    rows = await tx.fetch(
        "DELETE FROM token_pairs WHERE shard = $1 AND user_id = $2"
        " RETURNING user_id, client_id, access_digest, refresh_digest",
        shard,
        user_id,
    )
    return [_ended(row) for row in rows]


async def find_live_pair(tx: ReadTx, shard: int, access_digest: bytes) -> LivePair | None:
    """The pair with this access token, expired or not, and its client: one keyed query."""
    row = await tx.fetch_one(
        "SELECT p.user_id, p.client_id, p.access_expires_at, c.options, c.disabled_at"
        " FROM token_pairs p JOIN oauth_clients c ON c.id = p.client_id"
        " WHERE p.shard = $1 AND p.access_digest = $2",
        shard,
        access_digest,
    )
    return LivePair(row[0], row[1], row[2], row[3], row[4]) if row else None


# Former tokens: in the user's shard.

_FORMER_COLUMNS = (
    *("shard", "digest", "kind", "reason", "user_id", "client_id", "successor_digest"),
    *("ended_at", "keep_until"),
)


async def find_former_token(tx: ReadTx, shard: int, digest: bytes) -> FormerToken | None:
    """What is remembered of a token."""
    row = await tx.fetch_one(
        "SELECT digest, kind, reason, user_id, client_id, successor_digest"
        " FROM former_tokens WHERE shard = $1 AND digest = $2",
        shard,
        digest,
    )
    return FormerToken(row[0], row[1], row[2], row[3], row[4], row[5]) if row else None


async def insert_former_tokens(
    tx: Tx, shard: int, tokens: Sequence[FormerToken], keep_until: int
) -> None:
    """Remember tokens that work no more."""
    rows = [
        (
            shard,
            token.digest,
            token.kind,
            token.reason,
            token.user_id,
            token.client_id,
            token.successor_digest,
            tx.now,
            keep_until,
        )
        for token in tokens
    ]
    await tx.insert_rows("former_tokens", _FORMER_COLUMNS, rows)


async def mark_reused(tx: Tx, shard: int, digest: bytes) -> None:
    """Record that a spent refresh token was presented again."""
    await tx.execute(
        "UPDATE former_tokens SET reused_at = $3, reuse_count = reuse_count + 1"
        " WHERE shard = $1 AND digest = $2",
        shard,
        digest,
        tx.now,
    )


# Failed guesses: in the shard of what is counted.


async def count_guess(tx: Tx, shard: int, subject: bytes, window_ends_at: int) -> int:
    """Count a guess, in one statement; how many there are in the window it falls into.

    A window that is over begins anew and ends at `window_ends_at` (microseconds).
    """
    row = await tx.fetch_one(
        "INSERT INTO password_failures (shard, subject, failures, window_ends_at)"
        " VALUES ($1, $2, 1, $3) ON CONFLICT (shard, subject) DO UPDATE SET"
        " failures = CASE WHEN password_failures.window_ends_at <= $4 THEN 1"
        " ELSE password_failures.failures + 1 END,"
        " window_ends_at = CASE WHEN password_failures.window_ends_at <= $4"
        " THEN excluded.window_ends_at ELSE password_failures.window_ends_at END"
        " RETURNING failures",
        shard,
        subject,
        window_ends_at,
        tx.now,
    )
    assert row is not None, "the statement always gives its row"
    count: int = row["failures"]
    return count


async def uncount_guess(tx: Tx, shard: int, subject: bytes) -> None:
    """Take one guess back: it was right."""
    await tx.execute(
        "UPDATE password_failures SET failures = failures - 1"
        " WHERE shard = $1 AND subject = $2 AND failures > 0",
        shard,
        subject,
    )


async def forget_guesses(tx: Tx, shard: int, subject: bytes) -> None:
    """Forget all guesses about a subject."""
    await tx.execute(
        "DELETE FROM password_failures WHERE shard = $1 AND subject = $2", shard, subject
    )


# Erasing.


async def delete_former_tokens_of(tx: Tx, shard: int, user_id: str, limit: int) -> int:
    """Forget up to `limit` ended tokens of a user; how many."""
    return await tx.execute(
        "DELETE FROM former_tokens WHERE shard = $1 AND digest IN"
        " (SELECT digest FROM former_tokens WHERE shard = $1 AND user_id = $2"
        " ORDER BY digest LIMIT $3)",
        shard,
        user_id,
        limit,
    )

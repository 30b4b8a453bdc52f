"""Rows of tokens, guesses and secrets that end by themselves."""

from minibank.db import ReadTx, Tx


async def delete_ended_secrets(tx: Tx, client_id: str) -> None:
    """Remove a client's secrets that work no more."""
    await tx.execute(
        "DELETE FROM oauth_client_secrets WHERE client_id = $1 AND expires_at <= $2",
        client_id,
        tx.now,
    )


async def next_secret(tx: ReadTx, client_id: str) -> int | None:
    """When the next of a client's secrets ends; None when none of them does."""
    row = await tx.fetch_one(
        "SELECT MIN(expires_at) AS expires_at FROM oauth_client_secrets WHERE client_id = $1",
        client_id,
    )
    return row["expires_at"] if row else None


async def delete_public_pairs(tx: Tx, shard: int, ended_by: int, limit: int) -> int:
    """Remove up to `limit` pairs without a refresh token that expired by then; how many."""
    return await tx.execute(
        "DELETE FROM token_pairs WHERE shard = $1 AND access_digest IN"
        " (SELECT access_digest FROM token_pairs"
        " WHERE shard = $1 AND refresh_digest IS NULL AND access_expires_at <= $2"
        " ORDER BY access_expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)",
        shard,
        ended_by,
        limit,
    )


async def delete_refreshed_pairs(
    tx: Tx, shard: int, issued_by: int, ended_by: int, limit: int
) -> int:
    """Remove up to `limit` pairs with a refresh token that were issued by then; how many.

    Only those whose access token, too, expired by `ended_by`.
    """
    return await tx.execute(
        "DELETE FROM token_pairs WHERE shard = $1 AND access_digest IN"
        " (SELECT access_digest FROM token_pairs"
        " WHERE shard = $1 AND refresh_digest IS NOT NULL AND issued_at <= $2"
        " AND access_expires_at <= $3"
        " ORDER BY issued_at LIMIT $4 FOR UPDATE SKIP LOCKED)",
        shard,
        issued_by,
        ended_by,
        limit,
    )


async def next_pairs(tx: ReadTx, shard: int) -> tuple[int | None, int | None]:
    """When the next pair without a refresh token expires, and when the oldest with one began."""
    row = await tx.fetch_one(
        "SELECT (SELECT MIN(access_expires_at) FROM token_pairs"
        " WHERE shard = $1 AND refresh_digest IS NULL) AS access_expires_at,"
        " (SELECT MIN(issued_at) FROM token_pairs"
        " WHERE shard = $1 AND refresh_digest IS NOT NULL) AS issued_at",
        shard,
    )
    assert row is not None, "a statement without a table always has a row"
    return row["access_expires_at"], row["issued_at"]


async def delete_former_tokens(tx: Tx, shard: int, limit: int) -> int:
    """Forget up to `limit` tokens of this shard that were kept long enough; how many.

    Waits for nobody: what somebody else holds is passed over.
    """
    return await tx.execute(
        "DELETE FROM former_tokens WHERE shard = $1 AND digest IN"
        " (SELECT digest FROM former_tokens WHERE shard = $1 AND keep_until <= $2"
        " ORDER BY keep_until LIMIT $3 FOR UPDATE SKIP LOCKED)",
        shard,
        tx.now,
        limit,
    )


async def next_former_token(tx: ReadTx, shard: int) -> int | None:
    """Until when the next token of this shard is kept."""
    row = await tx.fetch_one(
        "SELECT MIN(keep_until) AS keep_until FROM former_tokens WHERE shard = $1", shard
    )
    return row["keep_until"] if row else None


async def delete_ended_guesses(tx: Tx, shard: int, limit: int) -> int:
    """Remove up to `limit` counts of this shard whose window is over; how many.

    Waits for nobody: what somebody else holds is passed over.
    """
    return await tx.execute(
        "DELETE FROM password_failures WHERE shard = $1 AND subject IN"
        " (SELECT subject FROM password_failures WHERE shard = $1 AND window_ends_at <= $2"
        " ORDER BY window_ends_at LIMIT $3 FOR UPDATE SKIP LOCKED)",
        shard,
        tx.now,
        limit,
    )


async def next_guess(tx: ReadTx, shard: int) -> int | None:
    """When the next window of this shard ends."""
    row = await tx.fetch_one(
        "SELECT MIN(window_ends_at) AS ends_at FROM password_failures WHERE shard = $1", shard
    )
    return row["ends_at"] if row else None

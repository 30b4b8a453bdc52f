"""Rows of operator keys and of what was done for them."""

import msgspec

from minibank.db import ReadTx, Row, Tx
from minibank.operators.records import Operator, OperatorKey, OperatorRequest, Scope


def _scopes(text: str) -> tuple[Scope, ...]:
    return msgspec.json.decode(text, type=tuple[Scope, ...])


def _key(row: Row) -> OperatorKey:
    return OperatorKey(
        id=row["id"],
        name=row["name"],
        scopes=_scopes(row["scopes"]),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        last_used_at=row["last_used_at"],
        retiring_until=row["retiring_until"],
        retiring_used_at=row["retiring_used_at"],
    )


async def insert_key(tx: Tx, key: OperatorKey) -> bool:
    """Store a new key; False when there is one with this id."""
    inserted = await tx.execute(
        "INSERT INTO operator_keys (id, name, scopes, created_at, disabled_at)"
        " VALUES ($1, $2, $3, $4, NULL) ON CONFLICT (id) DO NOTHING",
        key.id,
        key.name,
        msgspec.json.encode(key.scopes).decode(),
        key.created_at,
    )
    return inserted == 1


async def insert_secret(tx: Tx, key_id: str, digest: bytes) -> None:
    """Store a secret's digest."""
    await tx.insert_rows(
        "operator_key_secrets",
        ("digest", "key_id", "created_at", "expires_at", "last_used_at"),
        [(digest, key_id, tx.now, None, None)],
    )


async def lock_key(tx: Tx, key_id: str) -> bool:
    """Hold a key's row, so that its secrets change one rotation after the other."""
    row = await tx.fetch_one("SELECT id FROM operator_keys WHERE id = $1 FOR NO KEY UPDATE", key_id)
    return row is not None


async def has_current_secret(tx: ReadTx, key_id: str, digest: bytes) -> bool:
    """Whether this is the secret that the last rotation made."""
    row = await tx.fetch_one(
        "SELECT digest FROM operator_key_secrets"
        " WHERE digest = $1 AND key_id = $2 AND expires_at IS NULL",
        digest,
        key_id,
    )
    return row is not None


async def retire_secrets(tx: Tx, key_id: str, expires_at: int) -> None:
    """Give the current secret an end, and end those that had one."""
    await tx.execute(
        "DELETE FROM operator_key_secrets WHERE key_id = $1 AND expires_at IS NOT NULL", key_id
    )
    await tx.execute(
        "UPDATE operator_key_secrets SET expires_at = $2 WHERE key_id = $1", key_id, expires_at
    )


async def mark_disabled(tx: Tx, key_id: str) -> None:
    """Disable a key, once."""
    await tx.execute(
        "UPDATE operator_keys SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL",
        key_id,
        tx.now,
    )


async def find_operator(tx: ReadTx, digest: bytes) -> Operator | None:
    """Whose secret this is, when it works now."""
    row = await tx.fetch_one(
        "SELECT k.id, k.scopes, s.last_used_at"
        " FROM operator_key_secrets s JOIN operator_keys k ON k.id = s.key_id"
        " WHERE s.digest = $1 AND (s.expires_at IS NULL OR s.expires_at > $2)"
        " AND k.disabled_at IS NULL",
        digest,
        tx.now,
    )
    if row is None:
        return None
    return Operator(row["id"], _scopes(row["scopes"]), row["last_used_at"], digest)


async def mark_used(tx: Tx, digest: bytes) -> None:
    """Note that a secret was used now."""
    await tx.execute(
        "UPDATE operator_key_secrets SET last_used_at = $2"
        " WHERE digest = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        digest,
        tx.now,
    )


async def list_keys(tx: ReadTx, key_id: str | None = None) -> list[OperatorKey]:
    """All keys, oldest first, or only the one with this id."""
    rows = await tx.fetch(
        "SELECT k.id, k.name, k.scopes, k.created_at, k.disabled_at,"
        " c.last_used_at, r.expires_at AS retiring_until, r.last_used_at AS retiring_used_at"
        " FROM operator_keys k"
        " LEFT JOIN operator_key_secrets c ON c.key_id = k.id AND c.expires_at IS NULL"
        " LEFT JOIN operator_key_secrets r ON r.key_id = k.id AND r.expires_at > $1"
        " WHERE $2 = '' OR k.id = $2 ORDER BY k.created_at, k.id",
        tx.now,
        key_id or "",
    )
    return [_key(row) for row in rows]


async def find_request(tx: ReadTx, key_id: str, idempotency_key: str) -> OperatorRequest | None:
    """What was done for this key under this idempotency key."""
    row = await tx.fetch_one(
        "SELECT key_id, idempotency_key, digest, operation, subject, request_id, requested_at"
        " FROM operator_requests WHERE key_id = $1 AND idempotency_key = $2",
        key_id,
        idempotency_key,
    )
    return OperatorRequest(**{name: row[name] for name in row.keys()}) if row else None  # noqa: SIM118


async def claim_request(tx: Tx, request: OperatorRequest) -> bool:
    """Note what is about to be done; False when it was done before.

    Whoever asks the same at the same time waits here until it is known which.
    """
    claimed = await tx.execute(
        "INSERT INTO operator_requests"
        " (key_id, idempotency_key, digest, operation, subject, request_id, requested_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key_id, idempotency_key) DO NOTHING",
        *msgspec.structs.astuple(request),
    )
    return claimed == 1


async def set_subject(tx: Tx, request: OperatorRequest, subject: str) -> None:
    """Say of which object it was."""
    await tx.execute(
        "UPDATE operator_requests SET subject = $3 WHERE key_id = $1 AND idempotency_key = $2",
        request.key_id,
        request.idempotency_key,
        subject,
    )


async def list_requests(
    tx: ReadTx, subject: str, before: tuple[int, str, str], limit: int
) -> list[OperatorRequest]:
    """What was done, newest first, of everything or (not empty) of one subject."""
    rows = await tx.fetch(
        "SELECT key_id, idempotency_key, digest, operation, subject, request_id, requested_at"
        " FROM operator_requests"
        " WHERE (requested_at, key_id, idempotency_key) < ($1, $2, $3)"
        " AND ($4 = '' OR subject = $4)"
        " ORDER BY requested_at DESC, key_id DESC, idempotency_key DESC LIMIT $5",
        *before,
        subject,
        limit,
    )
    return [OperatorRequest(**{name: row[name] for name in row.keys()}) for row in rows]  # noqa: SIM118

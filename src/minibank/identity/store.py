"""Rows of users, passwords and e-mail claims."""

from collections.abc import Sequence

import msgspec

from minibank.core.ids import shard_of, shard_of_text
from minibank.db import ReadTx, Tx


class User(msgspec.Struct, frozen=True):
    """A person. `created_at` is in microseconds."""

    id: str
    email: str
    name: str
    preferred_first_name: str
    created_at: int


async def find_user(tx: ReadTx, user_id: str) -> User | None:
    """The user with this id."""
    shard = shard_of(user_id)
    if shard is None:
        return None
    row = await tx.fetch_one(
        "SELECT id, email, name, preferred_first_name, created_at"
        " FROM users WHERE shard = $1 AND id = $2",
        shard,
        user_id,
    )
    return User(**row) if row else None


async def list_users(tx: ReadTx, user_ids: Sequence[str]) -> list[User]:
    """Those of these users who exist, in no particular order."""
    shards = {shard for shard in map(shard_of, user_ids) if shard is not None}
    rows = await tx.fetch(
        "SELECT id, email, name, preferred_first_name, created_at"
        " FROM users WHERE shard = ANY($1) AND id = ANY($2)",
        sorted(shards),
        list(user_ids),
    )
    return [User(**row) for row in rows]


async def insert_user(tx: Tx, shard: int, user: User) -> None:
    """Store a new user."""
    await tx.insert_rows(
        "users",
        ("shard", *User.__struct_fields__),
        [(shard, *msgspec.structs.astuple(user))],
    )


class Claim(msgspec.Struct, frozen=True):
    """Who holds an e-mail address since when."""

    user_id: str
    claimed_at: int


async def insert_claim(tx: Tx, email_key: str, user_id: str) -> bool:
    """Claim an e-mail address; False when somebody holds it already.

    Waits for a unit of work that is claiming the same address, and sees its claim.
    """
    claimed = await tx.execute(
        "INSERT INTO email_claims (shard, email_key, user_id, claimed_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (shard, email_key) DO NOTHING",
        shard_of_text(email_key),
        email_key,
        user_id,
        tx.now,
    )
    return claimed == 1


async def read_claim(tx: Tx, email_key: str) -> Claim:
    """The claim on an address that is claimed, locked."""
    row = await tx.fetch_one(
        "SELECT user_id, claimed_at FROM email_claims"
        " WHERE shard = $1 AND email_key = $2 FOR NO KEY UPDATE",
        shard_of_text(email_key),
        email_key,
    )
    assert row is not None, "claims are not given up"
    return Claim(row["user_id"], row["claimed_at"])


async def move_claim(tx: Tx, email_key: str, user_id: str) -> None:
    """Give a claim to another user."""
    await tx.execute(
        "UPDATE email_claims SET user_id = $3, claimed_at = $4 WHERE shard = $1 AND email_key = $2",
        shard_of_text(email_key),
        email_key,
        user_id,
        tx.now,
    )


class Login(msgspec.Struct, frozen=True):
    """What a sign-in by e-mail and password is judged by."""

    user: User
    password_hash: str | None


async def find_login(tx: ReadTx, email_key: str) -> Login | None:
    """The user who claims this address, with the password's hash: always two keyed reads.

    An unknown address costs the second read too, so that time does not tell it from a known one.
    """
    claim_shard = shard_of_text(email_key)
    claim = await tx.fetch_one(
        "SELECT user_id FROM email_claims WHERE shard = $1 AND email_key = $2",
        claim_shard,
        email_key,
    )
    user_id: str = claim["user_id"] if claim else ""
    shard = shard_of(user_id)
    row = await tx.fetch_one(
        "SELECT u.id, u.email, u.name, u.preferred_first_name, u.created_at, p.hash"
        " FROM users u LEFT JOIN passwords p ON p.shard = u.shard AND p.user_id = u.id"
        " WHERE u.shard = $1 AND u.id = $2",
        claim_shard if shard is None else shard,
        user_id,
    )
    if row is None:
        return None
    known = dict(row)
    return Login(password_hash=known.pop("hash"), user=User(**known))


async def upsert_password(tx: Tx, user_id: str, password_hash: str) -> None:
    """Store a user's password hash in place of any other."""
    await tx.execute(
        "INSERT INTO passwords (shard, user_id, hash, changed_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (shard, user_id) DO UPDATE"
        " SET hash = excluded.hash, changed_at = excluded.changed_at",
        shard_of(user_id),
        user_id,
        password_hash,
        tx.now,
    )


async def lock_password(tx: Tx, user_id: str) -> str | None:
    """A user's password hash, locked until the unit of work ends."""
    row = await tx.fetch_one(
        "SELECT hash FROM passwords WHERE shard = $1 AND user_id = $2 FOR NO KEY UPDATE",
        shard_of(user_id),
        user_id,
    )
    return row["hash"] if row else None

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
    """The user with this id; nobody who is being erased, or was."""
    shard = shard_of(user_id)
    if shard is None:
        return None
    row = await tx.fetch_one(
        "SELECT id, email, name, preferred_first_name, created_at"
        " FROM users WHERE shard = $1 AND id = $2 AND erasure_began_at IS NULL",
        shard,
        user_id,
    )
    return User(**row) if row else None


async def is_known(tx: ReadTx, user_id: str) -> bool:
    """Whether there is a row of this user, be it of one who is being erased."""
    row = await tx.fetch_one(
        "SELECT id FROM users WHERE shard = $1 AND id = $2", shard_of(user_id), user_id
    )
    return row is not None


async def lock_users(tx: Tx, user_ids: Sequence[str]) -> list[User]:
    """Those of these users who exist, in no particular order, held until the unit of work ends.

    Whatever makes more of a person than there was takes this lock, so that an erasure sees it.
    """
    shards = {shard for shard in map(shard_of, user_ids) if shard is not None}
    rows = await tx.fetch(
        "SELECT id, email, name, preferred_first_name, created_at"
        " FROM users WHERE shard = ANY($1) AND id = ANY($2) AND erasure_began_at IS NULL"
        " ORDER BY shard, id FOR NO KEY UPDATE",
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


async def lock_claim(tx: Tx, email_key: str) -> Claim | None:
    """The claim on an address, locked; None when it has just been given up."""
    row = await tx.fetch_one(
        "SELECT user_id, claimed_at FROM email_claims"
        " WHERE shard = $1 AND email_key = $2 FOR NO KEY UPDATE",
        shard_of_text(email_key),
        email_key,
    )
    return Claim(row["user_id"], row["claimed_at"]) if row else None


async def move_claim(tx: Tx, email_key: str, user_id: str) -> None:
    """Give a claim to another user."""
    await tx.execute(
        "UPDATE email_claims SET user_id = $3, claimed_at = $4 WHERE shard = $1 AND email_key = $2",
        shard_of_text(email_key),
        email_key,
        user_id,
        tx.now,
    )


async def delete_claim(tx: Tx, email_key: str, user_id: str) -> None:
    """Give up a claim on an address."""
    await tx.execute(
        "DELETE FROM email_claims WHERE shard = $1 AND email_key = $2 AND user_id = $3",
        shard_of_text(email_key),
        email_key,
        user_id,
    )


async def update_user(tx: Tx, user: User) -> None:
    """Store a user's other address or name."""
    await tx.execute(
        "UPDATE users SET email = $3, name = $4, preferred_first_name = $5"
        " WHERE shard = $1 AND id = $2",
        shard_of(user.id),
        user.id,
        user.email,
        user.name,
        user.preferred_first_name,
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
        " WHERE u.shard = $1 AND u.id = $2 AND u.erasure_began_at IS NULL",
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


async def find_password_hash(tx: ReadTx, user_id: str) -> str | None:
    """A user's password hash; None for nobody, and for somebody without a password."""
    shard = shard_of(user_id)
    row = await tx.fetch_one(
        "SELECT hash FROM passwords WHERE shard = $1 AND user_id = $2",
        -1 if shard is None else shard,
        user_id,
    )
    return row["hash"] if row else None


async def lock_password(tx: Tx, user_id: str) -> str | None:
    """A user's password hash, locked until the unit of work ends."""
    row = await tx.fetch_one(
        "SELECT hash FROM passwords WHERE shard = $1 AND user_id = $2 FOR NO KEY UPDATE",
        shard_of(user_id),
        user_id,
    )
    return row["hash"] if row else None


# Erasing.


class Leaving(msgspec.Struct, frozen=True):
    """A person who is to be erased: since when, None when nothing has been done yet."""

    user: User
    began_at: int | None


async def find_leaving(tx: ReadTx, user_id: str) -> Leaving | None:
    """The user with this id, being erased or not; None for one who has been."""
    row = await tx.fetch_one(
        "SELECT id, email, name, preferred_first_name, created_at, erasure_began_at"
        " FROM users WHERE shard = $1 AND id = $2 AND erased_at IS NULL",
        shard_of(user_id),
        user_id,
    )
    if row is None:
        return None
    user = {name: row[name] for name in User.__struct_fields__}
    return Leaving(User(**user), row["erasure_began_at"])


async def find_claimant(tx: ReadTx, email_key: str) -> str | None:
    """The id of whoever claims this address, being erased or not."""
    row = await tx.fetch_one(
        "SELECT user_id FROM email_claims WHERE shard = $1 AND email_key = $2",
        shard_of_text(email_key),
        email_key,
    )
    return row["user_id"] if row else None


async def lock_leaving(tx: Tx, user_id: str) -> Leaving | None:
    """`find_leaving`, held until the unit of work ends."""
    await tx.fetch(
        "SELECT id FROM users WHERE shard = $1 AND id = $2 FOR NO KEY UPDATE",
        shard_of(user_id),
        user_id,
    )
    return await find_leaving(tx, user_id)


async def mark_leaving(tx: Tx, user_id: str) -> None:
    """From now on nobody finds this person, who has no password any more."""
    shard = shard_of(user_id)
    await tx.execute(
        "UPDATE users SET erasure_began_at = $3 WHERE shard = $1 AND id = $2",
        shard,
        user_id,
        tx.now,
    )
    await tx.execute("DELETE FROM passwords WHERE shard = $1 AND user_id = $2", shard, user_id)


async def blank_user(tx: Tx, user_id: str, email_key: str) -> None:
    """Take the name and the address off a person, and give the address up."""
    await tx.execute(
        "UPDATE users SET email = '', name = '', preferred_first_name = '', erased_at = $3"
        " WHERE shard = $1 AND id = $2",
        shard_of(user_id),
        user_id,
        tx.now,
    )
    await delete_claim(tx, email_key, user_id)

"""Make people and change what proves them."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from minibank.core.errors import BadParam, NotFound
from minibank.core.ids import IdSource, shard_of
from minibank.core.names import require_name
from minibank.db import ReadTx, Tx
from minibank.identity import store
from minibank.identity.emails import email_key, require_email
from minibank.identity.store import User

CLAIM_SECONDS = 60
"""How long a claim on an e-mail address stands without the user who confirms it."""


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """A person to be created.

    `preferred_first_name` is the first word of the name when empty. Without `password_hash` the
    person cannot sign in by password. `id` may be drawn beforehand: a unit of work that runs again
    after an unclear commit then finds its own user instead of a taken address.
    """

    email: str
    name: str
    preferred_first_name: str = ""
    password_hash: str | None = None
    id: str = ""


async def create_user(tx: Tx, new: NewUser, ids: IdSource | None = None) -> User:
    """Create a person whose e-mail address nobody else has; `ids` instead of the bank's source.

    The address is claimed first, under the shard of its key; the user's row confirms the claim.
    Raises `BadParam` for a taken or malformed address or name.
    """
    email, name = require_email(new.email), require_name(new.name, "name")
    first_name = require_name(new.preferred_first_name or name.split()[0], "preferred_first_name")
    ids = ids or tx.ids
    user_id = new.id or ids.new("user", ids.shard(), tx.now)
    shard = shard_of(user_id)
    assert shard is not None, "a user's id says where the user lives"
    already = await _claim(tx, email_key(email), user_id)
    if already is not None:
        return already
    user = User(user_id, email, name, first_name, tx.now)
    await store.insert_user(tx, shard, user)
    if new.password_hash is not None:
        await store.upsert_password(tx, user_id, new.password_hash)
    return user


async def _claim(tx: Tx, key: str, user_id: str) -> User | None:
    """Claim an address for a user to be written; the user when that was done before."""
    claim = None
    while claim is None:
        if await store.insert_claim(tx, key, user_id):
            return None
        claim = await store.lock_claim(tx, key)
    if claim.user_id == user_id and (holder := await store.find_user(tx, user_id)):
        return holder
    # A claim that no user confirms is not at once free: where the two rows live on different
    # nodes, the claim may be seen a moment before the user.
    is_young = claim.claimed_at > tx.now - CLAIM_SECONDS * 1_000_000
    if is_young or await store.is_known(tx, claim.user_id):
        raise BadParam("email", "belongs to another user")
    await store.move_claim(tx, key, user_id)
    return None


class UserChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be different about a person."""

    email: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    preferred_first_name: str | UnsetType = UNSET


async def change_user(tx: Tx, user_id: str, changes: UserChanges) -> User:
    """Change a person's address or name; nobody else has the address, and the former one is free.

    Another name changes the first name only when that is said too. The person stays held until the
    unit of work ends. Raises `NotFound`, and `BadParam` for a taken or malformed address or name.
    """
    before = (await hold_users(tx, [user_id])).get(user_id)
    if before is None:
        raise NotFound("user", "There is no such user")
    after = msgspec.structs.replace(
        before,
        email=before.email if changes.email is UNSET else require_email(changes.email),
        name=before.name if changes.name is UNSET else require_name(changes.name, "name"),
        preferred_first_name=before.preferred_first_name
        if changes.preferred_first_name is UNSET
        else require_name(changes.preferred_first_name, "preferred_first_name"),
    )
    former, key = email_key(before.email), email_key(after.email)
    if key != former:
        await _claim(tx, key, user_id)
        await store.delete_claim(tx, former, user_id)
    await store.update_user(tx, after)
    return after


async def hold_users(tx: Tx, user_ids: Sequence[str]) -> dict[str, User]:
    """Those of these people who exist, by id, held until the unit of work ends.

    For whoever makes more of them than there was: none of them is erased meanwhile.
    """
    return {user.id: user for user in await store.lock_users(tx, user_ids)}


async def find_user_by_email(tx: ReadTx, email: str) -> User | None:
    """The user with this e-mail address, compared by its key."""
    login = await store.find_login(tx, email_key(email))
    return login.user if login else None


async def set_password_hash(tx: Tx, user_id: str, password_hash: str) -> None:
    """Give a user a new password; `NotFound` when there is no such user.

    This ends nothing that the old password opened: whoever calls it ends the user's tokens in the
    same unit of work, after this (`minibank.oauth.revocation.revoke_user`). A sign-in under way
    with the old password then either finishes before, and its tokens end, or finds it changed.
    """
    if not await store.lock_users(tx, [user_id]):
        raise NotFound("user", "There is no such user")
    await store.upsert_password(tx, user_id, password_hash)


async def confirm_password(tx: Tx, user_id: str, verified: str, rehashed: str | None) -> bool:
    """Whether the hash that a password was verified against is still the user's, and stays so.

    Verifying takes too long to happen inside a unit of work, so its result is confirmed in the one
    that acts on it, under the password's lock. `rehashed` replaces a hash of outdated parameters.
    """
    current = await store.lock_password(tx, user_id)
    if current is None or current not in (verified, rehashed):
        return False
    if rehashed is not None and current != rehashed:
        await store.upsert_password(tx, user_id, rehashed)
    return True

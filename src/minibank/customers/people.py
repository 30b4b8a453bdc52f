"""People change their name or address, get a new password, are signed out."""

from minibank.accounts.owners import rename_owner
from minibank.accounts.records import Owner
from minibank.core.errors import NotFound
from minibank.db import Tx
from minibank.identity.store import User
from minibank.identity.users import UserChanges, change_user, hold_users, set_password_hash
from minibank.oauth.revocation import revoke_user
from minibank.oauth.tokens import TokenRules


async def change_person(tx: Tx, user_id: str, changes: UserChanges) -> User:
    """Change a person's address or name, which their accounts are called by too.

    What was written under the former name stays as it was. Raises what
    `minibank.identity.users.change_user` raises.
    """
    user = await change_user(tx, user_id, changes)
    await rename_owner(tx, Owner(user.id, user.name, user.preferred_first_name))
    return user


async def reset_password(tx: Tx, user_id: str, password_hash: str, rules: TokenRules) -> None:
    """Give a person another password and end all their tokens; `NotFound`."""
    await set_password_hash(tx, user_id, password_hash)
    await revoke_user(tx, user_id, rules)


async def sign_out(tx: Tx, user_id: str, rules: TokenRules) -> int:
    """End all tokens of a person, with every client; how many pairs. `NotFound`."""
    if not await hold_users(tx, [user_id]):
        raise NotFound("user", "There is no such user")
    return await revoke_user(tx, user_id, rules)

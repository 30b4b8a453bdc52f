"""Who owns an account: people join and leave, and are called by their present name."""

from itertools import groupby

import msgspec

from minibank.accounts import store
from minibank.accounts.holding import lock_account
from minibank.accounts.opening import OWNERS_MAX
from minibank.accounts.records import Account, AccountType, Owner
from minibank.core.errors import BadParam, Conflict, NotFound
from minibank.core.ids import shard_of
from minibank.db import Tx
from minibank.identity.users import hold_users


def type_for(owners: int) -> AccountType:
    """What an account of so many people is."""
    return "uk_retail" if owners == 1 else "uk_retail_joint"


async def add_owner(tx: Tx, account_id: str, user_id: str) -> tuple[Account, bool]:
    """Make a person an owner of an open account, a joint one from now on; whether that is new.

    Raises `NotFound`, `BadParam` for nobody or for one too many, and `Conflict` when the account is
    not open.
    """
    # The person first, as whoever erases one does.
    user = (await hold_users(tx, [user_id])).get(user_id)
    shard, account = await lock_account(tx, account_id)
    if user is None:
        raise BadParam("user_id", f"names no user: {user_id}")
    if account.state != "open":
        raise Conflict("conflict.account_not_open", f"The account is {account.state}")
    if user_id in account.owner_ids:
        return account, False
    if len(account.owners) >= OWNERS_MAX:
        raise BadParam("user_id", f"is one too many: an account has at most {OWNERS_MAX} owners")
    owner = Owner(user.id, user.name, user.preferred_first_name)
    await store.insert_owner(tx, shard, account, owner)
    return await _with_owners(tx, shard, account, (*account.owners, owner)), True


async def remove_owner(tx: Tx, account_id: str, user_id: str) -> Account:
    """Take an owner off an account that others own too; their cards are blocked.

    Raises `NotFound`, and `Conflict` for the last owner or a closed account.
    """
    shard, account = await lock_account(tx, account_id)
    if user_id not in account.owner_ids:
        raise NotFound("owner", "The account has no such owner")
    if account.state == "closed":
        raise Conflict("conflict.account_not_open", "The account is closed")
    if len(account.owners) == 1:
        raise Conflict("conflict.last_owner", "An account has at least one owner")
    await store.block_cards(tx, shard, account_id, user_id)
    await store.delete_owner(tx, shard, account_id, user_id)
    staying = tuple(owner for owner in account.owners if owner.user_id != user_id)
    return await _with_owners(tx, shard, account, staying)


async def _with_owners(tx: Tx, shard: int, account: Account, owners: tuple[Owner, ...]) -> Account:
    type_ = type_for(len(owners))
    if type_ != account.type:
        await store.update_account_type(tx, shard, account.id, type_)
    return msgspec.structs.replace(account, type=type_, owners=owners)


async def rename_owner(tx: Tx, owner: Owner) -> list[str]:
    """Call a person, who is held, by another name on all their accounts; the accounts' ids.

    The accounts are held as well, in order: a transfer names its other side as it was or is.
    """
    renamed = []
    account_ids = sorted(await store.list_account_ids(tx, owner.user_id), key=_place)
    for shard, ids in groupby(account_ids, key=shard_of):
        held = [
            one for one in ids if shard is not None and await store.lock_balance(tx, shard, one)
        ]
        if shard is not None and held:
            await store.rename_owner(tx, shard, held, owner)
            renamed += held
    return renamed


def _place(account_id: str) -> tuple[int, str]:
    return shard_of(account_id) or 0, account_id

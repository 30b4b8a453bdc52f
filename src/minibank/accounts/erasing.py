"""Take a person off the accounts they own, which stay because entries are on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from minibank.accounts import store
from minibank.accounts.holding import hold_accounts as hold_all
from minibank.accounts.records import Account, in_listing_order
from minibank.core.ids import shard_of
from minibank.db import Tx


@dataclass(frozen=True, slots=True)
class Held:
    """An account that is held until the unit of work ends, and what it has in minor units."""

    account: Account
    booked: int
    held: int
    in_pots: int

    def owners_beside(self, user_id: str) -> list[str]:
        """The ids of the other owners."""
        return [owner.user_id for owner in self.account.owners if owner.user_id != user_id]


async def hold_accounts(tx: Tx, user_id: str) -> list[Held]:
    """All accounts of a person, held as the engine holds them."""
    found = await store.list_account_ids(tx, user_id)
    await hold_all(tx, found)
    owned = [
        account
        for account in in_listing_order(await store.read_accounts(tx, found))
        if any(owner.user_id == user_id for owner in account.owners)
    ]
    held = []
    for account in owned:
        shard = shard_of(account.id) or 0
        booked, on_hold = await store.read_funds(tx, shard, account.id)
        in_pots = await store.read_in_pots(tx, shard, account.id)
        held.append(Held(account, booked, on_hold, in_pots))
    return held


async def list_former(tx: Tx, user_id: str, held: Sequence[Held]) -> list[str]:
    """The accounts that a person owned once and owns no more, besides those that are held."""
    owned = {one.account.id for one in held}
    return sorted(set(await store.list_account_ids(tx, user_id)) - owned)


async def take_off_former(tx: Tx, account_id: str, user_id: str) -> None:
    """Take the digits of a person's cards off an account that they own no more."""
    shard = shard_of(account_id)
    assert shard is not None, "they owned it once"
    await store.blank_owner(tx, shard, account_id, user_id)


async def take_off(tx: Tx, held: Held, user_id: str) -> None:
    """Close an account that is held, and take its owner's name and cards' digits off it."""
    account, shard = held.account, shard_of(held.account.id)
    assert shard is not None, "an account's id says where it lives"
    if account.state != "closed":
        assert (held.booked, held.held, held.in_pots) == (0, 0, 0), (
            "only an empty account is closed"
        )
        await store.update_account_state(tx, shard, account.id, "closed", tx.now)
    await store.blank_owner(tx, shard, account.id, user_id)

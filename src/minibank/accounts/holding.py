"""Hold an account until the unit of work ends: whatever a decision reads is changed under this."""

from collections.abc import Iterable

from minibank.accounts import store
from minibank.accounts.records import Account
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.db import Tx


async def lock_account(tx: Tx, account_id: str) -> tuple[int, Account]:
    """Lock an account as the engine does, then read it; `NotFound` when there is none."""
    shard = shard_of(account_id)
    if shard is None or not await store.lock_balance(tx, shard, account_id):
        raise NotFound("account", "There is no such account")
    account = await store.find_account(tx, account_id)
    assert account is not None, "a balance is an account's"
    return shard, account


async def hold_accounts(tx: Tx, account_ids: Iterable[str]) -> None:
    """Lock several accounts in the order that the engine locks them in; some may not be there."""
    places = {(shard, one) for one in account_ids if (shard := shard_of(one)) is not None}
    for shard, account_id in sorted(places):
        await store.lock_balance(tx, shard, account_id)

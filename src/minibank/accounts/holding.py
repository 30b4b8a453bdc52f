"""Hold an account until the unit of work ends: whatever a decision reads is changed under this."""

from collections.abc import Iterable

from minibank.accounts import store
from minibank.accounts.records import BANK_TYPES, Account
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.db import Tx


async def lock_account(tx: Tx, account_id: str) -> tuple[int, Account]:
    """Lock a customer's account as the engine does, then read it; `NotFound` when there is none.

    The bank's own accounts are none: only the money engine has to do with them.
    """
    shard = shard_of(account_id)
    if shard is None or not await store.lock_balance(tx, shard, account_id):
        raise no_such_account()
    account = await store.find_account(tx, account_id)
    assert account is not None, "a balance is an account's"
    if account.type in BANK_TYPES:
        raise no_such_account()
    return shard, account


def no_such_account() -> NotFound:
    """The one answer for an account that is not there and for one of the bank's own."""
    return NotFound("account", "There is no such account")


async def hold_accounts(tx: Tx, account_ids: Iterable[str]) -> None:
    """Lock several accounts in the order that the engine locks them in; some may not be there."""
    places = {(shard, one) for one in account_ids if (shard := shard_of(one)) is not None}
    for shard, account_id in sorted(places):
        await store.lock_balance(tx, shard, account_id)

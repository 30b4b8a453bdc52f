"""People join an account and leave it."""

from minibank.accounts import owners
from minibank.accounts.records import Account
from minibank.core.ids import shard_of
from minibank.customers.announcing import tell
from minibank.db import Tx
from minibank.webhooks.ending import end_webhooks_of
from minibank.webhooks.events import ACCOUNT_OWNER_ADDED, ACCOUNT_OWNER_REMOVED


async def add_owner(tx: Tx, account_id: str, user_id: str) -> Account:
    """Make a person an owner of an open account; who is one already stays one.

    Raises what `minibank.accounts.owners.add_owner` raises.
    """
    account, is_new = await owners.add_owner(tx, account_id, user_id)
    if is_new:
        await tell(tx, account, ACCOUNT_OWNER_ADDED)
    return account


async def remove_owner(tx: Tx, account_id: str, user_id: str) -> Account:
    """Take an owner off an account that others own too.

    Their cards are blocked, their tokens do not see the account from the next request on, and their
    webhooks on it are removed. Its history stays with those who stay. Raises what
    `minibank.accounts.owners.remove_owner` raises.
    """
    account = await owners.remove_owner(tx, account_id, user_id)
    shard = shard_of(account_id)
    assert shard is not None, "the account exists"
    await end_webhooks_of(tx, shard, account_id, user_id, account.owner_ids[0])
    await tell(tx, account, ACCOUNT_OWNER_REMOVED)
    return account

"""Take off the feed what says something about a person who is erased."""

from minibank.db import Tx
from minibank.feed import store


async def erase_feed(tx: Tx, shard: int, account_id: str, limit: int) -> bool:
    """Remove some of what apps and users left on an account's feed; whether there may be more.

    Each kind of row goes before what it leads to.
    """
    for delete in (store.delete_dismissals, store.delete_keys):
        if await delete(tx, shard, account_id, "", limit) >= limit:
            return True
    if await store.delete_items_of(tx, shard, account_id, limit) >= limit:
        return True
    return await store.delete_writers(tx, shard, account_id, limit) >= limit


async def erase_traces(tx: Tx, shard: int, account_id: str, user_id: str, limit: int) -> bool:
    """Remove some of what is one user's alone on a feed that others read too; whether there may be
    more."""
    if await store.delete_dismissals(tx, shard, account_id, user_id, limit) >= limit:
        return True
    return await store.delete_keys(tx, shard, account_id, user_id, limit) >= limit

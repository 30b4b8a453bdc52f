"""Take away what apps wrote of the payments of a person who is erased."""

from minibank.core.ids import shard_of
from minibank.db import Tx
from minibank.receipts import store


async def erase_receipts(tx: Tx, user_id: str, limit: int) -> bool:
    """Remove some of a person's receipts, whichever app's; whether there may be more."""
    shard = shard_of(user_id)
    assert shard is not None, "the person exists"
    return await store.delete_of_user(tx, shard, user_id, limit) >= limit

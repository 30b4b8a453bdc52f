"""Take items off that have expired and forget keys that were kept long enough, as due work.

Whoever writes a row that will end plans its removal in the same unit of work: one piece of due work
for each shard and kind of row. Reading is exact by itself, so nobody waits for it.
"""

from minibank.db import Tx
from minibank.due.planning import plan
from minibank.due.store import Planned
from minibank.due.sweeping import BATCH, again_at
from minibank.feed import store
from minibank.feed.records import FeedItem

FEED_ITEMS = "feed_items"
FEED_KEYS = "feed_keys"
SWEEPS = (FEED_ITEMS, FEED_KEYS)
"""The kinds of due work, each one for a whole shard."""


async def plan_expiry(tx: Tx, item: FeedItem) -> None:
    """Plan that an item that expires is taken off then; one that does not needs nothing."""
    if item.content.expires_at is not None:
        await plan(tx, [_sweep(item.shard, FEED_ITEMS, item.content.expires_at)])


async def plan_forgetting(tx: Tx, shard: int, keep_until: int) -> None:
    """Plan that a key is forgotten then."""
    await plan(tx, [_sweep(shard, FEED_KEYS, keep_until)])


def _sweep(shard: int, kind: str, due_at: int) -> Planned:
    return Planned(shard=shard, kind=kind, subject=kind, due_at=due_at)


async def sweep_items(tx: Tx, shard: int) -> int | None:
    """Take items of this shard off whose time has come; when to come again."""
    removed = await store.delete_expired(tx, shard, BATCH)
    next_at = await store.next_expiry(tx, shard)
    return again_at(tx.now, next_at, has_more=removed >= BATCH)


async def sweep_keys(tx: Tx, shard: int) -> int | None:
    """Forget keys of this shard that were kept long enough; when to come again."""
    removed = await store.delete_kept_keys(tx, shard, BATCH)
    next_at = await store.next_key(tx, shard)
    return again_at(tx.now, next_at, has_more=removed >= BATCH)

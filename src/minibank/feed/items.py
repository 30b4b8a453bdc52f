"""Put items on a feed, change them, take them off, and dismiss them."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from minibank.core.clock import MICROSECONDS
from minibank.core.errors import Conflict, NotFound, RateLimited
from minibank.core.ids import shard_of
from minibank.db import Tx
from minibank.feed import store
from minibank.feed.content import digest_of, require_to_come
from minibank.feed.records import PREFIX, Content, FeedItem, FeedWriter, KnownKey, subject_of
from minibank.feed.retention import plan_expiry, plan_forgetting
from minibank.feed.store import Reader

DAY = 24 * 3600 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class FeedRules:
    """How many items an app may make on one feed in a day, and how long a key is kept."""

    items_per_day: int
    key_seconds: int


def no_such_item() -> NotFound:
    """The one answer for another app's item and for one that does not exist."""
    return NotFound("feed_item", "There is no such feed item")


async def create_item(
    tx: Tx, owner: Reader, content: Content, rules: FeedRules, *, item_id: str, key: str | None
) -> FeedItem | None:
    """Put an item on a feed; None when it is there already, by the `key` or the id.

    `item_id` was drawn before, so that a unit of work that runs again finds its own item. Raises
    `BadParam`; `Conflict` when the key was used for another item; `RateLimited` for too many.
    """
    writer = await store.lock_writer(tx, owner)
    digest = digest_of(content)
    known = await store.find_key(tx, owner, key) if key else None
    if known is not None and known.keep_until > tx.now:
        if known.digest != digest:
            raise Conflict(
                "conflict.idempotency_key_reused",
                "This key was used for a request of other content",
            )
        return None
    if await store.find_account_of(tx, owner.shard, item_id) is not None:
        return None
    require_to_come(content, tx.now)
    writer = _counted(writer, tx.now, rules)
    item = FeedItem(
        shard=owner.shard,
        id=item_id,
        account_id=owner.account_id,
        client_id=owner.client_id,
        user_id=owner.user_id,
        created_at=writer.last_created_at,
        updated_at=writer.last_created_at,
        version=1,
        content=content,
    )
    await store.put_writer(tx, owner, writer)
    await store.insert_item(tx, item)
    await plan_expiry(tx, item)
    if key:
        kept = KnownKey(
            digest=digest, item_id=item_id, keep_until=tx.now + rules.key_seconds * MICROSECONDS
        )
        await store.put_key(tx, owner, key, kept)
        await plan_forgetting(tx, owner.shard, kept.keep_until)
    return item


def _counted(writer: FeedWriter, now: int, rules: FeedRules) -> FeedWriter:
    """One item more; no two of an app are of one microsecond, so that its pages have one order."""
    day = now - now % DAY
    made = writer.created_on_day if writer.day == day else 0
    if made >= rules.items_per_day:
        raise RateLimited(
            "rate_limited.feed_items",
            f"This client has put {made} items on this feed today",
            retry_after=-((now - day - DAY) // MICROSECONDS),
        )
    return FeedWriter(
        day=day, created_on_day=made + 1, last_created_at=max(now, writer.last_created_at + 1)
    )


async def change_item(tx: Tx, item: FeedItem, change: Callable[[FeedItem], Content]) -> FeedItem:
    """Change an item that was found; the item after it.

    `change` sees it under its lock and may raise. What changes nothing writes nothing. Raises
    `NotFound` when the item went meanwhile, `BadParam` when it would expire in the past.
    """
    found = await _locked(tx, item)
    content = change(found)
    if content == found.content:
        return found
    if content.expires_at != found.content.expires_at:
        require_to_come(content, tx.now)
    changed = msgspec.structs.replace(
        found,
        content=content,
        version=found.version + 1,
        updated_at=max(tx.now, found.updated_at),
    )
    await store.update_item(tx, changed)
    await plan_expiry(tx, changed)
    return changed


async def delete_item(tx: Tx, item: FeedItem, require: Callable[[FeedItem], None]) -> None:
    """Take an item that was found off the feed, when `require` lets it go under its lock."""
    require(await _locked(tx, item))
    await store.delete_items(tx, item.shard, [item.id])


async def _locked(tx: Tx, item: FeedItem) -> FeedItem:
    # The lock comes by itself: what is changed must be read after it.
    await store.lock_item(tx, item.shard, item.id)
    found = await store.find_item(tx, item.shard, item.id, item.client_id)
    if found is None:
        raise no_such_item()
    return found


async def dismiss_item(tx: Tx, item_id: str, user_id: str) -> None:
    """Hide an item, an app's or a transaction's, from all that this user reads of the feed.

    The others who read the feed still see it. Whether the user may see it is the caller's question.
    Raises `NotFound` when there is no such item.
    """
    shard = shard_of(item_id) if item_id.startswith(PREFIX) else None
    if shard is None:
        raise no_such_item()
    # Held, so that it does not go meanwhile and leave its dismissal behind.
    await store.lock_item(tx, shard, item_id)
    for subject in (item_id, subject_of(item_id)):
        account_id = await store.find_account_of(tx, shard, subject)
        if account_id is not None:
            await store.insert_dismissal(tx, shard, subject, user_id, account_id)
            return
    raise no_such_item()

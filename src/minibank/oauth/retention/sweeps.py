"""Remove what has ended: some of it in each unit of work, whoever else does the same."""

from minibank.db import Tx
from minibank.due.sweeping import BATCH, again_at
from minibank.oauth.retention import store
from minibank.oauth.retention.planning import LOOK_AGAIN_SECONDS
from minibank.oauth.tokens import MICROSECONDS, TokenRules


async def sweep_former_tokens(tx: Tx, shard: int) -> int | None:
    """Forget tokens of this shard that were remembered long enough; when to come again."""
    removed = await store.delete_former_tokens(tx, shard, BATCH)
    return _again(tx.now, removed, await store.next_former_token(tx, shard))


async def sweep_guesses(tx: Tx, shard: int) -> int | None:
    """Remove counts of this shard whose window is over; when to come again."""
    removed = await store.delete_ended_guesses(tx, shard, BATCH)
    return _again(tx.now, removed, await store.next_guess(tx, shard))


async def sweep_pairs(tx: Tx, shard: int, rules: TokenRules) -> int | None:
    """Remove pairs of this shard with which nothing can be done any more; when to come again."""
    kept = rules.former_token_seconds * MICROSECONDS
    refreshable = rules.refresh_token_seconds * MICROSECONDS
    ended_by = tx.now - kept
    removed = await store.delete_public_pairs(tx, shard, ended_by, BATCH)
    if refreshable:
        removed += await store.delete_refreshed_pairs(
            tx, shard, ended_by - refreshable, ended_by, BATCH
        )
    access_expires_at, issued_at = await store.next_pairs(tx, shard)
    nexts = []
    if access_expires_at is not None:
        nexts.append(access_expires_at + kept)
    if issued_at is not None:
        later = tx.now + LOOK_AGAIN_SECONDS * MICROSECONDS
        nexts.append(issued_at + refreshable + kept if refreshable else later)
    return _again(tx.now, removed, min(nexts, default=None))


async def sweep_secrets(tx: Tx, client_id: str) -> int | None:
    """Remove a client's secrets that have ended; when to come again."""
    await store.delete_ended_secrets(tx, client_id)
    return await store.next_secret(tx, client_id)


def _again(now: int, removed: int, next_at: int | None) -> int | None:
    return again_at(now, next_at, has_more=removed >= BATCH)

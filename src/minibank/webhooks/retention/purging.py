"""Remove what a webhook was told when it was kept long enough, as due work.

Each webhook has one piece of it, from its registration until it is gone. Only the first numbers are
ever removed, so that what is there has no gaps: a delivery that is not over keeps those after it.

Whoever plans this work or takes it back does so before touching the webhook, as whoever does it:
else two could wait for each other.
"""

from collections.abc import Iterable

from minibank.core.clock import MICROSECONDS
from minibank.db import Tx
from minibank.due.planning import plan, take_back
from minibank.due.store import Planned
from minibank.due.sweeping import BATCH
from minibank.webhooks.retention import store
from minibank.webhooks.retention.store import Ended

WEBHOOK_DELIVERIES = "webhook_deliveries"
"""The kind of due work; its subject is the webhook's id."""
PURGE_SECONDS = 86_400
"""How often a webhook is looked at."""
KEPT_SECONDS = 30 * 86_400
"""How long deliveries are kept once they are over, unless a bank wants it otherwise."""


async def plan_purge(tx: Tx, shard: int, webhook_id: str) -> None:
    """Plan that what a new webhook is told is removed some day."""
    due_at = tx.now + PURGE_SECONDS * MICROSECONDS
    await plan(
        tx,
        [Planned(shard=shard, kind=WEBHOOK_DELIVERIES, subject=webhook_id, due_at=due_at)],
    )


async def unplan_purge(tx: Tx, shard: int, webhook_id: str) -> None:
    """Take the work of a webhook back that is about to go and was told of nothing."""
    await take_back(tx, shard, WEBHOOK_DELIVERIES, webhook_id)


async def purge(tx: Tx, shard: int, webhook_id: str, kept_seconds: int) -> int | None:
    """Remove the first of what this webhook was told that was kept long enough; when to come again.

    A removed webhook goes with the last of it.
    """
    reach = await store.lock_reach(tx, shard, webhook_id)
    if reach is None:
        return None
    first = await store.lock_first(tx, shard, webhook_id, reach.kept_from, BATCH)
    ended_by = tx.now - kept_seconds * MICROSECONDS
    over = _over(first, reach.kept_from, ended_by)
    kept_from = reach.kept_from + _fitting(over)
    if kept_from > reach.kept_from:
        await store.delete_told(tx, shard, webhook_id, reach.kept_from, kept_from)
    if reach.is_removed and kept_from == reach.next_sequence:
        await store.delete_webhook(tx, shard, webhook_id)
        return None
    has_more = kept_from - reach.kept_from < len(over) or len(over) == BATCH
    return tx.now if has_more else tx.now + PURGE_SECONDS * MICROSECONDS


def _over(first: Iterable[Ended], kept_from: int, ended_by: int) -> list[Ended]:
    """Those of the first that were over by then, without a gap from `kept_from` on."""
    over: list[Ended] = []
    for one in first:
        is_next = one.sequence == kept_from + len(over)
        if not is_next or one.finished_at is None or one.finished_at > ended_by:
            break
        over.append(one)
    return over


def _fitting(over: Iterable[Ended]) -> int:
    """How many of these one unit of work removes: one at least, and as many as are `BATCH` rows
    with their attempts."""
    count = rows = 0
    for one in over:
        rows += 1 + one.attempts
        if count and rows > BATCH:
            break
        count += 1
    return count

"""End webhooks whose account is closed, or whose user owns it no more."""

from minibank.core.clock import MICROSECONDS
from minibank.db import Tx
from minibank.due.planning import plan
from minibank.due.store import Planned
from minibank.webhooks import store
from minibank.webhooks.erasing import end_webhooks
from minibank.webhooks.registering import remove_webhook

CLOSED_WEBHOOKS = "closed_webhooks"
"""The due work that removes the webhooks of a closed account; its subject is the account."""
BATCH = 100
"""How many webhooks one unit of work removes."""
AGAIN_SECONDS = 3600
"""How soon those are looked at again that still have something to hear."""


async def plan_ending(tx: Tx, shard: int, account_id: str) -> None:
    """Have the webhooks of an account removed that is closed now, once they have heard of it."""
    if await store.has_webhooks(tx, shard, account_id):
        work = Planned(shard=shard, kind=CLOSED_WEBHOOKS, subject=account_id, due_at=tx.now)
        await plan(tx, [work])


async def end_told(tx: Tx, shard: int, account_id: str) -> int | None:
    """Remove some webhooks of an account that have heard all; when to go on, None at the end."""
    await store.lock_account(tx, shard, account_id)
    told = await store.list_told(tx, shard, account_id, BATCH)
    for webhook in told:
        await remove_webhook(tx, webhook)
    if not await store.has_webhooks(tx, shard, account_id):
        return None
    return tx.now if len(told) == BATCH else tx.now + AGAIN_SECONDS * MICROSECONDS


async def end_webhooks_of(tx: Tx, shard: int, account_id: str, user_id: str, heir: str) -> None:
    """Remove the webhooks of a user on an account, which is held, and what they were to be told.

    What a client keeps for whoever comes and asks is the client's with the other owners too: it
    goes over to the `heir`.
    """
    await store.hand_streams_over(tx, shard, account_id, user_id, heir)
    while await end_webhooks(tx, shard, account_id, user_id, BATCH):
        pass

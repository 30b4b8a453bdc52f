"""The stream of a client and an account: what webhooks are told, for those who come and ask.

It is a webhook without an address. What happens is numbered and kept for it in the same way, and
never sent; a client has one for each account from the first time that it asks.
"""

from dataclasses import dataclass

from minibank.db import ReadTx, Tx
from minibank.webhooks import store
from minibank.webhooks.records import Webhook
from minibank.webhooks.retention.purging import plan_purge


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream: the first number that is still kept, and the one that comes next."""

    webhook: Webhook
    kept_from: int
    next_sequence: int


async def find_stream(tx: ReadTx, shard: int, account_id: str, client_id: str) -> Stream | None:
    """The stream of a client and an account; None before the first time."""
    found = await store.find_stream(tx, shard, account_id, client_id)
    return None if found is None else Stream(*found)


async def begin_stream(tx: Tx, webhook: Webhook) -> Stream:
    """The stream that this webhook is to be, unless there is one."""
    await store.lock_account(tx, webhook.shard, webhook.account_id)
    found = await find_stream(tx, webhook.shard, webhook.account_id, webhook.client_id)
    if found is not None:
        return found
    end = await store.read_end_of_history(tx, webhook.shard, webhook.account_id)
    await store.insert_webhook(tx, webhook, end)
    await plan_purge(tx, webhook.shard, webhook.id)
    return Stream(webhook, 1, 1)

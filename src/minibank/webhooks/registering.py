"""Register webhooks and remove them.

A webhook is a fact that the money engine reads: whoever changes one holds the account's row first.
A payment is then decided all before or all after, and what a webhook is told of begins and ends at
one place in the account's history.
"""

from dataclasses import replace

from minibank.core.clock import MICROSECONDS
from minibank.core.errors import BadRequest, NotFound
from minibank.db import Tx
from minibank.webhooks import store
from minibank.webhooks.records import Webhook
from minibank.webhooks.retention.purging import plan_purge, unplan_purge
from minibank.webhooks.retention.store import delete_webhook
from minibank.webhooks.signing import OVERLAP_SECONDS


def no_such_webhook() -> NotFound:
    """The one answer for another client's webhook and for one that does not exist."""
    return NotFound("webhook", "There is no such webhook")


async def register_webhook(tx: Tx, webhook: Webhook, webhooks_max: int) -> None:
    """Register a webhook of an account that exists, unless that was done already.

    The same address again is another webhook, and is told of everything as well. Raises
    `BadRequest` when the client has as many on this account as it may.
    """
    await store.lock_account(tx, webhook.shard, webhook.account_id)
    present = await store.list_webhooks(tx, webhook.shard, webhook.account_id, webhook.client_id)
    if any(one.id == webhook.id for one in present):
        return
    if len(present) >= webhooks_max:
        raise BadRequest(
            "bad_request.too_many_webhooks",
            f"A client may have {webhooks_max} webhooks on an account",
        )
    end = await store.read_end_of_history(tx, webhook.shard, webhook.account_id)
    await plan_purge(tx, webhook.shard, webhook.id)
    await store.insert_webhook(tx, webhook, end)


async def remove_webhook(tx: Tx, webhook: Webhook) -> None:
    """Remove a webhook that was found; what it was still to be told is dropped.

    The row stays as long as deliveries tell of it: one that was never told of anything goes. Raises
    `NotFound` when it went meanwhile.
    """
    await store.lock_account(tx, webhook.shard, webhook.account_id)
    found = await store.find_live(tx, webhook.shard, webhook.id)
    if found is None:
        raise no_such_webhook()
    if await store.was_told(tx, found):
        end = await store.read_end_of_history(tx, found.shard, found.account_id)
        await store.remove_webhook(tx, found, end)
    else:
        await unplan_purge(tx, found.shard, found.id)
        await delete_webhook(tx, found.shard, found.id)


async def rotate_secret(tx: Tx, webhook: Webhook) -> Webhook:
    """Give a webhook its next secret; the one before signs as well for `OVERLAP_SECONDS`.

    Raises `BadRequest` for one without a secret, `NotFound` when it went meanwhile.
    """
    if webhook.signing != "hmac":
        raise BadRequest("bad_request.no_secret", "This webhook has no secret of its own")
    until = tx.now + OVERLAP_SECONDS * MICROSECONDS
    version = await store.rotate_secret(tx, webhook, until)
    if version is None:
        raise no_such_webhook()
    return replace(webhook, secret_version=version)

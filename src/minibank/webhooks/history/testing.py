"""Send a webhook an event that tells of nothing, to see whether it arrives."""

import msgspec

from minibank.core.instants import format_instant
from minibank.core.wire import Instant
from minibank.db import Tx
from minibank.webhooks.events import WEBHOOK_TEST
from minibank.webhooks.history import store
from minibank.webhooks.history.store import Told
from minibank.webhooks.records import Delivery, Webhook
from minibank.webhooks.registering import no_such_webhook
from minibank.webhooks.store import find_webhook, insert_deliveries, lock_account


class TestedWebhook(msgspec.Struct, frozen=True):
    """A webhook whose client wants to hear from it, and when."""

    webhook_id: str
    account_id: str
    created: Instant


class _Message(msgspec.Struct, frozen=True):
    """The whole body of a request."""

    type: str
    data: TestedWebhook


async def send_test(tx: Tx, webhook: Webhook, delivery_id: str) -> Told:
    """Put a test event into the outbox of a webhook that was found, unless that was done already.

    It has its number among what the webhook is told; one that the bank gave up is not sent it.
    Raises `NotFound` when the webhook went meanwhile.
    """
    await lock_account(tx, webhook.shard, webhook.account_id)
    found = await find_webhook(tx, webhook.shard, webhook.id, webhook.client_id)
    if found is None:
        raise no_such_webhook()
    if await store.find_told(tx, found, delivery_id) is None:
        number = await store.take_number(tx, found)
        await insert_deliveries(tx, [(number, _draft(tx, found, delivery_id))])
    told = await store.find_told(tx, found, delivery_id)
    assert told is not None, "just written"
    return told


def _draft(tx: Tx, webhook: Webhook, delivery_id: str) -> Delivery:
    data = TestedWebhook(webhook.id, webhook.account_id, format_instant(tx.now))
    return Delivery(
        shard=webhook.shard,
        webhook_id=webhook.id,
        id=delivery_id,
        account_id=webhook.account_id,
        event=WEBHOOK_TEST,
        subject=webhook.id,
        payload=msgspec.json.encode(_Message(WEBHOOK_TEST, data)),
        target=webhook.target,
        state="pending" if webhook.disabled_at is None else "cancelled",
    )

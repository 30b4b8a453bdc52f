"""Tell a client, by its other webhooks, that the bank has given one of them up."""

import msgspec

from minibank.core.instants import format_instant
from minibank.core.wire import Instant
from minibank.db import Tx
from minibank.due.planning import plan
from minibank.due.store import Planned
from minibank.webhooks import store
from minibank.webhooks.announcing import Happening, announce
from minibank.webhooks.events import WEBHOOK_DISABLED as DISABLED
from minibank.webhooks.records import Listener

WEBHOOK_DISABLED = "webhook_disabled"
"""The kind of due work that tells of it: who records attempts does not hold the account."""


class DisabledWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that the bank gave up."""

    webhook_id: str
    account_id: str
    disabled: Instant


async def plan_notice(tx: Tx, shard: int, webhook_id: str) -> None:
    """Have it told soon."""
    notice = Planned(shard=shard, kind=WEBHOOK_DISABLED, subject=webhook_id, due_at=tx.now)
    await plan(tx, [notice])


async def tell_disabled(tx: Tx, shard: int, webhook_id: str) -> None:
    """Tell the client's other webhooks on the account, unless it is live or gone by now."""
    webhook = await store.find_live(tx, shard, webhook_id)
    if webhook is None or webhook.disabled_at is None:
        return
    data = DisabledWebhook(
        webhook_id=webhook.id,
        account_id=webhook.account_id,
        disabled=format_instant(webhook.disabled_at),
    )

    def data_for(listener: Listener) -> DisabledWebhook | None:
        return None if listener.id == webhook.id else data

    happening = Happening(
        shard=shard,
        account_id=webhook.account_id,
        event=DISABLED,
        subject=webhook.id,
        client_id=webhook.client_id,
    )
    await announce(tx, happening, data_for)

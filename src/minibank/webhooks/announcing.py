"""Tell webhooks of what no payment caused: feed items, notes, a webhook that was given up.

Numbers are given under the account's lock, here as in the money engine. Most accounts have nobody
who asked, which one statement without a lock says.
"""

from collections.abc import Callable

import msgspec

from minibank.db import Tx
from minibank.webhooks import store
from minibank.webhooks.events import Event
from minibank.webhooks.records import Delivery, Listener

_encode = msgspec.json.Encoder().encode


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """An event on an account; `client_id` is the only client that may know of it, if not empty."""

    shard: int
    account_id: str
    event: Event
    subject: str
    client_id: str = ""

    def concerns(self, listener: Listener) -> bool:
        """Whether this webhook is to be told."""
        is_open_to = self.client_id in ("", listener.client_id)
        return is_open_to and self.event in listener.events


async def hold(tx: Tx, happening: Happening) -> bool:
    """Hold the account if anybody is to be told of what is about to be done; whether so.

    For who is going to lock something else that payments lock after the account.
    """
    listeners = await store.list_listeners(tx, happening.shard, happening.account_id)
    if not any(map(happening.concerns, listeners)):
        return False
    return await store.lock_account(tx, happening.shard, happening.account_id)


async def announce(
    tx: Tx, happening: Happening, data_for: Callable[[Listener], msgspec.Struct | None]
) -> None:
    """Put an event into the outbox for each webhook that asked; None is for one that is passed."""
    if not await hold(tx, happening):
        return
    told, numbers = [], []
    for one in await store.list_listeners(tx, happening.shard, happening.account_id):
        data = data_for(one) if happening.concerns(one) else None
        if data is not None:
            told.append((one.next_sequence, _draft(tx, happening, one, data)))
            numbers.append((one.shard, one.id, one.next_sequence + 1))
    await store.update_sequences(tx, numbers)
    await store.insert_deliveries(tx, told)


def _draft(tx: Tx, happening: Happening, listener: Listener, data: msgspec.Struct) -> Delivery:
    return Delivery(
        shard=happening.shard,
        webhook_id=listener.id,
        id=tx.ids.new("delivery", happening.shard, tx.now),
        account_id=happening.account_id,
        event=happening.event,
        subject=happening.subject,
        payload=_encode({"type": happening.event, "data": data}),
        target=listener.target,
        state="pending" if listener.is_sent else "cancelled",
    )

"""Webhooks and feed items made quickly, and what is in the outbox."""

from dataclasses import dataclass
from typing import Any

import msgspec

from minibank.db import Database, ReadTx, Tx
from minibank.feed.content import merge
from minibank.feed.items import FeedRules, create_item
from minibank.feed.records import Content
from minibank.feed.store import Reader
from minibank.webhooks.events import DEFAULT
from minibank.webhooks.records import Webhook
from minibank.webhooks.registering import register_webhook, remove_webhook
from tests.support.banking import Holder

RULES = FeedRules(items_per_day=1000, key_seconds=86_400)
URL = "https://app.example/hooks?key=wEXQbNaJ"


async def listen(
    db: Database,
    client_id: str,
    holder: Holder,
    *,
    events: tuple[str, ...] = DEFAULT,
    user_id: str = "",
    url: str = URL,
    fifo: bool = False,
) -> Webhook:
    """A new webhook of this client on the holder's account, for the first owner or another."""

    async def work(tx: Tx) -> Webhook:
        webhook = Webhook(
            shard=holder.shard,
            id=tx.ids.new("webhook", holder.shard, tx.now),
            account_id=holder.account_id,
            client_id=client_id,
            user_id=user_id or holder.user_ids[0],
            url=url,
            events=events,
            created_at=tx.now,
            fifo=fifo,
        )
        await register_webhook(tx, webhook, 50)
        return webhook

    return await db.transact(work)


async def stop_listening(db: Database, webhook: Webhook) -> None:
    """Remove a webhook."""
    await db.transact(lambda tx: remove_webhook(tx, webhook))


@dataclass(frozen=True, slots=True)
class Told:
    """A row of the outbox."""

    sequence: int
    id: str
    event: str
    subject: str
    payload: bytes
    state: str
    attempts: int
    next_attempt_at: int
    claimed_until: int

    @property
    def data(self) -> dict[str, Any]:
        """What is told."""
        body: dict[str, Any] = msgspec.json.decode(self.payload)
        assert body.keys() == {"type", "data"}
        assert body["type"] == self.event
        data: dict[str, Any] = body["data"]
        return data


async def list_told(db: Database, webhook: Webhook) -> list[Told]:
    """All that a webhook is told, in the order of its numbers."""

    async def work(tx: ReadTx) -> list[Told]:
        rows = await tx.fetch(
            "SELECT sequence, id, event, subject, payload, state, attempts, next_attempt_at,"
            " claimed_until FROM deliveries WHERE shard = $1 AND webhook_id = $2 ORDER BY sequence",
            webhook.shard,
            webhook.id,
        )
        return [Told(*row) for row in rows]

    return await db.read(work)


def reader_of(holder: Holder, client_id: str, user_id: str = "") -> Reader:
    """A client's view of the holder's feed, for the first owner unless another is named."""
    return Reader(holder.shard, holder.account_id, client_id, user_id or holder.user_ids[0])


async def post_item(
    db: Database,
    reader: Reader,
    *,
    key: str | None = None,
    expires_at: int | None = None,
    rules: FeedRules = RULES,
    url: str | None = None,
    **texts: str,
) -> str:
    """A feed item; the id that was drawn for it."""
    texts = {"title": "Rain", "image_url": "https://app.example/rain.png"} | texts
    content = merge(Content(params={}, expires_at=expires_at), texts, url)
    item_id = db.ids.new("feeditem", reader.shard, db.clock.now())
    await db.transact(lambda tx: create_item(tx, reader, content, rules, item_id=item_id, key=key))
    return item_id

"""The types of events that a client may ask to be told of."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, get_args

import msgspec

from minibank.core.errors import BadParam

Event = Literal[
    "transaction.created",
    "transaction.updated",
    "transaction.settled",
    "transaction.declined",
    "transaction.reversed",
    "balance.updated",
    "pot.created",
    "pot.updated",
    "pot.deleted",
    "feed_item.created",
    "feed_item.updated",
    "feed_item.deleted",
    "webhook.disabled",
    "account.frozen",
    "account.thawed",
    "account.closed",
    "account.owner_added",
    "account.owner_removed",
]
EVENTS: tuple[Event, ...] = get_args(Event)
"""Every type there is a name for, in the order in which a webhook keeps them."""

TRANSACTION_CREATED: Event = "transaction.created"
TRANSACTION_UPDATED: Event = "transaction.updated"
TRANSACTION_SETTLED: Event = "transaction.settled"
TRANSACTION_DECLINED: Event = "transaction.declined"
TRANSACTION_REVERSED: Event = "transaction.reversed"
BALANCE_UPDATED: Event = "balance.updated"
POT_CREATED: Event = "pot.created"
POT_UPDATED: Event = "pot.updated"
POT_DELETED: Event = "pot.deleted"
FEED_ITEM_CREATED: Event = "feed_item.created"
FEED_ITEM_UPDATED: Event = "feed_item.updated"
FEED_ITEM_DELETED: Event = "feed_item.deleted"
WEBHOOK_DISABLED: Event = "webhook.disabled"
ACCOUNT_FROZEN: Event = "account.frozen"
ACCOUNT_THAWED: Event = "account.thawed"
ACCOUNT_CLOSED: Event = "account.closed"
ACCOUNT_OWNER_ADDED: Event = "account.owner_added"
ACCOUNT_OWNER_REMOVED: Event = "account.owner_removed"

WEBHOOK_TEST = "webhook.test"
UNASKED = (WEBHOOK_TEST,)
"""What a webhook is told of although it did not ask for it by name: its client did."""

DEFAULT = (TRANSACTION_CREATED,)
"""What a client is told of when it asks for nothing else: the one event of the documented API."""


def chosen(asked: Iterable[str]) -> tuple[str, ...]:
    """The events that a client asked for, each once; `BadParam` for one that nobody knows."""
    wanted = set(asked)
    if not wanted <= set(EVENTS):
        raise BadParam("events", f"must be among {', '.join(EVENTS)}")
    return tuple(event for event in EVENTS if event in wanted) or DEFAULT


def events_to_json(events: tuple[str, ...]) -> str:
    """Events as a webhook keeps them."""
    return msgspec.json.encode(events).decode()


@lru_cache(maxsize=256)
def events_from_json(text: str) -> frozenset[str]:
    """Stored events; remembered, because every batch of payments asks."""
    return msgspec.json.decode(text, type=frozenset[str])

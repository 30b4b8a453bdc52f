"""What webhooks are sent, as the reference has it: a type for the body of each event."""

from collections.abc import Mapping

from msgspec import Struct

from minibank.api.feed_items import WireFeedItem
from minibank.customers.announcing import AccountEvent
from minibank.payments.announcements import BalanceEvent, PotEvent, TransactionEvent
from minibank.webhooks.events import (
    ACCOUNT_CLOSED,
    ACCOUNT_FROZEN,
    ACCOUNT_OWNER_ADDED,
    ACCOUNT_OWNER_REMOVED,
    ACCOUNT_THAWED,
    BALANCE_UPDATED,
    FEED_ITEM_CREATED,
    FEED_ITEM_DELETED,
    FEED_ITEM_UPDATED,
    POT_CREATED,
    POT_DELETED,
    POT_UPDATED,
    TRANSACTION_CREATED,
    TRANSACTION_DECLINED,
    TRANSACTION_REVERSED,
    TRANSACTION_SETTLED,
    TRANSACTION_UPDATED,
    WEBHOOK_DISABLED,
    WEBHOOK_TEST,
)
from minibank.webhooks.giving_up import DisabledWebhook
from minibank.webhooks.history.testing import TestedWebhook


class FeedItemEvent(Struct):
    """The whole body; only the client that made the item is told of it."""

    type: str
    data: WireFeedItem


class WebhookDisabledEvent(Struct):
    """The whole body; the client's other webhooks on the account are told."""

    type: str
    data: DisabledWebhook


class AccountChangedEvent(Struct):
    """The whole body: the account as it is now."""

    type: str
    data: AccountEvent


class WebhookTestEvent(Struct):
    """The whole body."""

    type: str
    data: TestedWebhook


TOLD: Mapping[str, tuple[str, type[Struct]]] = {
    TRANSACTION_CREATED: ("There is a new transaction, declined or not", TransactionEvent),
    TRANSACTION_UPDATED: ("A transaction has changed, or its note has", TransactionEvent),
    TRANSACTION_SETTLED: ("A transaction is settled", TransactionEvent),
    TRANSACTION_DECLINED: ("A payment was declined", TransactionEvent),
    TRANSACTION_REVERSED: ("A transaction is undone", TransactionEvent),
    BALANCE_UPDATED: ("Another amount is available", BalanceEvent),
    POT_CREATED: ("There is a new pot", PotEvent),
    POT_UPDATED: ("A pot has changed, or what it holds has", PotEvent),
    POT_DELETED: ("A pot is deleted", PotEvent),
    FEED_ITEM_CREATED: ("The client put an item on the feed", FeedItemEvent),
    FEED_ITEM_UPDATED: ("The client changed an item", FeedItemEvent),
    FEED_ITEM_DELETED: ("The client deleted an item", FeedItemEvent),
    WEBHOOK_DISABLED: ("The bank gave up another webhook", WebhookDisabledEvent),
    ACCOUNT_FROZEN: ("Nothing leaves the account until it is thawed", AccountChangedEvent),
    ACCOUNT_THAWED: ("The account is open again", AccountChangedEvent),
    ACCOUNT_CLOSED: ("The account is closed; its webhooks end", AccountChangedEvent),
    ACCOUNT_OWNER_ADDED: ("Another person owns the account too", AccountChangedEvent),
    ACCOUNT_OWNER_REMOVED: ("A person owns the account no more", AccountChangedEvent),
    WEBHOOK_TEST: ("The client asked for a test", WebhookTestEvent),
}
"""What is sent, by the event: what happened, and the body."""

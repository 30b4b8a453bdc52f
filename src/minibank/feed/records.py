"""Feed items as they are stored, and how the item of a transaction is called."""

import msgspec

PREFIX = "feeditem_"
TRANSACTION_PREFIX = "tx_"


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What an app says in an item: checked texts by name, where a tap leads, and until when.

    `expires_at` is in microseconds; None is for ever.
    """

    params: dict[str, str]
    url: str = ""
    expires_at: int | None = None


class FeedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An app's item; every change advances `version`. Instants are microseconds."""

    shard: int
    id: str
    account_id: str
    client_id: str
    user_id: str
    created_at: int
    updated_at: int
    version: int
    content: Content


class FeedWriter(msgspec.Struct, frozen=True, kw_only=True):
    """What an app has put on an account's feed: how many items on a day, and when the newest."""

    day: int = 0
    created_on_day: int = 0
    last_created_at: int = 0


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """An idempotency key: a digest of what was asked with it, and the item that it made."""

    digest: bytes
    item_id: str
    keep_until: int


def item_of(transaction_id: str) -> str:
    """The id of a transaction's own feed item: the same digits behind another prefix."""
    return PREFIX + transaction_id.removeprefix(TRANSACTION_PREFIX)


def subject_of(item_id: str) -> str:
    """The transaction whose own item this would be."""
    return TRANSACTION_PREFIX + item_id.removeprefix(PREFIX)

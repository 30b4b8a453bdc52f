"""Items of a feed as clients read them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.core.instants import format_instant
from minibank.core.wire import Instant
from minibank.feed.records import FeedItem, item_of
from minibank.transactions.wire import WireTransaction


class WireFeedItem(Struct, kw_only=True):
    """An item as clients read it."""

    id: str
    account_id: str
    type: Annotated[
        Literal["basic", "transaction"],
        Meta(description="`basic` is an app's item; each transaction has one of its own."),
    ]
    external_id: Annotated[str, Meta(description="The transaction's id; empty for an app's item.")]
    created: Instant
    updated: Instant
    read: Annotated[bool, Meta(description="Kept for clients that expect it.")] = False
    url: Annotated[str, Meta(description="Where a tap leads; may be empty.")]
    params: Annotated[
        dict[str, str], Meta(description="What the item says; empty for a transaction.")
    ]
    expires_at: Annotated[
        Instant | UnsetType, Meta(description="When it goes by itself; no such key if it stays.")
    ] = UNSET
    transaction: Annotated[
        WireTransaction | UnsetType, Meta(description="No such key for an app's item.")
    ] = UNSET


class Feed(Struct):
    """One page, newest first."""

    items: list[WireFeedItem]


class OneFeedItem(Struct):
    """One item."""

    item: WireFeedItem


def show_transaction_item(transaction: WireTransaction) -> WireFeedItem:
    """The item that a transaction is."""
    return WireFeedItem(
        id=item_of(transaction.id),
        account_id=transaction.account_id,
        type="transaction",
        external_id=transaction.id,
        created=transaction.created,
        updated=transaction.updated,
        url="",
        params={},
        transaction=transaction,
    )


def show_item(item: FeedItem) -> WireFeedItem:
    """An app's item."""
    expires_at = item.content.expires_at
    return WireFeedItem(
        id=item.id,
        account_id=item.account_id,
        type="basic",
        external_id="",
        created=format_instant(item.created_at),
        updated=format_instant(item.updated_at),
        url=item.content.url,
        params=item.content.params,
        expires_at=UNSET if expires_at is None else format_instant(expires_at),
    )

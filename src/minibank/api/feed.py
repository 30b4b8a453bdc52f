"""The feed: list, create, retrieve, change, delete."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.accounts.store import is_owner
from minibank.api.attachments import attachments_of
from minibank.api.catalogue import (
    BAD_IF_MATCH,
    BAD_KEY,
    FORBIDDEN,
    KEY_REUSED,
    MISSING_PARAM,
    NO_FEED_ITEM,
    NO_WRITES,
    PRECONDITION_FAILED,
    TOO_MANY_FEED_ITEMS,
)
from minibank.api.conditions import Versioned, require_version, viewer_of
from minibank.api.endpoint import Call
from minibank.api.feed_items import (
    Feed,
    OneFeedItem,
    WireFeedItem,
    show_item,
    show_transaction_item,
)
from minibank.api.operation import Expansion, Nothing, Operation
from minibank.api.ownership import require_owned
from minibank.api.repeats import idempotency_key
from minibank.api.requests import Params, is_storable
from minibank.api.transactions import HistoryParameters, merchants_of, version_of, window_of
from minibank.core.errors import BadParam
from minibank.core.ids import shard_of
from minibank.core.instants import parse_instant
from minibank.core.pages import Window
from minibank.db import ReadTx, Tx
from minibank.feed import items, store
from minibank.feed.content import NAMES, WHITE, merge
from minibank.feed.records import PREFIX, Content, FeedItem, subject_of
from minibank.feed.store import Reader
from minibank.transactions import store as transactions
from minibank.transactions.records import VersionedTransaction
from minibank.transactions.windows import Span, ids_in, span_of
from minibank.transactions.wire import show_transaction
from minibank.webhooks.announcing import Happening, announce
from minibank.webhooks.events import (
    FEED_ITEM_CREATED,
    FEED_ITEM_DELETED,
    FEED_ITEM_UPDATED,
    Event,
)


class FeedParameters(HistoryParameters, kw_only=True):
    """A page of a feed."""

    start_time: Annotated[
        str | UnsetType, Meta(description="The same as an instant in `since`, which wins.")
    ] = UNSET


class ItemParameters(Struct, kw_only=True):
    """What an item says."""

    url: Annotated[str | UnsetType, Meta(description="Where a tap on the item leads.")] = UNSET
    params: Annotated[
        dict[str, str | None] | UnsetType,
        Meta(
            description="`params[title]` and `params[image_url]`, and if you like `params[body]`,"
            " `params[background_color]`, `params[title_color]` and `params[body_color]`, colours"
            " such as `#FF8000`. Nobody fetches the image before somebody looks at the feed.",
            examples=[{"title": "Rain at three", "image_url": "https://app.example/rain.png"}],
        ),
    ] = UNSET
    expires_at: Annotated[
        str | UnsetType, Meta(description="When the item goes by itself; `expires` is the same.")
    ] = UNSET


class NewItemParameters(ItemParameters, kw_only=True):
    """A new item, in the present form or in that of September 2015."""

    account_id: Annotated[str, Meta(description="The account, one of the caller's.")]
    type: Annotated[
        Literal["basic", "image"],
        Meta(
            description="`basic`. The first version of the API had `image`, with `title`,"
            " `image_url`, `background_color` and `body` outside of any `params`.",
            extra_json_schema={"type": "string"},
        ),
    ]
    title: Annotated[str | UnsetType, Meta(description="Of an `image`.")] = UNSET
    image_url: Annotated[str | UnsetType, Meta(description="Of an `image`.")] = UNSET
    background_color: Annotated[
        str | UnsetType, Meta(description=f"Of an `image`; `{WHITE}` unless it is said.")
    ] = UNSET
    body: Annotated[str | UnsetType, Meta(description="Of an `image`.")] = UNSET


_ID = {"item_id": "The item's id."}

LIST_FEED = Operation(
    tag="Feed",
    summary="List the feed of an account",
    description=(
        "Transactions and the calling client's own items together, newest first; what the user"
        " dismissed or what has expired is left out. Walk back with `before` set to the id of the"
        " last item until a page is empty. `since` and `before` mean what they mean for"
        " transactions."
    ),
    takes=FeedParameters,
    answers=Feed,
    refuses=(FORBIDDEN,),
)
CREATE_FEED_ITEM = Operation(
    tag="Feed",
    summary="Create a feed item",
    description=(
        "Each request makes an item, unless it carries an `Idempotency-Key` that came before. No"
        " other client sees it."
    ),
    takes=NewItemParameters,
    answers=Nothing,
    refuses=(FORBIDDEN, BAD_KEY, KEY_REUSED, TOO_MANY_FEED_ITEMS, NO_WRITES),
    repeatable=True,
)
RETRIEVE_FEED_ITEM = Operation(
    tag="Feed",
    summary="Retrieve a feed item",
    path=_ID,
    takes=Expansion,
    answers=OneFeedItem,
    refuses=(NO_FEED_ITEM,),
    conditions=("If-None-Match",),
)
CHANGE_FEED_ITEM = Operation(
    tag="Feed",
    summary="Change a feed item",
    description=(
        "What is not named stays as it is; an empty text takes away what an item may lack. Only the"
        " client that made an item can change it."
    ),
    path=_ID,
    takes=ItemParameters,
    answers=OneFeedItem,
    refuses=(FORBIDDEN, NO_FEED_ITEM, MISSING_PARAM, BAD_IF_MATCH, PRECONDITION_FAILED, NO_WRITES),
    conditions=("If-Match",),
)
DELETE_FEED_ITEM = Operation(
    tag="Feed",
    summary="Delete a feed item",
    path=_ID,
    answers=Nothing,
    refuses=(FORBIDDEN, NO_FEED_ITEM, BAD_IF_MATCH, PRECONDITION_FAILED, NO_WRITES),
    conditions=("If-Match",),
)


async def list_feed(tx: ReadTx, call: Call) -> object:
    """GET /feed: one page of an account's feed, newest first."""
    account_id = call.params.require_text("account_id")
    window = _window_of(call)
    reader = await _require_reader(tx, call, account_id)
    span = await _span_of(tx, reader, window)
    page = await store.list_page(tx, reader, span.after, span.until, span.limit)
    shown = await _show_transactions(tx, call, [one for one in page if isinstance(one, str)])
    return Feed([show_item(one) if isinstance(one, FeedItem) else shown[one] for one in page])


async def create_feed_item(tx: Tx, call: Call) -> object:
    """POST /feed: put an item on an account's feed."""
    account_id = call.params.require_text("account_id")
    content = new_content(call.params)
    key = idempotency_key(call.headers)
    reader = await _require_reader(tx, call, account_id)
    rules = items.FeedRules(call.settings.feed_items_per_day, call.settings.feed_key_seconds)
    item_id = call.draw_id(tx, PREFIX.removesuffix("_"), reader.shard)
    item = await items.create_item(tx, reader, content, rules, item_id=item_id, key=key)
    if item is not None:
        await _announce(tx, FEED_ITEM_CREATED, item)
    return Nothing()


async def retrieve_feed_item(tx: ReadTx, call: Call) -> object:
    """GET /feed/{item_id}: an item of this client, or a transaction's own."""
    found = await _require_visible(tx, call)
    if isinstance(found, FeedItem):
        return Versioned(OneFeedItem(show_item(found)), _version_of(found))
    merchants = await merchants_of(tx, call, [found])
    attached = await attachments_of(tx, call, [found])
    transaction = show_transaction(found, call.caller.options.settled_pending, merchants, attached)
    version = version_of(found, call.caller.client_id)
    return Versioned(OneFeedItem(show_transaction_item(transaction)), version)


async def change_feed_item(tx: Tx, call: Call) -> object:
    """PATCH /feed/{item_id}: change what an item of this client says."""
    texts = call.params.entries("params")
    check = require_version(call.headers, "feed item")
    names = call.params.names
    url = (call.params.text("url") or "") if "url" in names else None
    expires_at = _expiry(call.params)

    def change(item: FeedItem) -> Content:
        if check is not None:
            check(_version_of(item))
        content = merge(item.content, texts, url)
        if names & {"expires_at", "expires"}:
            content = msgspec.structs.replace(content, expires_at=expires_at)
        return content

    found = await _require_own(tx, call)
    item = await items.change_item(tx, found, change)
    if item.version != found.version:
        await _announce(tx, FEED_ITEM_UPDATED, item)
    return Versioned(OneFeedItem(show_item(item)), _version_of(item))


async def delete_feed_item(tx: Tx, call: Call) -> object:
    """DELETE /feed/{item_id}: take an item of this client off the feed."""
    check = require_version(call.headers, "feed item")

    def require(item: FeedItem) -> None:
        if check is not None:
            check(_version_of(item))

    item = await _require_own(tx, call)
    await items.delete_item(tx, item, require)
    await _announce(tx, FEED_ITEM_DELETED, item)
    return Nothing()


async def _announce(tx: Tx, event: Event, item: FeedItem) -> None:
    """Tell the webhooks of the client that made an item: to others it does not exist."""
    happening = Happening(
        shard=item.shard,
        account_id=item.account_id,
        event=event,
        subject=item.id,
        client_id=item.client_id,
    )
    await announce(tx, happening, lambda _: show_item(item))


def new_content(params: Params) -> Content:
    """What a new item says, in either form; `MissingParam` or `BadParam` when it will not do."""
    kind = params.require_text("type")
    if kind not in ("basic", "image"):
        raise BadParam("type", "must be basic")
    texts = params.entries("params")
    if kind == "image":
        flat = {name: params.text(name) or "" for name in NAMES}
        flat["background_color"] = flat["background_color"] or WHITE
        texts = flat | {name: text for name, text in texts.items() if text}
    content = merge(Content(params={}), texts, params.text("url"))
    return msgspec.structs.replace(content, expires_at=_expiry(params))


def _expiry(params: Params) -> int | None:
    for name in ("expires_at", "expires"):
        text = params.text(name)
        if text is not None:
            return _instant(name, text)
    return None


def _instant(name: str, text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError:
        raise BadParam(name, "must be a timestamp") from None


def _window_of(call: Call) -> Window:
    """What part of the feed was asked for; there are clients that say `start_time` for `since`."""
    window = window_of(call.params, call.caller.options.default_page_limit)
    start = call.params.text("start_time")
    if start is None:
        return window
    since = _instant("start_time", start)
    return Window(window.limit, since if window.since is None else window.since, window.before)


async def _span_of(tx: ReadTx, reader: Reader, window: Window) -> Span:
    ids = ids_in(window)
    if not ids:
        return span_of(window, {})
    # The item of a transaction stands where the transaction does.
    rows = {one: subject_of(one) if one.startswith(PREFIX) else one for one in ids}
    places = await store.list_places(tx, reader, sorted({*rows, *rows.values()}))
    known = {one: places.get(one) or places.get(row) for one, row in rows.items()}
    return span_of(window, {one: place for one, place in known.items() if place}, "feed item")


async def _require_reader(tx: ReadTx, call: Call, account_id: str) -> Reader:
    """This client's view of the feed of an account that is the caller's."""
    shard = await require_owned(tx, call, account_id)
    return Reader(shard, account_id, call.caller.client_id, call.caller.user_id)


async def _require_visible(tx: ReadTx, call: Call) -> FeedItem | VersionedTransaction:
    """The item that the path names: this client's own, or a transaction."""
    item_id, client_id = call.path["item_id"], call.caller.client_id
    shard = shard_of(item_id)
    if shard is None or not is_storable(item_id) or not item_id.startswith(PREFIX):
        raise items.no_such_item()
    found: FeedItem | VersionedTransaction | None
    found = await store.find_item(tx, shard, item_id, client_id)
    if found is None:
        subject = subject_of(item_id)
        found = await transactions.find_transaction(tx, shard, subject, client_id)
    if found is None:
        raise items.no_such_item()
    if not await is_owner(tx, shard, found.account_id, call.caller.user_id):
        raise items.no_such_item()
    return found


async def _require_own(tx: ReadTx, call: Call) -> FeedItem:
    """The item that the path names, when this client made it; a transaction's is nobody's."""
    found = await _require_visible(tx, call)
    if not isinstance(found, FeedItem):
        raise call.forbidden()
    return found


def _version_of(item: FeedItem) -> str:
    return f"{item.version}.{viewer_of(item.id, item.client_id)}"


async def _show_transactions(tx: ReadTx, call: Call, ids: list[str]) -> dict[str, WireFeedItem]:
    """The items of these transactions, all of one account, by the transaction's id."""
    if not ids:
        return {}
    shard = call.require_shard(ids[0])
    chosen = await transactions.list_chosen(tx, shard, ids, call.caller.client_id)
    merchants = await merchants_of(tx, call, chosen)
    attached = await attachments_of(tx, call, chosen)
    settled_pending = call.caller.options.settled_pending
    return {
        one.id: show_transaction_item(show_transaction(one, settled_pending, merchants, attached))
        for one in chosen
    }

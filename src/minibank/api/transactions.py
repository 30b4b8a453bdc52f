"""Transactions: list, retrieve, annotate."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.accounts.store import is_owner
from minibank.api.attachments import attachments_of
from minibank.api.catalogue import BAD_IF_MATCH, FORBIDDEN, NO_WRITES, PRECONDITION_FAILED
from minibank.api.conditions import Versioned, require_version, viewer_of
from minibank.api.endpoint import Call
from minibank.api.operation import Expansion, Operation
from minibank.api.ownership import require_owned
from minibank.api.requests import Params
from minibank.core.errors import BadParam
from minibank.core.instants import parse_instant
from minibank.core.pages import LIMIT_MAX, ObjectId, Window
from minibank.db import ReadTx, Tx
from minibank.oauth.records import options_from_json
from minibank.transactions import store
from minibank.transactions.annotate import Target, annotate, require_acceptable
from minibank.transactions.records import AnnotatedTransaction, VersionedTransaction
from minibank.transactions.windows import ids_in, span_of
from minibank.transactions.wire import (
    NOTES,
    Merchants,
    WireTransaction,
    show_merchants,
    show_record,
    show_transaction,
)
from minibank.webhooks.announcing import Happening, announce, hold
from minibank.webhooks.events import TRANSACTION_UPDATED
from minibank.webhooks.records import Listener

_OBJECT_ID = re.compile(r"[a-z]+_")

# What a body may hold besides annotations when those come as bare keys; a token in the wrong place
# must not be stored as one.
_NO_ANNOTATION = frozenset({"expand", "access_token"})


class HistoryParameters(Expansion, kw_only=True):
    """A page of a history."""

    account_id: Annotated[str, Meta(description="The account, one of the caller's.")]
    limit: Annotated[
        Annotated[int, Meta(ge=1)] | UnsetType,
        Meta(description=f"How many at most: 30 by default, and never more than {LIMIT_MAX}."),
    ] = UNSET
    since: Annotated[
        str | UnsetType,
        Meta(description="Created at this instant or later, or after the transaction of this id."),
    ] = UNSET
    before: Annotated[
        str | UnsetType,
        Meta(description="Created before this instant, or before the transaction of this id."),
    ] = UNSET


class AnnotationParameters(Expansion, kw_only=True):
    """What to write on a transaction."""

    metadata: Annotated[
        dict[str, str | None] | UnsetType,
        Meta(
            description="Keys and texts, `metadata[key]=text`; an empty text deletes the key."
            " `metadata[notes]` is the note that the customer and all apps share.",
            examples=[{"trip": "Lisbon", "notes": "Lunch"}],
        ),
    ] = UNSET


class Transactions(Struct):
    """One page, oldest first."""

    transactions: list[WireTransaction]


class OneTransaction(Struct):
    """One transaction."""

    transaction: WireTransaction


_ID = {"transaction_id": "The transaction's id."}

LIST_TRANSACTIONS = Operation(
    tag="Transactions",
    summary="List the transactions of an account",
    description=(
        "Oldest first, whatever is asked for. Walk through a history with `since` set to the id of"
        " the last transaction, until a page is empty."
    ),
    takes=HistoryParameters,
    answers=Transactions,
    refuses=(FORBIDDEN,),
)
RETRIEVE_TRANSACTION = Operation(
    tag="Transactions",
    summary="Retrieve a transaction",
    path=_ID,
    takes=Expansion,
    answers=OneTransaction,
    refuses=(FORBIDDEN,),
    conditions=("If-None-Match",),
)
ANNOTATE_TRANSACTION = Operation(
    tag="Transactions",
    summary="Annotate a transaction",
    description=(
        "Other keys stay as they are. An app sees its own keys and no other app's; the bank's keys"
        " cannot be changed. A body without any `metadata` is taken for keys and texts itself."
    ),
    path=_ID,
    takes=AnnotationParameters,
    answers=OneTransaction,
    refuses=(FORBIDDEN, BAD_IF_MATCH, PRECONDITION_FAILED, NO_WRITES),
    conditions=("If-Match",),
)


def window_of(params: Params, limit_default: int) -> Window:
    """The part of a history that was asked for; `BadParam` for a bound that cannot be read."""
    return Window(
        limit=params.limit(limit_default),
        since=_bound(params, "since"),
        before=_bound(params, "before"),
    )


def _bound(params: Params, name: str) -> int | ObjectId | None:
    text = params.text(name)
    if text is None:
        return None
    if _OBJECT_ID.match(text):
        return ObjectId(text)
    try:
        return parse_instant(text)
    except ValueError:
        raise BadParam(name, "must be a timestamp or the id of a transaction") from None


def expands_merchant(params: Params) -> bool:
    """Whether merchants are to be whole objects; there is a client that sends `=merchant`."""
    return any(
        part.strip().lstrip("=") == "merchant"
        for text in params.texts("expand")
        for part in text.split(",")
    )


async def list_transactions(tx: ReadTx, call: Call) -> object:
    """GET /transactions: one page of an account's history, oldest first."""
    account_id = call.params.require_text("account_id")
    window = window_of(call.params, call.caller.options.default_page_limit)
    shard = await require_owned(tx, call, account_id)
    ids = ids_in(window)
    positions = await store.list_positions(tx, shard, account_id, ids) if ids else {}
    span = span_of(window, positions)
    page = await store.list_page(tx, shard, account_id, call.caller.client_id, span)
    merchants = await merchants_of(tx, call, page)
    attached = await attachments_of(tx, call, page)
    settled_pending = call.caller.options.settled_pending
    shown = [show_transaction(one, settled_pending, merchants, attached) for one in page]
    return Transactions(shown)


async def retrieve_transaction(tx: ReadTx, call: Call) -> object:
    """GET /transactions/{transaction_id}"""
    return await _show(tx, call, await _require_visible(tx, call))


async def annotate_transaction(tx: Tx, call: Call) -> object:
    """PATCH /transactions/{transaction_id}: change the client's annotations or the shared note.

    With `If-Match` only a version that the client has seen is changed.
    """
    changes = changes_in(call.params)
    check = require_version(call.headers)
    found = await _require_visible(tx, call)
    news = _note_changed(found) if NOTES in changes else None
    if news is not None and await hold(tx, news):
        found = await _require_visible(tx, call)
    before = found.notes

    def require(locked: VersionedTransaction) -> None:
        if check is not None:
            check(version_of(locked, call.caller.client_id))

    if changes:
        target = Target(found.shard, found.id, call.caller.client_id, call.caller.user_id)
        found = await annotate(tx, target, changes, require)
    else:
        require(found)
    if news is not None and found.notes != before:
        await announce(tx, news, await _shown_to(tx, call, found))
    return await _show(tx, call, found)


def _note_changed(transaction: VersionedTransaction) -> Happening:
    return Happening(
        shard=transaction.shard,
        account_id=transaction.account_id,
        event=TRANSACTION_UPDATED,
        subject=transaction.id,
    )


async def _shown_to(
    tx: ReadTx, call: Call, transaction: VersionedTransaction
) -> Callable[[Listener], WireTransaction]:
    """How a transaction looks to each client's webhook: with no client's own annotations."""
    [record] = await store.list_records(tx, [transaction.shard], [transaction.id])
    rows = await store.list_merchants(tx, [record.merchant_id] if record.merchant_id else [])
    merchants = show_merchants(rows, call.public_url)
    attached = await attachments_of(tx, call, [transaction])

    def show(listener: Listener) -> WireTransaction:
        options = options_from_json(listener.options)
        return show_record(record, options.settled_pending, merchants, attached)

    return show


def version_of(transaction: VersionedTransaction, client_id: str) -> str:
    """The version of a transaction as this client sees it.

    Both numbers only grow. What other clients keep to themselves is in neither; whose view it is
    is said as well, so that one client's version is never taken for another's.
    """
    viewer = viewer_of(transaction.id, client_id)
    return f"{transaction.version}.{transaction.annotation_version or 0}.{viewer}"


def changes_in(params: Params) -> dict[str, str]:
    """The annotations that a request changes; there is a client that sends them as bare keys.

    Raises `BadParam` when they are not made of texts or are too long.
    """
    is_named = "metadata" in params.names
    changes = params.entries("metadata") if is_named else params.loose_entries(_NO_ANNOTATION)
    require_acceptable(changes)
    return changes


async def _require_visible(tx: ReadTx, call: Call) -> VersionedTransaction:
    """The transaction that the path names, when its account is one of the caller's."""
    transaction_id = call.path["transaction_id"]
    shard = call.require_shard(transaction_id)
    found = await store.find_transaction(tx, shard, transaction_id, call.caller.client_id)
    if found is None or not await is_owner(tx, shard, found.account_id, call.caller.user_id):
        raise call.forbidden()
    return found


async def _show(tx: ReadTx, call: Call, transaction: VersionedTransaction) -> Versioned:
    merchants = await merchants_of(tx, call, [transaction])
    attached = await attachments_of(tx, call, [transaction])
    shown = show_transaction(transaction, call.caller.options.settled_pending, merchants, attached)
    return Versioned(OneTransaction(shown), version_of(transaction, call.caller.client_id))


async def merchants_of(
    tx: ReadTx, call: Call, transactions: Sequence[AnnotatedTransaction]
) -> Merchants | None:
    """The merchants of these transactions, when the request wants whole ones."""
    if not expands_merchant(call.params):
        return None
    ids = sorted({one.merchant_id for one in transactions if one.merchant_id})
    return show_merchants(await store.list_merchants(tx, ids), call.public_url)

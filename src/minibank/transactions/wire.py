"""How a transaction looks to a client: the one place that says so.

The shape is the union of all versions of the API: clients ignore fields they do not know and break
on missing ones. The few points where versions contradict each other follow the client's options.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from minibank.core.instants import format_instant
from minibank.core.wire import Currency, Empty, EmptyObject, Instant, Texts, stored
from minibank.db import Row
from minibank.transactions.records import AnnotatedTransaction, DeclineReason, TransactionRecord

SettledPending = Literal["", "omit", "bool", "null"]
"""What `settled` is while a transaction is pending; `bool` makes it a boolean throughout."""

NOTES = "notes"

_NOTHING = Raw(b"{}")
_decode_texts = msgspec.json.Decoder(dict[str, str]).decode
_encode = msgspec.json.Encoder().encode


class WirePostalAddress(msgspec.Struct, kw_only=True):
    """Where a merchant is; stored in this form, and with fewer keys where less is known."""

    short_formatted: str | UnsetType = UNSET
    formatted: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    city: str | UnsetType = UNSET
    region: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    postcode: str | UnsetType = UNSET
    latitude: float | UnsetType = UNSET
    longitude: float | UnsetType = UNSET
    zoom_level: int | UnsetType = UNSET
    approximate: bool | UnsetType = UNSET


class WireMerchant(msgspec.Struct, kw_only=True):
    """An expanded merchant as clients read it."""

    id: str
    group_id: Annotated[str, Meta(description="The brand: outlets of one brand share it.")]
    created: Instant
    name: str
    logo: Annotated[str, Meta(description="An absolute URL, or empty.")]
    emoji: str
    category: str
    online: bool
    atm: bool
    address: Annotated[Raw, stored(WirePostalAddress)]
    updated: Instant
    metadata: Annotated[Raw, Texts]
    disable_feedback: bool = False
    suggested_tags: Empty = ""


class WireAttachment(msgspec.Struct):
    """A file attached to a transaction as clients read it."""

    id: str
    user_id: Annotated[str, Meta(description="Who attached it.")]
    external_id: Annotated[str, Meta(description="The transaction's id.")]
    file_url: Annotated[str, Meta(description="Where the file is, here or anywhere.")]
    file_type: Annotated[str, Meta(description="What the app says that it is.")]
    created: Instant
    url: Annotated[str, Meta(description="`file_url` again.")]
    type: Annotated[str, Meta(description="`file_type` again.")]


class WireTransaction(msgspec.Struct, gc=False):
    """A transaction as clients read it; what has a default is the same for every transaction."""

    id: str
    created: Instant
    description: Annotated[str, Meta(description="What the statement says.")]
    amount: Annotated[
        int,
        Meta(description="In minor units of `currency`: what leaves the account is negative."),
    ]
    currency: Currency
    merchant: Annotated[
        str | Raw | None,
        stored(str, WireMerchant, None),
        Meta(description="An id, the whole merchant when expanded, or null without one."),
    ]
    notes: Annotated[str, Meta(description="The one note that the customer and all apps share.")]
    metadata: Annotated[
        dict[str, str] | Raw,
        Texts,
        Meta(description="The calling app's own annotations, and the bank's keys."),
    ]
    account_balance: Annotated[
        int, Meta(description="What was available right after this, in minor units.")
    ]
    category: str
    categories: Annotated[
        dict[str, int], Meta(description="The amount under its category, in minor units.")
    ]
    is_load: Annotated[bool, Meta(description="Whether this is a top-up.")]
    settled: Annotated[
        str | bool | UnsetType | None,
        Meta(
            description="When it settled, RFC 3339. While it is pending: empty. Apps registered"
            " with `settled_pending` are answered with null, no such key, or a boolean instead."
        ),
    ]
    decline_reason: Annotated[
        DeclineReason | UnsetType,
        Meta(description="Why it was declined; no such key otherwise. More reasons may come."),
    ]
    local_amount: Annotated[int, Meta(description="The amount in minor units of `local_currency`.")]
    local_currency: Currency
    updated: Instant
    account_id: str
    user_id: Annotated[str, Meta(description="Who made it; empty when nobody is known to have.")]
    counterparty: Annotated[
        Raw,
        Meta(
            description="The other side of a transfer; an empty object otherwise.",
            extra_json_schema={"type": "object"},
        ),
    ]
    scheme: str
    dedupe_id: str
    originator: Annotated[bool, Meta(description="Whether this side began it.")]
    include_in_spending: bool
    amount_is_pending: bool
    fees: Annotated[Raw, EmptyObject]
    labels: None
    attachments: list[WireAttachment]
    international: None = None
    can_be_excluded_from_breakdown: bool = True
    can_be_made_subscription: bool = True
    can_split_the_bill: bool = True
    can_add_to_tab: bool = True
    can_match_transactions_in_categorization: bool = True
    atm_fees_detailed: None = None
    parent_account_id: Empty = ""


Merchants = Mapping[str, Raw]
"""Merchants by id, each as the JSON that goes out."""

Attachments = Mapping[str, list[WireAttachment]]
"""The attachments of transactions that have some, by the transaction's id."""

_NO_ATTACHMENTS: Attachments = {}


def show_transaction(
    row: AnnotatedTransaction,
    settled_pending: SettledPending,
    merchants: Merchants | None = None,
    attachments: Attachments = _NO_ATTACHMENTS,
) -> WireTransaction:
    """A transaction as its reader may see it; `merchants` when they are expanded."""
    updated_at = row.updated_at
    if row.annotated_at is not None and row.annotated_at > updated_at:
        # A private annotation moves `updated` for its own client only.
        updated_at = row.annotated_at
    created = format_instant(row.created_at)
    updated = _format(updated_at, row.created_at, created)
    settled = None if row.settled_at is None else _format(row.settled_at, updated_at, updated)
    merchant = row.merchant_id
    # By position: names would take as long again.
    return WireTransaction(
        row.id,
        created,
        row.description,
        row.amount,
        row.currency,
        merchant if merchants is None or merchant is None else merchants.get(merchant),
        row.notes,
        _metadata(row),
        row.account_balance,
        row.category,
        {row.category: row.amount},
        row.is_load == 1,
        _settled(settled, settled_pending),
        UNSET if row.decline_reason is None else cast(DeclineReason, row.decline_reason),
        row.local_amount,
        row.local_currency,
        updated,
        row.account_id,
        row.user_id,
        Raw(row.counterparty.encode()),
        row.scheme,
        row.dedupe_id,
        row.originator == 1,
        row.include_in_spending == 1,
        row.amount_is_pending == 1,
        _NOTHING,
        None,
        attachments.get(row.id, []),
    )


def show_record(
    record: TransactionRecord,
    settled_pending: SettledPending,
    merchants: Merchants,
    attachments: Attachments = _NO_ATTACHMENTS,
) -> WireTransaction:
    """A transaction as it is for all its readers, with no client's annotations, its merchant
    expanded."""
    fields = AnnotatedTransaction.__struct_fields__
    values: list[Any] = [getattr(record, name, None) for name in fields]
    return show_transaction(AnnotatedTransaction(*values), settled_pending, merchants, attachments)


def _metadata(row: AnnotatedTransaction) -> dict[str, str] | Raw:
    """The client's own annotations under the bank's keys, and the shared note above all."""
    if not row.notes and (row.annotations is None or row.annotations == "{}"):
        return Raw(row.metadata.encode())
    merged = _decode_texts(row.annotations) if row.annotations else {}
    merged |= _decode_texts(row.metadata)
    if row.notes:
        merged[NOTES] = row.notes
    return merged


def _format(instant: int, other: int, text: str) -> str:
    """An instant as text, given the text of another one: most often they are the same."""
    return text if instant == other else format_instant(instant)


def _settled(settled: str | None, settled_pending: SettledPending) -> str | bool | UnsetType | None:
    if settled_pending == "bool":
        return settled is not None
    if settled is not None:
        return settled
    if settled_pending == "omit":
        return UNSET
    return None if settled_pending == "null" else ""


def show_attachment(row: Row, files_url: str) -> WireAttachment:
    """A row of `attachments`; the address of one of the bank's own files begins with
    `files_url`."""
    url: str = row["file_url"]
    url = files_url + url if url.startswith("/") else url
    kind: str = row["file_type"]
    return WireAttachment(
        id=row["id"],
        user_id=row["user_id"],
        external_id=row["transaction_id"],
        file_url=url,
        file_type=kind,
        created=format_instant(row["created_at"]),
        url=url,
        type=kind,
    )


def show_attachments(rows: Sequence[Row], files_url: str) -> dict[str, list[WireAttachment]]:
    """Rows of `attachments` by their transaction, each list in the order of the rows."""
    shown: dict[str, list[WireAttachment]] = {}
    for row in rows:
        shown.setdefault(row["transaction_id"], []).append(show_attachment(row, files_url))
    return shown


def show_merchants(rows: Sequence[Row], public_url: str) -> dict[str, Raw]:
    """Rows of `store.list_merchants` by id, encoded once however many transactions name them."""
    return {row["id"]: Raw(_encode(_merchant(row, public_url))) for row in rows}


def _merchant(row: Row, public_url: str) -> WireMerchant:
    logo: str = row["logo"]
    return WireMerchant(
        id=row["id"],
        group_id=row["group_id"],
        created=format_instant(row["created_at"]),
        name=row["name"],
        logo=public_url + logo if logo.startswith("/") else logo,
        emoji=row["emoji"],
        category=row["category"],
        online=row["online"] == 1,
        atm=row["atm"] == 1,
        address=Raw(row["postal_address"].encode()),
        updated=format_instant(row["updated_at"]),
        metadata=Raw(row["metadata"].encode()),
    )


def decode_metadata(text: str) -> dict[str, str]:
    """Stored metadata as a dictionary of texts."""
    return _decode_texts(text)


def encode_metadata(metadata: Mapping[str, Any]) -> str:
    """Metadata as it is stored."""
    return _encode(metadata).decode()

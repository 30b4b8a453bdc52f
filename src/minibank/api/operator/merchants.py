"""Merchants, as operators make them known and change what is said of them."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from minibank.api.catalogue import NO_MERCHANT
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import OperatorCall
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.core.instants import format_instant
from minibank.core.pages import LIMIT_MAX
from minibank.core.wire import Instant, Texts, stored
from minibank.db import ReadTx, Tx
from minibank.operators.records import Scope
from minibank.transactions.merchants import add_merchant, find_merchant, record_of
from minibank.transactions.merchants import change_merchant as change
from minibank.transactions.records import MerchantRecord
from minibank.transactions.store import list_merchants_after
from minibank.transactions.wire import WirePostalAddress

METADATA_MAX = 20
"""How many texts a merchant's metadata may hold."""

_Name = Annotated[str, Meta(description="What people see.", min_length=1, max_length=100)]
_Category = Annotated[
    str,
    Meta(
        description="What its payments are filed under, such as `eating_out`.",
        pattern="^[a-z][a-z_]{0,39}$",
    ),
]
_Emoji = Annotated[str, Meta(description="Shown where there is no logo.", max_length=16)]
_Logo = Annotated[
    str,
    Meta(description="An absolute URL, or empty.", pattern="^(https?://[!-~]+)?$", max_length=2048),
]
_Group = Annotated[
    str,
    Meta(description="The brand; outlets of one brand share it.", min_length=1, max_length=64),
]
_Text = Annotated[str, Meta(max_length=200)]
_Degrees = Annotated[float, Meta(ge=-180, le=180)]


class PostalAddressRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a merchant is, as far as it is known."""

    short_formatted: _Text | UnsetType = UNSET
    formatted: _Text | UnsetType = UNSET
    address: _Text | UnsetType = UNSET
    city: _Text | UnsetType = UNSET
    region: _Text | UnsetType = UNSET
    country: _Text | UnsetType = UNSET
    postcode: _Text | UnsetType = UNSET
    latitude: _Degrees | UnsetType = UNSET
    longitude: _Degrees | UnsetType = UNSET
    zoom_level: Annotated[int, Meta(ge=0, le=24)] | UnsetType = UNSET
    approximate: bool | UnsetType = UNSET


_Metadata = Annotated[
    dict[_Text, _Text], Meta(description="Texts, such as `website`.", max_length=METADATA_MAX)
]


class MerchantChangesRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be said of a merchant from now on; what is left out stays as it is."""

    name: _Name | UnsetType = UNSET
    category: _Category | UnsetType = UNSET
    group_id: _Group | UnsetType = UNSET
    logo: _Logo | UnsetType = UNSET
    emoji: _Emoji | UnsetType = UNSET
    online: bool | UnsetType = UNSET
    atm: bool | UnsetType = UNSET
    address: PostalAddressRequest | UnsetType = UNSET
    metadata: _Metadata | UnsetType = UNSET


class NewMerchantRequest(MerchantChangesRequest, frozen=True, kw_only=True):
    """A merchant to be made known."""

    name: _Name
    category: _Category


class WhichMerchants(Struct, frozen=True, kw_only=True):
    """Which part of the list."""

    after: After = UNSET
    limit: Limit = UNSET


class WireOperatorMerchant(Struct, frozen=True, kw_only=True):
    """A merchant as operators read it."""

    id: str
    group_id: Annotated[str, Meta(description="The brand.")]
    name: str
    category: str
    emoji: str
    logo: str
    online: bool
    atm: bool
    address: Annotated[Raw, stored(WirePostalAddress)]
    metadata: Annotated[Raw, Texts]
    created: Instant
    updated: Instant


class MerchantPage(Struct, frozen=True):
    """A page of the merchants, oldest first."""

    merchants: list[WireOperatorMerchant]
    next: Cursor


_MERCHANT = {"merchant_id": "The merchant."}
READERS: tuple[Scope, ...] = ("rails", "customers", "audit")

CREATE_MERCHANT = Operation(
    tag="Movements",
    summary="Make a merchant known",
    description="Card payments name a merchant by its id.",
    body=NewMerchantRequest,
    answers=WireOperatorMerchant,
    scopes=("rails",),
)
CHANGE_MERCHANT = Operation(
    tag="Movements",
    summary="Change what is said of a merchant",
    description="On all transactions that name it, those of the past too.",
    path=_MERCHANT,
    body=MerchantChangesRequest,
    answers=WireOperatorMerchant,
    refuses=(NO_MERCHANT,),
    scopes=("rails",),
)
RETRIEVE_MERCHANT = Operation(
    tag="Movements",
    summary="Retrieve a merchant",
    path=_MERCHANT,
    answers=WireOperatorMerchant,
    refuses=(NO_MERCHANT,),
    scopes=READERS,
)
LIST_MERCHANTS = Operation(
    tag="Movements",
    summary="List merchants",
    takes=WhichMerchants,
    answers=MerchantPage,
    scopes=READERS,
)


async def create_merchant(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/merchants"""
    said = call.read(NewMerchantRequest)
    values: dict[str, Any] = {
        "group_id": "",
        "logo": "",
        "emoji": "",
        "online": False,
        "atm": False,
        "postal_address": "{}",
        "metadata": "{}",
        **_values(said),
    }
    values["group_id"] = values["group_id"] or call.draw_id(tx.ids, "grp", 0, tx.now)
    merchant_id = call.draw_id(tx.ids, "merch", 0, tx.now)
    record = MerchantRecord(id=merchant_id, **values, created_at=tx.now, updated_at=tx.now)
    return await add_merchant(tx, record)


async def change_merchant(tx: Tx, call: OperatorCall) -> str:
    """PATCH /operator/v1/merchants/{merchant_id}"""
    return await change(tx, _require_id(call), **_values(call.read(MerchantChangesRequest)))


async def show(tx: ReadTx, _call: OperatorCall, merchant_id: str) -> WireOperatorMerchant:
    """A merchant that a request was about."""
    found = await find_merchant(tx, merchant_id)
    if found is None:
        raise _no_merchant()
    return _show(found)


async def retrieve_merchant(tx: ReadTx, call: OperatorCall) -> WireOperatorMerchant:
    """GET /operator/v1/merchants/{merchant_id}"""
    return await show(tx, call, _require_id(call))


async def list_merchants(tx: ReadTx, call: OperatorCall) -> MerchantPage:
    """GET /operator/v1/merchants"""
    limit = call.params.limit(LIMIT_MAX)
    after = position_of(call.params.text("after"), str) or ""
    found = [record_of(row) for row in await list_merchants_after(tx, after, limit)]
    last = found[-1].id if len(found) == limit else None
    return MerchantPage([_show(one) for one in found], cursor_of(last))


def _require_id(call: OperatorCall) -> str:
    """The merchant that the path names; `NotFound` for what can be the id of none."""
    merchant_id = call.path["merchant_id"]
    if shard_of(merchant_id) is None:
        raise _no_merchant()
    return merchant_id


def _no_merchant() -> NotFound:
    return NotFound("merchant", "There is no such merchant")


def _values(said: MerchantChangesRequest) -> dict[str, Any]:
    """What was said, as it is stored."""
    values = {name: one for name in said.__struct_fields__ if (one := getattr(said, name)) != UNSET}
    if "address" in values:
        values["postal_address"] = msgspec.json.encode(values.pop("address")).decode()
    if "metadata" in values:
        values["metadata"] = msgspec.json.encode(values["metadata"]).decode()
    return values


def _show(record: MerchantRecord) -> WireOperatorMerchant:
    return WireOperatorMerchant(
        id=record.id,
        group_id=record.group_id,
        name=record.name,
        category=record.category,
        emoji=record.emoji,
        logo=record.logo,
        online=record.online,
        atm=record.atm,
        address=Raw(record.postal_address.encode()),
        metadata=Raw(record.metadata.encode()),
        created=format_instant(record.created_at),
        updated=format_instant(record.updated_at),
    )

"""Receipts: put, retrieve, delete."""

from typing import Annotated

from msgspec import Meta, Struct

from minibank.accounts.store import is_owner
from minibank.api.catalogue import FORBIDDEN, NO_RECEIPT, NO_WRITES, TOO_MANY_RECEIPTS
from minibank.api.endpoint import Call
from minibank.api.json_values import decoder_of
from minibank.api.operation import Nothing, Operation
from minibank.core.ids import shard_of
from minibank.core.wire import Empty
from minibank.db import ReadTx, Tx
from minibank.receipts import store
from minibank.receipts.content import (
    ID_MAX,
    Content,
    ReceiptItem,
    ReceiptMerchant,
    ReceiptPayment,
    ReceiptTax,
)
from minibank.receipts.putting import RECEIPTS_MAX, no_such_receipt, remove_receipt
from minibank.receipts.putting import put_receipt as put
from minibank.receipts.records import Holder, Receipt
from minibank.transactions.store import find_transaction


class NewReceipt(Content, kw_only=True):
    """A receipt as an app sends it."""

    external_id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=ID_MAX,
            description="Your own name for the receipt, such as an order's number: the same again"
            " replaces all that was said before.",
        ),
    ]
    transaction_id: Annotated[
        str, Meta(min_length=1, description="The transaction, of one of the caller's accounts.")
    ]


class OfReceipt(Struct):
    """Which receipt."""

    external_id: Annotated[str, Meta(description="The name that the caller gave it.")]


class ReceiptId(Struct):
    """The bank's id of a receipt."""

    receipt_id: str


class WireReceipt(Struct, kw_only=True):
    """A receipt as its app reads it: what was not said is empty, 0 or false."""

    id: str
    external_id: str
    transaction_id: str
    proof_of_purchase_id: Empty = ""
    barcode: Annotated[None, Meta(description="Kept for clients that expect it.")] = None
    total: Annotated[int, Meta(description="In minor units.")]
    currency: str
    items: list[ReceiptItem]
    taxes: list[ReceiptTax]
    payments: list[ReceiptPayment]
    merchant: ReceiptMerchant


class OneReceipt(Struct):
    """One receipt."""

    receipt: WireReceipt


PUT_RECEIPT = Operation(
    tag="Receipts",
    summary="Put a receipt",
    description=(
        "Say what a payment was for, in JSON. With an `external_id` that the caller has used"
        " before, the whole receipt is replaced and keeps its id. Nobody checks whether it adds up."
        f" No other client sees it. A client may keep {RECEIPTS_MAX} for each transaction."
    ),
    body=NewReceipt,
    answers=ReceiptId,
    refuses=(FORBIDDEN, NO_RECEIPT, TOO_MANY_RECEIPTS, NO_WRITES),
)
RETRIEVE_RECEIPT = Operation(
    tag="Receipts",
    summary="Retrieve a receipt",
    takes=OfReceipt,
    answers=OneReceipt,
    refuses=(NO_RECEIPT,),
)
DELETE_RECEIPT = Operation(
    tag="Receipts",
    summary="Delete a receipt",
    takes=OfReceipt,
    answers=Nothing,
    refuses=(NO_RECEIPT, NO_WRITES),
)

_decode = decoder_of(NewReceipt)


async def put_receipt(tx: Tx, call: Call) -> object:
    """PUT /transaction-receipts: keep a receipt, in place of the one of the same name."""
    new = _decode(call.body)
    shard = call.require_shard(new.transaction_id)
    found = await find_transaction(tx, shard, new.transaction_id, call.caller.client_id)
    if found is None or not await is_owner(tx, shard, found.account_id, call.caller.user_id):
        raise call.forbidden()
    holder = _holder(call)
    receipt = Receipt(
        external_id=new.external_id,
        id=call.draw_id(tx, "receipt", holder.shard),
        transaction_id=new.transaction_id,
        content=Content(**{name: getattr(new, name) for name in Content.__struct_fields__}),
        created_at=tx.now,
        updated_at=tx.now,
    )
    return ReceiptId(await put(tx, holder, receipt))


async def retrieve_receipt(tx: ReadTx, call: Call) -> object:
    """GET /transaction-receipts: a receipt of this client, by its own name for it."""
    external_id = call.params.require_text("external_id")
    found = await store.find_receipt(tx, _holder(call), external_id)
    if found is None:
        raise no_such_receipt()
    return OneReceipt(_show(found))


async def delete_receipt(tx: Tx, call: Call) -> object:
    """DELETE /transaction-receipts: the name may stand in the query or in a body."""
    await remove_receipt(tx, _holder(call), call.params.require_text("external_id"))
    return Nothing()


def _holder(call: Call) -> Holder:
    caller = call.caller
    shard = shard_of(caller.user_id)
    assert shard is not None, "the caller exists"
    return Holder(shard, caller.user_id, caller.client_id)


def _show(receipt: Receipt) -> WireReceipt:
    content = receipt.content
    return WireReceipt(
        id=receipt.id,
        external_id=receipt.external_id,
        transaction_id=receipt.transaction_id,
        **{name: getattr(content, name) for name in Content.__struct_fields__},
    )

"""Attachments: ask where to send a file, attach it or any other, take it off."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.accounts.store import is_owner
from minibank.api.catalogue import (
    FORBIDDEN,
    NO_ATTACHMENT,
    NO_WRITES,
    TOO_MANY_ATTACHMENTS,
    TOO_MANY_UPLOADS,
)
from minibank.api.endpoint import Call
from minibank.api.operation import Nothing, Operation
from minibank.api.requests import is_storable
from minibank.attachments import store
from minibank.attachments.names import FilePath, clean_name, own_path, require_type, require_url
from minibank.attachments.records import ATTACHMENT, UPLOAD, Attachment
from minibank.attachments.registering import (
    attach,
    detach,
    no_such_attachment,
    require_own_upload,
)
from minibank.attachments.uploading import NewFile, UploadRules, expect_file
from minibank.core.clock import MICROSECONDS
from minibank.core.errors import BadParam
from minibank.core.ids import shard_of
from minibank.db import ReadTx, Row, Tx
from minibank.settings import Settings
from minibank.transactions.attaching import count_fewer, count_one_more
from minibank.transactions.records import AnnotatedTransaction
from minibank.transactions.store import find_transaction
from minibank.transactions.wire import (
    Attachments,
    WireAttachment,
    show_attachment,
    show_attachments,
)

RECEIVE = "/attachment/upload/{upload_id}"
"""The path to which a file is sent."""


class UploadParameters(Struct, kw_only=True):
    """A file that is about to be sent."""

    file_name: Annotated[
        str,
        Meta(description="What it is called; of a path only the end is kept.", examples=["a.png"]),
    ]
    file_type: Annotated[str, Meta(description="Its MIME type.", examples=["image/png"])]
    content_length: Annotated[
        Annotated[int, Meta(ge=1)] | UnsetType,
        Meta(
            description="How many bytes it has. Optional, as in the first years of the API; a file"
            " that then has another size is refused."
        ),
    ] = UNSET


class RegisterParameters(Struct, kw_only=True):
    """A file that belongs to a transaction."""

    external_id: Annotated[str, Meta(description="The transaction's id.")]
    file_url: Annotated[
        str,
        Meta(
            description="What `/attachment/upload` said, or any other address that begins with"
            " http:// or https://. The bank never goes there.",
            examples=["https://app.example/receipts/1.png"],
        ),
    ]
    file_type: Annotated[str, Meta(description="Its MIME type.", examples=["image/png"])]


class DeregisterParameters(Struct, kw_only=True):
    """An attachment to take off."""

    id: Annotated[str, Meta(description="The attachment's id.")]


class UploadPlace(Struct):
    """Where to send a file, and where everybody finds it then."""

    file_url: Annotated[str, Meta(description="Where it will be; whoever knows it may read it.")]
    upload_url: Annotated[
        str,
        Meta(description="Where to send it by `PUT` or `POST`, without a token, within minutes."),
    ]


class OneAttachment(Struct):
    """One attachment."""

    attachment: WireAttachment


REQUEST_UPLOAD = Operation(
    tag="Attachments",
    summary="Ask where to send a file",
    description=(
        "Send the bytes to `upload_url`, then attach `file_url` to a transaction. What nobody has"
        " attached to anything after a day is removed."
    ),
    takes=UploadParameters,
    answers=UploadPlace,
    refuses=(TOO_MANY_UPLOADS, NO_WRITES),
)
REGISTER_ATTACHMENT = Operation(
    tag="Attachments",
    summary="Attach a file to a transaction",
    description=(
        "The attachment stands in the transaction's `attachments`, for all its owners and their"
        " apps. Each request makes another one, of the same file too."
    ),
    takes=RegisterParameters,
    answers=OneAttachment,
    refuses=(FORBIDDEN, TOO_MANY_ATTACHMENTS, NO_WRITES),
)
DEREGISTER_ATTACHMENT = Operation(
    tag="Attachments",
    summary="Take an attachment off",
    description="A file that was sent here and is attached to nothing any more is removed later.",
    takes=DeregisterParameters,
    answers=Nothing,
    refuses=(NO_ATTACHMENT, NO_WRITES),
)


def upload_rules(settings: Settings) -> UploadRules:
    """How much a user may send in a day, as the settings want it."""
    return UploadRules(settings.upload_files_per_day, settings.upload_bytes_per_day)


async def request_upload(tx: Tx, call: Call) -> object:
    """POST /attachment/upload: an address to which one file may be sent."""
    name = clean_name(call.params.require_text("file_name"))
    file_type = require_type(call.params.require_text("file_type"))
    size = _declared_size(call)
    user_id = call.caller.user_id
    shard = shard_of(user_id)
    assert shard is not None, "a caller's id says where they live"
    upload_id = call.draw_id(tx, UPLOAD, shard)
    path = FilePath.draw(user_id, call.draw_secret(tx, "file"), name)
    new = NewFile(upload_id, path, call.caller.client_id, name, file_type, size)
    await expect_file(tx, new, upload_rules(call.settings))
    expires = tx.now // MICROSECONDS + call.settings.upload_url_seconds
    signed = urlencode({"expires": expires, "signature": call.uploads.sign(upload_id, expires)})
    return UploadPlace(
        file_url=f"{call.files_url}{path}",
        upload_url=f"{call.public_url}{RECEIVE.format(upload_id=upload_id)}?{signed}",
    )


def _declared_size(call: Call) -> int | None:
    size = call.params.integer("content_length")
    most = call.settings.upload_bytes_max
    if size is not None and not 1 <= size <= most:
        raise BadParam("content_length", f"must be from 1 to {most}")
    return size


async def register_attachment(tx: Tx, call: Call) -> object:
    """POST /attachment/register: a file becomes an attachment of a transaction."""
    transaction_id = call.params.require_text("external_id")
    url = require_url(call.params.require_text("file_url"))
    file_type = require_type(call.params.require_text("file_type"))
    shard = call.require_shard(transaction_id)
    found = await find_transaction(tx, shard, transaction_id, call.caller.client_id)
    if found is None or not await is_owner(tx, shard, found.account_id, call.caller.user_id):
        raise call.forbidden()
    path = own_path(url, (call.settings.files_url, call.settings.public_url, call.public_url))
    user_id = call.caller.user_id
    attachment = Attachment(
        shard=shard,
        id=call.draw_id(tx, ATTACHMENT, shard),
        account_id=found.account_id,
        transaction_id=found.id,
        user_id=user_id,
        client_id=call.caller.client_id,
        file_url=url if path is None else str(path),
        file_type=file_type,
        created_at=tx.now,
        upload_id=None if path is None else await require_own_upload(tx, path, user_id),
    )
    known = await store.find_attachment(tx, shard, attachment.id)
    if known is None:
        await count_one_more(tx, shard, found.id)
        await attach(tx, attachment)
        known = await store.find_attachment(tx, shard, attachment.id)
        assert known is not None, "it was just made"
    return OneAttachment(show_attachment(known, call.files_url))


async def deregister_attachment(tx: Tx, call: Call) -> object:
    """POST /attachment/deregister: an attachment of a transaction of the caller's goes."""
    attachment_id = call.params.require_text("id")
    found = await _require_visible(tx, call, attachment_id)
    await count_fewer(tx, found["shard"], [found["transaction_id"]])
    await detach(tx, found["shard"], attachment_id, found["upload_id"])
    return Nothing()


async def _require_visible(tx: ReadTx, call: Call, attachment_id: str) -> Row:
    shard = shard_of(attachment_id)
    if shard is None or not is_storable(attachment_id):
        raise no_such_attachment()
    found = await store.find_attachment(tx, shard, attachment_id)
    if found is None or not await is_owner(tx, shard, found["account_id"], call.caller.user_id):
        raise no_such_attachment()
    return found


async def attachments_of(
    tx: ReadTx, call: Call, transactions: Sequence[AnnotatedTransaction]
) -> Attachments:
    """The attachments of these transactions, all of one account; a query only if there are any."""
    ids = [one.id for one in transactions if one.attachments]
    if not ids:
        return {}
    rows = await store.list_attachments(tx, transactions[0].shard, ids)
    return show_attachments(rows, call.files_url)

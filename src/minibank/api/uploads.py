"""The bytes of a file come in: whoever has the signed address may send them, without a token."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from urllib.parse import parse_qsl

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.answers import Answer, answer_json
from minibank.api.attachments import upload_rules
from minibank.api.bodies import bad_body
from minibank.api.catalogue import (
    ANOTHER_FILE,
    BAD_SIGNATURE,
    FILES_AWAY,
    NO_DATABASE,
    NO_UPLOAD,
    NO_WRITES,
    TOO_MANY_UPLOADS,
    UPLOAD_EXPIRED,
    UPLOADS_BUSY,
    WRONG_LENGTH,
)
from minibank.api.endpoint import Edge, Request
from minibank.api.incoming import PACKING_BYTES, receive, unpacking, wrong_length
from minibank.api.operation import FILE, Nothing, Operation
from minibank.api.requests import is_storable
from minibank.attachments.records import Arrived, Upload
from minibank.attachments.sniffing import sniff
from minibank.attachments.store import find_upload
from minibank.attachments.uploading import claim, confirm, is_wanted, no_such_upload
from minibank.core.errors import NotFound, RateLimited, TooLarge, Unavailable
from minibank.core.ids import shard_of
from minibank.files import Files, FilesUnavailable, Spool

AT_ONCE_OF_ONE = 4
"""How many files of one user a process takes in at a time, so that one who sends slowly leaves room
for others."""
RETRY_SECONDS = 1


class SignedParameters(Struct, kw_only=True):
    """What `upload_url` says behind its question mark; other parameters are passed over."""

    expires: Annotated[
        str | UnsetType, Meta(description="When the address ends, in seconds since 1970.")
    ] = UNSET
    signature: Annotated[
        str | UnsetType, Meta(description="Proof that the bank gave this address out.")
    ] = UNSET


RECEIVE_FILE = Operation(
    tag="Attachments",
    summary="Send a file",
    description=(
        "The body is the file, whatever `Content-Type` says, or a form"
        " (`multipart/form-data`) with the file in it; `Content-Encoding: gzip` is understood. No"
        " token is needed, and none is looked at. An address takes one file: the same bytes may be"
        " sent again, others may not."
    ),
    path={"upload_id": "As `upload_url` has it."},
    takes=SignedParameters,
    answers=Nothing,
    refuses=(
        *(BAD_SIGNATURE, UPLOAD_EXPIRED, NO_UPLOAD, ANOTHER_FILE, WRONG_LENGTH),
        *(TOO_MANY_UPLOADS, UPLOADS_BUSY, FILES_AWAY, NO_DATABASE, NO_WRITES),
    ),
    public=True,
    sends=(FILE,),
)


async def receive_file(edge: Edge, request: Request) -> Answer:
    """PUT or POST /attachment/upload/{upload_id}"""
    upload_id = request.path["upload_id"]
    _require_signed(edge, request, upload_id)
    upload = await _require_expected(edge, upload_id)
    bytes_max = edge.settings.upload_bytes_max
    _require_small(request, bytes_max)
    with _place_for(edge, upload.user_id):
        try:
            await _take(edge, request, upload)
        except FilesUnavailable as error:
            edge.watch.files.failures.add("write")
            raise files_away() from error
    return answer_json({})


def _require_signed(edge: Edge, request: Request, upload_id: str) -> None:
    """`Forbidden` unless the address is one that the bank gave out, and not too long ago.

    There are clients that put `?file=...` behind the whole address, so a second question mark
    begins another parameter.
    """
    query = request.query.decode("utf-8", "surrogateescape").replace("?", "&")
    named = dict(reversed(parse_qsl(query, errors="surrogateescape")))
    now = edge.db.clock.now()
    edge.uploads.require(upload_id, named.get("expires", ""), named.get("signature", ""), now)


async def _require_expected(edge: Edge, upload_id: str) -> Upload:
    shard = shard_of(upload_id)
    if shard is None or not is_storable(upload_id):
        raise no_such_upload()
    upload = await edge.db.read(lambda tx: find_upload(tx, shard, upload_id))
    if upload is None:
        raise no_such_upload()
    return upload


def _require_small(request: Request, bytes_max: int) -> None:
    """Refuse by its own word what is too large, before a byte of it is read."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:18]) > bytes_max + PACKING_BYTES:
        raise TooLarge(bytes_max)


@contextmanager
def _place_for(edge: Edge, user_id: str) -> Iterator[None]:
    """One of the places in which this process takes files in; `RateLimited` when all are taken."""
    taken = edge.watch.uploads
    mine = taken.get(user_id, 0)
    if mine >= AT_ONCE_OF_ONE or sum(taken.values()) >= edge.settings.uploads_max:
        raise RateLimited(
            UPLOADS_BUSY, "Too many files are being sent at once", retry_after=RETRY_SECONDS
        )
    taken[user_id] = mine + 1
    try:
        yield
    finally:
        taken[user_id] -= 1
        if not taken[user_id]:
            del taken[user_id]


async def _take(edge: Edge, request: Request, upload: Upload) -> None:
    """Take the file in, claim it, keep it, and call it safe."""
    assert edge.files is not None, "an API that takes files has a place for them"
    assert request.parts is not None, "the route says so"
    bytes_max, declared = edge.settings.upload_bytes_max, upload.declared_size
    with edge.files.spool() as spool:
        sink = unpacking(request.headers, spool, bytes_max, declared)
        await receive(request.parts, sink)
        if declared is not None and spool.size != declared:
            raise wrong_length(declared)
        if not spool.size:
            raise bad_body("The file is empty")
        arrived = Arrived(digest=spool.digest, size=spool.size, media_type=sniff(spool.head))
        await _keep(edge, edge.files, spool, upload.id, arrived)
    edge.watch.files.received.add()
    edge.watch.files.received_bytes.add(by=arrived.size)


async def _keep(edge: Edge, files: Files, spool: Spool, upload_id: str, arrived: Arrived) -> None:
    rules = upload_rules(edge.settings)
    claimed = await edge.db.transact(lambda tx: claim(tx, upload_id, arrived, rules))
    if not claimed.is_stored:
        await files.keep(spool, claimed.name)
        try:
            await edge.db.transact(lambda tx: confirm(tx, claimed, arrived))
        except NotFound:
            # Whoever removed the upload may have looked for its bytes before they were kept.
            if not await edge.db.transact(lambda tx: is_wanted(tx, claimed, arrived)):
                await files.remove(claimed.name)
            raise


def files_away() -> Unavailable:
    """The place for files is full, or does not answer."""
    return Unavailable(
        FILES_AWAY,
        "Files can be neither kept nor read just now, please try again later",
        retry_after=RETRY_SECONDS,
    )

"""The journal as lines of JSON, in an answer that lasts as long as the reader takes."""

import zlib
from collections.abc import AsyncIterator
from typing import Annotated

import structlog
from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.answers import Answer, Headers
from minibank.api.catalogue import NO_ACCOUNT, TOO_MANY_STREAMS
from minibank.api.endpoint import Edge, Request
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import OperatorCall, enter
from minibank.api.operator.entry_sets import NUMBER_DIGITS_MAX
from minibank.core.errors import BadParam, NotFound, RateLimited
from minibank.core.ids import shard_of
from minibank.db import Database, DatabaseError
from minibank.journal.entry_sets.export import BEGINNING, Export
from minibank.journal.entry_sets.store import Position
from minibank.journal.store import find_account

log = structlog.get_logger()

MEDIA = "application/x-ndjson"
GZIP_LEVEL = 1
_WINDOW = 16 + zlib.MAX_WBITS
"""zlib's way to say that it is to be gzip."""

_HEADERS: Headers = [
    (b"content-type", MEDIA.encode()),
    (b"cache-control", b"no-store"),
    (b"vary", b"accept-encoding"),
    # Proxies that collect an answer before they pass it on would need room for the whole journal.
    (b"x-accel-buffering", b"no"),
]


class WhichPart(Struct, frozen=True, kw_only=True):
    """Which part of the journal."""

    account_id: Annotated[
        str | UnsetType, Meta(description="Only this account's; else of the whole bank.")
    ] = UNSET
    after: Annotated[
        str | UnsetType,
        Meta(
            description="Go on after an entry set: the account's id, a colon and its number there"
            " (`acc_...:17`); with `account_id` the number will do."
        ),
    ] = UNSET


EXPORT = Operation(
    tag="Books",
    summary="Export the journal",
    description="Every entry set as a line of JSON, account by account and each account's in the"
    " order of its chain, and after each account a line with the length of its chain and its last"
    " hash. The first line says what follows; the last one, of the type `complete`, has"
    " counts and the SHA-256 of all lines before it: without it the export was cut short, and goes"
    " on with `after`. What is booked after the export began is not in it. It comes compressed if"
    " `Accept-Encoding` says gzip.",
    takes=WhichPart,
    answers=None,
    media=MEDIA,
    refuses=(NO_ACCOUNT, TOO_MANY_STREAMS),
    scopes=("audit",),
)


async def export(edge: Edge, request: Request) -> Answer:
    """GET /operator/v1/journal"""
    call = await enter(edge, request, *EXPORT.scopes)
    account_id = call.params.text("account_id")
    after = await _after(edge.db, call, account_id)
    if edge.watch.streams >= edge.settings.event_streams_max:
        raise RateLimited(TOO_MANY_STREAMS, "Too many streams are open", retry_after=1)
    lines = _lines(edge, Export(edge.db, edge.db.clock.now(), after, account_id))
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Answer(200, b"", _HEADERS, lines)
    return Answer(200, b"", [*_HEADERS, (b"content-encoding", b"gzip")], _compressed(lines))


async def _after(db: Database, call: OperatorCall, account_id: str | None) -> Position:
    text = call.params.text("after")
    if account_id is None and text is None:
        return BEGINNING
    other, _, number = (text or f"{account_id}:0").rpartition(":")
    which = other or account_id or ""
    shard = shard_of(which)
    is_number = number.isascii() and number.isdecimal() and len(number) <= NUMBER_DIGITS_MAX
    if not (which and is_number):
        raise BadParam("after", "is not of the form account:number")
    if account_id is not None and which != account_id:
        raise BadParam("after", "is of another account")
    if shard is None or await db.read(lambda tx: find_account(tx, shard, which)) is None:
        raise NotFound("account", "There is no such account")
    return shard, which, int(number)


async def _lines(edge: Edge, export: Export) -> AsyncIterator[bytes]:
    """The lines, for as long as the bank serves and its database answers.

    One that ends early lacks its last line, by which whoever reads it knows.
    """
    edge.watch.streams += 1
    try:
        async for part in export.lines():
            yield part
            if edge.watch.draining:
                return
    except DatabaseError as error:
        log.warning("an export of the journal was cut short", error=str(error))
    finally:
        edge.watch.streams -= 1


async def _compressed(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same as gzip."""
    squeeze = zlib.compressobj(GZIP_LEVEL, wbits=_WINDOW)
    async for part in parts:
        yield squeeze.compress(part)
    yield squeeze.flush()

"""What happens on an account, for clients that come and ask: pages, and a stream that stays open.

The cursor is the event's number in the stream of this client and account, never a time: numbers
have no gaps and are given in the order of commits, so nothing can appear behind a cursor.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec import field as wire_field

from minibank.api.answers import Answer, Headers
from minibank.api.catalogue import EVENTS_GONE, FORBIDDEN, NO_WRITES, TOO_MANY_STREAMS
from minibank.api.endpoint import Call, Edge, Request, read_again, reading, writing
from minibank.api.operation import Operation
from minibank.api.ownership import require_owned
from minibank.core.errors import BadParam, BadRequest, BankError, RateLimited
from minibank.core.instants import format_instant
from minibank.core.pages import LIMIT_MAX
from minibank.core.wire import Instant
from minibank.db import DatabaseError, ReadTx, Tx
from minibank.webhooks.events import EVENTS, Event, chosen
from minibank.webhooks.history.store import Told, list_after
from minibank.webhooks.records import STREAM, Webhook
from minibank.webhooks.store import DELIVERIES
from minibank.webhooks.streams import Stream, begin_stream, find_stream

LIMIT = 30
STREAM_MEDIA = "text/event-stream"
LAST_EVENT_ID = "last-event-id"
POLL_SECONDS = 1.0
"""How long an open stream waits that nobody wakes: for what other processes commit."""
PAUSE_SECONDS = 0.1
"""How long an open stream waits at least between two looks that found nothing."""
HEARTBEAT_SECONDS = 15.0

_STREAM_HEADERS: Headers = [
    (b"content-type", STREAM_MEDIA.encode()),
    (b"cache-control", b"no-store"),
    # Proxies that collect an answer before they pass it on would keep all events to themselves.
    (b"x-accel-buffering", b"no"),
]


class EventsParameters(Struct, kw_only=True):
    """A page of events."""

    account_id: Annotated[str, Meta(description="The account, one of the caller's.")]
    after: Annotated[
        Annotated[int, Meta(ge=0)] | UnsetType,
        Meta(description="The number of the last event that was seen; from the first one without."),
    ] = UNSET
    limit: Annotated[
        Annotated[int, Meta(ge=1)] | UnsetType,
        Meta(description=f"How many at most: {LIMIT} by default, and never more than {LIMIT_MAX}."),
    ] = UNSET
    events: Annotated[
        list[Annotated[Event, Meta(extra_json_schema={"type": "string"})]] | UnsetType,
        Meta(description="Only these types; all there are unless something is named."),
    ] = wire_field(default=UNSET, name="events[]")


class WireEvent(Struct, kw_only=True):
    """One event."""

    number: Annotated[int, Meta(description="1, 2, 3 ... for this client and account.")]
    id: str
    type: str
    created: Instant
    data: Annotated[
        msgspec.Raw,
        Meta(
            description="As a webhook gets it; null when it was forgotten.",
            extra_json_schema={"type": ["object", "null"]},
        ),
    ]


class Events(Struct, kw_only=True):
    """A page, the oldest first."""

    events: list[WireEvent]
    next: Annotated[
        int, Meta(description="Go on with this as `after`: the last number that was looked at.")
    ]


class _Body(Struct):
    data: msgspec.Raw


LIST_EVENTS = Operation(
    tag="Webhooks",
    summary="Read what happens on an account",
    description=(
        "For clients that cannot be called. Events are kept from the first request on, numbered for"
        " this client and account; ask again with the last number as `after` until nothing comes."
        f" With `Accept: {STREAM_MEDIA}` the answer stays open and has each event as it happens"
        " (server-sent events); `Last-Event-ID` is where to go on."
    ),
    takes=EventsParameters,
    answers=Events,
    refuses=(FORBIDDEN, EVENTS_GONE, TOO_MANY_STREAMS, NO_WRITES),
)


class _NoStream(Exception):
    """The client has no stream of the account yet."""


def _after(call: Call) -> int:
    """Beyond which number; a browser that connects again says it by a header."""
    text = call.headers.get(LAST_EVENT_ID, "")
    if text.isascii() and text.isdecimal():
        return int(text[:18])
    after = call.params.integer("after") or 0
    if after < 0:
        raise BadParam("after", "must be at least 0")
    return after


def _types(call: Call) -> frozenset[str]:
    named = call.params.texts("events")
    return frozenset(chosen(named) if named else EVENTS)


async def find_events(tx: ReadTx, call: Call, beyond: int | None = None) -> Events:
    """A page of what is in the client's stream, beyond a number or where the request says."""
    after, limit, types = _after(call), call.params.limit(LIMIT), _types(call)
    after = after if beyond is None else beyond
    account_id = call.params.require_text("account_id")
    shard = await require_owned(tx, call, account_id)
    stream = await find_stream(tx, shard, account_id, call.caller.client_id)
    if stream is None:
        raise _NoStream
    _require_kept(stream, after)
    told = await list_after(tx, stream.webhook, after, limit)
    last = told[-1].sequence if told else max(after, stream.kept_from - 1)
    return Events(events=[_show(one) for one in told if one.event in types], next=last)


def _require_kept(stream: Stream, after: int) -> None:
    """Refuse a cursor behind which something has been removed, or that this stream never had: what
    would come next would have a gap that nobody sees."""
    first, last = stream.kept_from - 1, stream.next_sequence - 1
    if 0 < after < first:
        raise _gone(f"What came after event {after} is not kept any more", first)
    if after > last:
        raise _gone(f"There is no event {after} yet: it was another stream's", first)


def _gone(message: str, go_on_after: int) -> BadRequest:
    return BadRequest(
        EVENTS_GONE,
        f"{message}; read the account anew, and go on after {go_on_after}",
        params={"after": str(go_on_after)},
    )


async def begin_events(tx: Tx, call: Call) -> Events:
    """Begin the client's stream of an account; the page before its first event is empty."""
    after = _after(call)
    account_id = call.params.require_text("account_id")
    shard = await require_owned(tx, call, account_id)
    client_id, user_id = call.caller.client_id, call.caller.user_id
    stream = Webhook(
        shard=shard,
        id=call.draw_id(tx, "webhook", shard),
        account_id=account_id,
        client_id=client_id,
        user_id=user_id,
        url=STREAM,
        events=EVENTS,
        created_at=tx.now,
    )
    _require_kept(await begin_stream(tx, stream), after)
    return Events(events=[], next=after)


def _show(told: Told) -> WireEvent:
    body = msgspec.json.decode(told.payload, type=_Body) if told.payload else None
    return WireEvent(
        number=told.sequence,
        id=told.id,
        type=told.event,
        created=format_instant(told.created_at),
        data=body.data if body else msgspec.Raw(b"null"),
    )


_page = reading(find_events)
_begin = writing(begin_events)


async def events(edge: Edge, request: Request) -> Answer:
    """GET /events: a page, or an answer that stays open for who accepts that."""
    try:
        answer = await _page(edge, request)
    except _NoStream:
        answer = await _begin(edge, request)
    if STREAM_MEDIA not in request.headers.get("accept", ""):
        return answer
    if edge.watch.streams >= edge.settings.event_streams_max:
        raise RateLimited(TOO_MANY_STREAMS, "Too many streams are open", retry_after=1)
    return Answer(200, b"", _STREAM_HEADERS, _stream(edge, request))


async def _stream(edge: Edge, request: Request) -> AsyncIterator[bytes]:
    """Each event beyond the cursor, as long as the caller may read them and the bank serves."""
    woken = asyncio.Event()
    end = edge.db.wakes.listen(DELIVERIES, woken.set)
    edge.watch.streams += 1
    reader = _Reader(edge, request)
    try:
        yield b": events\n\n"
        while not edge.watch.draining:
            woken.clear()
            part = await reader.read()
            yield part
            if not reader.moved and await reader.is_quiet(woken):
                yield b": nothing yet\n\n"
    except _NoStream:
        yield b"retry: 1000\n\n"
    except BankError as refusal:
        yield b"event: error\ndata: %b\n\n" % msgspec.json.encode(refusal.code)
    except DatabaseError:
        yield b"retry: 5000\n\n"
    finally:
        edge.watch.streams -= 1
        end()


class _Reader:
    """Where a stream that is open has come to."""

    def __init__(self, edge: Edge, request: Request) -> None:
        self._edge = edge
        self._request = request
        self._after: int | None = None
        self.moved = False
        self._silent_since = edge.db.clock.monotonic()

    async def read(self) -> bytes:
        """The next events as they are sent; empty when there are none yet."""
        page = await read_again(self._edge, self._request, self._find)
        assert isinstance(page, Events), "it is what is asked for"
        self.moved = page.next != self._after
        self._after = page.next
        return b"".join(
            b"id: %d\nevent: %b\ndata: %b\n\n"
            % (one.number, one.type.encode(), msgspec.json.encode(one))
            for one in page.events
        )

    async def _find(self, tx: ReadTx, call: Call) -> Events:
        """The page beyond what was sent; who the caller is, and whether it may, is asked anew."""
        return await find_events(tx, call, self._after)

    async def is_quiet(self, woken: asyncio.Event) -> bool:
        """Wait for something to come; whether nothing was sent for so long that a sign is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await woken.wait()
                # Whatever is committed in the bank wakes everybody: look a few times a second.
                await asyncio.sleep(PAUSE_SECONDS)
        now = self._edge.db.clock.monotonic()
        if now - self._silent_since < HEARTBEAT_SECONDS:
            return False
        self._silent_since = now
        return True

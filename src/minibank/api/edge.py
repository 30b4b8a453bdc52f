"""The ASGI application: one request in, one whole answer out, one line in the log."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator

import structlog
from msgspec import Struct
from starlette.types import Receive, Scope, Send

from minibank.api.answers import Answer, answer_error, answer_json, refusal_of
from minibank.api.bodies import parse_body, parse_form
from minibank.api.cors import Origins
from minibank.api.endpoint import Edge, Request
from minibank.api.hosts import Hosts
from minibank.api.limiting import EXEMPT, TOKEN_PATH, Limits, Meter
from minibank.api.paths import headers_of, method_of, segments_of
from minibank.api.request_log import LOGGED_NAMES, loggable_code, loggable_method
from minibank.api.requests import NOTHING, Params, Parsed, require_storable
from minibank.api.routing import Place, Table
from minibank.core.errors import (
    BankError,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    TooLarge,
    Unavailable,
)
from minibank.core.faults import describe_fault
from minibank.core.ids import RandomIds
from minibank.files import FileParts

REQUEST_ID_BYTES = 16


class ClientGone(Exception):
    """The client went away before it had sent its request; there is nobody to answer."""


class Exchange(Struct):
    """One request and what becomes known about it."""

    scope: Scope
    receive: Receive
    method: str
    headers: dict[str, str]
    request_id: str
    started: float
    meter: Meter
    path: str = "unknown"
    code: str | None = None
    names: list[str] = []


class Api:
    """The JSON edge."""

    def __init__(self, edge: Edge, table: Table) -> None:
        self._edge = edge
        self._table = table
        self._hosts = Hosts(edge.settings)
        self._origins = Origins(edge.settings.cors_origins)
        self._limits = Limits(edge.settings, edge.db.clock)
        # Not the bank's own source: an id of a request is no fact of the bank, and must not
        # shift the ids that a seeded bank draws.
        self._ids = RandomIds()
        self._log = structlog.get_logger("minibank.api")
        self._metrics = edge.watch.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, whatever happens."""
        assert scope["type"] == "http", "the API speaks HTTP only"
        client = scope.get("client")
        exchange = Exchange(
            scope=scope,
            receive=receive,
            method=method_of(scope),
            headers=headers_of(scope),
            request_id=self._ids.secret(REQUEST_ID_BYTES).hex(),
            started=self._edge.db.clock.monotonic(),
            meter=Meter(self._limits, client[0] if client else ""),
        )
        try:
            answer = await self._respond(exchange)
        except ClientGone:
            return
        await self._send(exchange, answer, send)
        seconds = self._edge.db.clock.monotonic() - exchange.started
        self._count(exchange, answer, seconds)
        self._log_request(exchange, answer, seconds)

    async def _respond(self, exchange: Exchange) -> Answer:
        try:
            segments = segments_of(exchange.scope)
            if segments not in EXEMPT:
                exchange.meter.enter()
            found = self._table.find(segments)
            if found is None:
                raise NotFound
            place, named = found
            if not self._hosts.serve(place.path, exchange.headers.get("host", "")):
                raise NotFound
            exchange.path = place.path
            return await self._ask(exchange, place, named)
        except ClientGone:
            raise
        except Exception as error:  # nothing may pass the edge
            refusal = refusal_of(error)
            exchange.code = refusal.code
            if isinstance(refusal, RateLimited):
                self._metrics.refuse(refusal)
            if refusal is not error:
                self._log_fault(exchange, error, refusal)
            return answer_error(refusal)

    async def _ask(self, exchange: Exchange, place: Place, named: dict[str, str]) -> Answer:
        if exchange.method == "OPTIONS":
            return answer_json({})
        route = place.routes.get("GET" if exchange.method == "HEAD" else exchange.method)
        if route is None:
            exchange.code = "bad_request.method_not_allowed"
            refused = answer_error(MethodNotAllowed(exchange.method))
            allowed = (b"allow", ", ".join(place.methods).encode())
            return Answer(refused.status, refused.body, [*refused.headers, allowed])
        if place.path == TOKEN_PATH:
            exchange.meter.enter_token_endpoint()
        parts, body = None, b""
        if route.body == "stream":
            parts = _read_parts(exchange)
        else:
            body = await _read_body(exchange, route.body_bytes_max)
        parsed = await self._parse(exchange, body if route.body == "parameters" else b"")
        client = exchange.scope.get("client")
        request = Request(
            id=exchange.request_id,
            operation=f"{route.method} {route.path}",
            method=exchange.method,
            path=named,
            headers=exchange.headers,
            query=exchange.scope["query_string"],
            parsed=parsed,
            body=body,
            parts=parts,
            address=client[0] if client else "",
            meter=exchange.meter,
            scheme=exchange.scope["scheme"],
        )
        return await route.run(self._edge, request)

    async def _parse(self, exchange: Exchange, body: bytes) -> Parsed:
        """The parameters, or what is wrong with them: it is for the endpoint to say when."""
        if not (body or exchange.scope["query_string"]):
            return NOTHING
        try:
            query = require_storable(parse_form(exchange.scope["query_string"]))
            content_type = exchange.headers.get("content-type")
            params = Params(query, require_storable(await parse_body(content_type, body)))
        except BankError as error:
            return error
        exchange.names = sorted(params.names & LOGGED_NAMES)
        return params

    async def _send(self, exchange: Exchange, answer: Answer, send: Send) -> None:
        request_id = exchange.request_id.encode()
        origin = exchange.headers.get("origin")
        headers = [*answer.headers]
        if answer.status != 304 and answer.stream is None and not answer.is_sized:
            # There it would have to be the length of what is not sent (RFC 9110 section 8.6).
            headers.append((b"content-length", b"%d" % len(answer.body)))
        headers += exchange.meter.headers()
        headers += ((b"x-request-id", request_id), (b"trace-id", request_id))
        headers += self._origins.headers_for(
            origin.encode("latin-1") if origin else None, preflight=exchange.method == "OPTIONS"
        )
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if exchange.method == "HEAD" else answer.body
        if answer.stream is not None and exchange.method != "HEAD":
            await _send_parts(exchange, answer.stream, send)
        await send({"type": "http.response.body", "body": body})

    def _log_fault(self, exchange: Exchange, error: Exception, refusal: BankError) -> None:
        if isinstance(refusal, Unavailable):
            # No fault of the code, and there will be many: a line each, in the database's words.
            reason = f"{type(error).__name__}: {error}"
            self._log.error("no database", request_id=exchange.request_id, reason=reason)
            return
        fault = describe_fault(error)
        self._log.error("failed", request_id=exchange.request_id, traceback=fault)

    def _count(self, exchange: Exchange, answer: Answer, seconds: float) -> None:
        method = loggable_method(exchange.method)
        self._metrics.requests.add(exchange.path, method, str(answer.status))
        self._metrics.seconds.observe(seconds, exchange.path, method)

    def _log_request(self, exchange: Exchange, answer: Answer, seconds: float) -> None:
        self._log.info(
            "request",
            method=loggable_method(exchange.method),
            path=exchange.path,
            status=answer.status,
            code=loggable_code(exchange.code) if exchange.code else None,
            params=exchange.names,
            request_id=exchange.request_id,
            milliseconds=round(seconds * 1000, 3),
        )


async def _send_parts(exchange: Exchange, parts: AsyncIterable[bytes], send: Send) -> None:
    """Send what comes until it ends or the client goes away."""
    gone = asyncio.create_task(_until_gone(exchange.receive))
    try:
        async for part in parts:
            if gone.done():
                break
            if part:
                await send({"type": "http.response.body", "body": part, "more_body": True})
    finally:
        gone.cancel()
        if isinstance(parts, AsyncGenerator | FileParts):
            await parts.aclose()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_parts(exchange: Exchange) -> AsyncIterator[bytes]:
    """The body as it comes."""
    more = True
    while more:
        message = await exchange.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if part := message.get("body", b""):
            yield part
        more = message.get("more_body", False)


async def _read_body(exchange: Exchange, bytes_max: int) -> bytes:
    declared = exchange.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:18]) > bytes_max:
        raise TooLarge(bytes_max)
    body = bytearray()
    more = True
    while more:
        message = await exchange.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > bytes_max:
            raise TooLarge(bytes_max)
        more = message.get("more_body", False)
    return bytes(body)

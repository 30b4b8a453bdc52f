"""Send an application one request as raw bytes, past everything that a client library mends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message

from minibank.api import Api
from tests.support.reference import require_documented, require_unmodified


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it would stand on the wire."""

    method: str = "GET"
    path: bytes = b"/"
    query: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body; raises when it is no JSON."""
        return msgspec.json.decode(self.body)


async def ask(app: ASGIApp, request: RawRequest) -> RawAnswer:
    """Send a request in two pieces and collect the answer; the API's is held to its reference."""
    half = len(request.body) // 2
    pieces = [request.body[:half], request.body[half:]]
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path.decode("latin-1"),
        "raw_path": request.path,
        "query_string": request.query,
        "root_path": "",
        "headers": list(request.headers),
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    start, *rest = sent
    if isinstance(app, Api):
        require = require_unmodified if start["status"] == 304 else require_documented
        require(scope, start, b"".join(message["body"] for message in rest))
    return RawAnswer(
        status=start["status"],
        headers={name.decode(): value.decode() for name, value in start["headers"]},
        body=b"".join(message["body"] for message in rest),
    )

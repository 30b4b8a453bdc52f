"""HTTP/1.1 as uvicorn speaks it, with what it lacks: JSON for what cannot be parsed, and limits.

What cannot be parsed never reaches the API, so its answer is written here, in the API's form.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

import httptools
import msgspec
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
"""The most that the head of a request (its line and headers) may take."""


def refusal(status: int, code: str, message: str) -> bytes:
    """A whole HTTP answer that ends the connection."""
    body = msgspec.json.encode({"code": code, "message": message, "params": {}})
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        "connection: close",
        "\r\n",
    )
    return "\r\n".join(lines).encode() + body


_MALFORMED = refusal(400, "bad_request", "This is not an HTTP request that can be read")
_TOO_LARGE = refusal(431, "bad_request.headers_too_large", "The headers are too large")
_TOO_SLOW = refusal(408, "timeout.headers", "The headers took too long to arrive")


class BankProtocol(HttpToolsProtocol):
    """One connection."""

    header_seconds: ClassVar[int] = 10

    @override
    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self._head_bytes = 0
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_deadline()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # The parser keeps an unfinished header to itself, so what arrives is what is counted.
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._refuse(_TOO_LARGE)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._in_head = True
        self._start_deadline()

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_deadline()
        if sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MAX:
            self._refuse(_TOO_LARGE)
            raise httptools.HttpParserError("headers too large")
        super().on_headers_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        """Answer what the parser could not read, unless that was already done."""
        if not self.transport.is_closing():
            self._refuse(_MALFORMED)

    @override
    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a client that offers another protocol is answered in this one."""

    def _refuse(self, answer: bytes) -> None:
        self._stop_deadline()
        # In the middle of another answer there is no place for this one.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(answer)
        self.transport.close()

    def _start_deadline(self) -> None:
        self._stop_deadline()
        self._deadline = self.loop.call_later(self.header_seconds, self._too_slow)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self.transport.is_closing():
            return
        if self._head_bytes:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

"""HTTP/1.1 as uvicorn speaks it, with what it lacks: JSON for what cannot be parsed, and limits.

What cannot be parsed never reaches the API, so its answer is written here, in the API's form.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar, NamedTuple

import httptools
import msgspec
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from minibank.app.limits import request_id_headers
from minibank.core.ids import RandomIds

HEAD_BYTES_MAX = 64 * 1024
"""The most that the head of a request (its line and headers) may take."""


class _Refusal(NamedTuple):
    """An answer that the API never gets to give."""

    status: int
    code: str
    message: str

    def written(self, ids: RandomIds) -> bytes:
        """The whole HTTP answer, which ends the connection."""
        body = msgspec.json.encode({"code": self.code, "message": self.message, "params": {}})
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "cache-control: no-store",
            "connection: close",
            *(f"{name.decode()}: {value.decode()}" for name, value in request_id_headers(ids)),
            "\r\n",
        ]
        return "\r\n".join(lines).encode() + body


_MALFORMED = _Refusal(400, "bad_request", "This is not an HTTP request that can be read")
_TOO_LARGE = _Refusal(431, "bad_request.headers_too_large", "The headers are too large")
_TOO_SLOW = _Refusal(408, "timeout.headers", "The headers took too long to arrive")


class BankProtocol(HttpToolsProtocol):
    """One connection."""

    header_seconds: ClassVar[int] = 10
    ids: ClassVar[RandomIds] = RandomIds()

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

    def _refuse(self, refusal: _Refusal) -> None:
        self._stop_deadline()
        # In the middle of another answer there is no place for this one.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(refusal.written(self.ids))
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

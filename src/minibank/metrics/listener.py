"""The listener that Prometheus asks: HTTP/1.1 for one GET of one page, and bounded.

It shares nothing with the API's listener: no port, no routes, no limits that clients could use up.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

PATH = "/metrics"
HEAD_BYTES_MAX = 8 * 1024
"""The most that the head of a request may take."""
EXCHANGE_SECONDS = 10
"""How long one connection may take, from its first byte to its last."""
CONNECTIONS_MAX = 16
"""How many connections are answered at a time; more are closed at once."""

Page = Callable[[str], tuple[str, bytes]]
"""Answers the content type and the page, given what the client accepts."""


class Listener:
    """Answers one request on each connection."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._open = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, whatever comes over it."""
        self._open += 1
        try:
            if self._open <= CONNECTIONS_MAX:
                async with asyncio.timeout(EXCHANGE_SECONDS):
                    writer.write(await self._exchange(reader))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            """Nobody is there to be told."""
        finally:
            self._open -= 1
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        line, *lines = head.decode("latin-1").split("\r\n")
        method, _, rest = line.partition(" ")
        target, _, version = rest.partition(" ")
        if not version.startswith("HTTP/1."):
            return _plain(HTTPStatus.BAD_REQUEST)
        if target.partition("?")[0] != PATH:
            return _plain(HTTPStatus.NOT_FOUND)
        if method != "GET":
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, "allow: GET\r\n")
        content_type, body = self._page(_accepted(lines))
        return _answer(HTTPStatus.OK, content_type, body)


def _accepted(lines: list[str]) -> str:
    pairs = (line.partition(":") for line in lines)
    return ",".join(value for name, _, value in pairs if name.lower() == "accept")


def _plain(status: HTTPStatus, more: str = "") -> bytes:
    return _answer(status, "text/plain", f"{status.phrase}\n".encode(), more)


def _answer(status: HTTPStatus, content_type: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {content_type}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n{more}\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def answering(host: str, port: int, page: Page) -> AsyncIterator[None]:
    """Answer on this address until the block ends; raises `OSError` when it cannot be had."""
    listener = Listener(page)
    server = await asyncio.start_server(listener.answer, host, port, limit=HEAD_BYTES_MAX)
    try:
        yield
    finally:
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), timeout=1)

"""A wire between a client and PostgreSQL that can be cut, frozen, and listened to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

SOCKET = ".s.PGSQL.5432"


class Proxy:
    """Passes everything on, until told otherwise.

    `cut_at` cuts a connection when the client sends these bytes: before the server gets them, or,
    with `cut_after`, when the server has answered them and the client has not heard of it.
    """

    def __init__(self, server: Path) -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.cut_at: bytes | None = None
        self.cut_after = False
        self.cuts = 0
        self.answers = 0
        self.connections = 0

    def freeze(self) -> None:
        """Let nothing through any more, and tell nobody."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._flowing.set()

    def cut_all(self) -> None:
        """Cut every connection there is."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        self.connections += 1
        there, back = await asyncio.open_unix_connection(str(self._server))
        self._writers |= {writer, back}
        doomed = asyncio.Event()
        ways = [
            asyncio.create_task(self._to_server(reader, back, doomed)),
            asyncio.create_task(self._to_client(there, writer, doomed)),
        ]
        self._tasks.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for one in (writer, back):
            one.transport.abort()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self._writers -= {writer, back}

    async def _to_server(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            await self._flowing.wait()
            if self.cut_at is not None and self.cut_at in data:
                self.cuts += 1
                self.cut_at = None
                if not self.cut_after:
                    return
                doomed.set()
            writer.write(data)

    async def _to_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            await self._flowing.wait()
            if doomed.is_set():
                return
            self.answers += data.count(b"Z\x00\x00\x00\x05")
            writer.write(data)


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy in front of the test server's database `url`, and the address through it."""
    parts = urlsplit(url)
    [directory] = parse_qs(parts.query)["host"]
    proxy = Proxy(Path(directory) / SOCKET)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = urlunsplit(
        parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}", query="sslmode=disable")
    )
    try:
        yield proxy, address
    finally:
        server.close()
        proxy.thaw()
        proxy.cut_all()
        await asyncio.sleep(0)

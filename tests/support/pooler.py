"""A pooler in transaction mode, as PgBouncer is one: each transaction gets the next connection.

It refuses startup parameters that it is not told to ignore, passes none of them on, and prepares a
client's statements on whichever connection they are used (`max_prepared_statements`).
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

from tests.support.proxy import SOCKET

PROTOCOL = 196608
KNOWN = {"user", "database", "client_encoding", "application_name", "DateStyle", "TimeZone"}
"""Startup parameters that a pooler knows."""


def framed(kind: bytes, body: bytes) -> bytes:
    """A message of PostgreSQL's protocol."""
    return kind + (len(body) + 4).to_bytes(4) + body


async def receive(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next message: its kind and its body."""
    kind = await reader.readexactly(1)
    size = int.from_bytes(await reader.readexactly(4))
    return kind, await reader.readexactly(size - 4)


@dataclass(eq=False)
class Backend:
    """One connection to the server, and what is prepared on it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes = b""
    prepared: set[bytes] = field(default_factory=set)
    parsing: deque[tuple[bytes, bool]] = field(default_factory=deque)
    """Statements on their way, and whether the client waits to hear that they are prepared."""
    syncs: int = 0

    def prepare(self, name: bytes, rest: bytes, *, is_asked: bool) -> None:
        """Prepare a statement unless it is; `is_asked` when the client is to be told."""
        if name in self.prepared:
            if not is_asked:
                return
            # Prepared a second time under a name that nobody uses, so that an answer comes.
            name = b"again_" + name
            self.writer.write(framed(b"C", b"S" + name + b"\0"))
            self.parsing.append((b"", False))
        self.prepared.add(name)
        self.parsing.append((name, is_asked))
        self.writer.write(framed(b"P", name + b"\0" + rest))

    def is_for_client(self, kind: bytes) -> bool:
        """Whether a message of the server answers something that the client sent."""
        if kind in {b"1", b"3"} and self.parsing:
            return self.parsing.popleft()[1]
        if kind == b"Z":
            # What an error skipped was never prepared.
            self.prepared -= {name for name, _ in self.parsing}
            self.parsing.clear()
            self.syncs -= 1
        return True


class Pooler:
    """Lends `size` connections to any number of clients; counts the transactions of each."""

    def __init__(self, socket: Path, user: str, database: str, ignored: set[str]) -> None:
        self._socket = socket
        self._startup = b"user\0%s\0database\0%s\0\0" % (user.encode(), database.encode())
        self._ignored = ignored
        self._free: asyncio.Queue[Backend] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self.transactions: dict[Backend, int] = {}

    async def open(self, size: int) -> None:
        """Connect to the server."""
        for _ in range(size):
            backend = Backend(*await asyncio.open_unix_connection(str(self._socket)))
            body = PROTOCOL.to_bytes(4) + self._startup
            backend.writer.write((len(body) + 4).to_bytes(4) + body)
            kind = b""
            while kind != b"Z":
                kind, body = await receive(backend.reader)
                assert kind != b"E", body
                backend.greeting += framed(kind, body)
            self.transactions[backend] = 0
            self._free.put_nowait(backend)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            size = int.from_bytes(await reader.readexactly(4))
            words = (await reader.readexactly(size - 4))[4:].split(b"\0")
            unknown = {word.decode() for word in words[:-2:2]} - KNOWN - self._ignored
            if unknown:
                said = f"unsupported startup parameter: {min(unknown)}"
                writer.write(framed(b"E", f"SFATAL\0C08P01\0M{said}\0\0".encode()))
            else:
                writer.write(next(iter(self.transactions)).greeting)
                await _Client(self, reader, writer).run()
        writer.close()

    async def lend(self) -> Backend:
        """The connection that has been idle for longest."""
        backend = await self._free.get()
        self.transactions[backend] += 1
        return backend

    def give_back(self, backend: Backend) -> None:
        """Its transaction is over."""
        self._free.put_nowait(backend)

    def start(self, work: "asyncio.Task[None]") -> None:
        """Keep a task alive."""
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cut everything."""
        for task in self._tasks:
            task.cancel()
        for backend in self.transactions:
            backend.writer.transport.abort()
        await asyncio.sleep(0)


@dataclass
class _Client:
    """A client, its prepared statements, and the connection it has during a transaction."""

    pooler: Pooler
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    statements: dict[bytes, bytes] = field(default_factory=dict)
    backend: Backend | None = None

    async def run(self) -> None:
        while True:
            kind, body = await receive(self.reader)
            if kind == b"X":
                return
            if self.backend is None:
                self.backend = await self.pooler.lend()
                self.pooler.start(asyncio.create_task(self._relay(self.backend)))
            self._pass_on(self.backend, kind, body)

    def _pass_on(self, backend: Backend, kind: bytes, body: bytes) -> None:
        if kind == b"P":
            name, _, rest = body.partition(b"\0")
            self.statements[name] = rest
            backend.prepare(_shared_name(rest), rest, is_asked=True)
            return
        if kind == b"B":
            portal, _, after = body.partition(b"\0")
            name, _, rest = after.partition(b"\0")
            body = portal + b"\0" + self._ensure(backend, name) + b"\0" + rest
        elif kind == b"D" and body[:1] == b"S":
            body = b"S" + self._ensure(backend, body[1:-1]) + b"\0"
        elif kind == b"C":
            self.statements.pop(body[1:-1], None)
            body = b"Snobody\0"
            backend.parsing.append((b"", True))
        backend.syncs += kind in {b"S", b"Q"}
        backend.writer.write(framed(kind, body))

    def _ensure(self, backend: Backend, name: bytes) -> bytes:
        rest = self.statements[name]
        backend.prepare(_shared_name(rest), rest, is_asked=False)
        return _shared_name(rest)

    async def _relay(self, backend: Backend) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, body = await receive(backend.reader)
                if backend.is_for_client(kind):
                    self.writer.write(framed(kind, body))
                if kind == b"Z" and body == b"I" and backend.syncs == 0:
                    self.backend = None
                    self.pooler.give_back(backend)
                    return


def _shared_name(rest: bytes) -> bytes:
    return hashlib.md5(rest, usedforsecurity=False).hexdigest().encode()


@asynccontextmanager
async def pooled(
    url: str, *, size: int = 3, ignored: set[str] | None = None
) -> AsyncIterator[tuple[Pooler, str]]:
    """A pooler in front of the test server's database `url`, and the address through it."""
    parts = urlsplit(url)
    [directory] = parse_qs(parts.query)["host"]
    user, database = str(parts.username), parts.path.removeprefix("/")
    pooler = Pooler(Path(directory) / SOCKET, user, database, ignored or set())
    await pooler.open(size)
    server = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = f"{user}@127.0.0.1:{port}"
    try:
        yield pooler, urlunsplit(parts._replace(netloc=netloc, query="sslmode=disable"))
    finally:
        server.close()
        await pooler.close()

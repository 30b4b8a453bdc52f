"""An orderly end: connections on which whatever has begun to arrive is answered, and then no more.

When the server stops, the last answer on a connection says `Connection: close`, and a connection on
which nothing happens is closed. None is closed while something in it has not been read: the system
would reset it, and that takes from the client what it has not read either.
"""

import asyncio
import fcntl
import socket
import termios
from collections.abc import Callable

import uvicorn
from typing_extensions import override
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from minibank.api import Watch
from minibank.app import refusals
from minibank.app.protocol import BankProtocol, Limits, Stage

QUIET_SECONDS = 0.5
"""How long nothing must have happened on a connection for it to be idle when the server stops."""
TICK_SECONDS = 0.02
"""How often a server that stops looks for connections that have become idle."""


class DrainingProtocol(BankProtocol):
    """One connection, which knows how to end."""

    @override
    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        limits: Limits,
        watch: Watch,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(config, server_state, limits, watch, loop)
        self._quiet_since = loop.time()
        self._running: RequestResponseCycle | None = None
        # The request whose answer is to be the last, and whether that was written.
        self._last: RequestResponseCycle | None = None
        self._is_ending = False

    @override
    def data_received(self, data: bytes) -> None:
        if not self._is_ending:
            super().data_received(data)

    @override
    def eof_received(self) -> bool:  # type: ignore[override]
        return not self._is_ending and super().eof_received()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._go_on()

    @override
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._watch.draining:
            self._end_with(self.cycle)

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    @override
    def on_response_complete(self) -> None:
        if self._is_ending:
            return
        super().on_response_complete()
        self._quiet_since = self.loop.time()

    def begin_drain(self) -> None:
        """The server stops: answer what has begun to arrive, and then close."""
        if self._is_answering and not self._is_within_head:
            self._end_with(self.cycle)

    def end_if_quiet(self) -> None:
        """While the server stops: close when nothing is under way and nothing has just been."""
        is_over = self._is_ending or self.transport.is_closing()
        if is_over or self._is_answering or self._is_within_request:
            return
        if self.loop.time() - self._quiet_since > QUIET_SECONDS and not _has_unread(self.transport):
            self._close()

    def give_up(self) -> None:
        """The time to stop is over: say so to whoever still waits for an answer, and close."""
        if self._is_ending or self.transport.is_closing():
            return
        running = self._running
        if running is None or running.response_complete:
            waits = self._is_within_request
        else:
            waits = not running.response_started
            running.disconnected = True
        if waits:
            self._end(refusals.SHUTTING_DOWN)
        else:
            self._close()

    @property
    def _is_within_request(self) -> bool:
        """Whether a part of a request has come, and another part has not."""
        return self._is_within_head or self._head_bytes > 0 or self._stage is Stage.BODY

    def _end_with(self, cycle: RequestResponseCycle) -> None:
        """Make the answer to this request the last one, unless another request follows."""
        if cycle.keep_alive and not cycle.response_started:
            self._last = cycle
            cycle.keep_alive = False
            cycle.transport = _LastAnswer(self.transport, self._end_gently)

    def _go_on(self) -> None:
        """Another request follows: what was to be the last answer is not, unless it said so."""
        if self._last is not None and not self._last.response_started:
            self._last.keep_alive = True
            self._last.transport = self.transport
        self._last = None

    def _end_gently(self) -> None:
        """Send no more, and read on until the client has closed, for a moment."""
        if not self.transport.can_write_eof():
            self._close()
            return
        self._is_ending = True
        self.transport.write_eof()
        self._stop_deadline()
        self._deadline = self.loop.call_later(QUIET_SECONDS, self._close)


class _LastAnswer(asyncio.Transport):
    """Stands before a transport for whoever writes the last answer: ends gently, not at once."""

    def __init__(self, transport: asyncio.Transport, end: Callable[[], None]) -> None:
        super().__init__()
        self._transport = transport
        self._end = end

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._transport.write(data)

    @override
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @override
    def close(self) -> None:
        self._end()


def _has_unread(transport: asyncio.Transport) -> bool:
    """Whether something has arrived that nobody has read yet."""
    size = bytearray(4)
    fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, size)
    return any(size)


async def take_backlog(
    listener: socket.socket, server: asyncio.AbstractServer, *, narrows: bool
) -> list[socket.socket]:
    """Stop listening; the connections that waited to be accepted.

    With `narrows` nearly nobody may begin to wait meanwhile: the socket is this process's alone.
    What the system has accepted between the last look and the end is reset: there is no way to
    close a socket only when nobody waits.
    """
    last = listener.dup()
    last.setblocking(False)
    if narrows:
        last.listen(0)
    server.close()
    listener.close()
    # The event loop lets go of its sockets in its next rounds; this one has to be the last.
    for _ in range(3):
        await asyncio.sleep(0)
    found = []
    with last:
        while True:
            try:
                found.append(last.accept()[0])
            except ConnectionAbortedError:
                continue
            except OSError:  # nobody waits, or there is no room for more
                return found

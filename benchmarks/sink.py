"""A receiver of webhooks that does as little as one can: it answers, and notes when what arrived.

    python -m benchmarks.sink

It is told its ports in a line on standard input, whose end ends the process. A POST is answered 200
at once, and 500 at ports that are for that; `GET /after/N` is answered with all arrivals as soon as
there are N; `DELETE` forgets them. Run by `benchmarks.receiving`.
"""

import asyncio
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import msgspec
import uvloop
from typing_extensions import override

HOST = "127.0.0.1"
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID = re.compile(rb"\r\nwebhook-id: *([^\r]+)", re.IGNORECASE)

Write = Callable[[bytes], None]


class Ports(msgspec.Struct, frozen=True):
    """Where the sink listens: at a port that takes what comes, and at those that fail."""

    takes: int
    fails: list[int]


@dataclass(slots=True)
class Arrivals:
    """When each message arrived first, in microseconds by the system's clock, and who asks."""

    at: dict[str, int] = field(default_factory=dict)
    _asking: list[tuple[int, Write]] = field(default_factory=list)

    def note(self, message_id: str, at: int) -> None:
        """A message arrived."""
        self.at.setdefault(message_id, at)
        if self._asking:
            self._answer()

    def ask(self, count: int, write: Write) -> None:
        """Have all arrivals written once there are so many."""
        self._asking.append((count, write))
        self._answer()

    def _answer(self) -> None:
        ready = [one for one in self._asking if one[0] <= len(self.at)]
        for one in ready:
            self._asking.remove(one)
            one[1](_json(self.at))


def _json(content: object) -> bytes:
    body = msgspec.json.encode(content)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def split(buffer: bytes) -> tuple[bytes, bytes] | None:
    """The head of the first request, and what comes after its body; None until it is whole."""
    head, end, rest = buffer.partition(_HEAD_END)
    if not end:
        return None
    length = _LENGTH.search(head)
    size = int(length[1]) if length else 0
    return None if len(rest) < size else (head, rest[size:])


class Connection(asyncio.Protocol):
    """One connection; `answer` is what a POST gets."""

    def __init__(self, arrivals: Arrivals, answer: bytes) -> None:
        self._arrivals = arrivals
        self._answer = answer
        self._buffer = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write: Write = cast(asyncio.Transport, transport).write

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (found := split(self._buffer)) is not None:
            head, self._buffer = found
            self._take(head)

    def _take(self, head: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        if method == b"POST":
            named = _ID.search(head)
            if named and self._answer is TAKEN:
                self._arrivals.note(named[1].decode(), time.time_ns() // 1000)
            self._write(self._answer)
        elif method == b"GET":
            self._arrivals.ask(int(target.rpartition(b"/")[2]), self._write)
        else:
            self._arrivals.at.clear()
            self._write(TAKEN)


async def run(ports: Ports) -> None:
    """Receive until standard input ends."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    arrivals = Arrivals()
    for port in (ports.takes, *ports.fails):
        answer = TAKEN if port == ports.takes else FAILED
        await loop.create_server(partial(Connection, arrivals, answer), HOST, port)

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await ended.wait()


def main() -> None:
    """Read where to listen, and receive."""
    ports = msgspec.json.decode(sys.stdin.buffer.readline(), type=Ports)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(ports))


if __name__ == "__main__":
    main()

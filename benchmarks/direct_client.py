"""Post messages with the bank's HTTP client and nothing else, as many at a time as it is told.

    python -m benchmarks.direct_client

What to send comes on standard input; what it took goes to standard output. Run by
`benchmarks.delivering`.
"""

import asyncio
import resource
import sys
import time
from collections.abc import Iterator

import aiohttp
import msgspec
import uvloop

from benchmarks.outbox import Message


class Order(msgspec.Struct, frozen=True):
    """What to send."""

    messages: list[Message]
    concurrency: int


class Took(msgspec.Struct, frozen=True):
    """How long each request took, in milliseconds, and the processor time of all, in seconds."""

    milliseconds: list[float]
    cpu: float


def open_session() -> aiohttp.ClientSession:
    """The client as lean as it comes: what the bank adds for safety is the bank's own cost."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding", "User-Agent", "Accept"),
    )


async def post(session: aiohttp.ClientSession, message: Message) -> None:
    """Send a message; raises when it is not taken."""
    async with session.post(
        message.url, data=message.body.encode(), headers=message.headers, allow_redirects=False
    ) as response:
        response.raise_for_status()
        await response.read()


async def run(order: Order) -> Took:
    """Send all of them."""
    took: list[float] = []
    left: Iterator[Message] = iter(order.messages)

    async def send(session: aiohttp.ClientSession) -> None:
        for message in left:
            began = time.perf_counter()
            await post(session, message)
            took.append((time.perf_counter() - began) * 1000)

    before = _cpu()
    async with open_session() as session:
        await asyncio.gather(*(send(session) for _ in range(order.concurrency)))
    return Took(took, _cpu() - before)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Read what to send, send it, and say what it took."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        took = runner.run(run(order))
    sys.stdout.buffer.write(msgspec.json.encode(took))


if __name__ == "__main__":
    main()

"""A server that stops answers what has begun to arrive, and cuts nothing off."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from minibank.api import Watch
from minibank.app.draining import QUIET_SECONDS
from minibank.app.server import listen, serve
from minibank.settings import Settings
from tests.integration.test_serve_protocol import GET, Streams

LOCAL = Settings(port=0, drain_seconds=5)


class App:
    """Answers each request with its number, once it may."""

    def __init__(self, size: int = 0) -> None:
        self.may_answer = asyncio.Event()
        self.began = 0
        self._size = size

    async def __call__(self, scope, receive, send) -> None:
        self.began += 1
        body = b"%d" % self.began + b"x" * self._size
        await self.may_answer.wait()
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


class Stopping:
    """A server, connections to it, and its end."""

    def __init__(self, app: App, port: int, watch: Watch, running: "asyncio.Task[None]") -> None:
        self.app = app
        self.watch = watch
        self.running = running
        self._port = port

    async def connect(self, sent: bytes = b"") -> Streams:
        streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 24)
        streams[1].write(sent)
        await asyncio.sleep(0.05)
        return streams

    async def stop(self) -> None:
        signal.raise_signal(signal.SIGTERM)
        # Until it no longer listens.
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def started(
    app: App | None = None, settings: Settings = LOCAL, *, answers: bool = True
) -> AsyncIterator[Stopping]:
    """A server that is asked to stop by the test, and has stopped in the end."""
    app = app or App()
    if answers:
        app.may_answer.set()
    listener, watch, ready = listen(settings), Watch(), asyncio.Event()

    async def is_ready() -> None:
        ready.set()

    port = listener.getsockname()[1]
    running = asyncio.create_task(serve(app, settings, listener, is_ready, watch=watch))
    await ready.wait()
    yield Stopping(app, port, watch, running)
    await asyncio.wait_for(running, settings.drain_seconds + 2)


async def answer_on(streams: Streams) -> tuple[bool, bytes]:
    """The next answer, whole: whether it says that it is the last, and its body."""
    head = (await streams[0].readuntil(b"\r\n\r\n")).decode().lower()
    [length] = (line for line in head.split("\r\n") if line.startswith("content-length: "))
    body = await streams[0].readexactly(int(length.split()[1]))
    return "connection: close" in head, body


async def is_ended(streams: Streams) -> bool:
    """Whether the server closes in order: no bytes, and no reset."""
    rest = await asyncio.wait_for(streams[0].read(), 5)
    streams[1].close()
    return rest == b""


@pytest.mark.parametrize("cut", [1, 10, len(GET) - 1])
async def test_a_request_of_which_a_part_had_come_is_answered(cut: int):
    async with started() as server:
        streams = await server.connect(GET[:cut])
        await server.stop()
        streams[1].write(GET[cut:])
        assert await answer_on(streams) == (True, b"1")
        assert await is_ended(streams)


async def test_a_request_that_runs_is_answered_and_is_the_last_on_its_connection():
    async with started(answers=False) as server:
        streams = await server.connect(GET)
        await server.stop()
        server.app.may_answer.set()
        assert await answer_on(streams) == (True, b"1")
        assert await is_ended(streams)


async def test_pipelined_requests_are_all_answered_and_only_the_last_answer_says_close():
    async with started(answers=False) as server:
        streams = await server.connect(GET * 3)
        await server.stop()
        server.app.may_answer.set()
        answers = [await answer_on(streams) for _ in range(3)]
        assert answers == [(False, b"1"), (False, b"2"), (True, b"3")]
        assert await is_ended(streams)


async def test_a_request_that_arrives_behind_one_that_runs_is_answered_too():
    async with started(answers=False) as server:
        streams = await server.connect(GET)
        await server.stop()
        streams[1].write(GET[:7])
        await asyncio.sleep(0.05)
        streams[1].write(GET[7:])
        await asyncio.sleep(0.05)
        server.app.may_answer.set()
        assert [await answer_on(streams) for _ in range(2)] == [(False, b"1"), (True, b"2")]
        assert await is_ended(streams)


async def test_a_connection_that_was_made_just_before_may_still_ask():
    async with started() as server:
        streams = await server.connect()
        await server.stop()
        await asyncio.sleep(QUIET_SECONDS / 3)
        streams[1].write(GET)
        assert await answer_on(streams) == (True, b"1")
        assert await is_ended(streams)


async def test_a_connection_that_was_just_answered_may_ask_once_more():
    async with started() as server:
        streams = await server.connect(GET)
        assert await answer_on(streams) == (False, b"1")
        await server.stop()
        await asyncio.sleep(QUIET_SECONDS / 3)
        streams[1].write(GET)
        assert await answer_on(streams) == (True, b"2")
        assert await is_ended(streams)


async def test_idle_connections_are_closed_at_once_and_hold_nobody_up():
    slow = Settings(port=0, drain_seconds=60)
    async with started(settings=slow) as server:
        asked, silent = await server.connect(GET), await server.connect()
        await answer_on(asked)
        await asyncio.sleep(QUIET_SECONDS * 1.5)
        await server.stop()
        assert await is_ended(asked)
        assert await is_ended(silent)
        await asyncio.wait_for(server.running, 10)


async def test_an_answer_is_whole_although_its_client_had_sent_more():
    """Closing with something unread would reset the connection, and lose what is under way."""
    size = 8 << 20
    async with started(App(size), answers=False) as server:
        streams = await server.connect(GET)
        await server.stop()
        server.app.may_answer.set()
        head = await streams[0].readuntil(b"\r\n\r\n")
        assert b"connection: close" in head
        streams[1].write(GET * 20)
        await asyncio.sleep(0.2)
        assert len(await streams[0].readexactly(size + 1)) == size + 1
        assert await is_ended(streams)


async def test_who_waits_for_longer_than_there_is_time_is_told_so():
    short = Settings(port=0, drain_seconds=1)
    async with started(settings=short, answers=False) as server:
        asked, half = await server.connect(GET), await server.connect(GET[:9])
        await server.stop()
        for streams in (asked, half):
            is_last, body = await answer_on(streams)
            assert is_last
            assert json.loads(body)["code"] == "unavailable.shutting_down"
            assert await is_ended(streams)


async def test_a_stop_is_known_from_the_moment_of_the_signal():
    async with started() as server:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0.02)
        assert server.watch.draining
        [sample] = server.watch.metrics.draining.samples()
        assert sample.value == 1

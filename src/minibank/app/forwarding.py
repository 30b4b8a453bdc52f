"""Receive deliveries on this machine, hand each on to an address, and answer as that does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import yarl
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from minibank.app.listening import HOST, MARK, Arrived
from minibank.core.clock import MICROSECONDS, Clock

BODY_BYTES_MAX = 1024 * 1024
EXCERPT_BYTES_MAX = 16 * 1024
"""How much of an answer's body is given back: the bank keeps no more."""
TOTAL_SECONDS = 9.0
"""Less than the bank waits, so that it is told what became of it."""
CONNECTIONS_MAX = 32
STOP_SECONDS = 1.0

BAD_GATEWAY, GATEWAY_TIMEOUT = 502, 504
_HEADERS = frozenset({"content-type", "user-agent", "minibank-sequence"})
_PREFIX = "webhook-"
_GIVEN_BACK = ("Content-Type", "Retry-After")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes = b""
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    fault: str = ""


class Forwarder:
    """Takes deliveries at addresses with a key, and hands them on to `target` if there is one.

    `tell` is called with each when it has been answered; `clock` is real time.
    """

    def __init__(
        self, key: str, target: str | None, tell: Callable[[Arrived], None], clock: Clock
    ) -> None:
        self._key = key
        self._target = None if target is None else yarl.URL(target, encoded=True)
        self._tell = tell
        self._clock = clock
        self._in_flight = 0
        self._heard_at = clock.monotonic()

    @property
    def quiet_seconds(self) -> float:
        """For how long nothing has come; 0 while something is being handed on."""
        return 0.0 if self._in_flight else self._clock.monotonic() - self._heard_at

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Listen for as long as this lasts, on a free port of this machine alone: its number."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_get(f"{MARK}{self._key}", self._say_so)
        app.router.add_post(f"{MARK}{self._key}/{{account_id}}", self._take)
        runner = web.AppRunner(
            app, handle_signals=False, access_log=None, shutdown_timeout=STOP_SECONDS
        )
        async with self._session() as self._client:
            await runner.setup()
            try:
                await web.TCPSite(runner, HOST, 0).start()
                yield runner.addresses[0][1]
            finally:
                await runner.cleanup()

    @staticmethod
    def _session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding", "User-Agent", "Accept"),
        )

    async def _say_so(self, _: web.Request) -> web.Response:
        """Whoever knows the key may know that this is still there."""
        return web.Response(text="minibank listen\n")

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._in_flight += 1
        began = self._clock.monotonic()
        try:
            answer = await self._forward(request.headers, body)
        finally:
            self._in_flight -= 1
            self._heard_at = self._clock.monotonic()
        self._tell(
            Arrived(
                account_id=request.match_info["account_id"],
                delivery_id=request.headers.get("webhook-id", ""),
                sequence=request.headers.get("Minibank-Sequence", ""),
                body=body,
                status=answer.status,
                fault=answer.fault,
                microseconds=round((self._heard_at - began) * MICROSECONDS),
            )
        )
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async def _forward(self, headers: CIMultiDictProxy[str], body: bytes) -> _Answer:
        """Hand the very bytes on. What goes wrong on the way is a gateway's error, and retried."""
        if self._target is None:
            return _Answer(200)
        kept = CIMultiDict(
            (name, value)
            for name, value in headers.items()
            if name.lower() in _HEADERS or name.lower().startswith(_PREFIX)
        )
        try:
            async with self._client.post(
                self._target, data=body, headers=kept, allow_redirects=False
            ) as response:
                return await _given_back(response)
        except TimeoutError:
            return _Answer(GATEWAY_TIMEOUT, fault="timeout")
        except aiohttp.ClientSSLError:
            return _Answer(BAD_GATEWAY, fault="tls")
        except aiohttp.ClientConnectorError:
            return _Answer(BAD_GATEWAY, fault="connect")
        except aiohttp.ClientError:
            return _Answer(BAD_GATEWAY, fault="disconnected")


async def _given_back(response: aiohttp.ClientResponse) -> _Answer:
    """An answer as the bank is to see it; one whose body breaks off is an answer too."""
    headers = CIMultiDict(
        (name, response.headers[name]) for name in _GIVEN_BACK if name in response.headers
    )
    excerpt = bytearray()
    try:
        while len(excerpt) < EXCERPT_BYTES_MAX:
            chunk = await response.content.read(EXCERPT_BYTES_MAX - len(excerpt))
            if not chunk:
                break
            excerpt += chunk
    except (aiohttp.ClientError, TimeoutError):
        pass
    if not response.content.at_eof():
        response.close()
    return _Answer(response.status, bytes(excerpt), headers)

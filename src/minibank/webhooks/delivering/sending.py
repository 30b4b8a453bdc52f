"""Send one delivery, once: an HTTP request whose every step is bounded."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from functools import lru_cache

import aiohttp
import msgspec
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDictProxy
from typing_extensions import override

from minibank import __version__
from minibank.core.clock import MICROSECONDS, Clock
from minibank.webhooks.delivering.egress import AddressRefused, Egress
from minibank.webhooks.delivering.records import Attempt, Claim, Fault, Headers
from minibank.webhooks.delivering.rules import SendingRules
from minibank.webhooks.signing import ID, SIGNATURE, TIMESTAMP

CONNECT_SECONDS = 5.0
"""Name, connection and TLS together."""
TOTAL_SECONDS = 10.0
EXCERPT_BYTES_MAX = 16 * 1024
HEADERS_BYTES_MAX = 8 * 1024
"""How much of an answer's headers is kept."""
KEEP_ALIVE_SECONDS = 1.0
"""Short: most receivers close idle connections after two seconds or more, and a request that
meets the end of one is lost with it."""
LOOKUPS_MAX = 128
"""How many names are looked up at a time."""

HIDDEN = "(hidden)"


class CheckingResolver(AbstractResolver):
    """Looks names up, each by one thread at a time, and gives only addresses that are permitted.

    Nothing is remembered: what an address was a moment ago says nothing about the next connection.
    """

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._threads = ThreadPoolExecutor(LOOKUPS_MAX, "names")
        self._running: dict[tuple[str, int, int], asyncio.Future[list[ResolveResult]]] = {}

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The permitted addresses of a host; `AddressRefused` when it has others alone."""
        key = host, port, int(family)
        if key not in self._running:
            loop = asyncio.get_running_loop()
            self._running[key] = loop.run_in_executor(self._threads, self._look_up, *key)
            self._running[key].add_done_callback(lambda _: self._running.pop(key))
        found = await asyncio.shield(self._running[key])
        permitted = [one for one in found if self._egress.permits(one["host"], port)]
        if found and not permitted:
            raise AddressRefused
        return permitted

    def _look_up(self, host: str, port: int, family: int) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(where[0]),
                port=port,
                family=found,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found, _, protocol, _, where in socket.getaddrinfo(
                host, port, family, socket.SOCK_STREAM
            )
        ]

    @override
    async def close(self) -> None:
        """Wait for no name any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Sender:
    """Sends deliveries; `world` is the bank's clock, `clock` real time."""

    def __init__(
        self,
        rules: SendingRules,
        world: Clock,
        clock: Clock,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._keys = rules.keys
        self._world = world
        self._clock = clock
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                use_dns_cache=False,
                resolver=resolver or CheckingResolver(rules.egress),
                socket_factory=rules.egress.open_socket,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                ssl=_trust(rules.ca_file),
            ),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding", "User-Agent", "Accept"),
            max_line_size=HEADERS_BYTES_MAX,
            max_field_size=HEADERS_BYTES_MAX,
        )

    async def send(self, claim: Claim) -> Attempt:
        """Make an attempt; whatever goes wrong is in what it gives, and nothing is raised."""
        headers = self._headers(claim)
        attempted_at, began = self._world.now(), self._clock.monotonic()
        answer = await self._exchange(claim, headers)
        took = self._clock.monotonic() - began
        return Attempt(
            attempted_at=attempted_at,
            microseconds=round(took * MICROSECONDS),
            request_headers=_shown(headers, claim.url),
            status=answer.status,
            response_headers=answer.headers,
            excerpt=answer.excerpt,
            fault=answer.fault,
            retry_after=self._retry_after(answer.headers),
        )

    def _headers(self, claim: Claim) -> Headers:
        timestamp = self._clock.now() // MICROSECONDS
        return (
            ("Content-Type", "application/json"),
            ("User-Agent", f"minibank/{__version__}"),
            (ID, claim.id),
            (TIMESTAMP, str(timestamp)),
            (SIGNATURE, self._keys.sign(claim.secrets, claim.id, timestamp, claim.payload)),
            ("Minibank-Sequence", str(claim.sequence)),
        )

    async def _exchange(self, claim: Claim, headers: Headers) -> "_Answer":
        try:
            url = _parsed(claim.url)
            async with self._session.post(
                url, data=claim.payload, headers=headers, allow_redirects=False
            ) as response:
                excerpt = await _beginning_of(response)
                return _Answer(response.status, _kept(response.headers), excerpt)
        except Exception as error:
            return _Answer(fault=_fault(error))

    def _retry_after(self, headers: Headers) -> int | None:
        """The seconds that a receiver asks to wait for (RFC 9110, 10.2.3); None if it does not."""
        for name, value in headers:
            if name.lower() == "retry-after":
                if value.isascii() and value.isdecimal():
                    return int(value[:9])
                try:
                    moment = parsedate_to_datetime(value).timestamp()
                except (ValueError, OverflowError):
                    return None
                return max(0, round(moment - self._clock.now() / MICROSECONDS))
        return None

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class _Answer(msgspec.Struct, frozen=True):
    status: int = 0
    headers: Headers = ()
    excerpt: bytes = b""
    fault: Fault = ""


@lru_cache(maxsize=4096)
def _parsed(url: str) -> yarl.URL:
    """The address; webhooks are called again and again."""
    return yarl.URL(url, encoded=True)


def _trust(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


async def _beginning_of(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an answer's body. Its status is what counts: a body that breaks off, or does
    not come to an end, changes nothing."""
    excerpt = bytearray()
    try:
        while len(excerpt) < EXCERPT_BYTES_MAX:
            chunk = await response.content.read(EXCERPT_BYTES_MAX - len(excerpt))
            if not chunk:
                return bytes(excerpt)
            excerpt += chunk
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    # What is left would have to be read before the connection could be used again.
    response.close()
    return bytes(excerpt)


def _kept(headers: CIMultiDictProxy[str]) -> Headers:
    kept, size = [], 0
    for name, value in headers.items():
        size += len(name) + len(value)
        if size > HEADERS_BYTES_MAX:
            break
        # Bytes that are no UTF-8 arrive as lone surrogates, which no database takes.
        kept.append((str(name), value.encode("utf-8", "replace").decode().replace("\0", "")))
    return tuple(kept)


def _shown(headers: Headers, url: str) -> Headers:
    """The headers as they are recorded: not with what the address carries as a password."""
    has_userinfo = "@" in url.partition("://")[2].partition("/")[0]
    return (*headers, ("Authorization", HIDDEN)) if has_userinfo else headers


_FAULTS: Sequence[tuple[tuple[type[BaseException], ...], Fault]] = (
    ((aiohttp.InvalidURL,), "url"),
    ((aiohttp.ConnectionTimeoutError,), "connect_timeout"),
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientConnectorDNSError,), "dns"),
    ((aiohttp.ClientSSLError, ssl.SSLError, ssl.CertificateError), "tls"),
    ((aiohttp.ServerDisconnectedError, ConnectionResetError), "disconnected"),
    ((aiohttp.ClientConnectorError,), "connect"),
    ((aiohttp.ClientOSError, aiohttp.ClientPayloadError), "disconnected"),
    ((aiohttp.ClientError,), "protocol"),
    ((ValueError, TypeError), "url"),
)


def _fault(error: BaseException) -> Fault:
    """What to call what went wrong: never the error's own words, which quote the address."""
    if _is_refusal(error):
        return "refused_address"
    return next((fault for kinds, fault in _FAULTS if isinstance(error, kinds)), "internal")


def _is_refusal(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, AddressRefused):
            return True
        error = getattr(error, "os_error", None) or error.__cause__
    return False

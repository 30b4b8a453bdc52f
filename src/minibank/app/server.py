"""One server process: a listening socket, uvicorn, and an orderly end."""

import asyncio
import errno
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from minibank.app.errors import StartError
from minibank.app.limits import RequestsLimit
from minibank.app.protocol import BankProtocol, Limits
from minibank.app.proxies import TrustedProxies
from minibank.app.tls import ServerTls
from minibank.settings import Settings

log = structlog.get_logger()

OnReady = Callable[[], Awaitable[None]]
"""Called once the server answers."""

_ON_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - told apart, not bound


def listen(settings: Settings) -> socket.socket:
    """A listening socket for `host` and `port`; `StartError` when that cannot be had."""
    try:
        [found, *_] = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(found[0], socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(found[4])
            listener.listen(settings.backlog)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise StartError(_cannot_listen(settings, error)) from error
    return listener


def _cannot_listen(settings: Settings, error: OSError) -> str:
    where = f"port {settings.port} of {settings.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken: choose another with --port, or --port 0 for a free one"
    return f"{where} cannot be listened on: {error.strerror or error}"


def located(settings: Settings, listener: socket.socket) -> Settings:
    """The settings with the port that was really taken, and a public URL if none is set."""
    settings = replace(settings, port=listener.getsockname()[1])
    return replace(settings, public_url=settings.public_url or local_url(settings))


def local_url(settings: Settings) -> str:
    """The URL of this server for a client on the same machine."""
    host = _ON_THIS_MACHINE.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host else host
    return f"{settings.scheme}://{host}:{settings.port}"


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: after draining, the bank still has to close."""

    def __init__(
        self, config: uvicorn.Config, limits: Limits, tls: ServerTls | None, on_ready: OnReady
    ) -> None:
        super().__init__(config)
        self._limits = limits
        self._tls = tls
        self._on_ready = on_ready

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; instead of uvicorn's own, which bounds no TLS handshake."""
        loop = asyncio.get_running_loop()

        def connection() -> BankProtocol:
            return BankProtocol(self.config, self.server_state, self._limits, loop)

        tls: dict[str, Any] = {}
        if self._tls:
            seconds = self._limits.header_seconds
            tls = {
                "ssl": self._tls.context,
                "ssl_handshake_timeout": seconds,
                "ssl_shutdown_timeout": seconds,
            }
        self.servers = [
            await loop.create_server(connection, sock=listener, backlog=self.config.backlog, **tls)
            for listener in sockets or []
        ]
        self.started = True
        await self._on_ready()


async def serve(
    api: ASGIApp,
    settings: Settings,
    listener: socket.socket,
    on_ready: OnReady,
    tls: ServerTls | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then let running requests finish (`drain_seconds`).

    SIGHUP reads the certificate again, for new connections.
    """
    # Starlette and uvicorn describe the same protocol with types that do not match.
    application: Any = RequestsLimit(api, settings.requests_max, settings.cors_origins)
    if settings.trusted_proxies:
        application = TrustedProxies(application, settings.trusted_proxies)
    config = uvicorn.Config(
        application,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=settings.backlog,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    server = _Server(config, limits_of(settings), tls, on_ready)
    with stopping(lambda number: _stop(server, number)), renewing(settings, lambda: _renew(tls)):
        await server.serve(sockets=[listener])


def limits_of(settings: Settings) -> Limits:
    """What a connection may take, as the settings want it."""
    return Limits(
        header_seconds=settings.header_seconds,
        body_grace_seconds=settings.body_grace_seconds,
        body_bytes_per_second_min=settings.body_bytes_per_second_min,
    )


def _renew(tls: ServerTls | None) -> None:
    if tls is None:
        return
    try:
        tls.reload()
    except StartError as error:
        log.error("the former certificate is still in use", reason=str(error))
    else:
        log.info("the certificate was read again")


@contextmanager
def renewing(settings: Settings, renew: Callable[[], None]) -> Iterator[None]:
    """Call `renew` at each SIGHUP for as long as this lasts, when there is a certificate to read.

    Without one the signal ends the server, as it does when the terminal goes away.
    """
    if not settings.tls_cert:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, renew)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


@contextmanager
def stopping(stop: Callable[[int], None]) -> Iterator[None]:
    """Call `stop` with the number of each SIGINT and SIGTERM for as long as this lasts."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _stop(server: uvicorn.Server, number: int) -> None:
    """Ask for an orderly end; a person who presses Ctrl-C again wants one at once."""
    if number == signal.SIGINT and server.should_exit:
        server.force_exit = True
    server.should_exit = True

"""One server process: a listening socket, uvicorn, and an orderly end."""

import asyncio
import errno
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from minibank.app.errors import StartError
from minibank.app.limits import RequestsLimit
from minibank.app.protocol import BankProtocol
from minibank.settings import Settings

OnReady = Callable[[], Awaitable[None]]
"""Called once the server answers."""


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
    port = listener.getsockname()[1]
    return replace(
        settings, port=port, public_url=settings.public_url or address(settings.host, port)
    )


def address(host: str, port: int) -> str:
    """The URL of a server on this host for a client on the same machine."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - told apart, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: after draining, the bank still has to close."""

    def __init__(self, config: uvicorn.Config, on_ready: OnReady) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self._on_ready()


async def serve(
    api: ASGIApp, settings: Settings, listener: socket.socket, on_ready: OnReady
) -> None:
    """Serve until SIGINT or SIGTERM, then let running requests finish (`drain_seconds`)."""
    protocol = type("Protocol", (BankProtocol,), {"header_seconds": settings.header_seconds})
    # Starlette and uvicorn describe the same protocol with types that do not match.
    application: Any = RequestsLimit(api, settings.requests_max, settings.cors_origins)
    if settings.trusted_proxies:
        application = ProxyHeadersMiddleware(application, list(settings.trusted_proxies))
    server = _Server(
        uvicorn.Config(
            application,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=settings.backlog,
            timeout_keep_alive=settings.keep_alive_seconds,
            timeout_graceful_shutdown=settings.drain_seconds,
        ),
        on_ready,
    )
    with stopping(lambda number: _stop(server, number)):
        await server.serve(sockets=[listener])


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

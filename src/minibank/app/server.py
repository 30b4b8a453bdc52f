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

from minibank.api import Watch
from minibank.app.draining import QUIET_SECONDS, TICK_SECONDS, DrainingProtocol, take_backlog
from minibank.app.errors import StartError
from minibank.app.limits import RequestsLimit
from minibank.app.protocol import Limits
from minibank.app.proxies import TrustedProxies
from minibank.app.service_manager import READY, STOPPING, is_managed, notify, reloading
from minibank.app.tls import ServerTls
from minibank.core.clock import SystemClock
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
    """Uvicorn with a start and an end of our own.

    It listens with bounds on TLS, and when it stops it answers what has begun to arrive. It has no
    signal handlers: after draining, the bank still has to close.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        settings: Settings,
        tls: ServerTls | None,
        on_ready: OnReady,
        watch: Watch,
    ) -> None:
        super().__init__(config)
        self._settings = settings
        self._limits = limits_of(settings)
        self._tls: dict[str, Any] = {}
        if tls:
            seconds = self._limits.header_seconds
            self._tls = {
                "ssl": tls.context,
                "ssl_handshake_timeout": seconds,
                "ssl_shutdown_timeout": seconds,
            }
        self._on_ready = on_ready
        self._watch = watch
        watch.metrics.connections.follow(lambda: len(self.server_state.connections))
        watch.metrics.draining.follow(lambda: watch.draining)

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; instead of uvicorn's own, which bounds no TLS handshake."""
        loop = asyncio.get_running_loop()
        backlog = self.config.backlog
        self.servers = [
            await loop.create_server(self._connection, sock=one, backlog=backlog, **self._tls)
            for one in sockets or []
        ]
        self.started = True
        await self._on_ready()

    def _connection(self) -> DrainingProtocol:
        loop = asyncio.get_running_loop()
        return DrainingProtocol(self.config, self.server_state, self._limits, self._watch, loop)

    @property
    def _connections(self) -> list[DrainingProtocol]:
        return [one for one in self.server_state.connections if isinstance(one, DrainingProtocol)]

    def stop(self) -> None:
        """Ask for an orderly end."""
        notify(STOPPING)
        self.should_exit = True
        self._watch.draining = True

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has begun to arrive, for `drain_seconds`; instead of uvicorn's own.

        That one closes a connection whose request it has not read yet, and loses whoever waits to
        be accepted.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.drain_seconds
        # Nothing says that a TLS handshake is under way, so there is time for one.
        handshaken_at = loop.time() + (QUIET_SECONDS if self._tls else 0)
        for one in self._connections:
            one.begin_drain()
        accepting = await self._accept_the_rest(sockets or [])
        while loop.time() < until and not self.force_exit:
            is_over = not self.server_state.connections and not self.server_state.tasks
            if is_over and accepting.done() and loop.time() >= handshaken_at:
                return
            await asyncio.sleep(TICK_SECONDS)
            for one in self._connections:
                one.end_if_quiet()
        await self._give_up()

    async def _accept_the_rest(self, sockets: list[socket.socket]) -> asyncio.Future[list[Any]]:
        """Close the listening sockets, and accept who waits there; done when they can speak."""
        loop = asyncio.get_running_loop()
        owns = self._settings.workers == 1
        found: list[socket.socket] = []
        for one, server in zip(sockets, self.servers, strict=True):
            found += await take_backlog(one, server, narrows=owns)
        begun = (loop.connect_accepted_socket(self._connection, one, **self._tls) for one in found)
        return asyncio.gather(*begun, return_exceptions=True)

    async def _give_up(self) -> None:
        """The time is over: answer 503 to whoever still waits, and cancel what runs."""
        tasks = list(self.server_state.tasks)
        if tasks:
            log.error("requests were given up", requests=len(tasks))
        for one in self._connections:
            one.give_up()
        for task in tasks:
            task.cancel()
        await asyncio.sleep(TICK_SECONDS)


async def serve(
    api: ASGIApp,
    settings: Settings,
    listener: socket.socket,
    on_ready: OnReady,
    tls: ServerTls | None = None,
    watch: Watch | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then answer what has begun to arrive (`drain_seconds`).

    SIGHUP reads the certificate again, for new connections.
    """
    watch = watch or Watch()
    # Starlette and uvicorn describe the same protocol with types that do not match.
    application: Any = RequestsLimit(
        api, settings.requests_max, settings.cors_origins, watch.metrics
    )
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
    )
    if tls:
        watch.metrics.certificate_ends_at.follow(lambda: tls.ends_at)
    server = _Server(config, settings, tls, on_ready, watch)
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

    Without one the signal ends the server, as it does when the terminal goes away; a service
    manager that wants settings to be read again has no terminal, and nothing happens.
    """

    def reload() -> None:
        notify(reloading(SystemClock()))
        if settings.tls_cert:
            renew()
        notify(READY)

    if not settings.tls_cert and not is_managed():
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
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


def _stop(server: _Server, number: int) -> None:
    """Ask for an orderly end; a person who presses Ctrl-C again wants one at once."""
    if number == signal.SIGINT and server.should_exit:
        server.force_exit = True
    server.stop()

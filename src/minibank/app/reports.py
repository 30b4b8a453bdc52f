"""What the processes counted, on its way to one page: each reports to its parent, by pipe."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import msgspec
import structlog
from typing_extensions import override

from minibank.app.errors import StartError
from minibank.app.metrics import BankMetrics, SupervisorMetrics
from minibank.core.clock import Clock
from minibank.metrics.instruments import Snapshot, instruments_of, snapshot_of
from minibank.metrics.listener import Page, answering
from minibank.metrics.merge import Totals
from minibank.metrics.page import write_page
from minibank.settings import Settings

log = structlog.get_logger()

READY = b"ready\n"
"""The first line that a process writes; each later one is a report."""
REPORT_SECONDS = 1.0
"""How often a process reports: what one counts that is killed is known up to that long before."""
REPORT_BYTES_MAX = 16 * 1024 * 1024
LAST_SECONDS = 1.0
"""How long a process that ends tries to deliver its last report."""


class _Pipe(asyncio.BaseProtocol):
    def __init__(self) -> None:
        self.lost = asyncio.Event()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


@asynccontextmanager
async def reporting(
    settings: Settings, metrics: BankMetrics, descriptor: int
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A function that says to the parent that this process is ready, and reports from then on.

    Never waits for the parent: a report that it has no room for is left out.
    """
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(descriptor, "wb", buffering=0)
    transport, protocol = await loop.connect_write_pipe(_Pipe, pipe)
    instruments = metrics.instruments()
    reports: asyncio.Task[None] | None = None

    def report() -> None:
        if not transport.get_write_buffer_size():
            transport.write(msgspec.json.encode(snapshot_of(instruments)) + b"\n")

    async def go_on() -> None:
        while True:
            report()
            await asyncio.sleep(REPORT_SECONDS)

    async def tell_parent() -> None:
        nonlocal reports
        transport.write(READY)
        if settings.metrics_port:
            reports = loop.create_task(go_on())

    try:
        yield tell_parent
    finally:
        if reports is not None:
            reports.cancel()
            report()
        transport.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(protocol.lost.wait(), LAST_SECONDS)


class Board:
    """What all processes counted, those that are gone too, and what their parent knows."""

    def __init__(self, metrics: SupervisorMetrics, clock: Clock) -> None:
        self._clock = clock
        self._own = list(instruments_of(metrics))
        self._theirs = BankMetrics().instruments()
        self._totals = Totals(self._theirs)
        self._heard_at: dict[int, float] = {}
        self._count = 0
        metrics.silent_seconds.follow(self._silent_seconds)

    async def hear(self, stream: asyncio.StreamReader) -> None:
        """Keep what a process reports, until it ends."""
        self._count += 1
        number = self._count
        while line := await _next_line(stream):
            with suppress(msgspec.MsgspecError):  # cut short by the end of the process
                self._totals.report(number, msgspec.json.decode(line, type=Snapshot))
                self._heard_at[number] = self._clock.monotonic()
        self._totals.retire(number)
        self._heard_at.pop(number, None)

    def page(self, accept: str) -> tuple[str, bytes]:
        """See `metrics.listener.Page`."""
        snapshot = {**self._totals.merged(), **snapshot_of(self._own)}
        return write_page([*self._theirs, *self._own], snapshot, accept)

    def _silent_seconds(self) -> float:
        first = min(self._heard_at.values(), default=self._clock.monotonic())
        return self._clock.monotonic() - first


async def _next_line(stream: asyncio.StreamReader) -> bytes:
    while True:
        try:
            return await stream.readline()
        except ValueError:
            log.error("a process reported more than can be read")


def page_of(metrics: BankMetrics, supervisor: SupervisorMetrics) -> Page:
    """The page of a bank that is one process."""
    instruments = [*metrics.instruments(), *instruments_of(supervisor)]
    return lambda accept: write_page(instruments, snapshot_of(instruments), accept)


@asynccontextmanager
async def serving_metrics(settings: Settings, page: Page) -> AsyncIterator[None]:
    """Serve the page where the settings want it; `StartError` when that cannot be had."""
    async with AsyncExitStack() as stack:
        if settings.metrics_port:
            host, port = settings.metrics_host, settings.metrics_port
            try:
                await stack.enter_async_context(answering(host, port, page))
            except OSError as error:
                raise StartError(
                    f"metrics_port: port {port} of {host} cannot be listened on"
                    f" ({error.strerror or error}): choose another, or 0 for none"
                ) from error
        yield

"""Serve a bank: in this process, or in several that share one listening socket."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import structlog

from minibank.app.bank import open_bank
from minibank.app.books import open_serving_books
from minibank.app.errors import StartError
from minibank.app.metrics import BankMetrics, SupervisorMetrics
from minibank.app.reports import (
    READY,
    REPORT_BYTES_MAX,
    Board,
    page_of,
    reporting,
    serving_metrics,
)
from minibank.app.server import listen, located, renewing, serve, stopping
from minibank.app.service_manager import ADDRESS, STOPPING, notify
from minibank.app.service_manager import READY as MANAGED_READY
from minibank.app.tls import open_tls
from minibank.core.clock import SystemClock
from minibank.settings import Settings

log = structlog.get_logger()

OnServing = Callable[[Settings], Awaitable[None]]
"""Called once the bank answers, with the settings as they came to be: the port, the public URL."""

RESTART_SECONDS = 0.5
DOUBLINGS_MAX = 6
"""How often the pause before a process is started again doubles: with each that was never ready."""
SLACK_SECONDS = 10
"""What a process may take beyond its requests and queued payments, for deliveries that are being
sent among others, before it is killed."""
FAILURES_MAX = 5
"""How often a process may end before it was ready until the whole bank gives up, if none serves."""


class Handover(msgspec.Struct, frozen=True):
    """What a server process is told on its standard input."""

    settings: Settings
    listener: int


async def serve_bank(settings: Settings, on_serving: OnServing) -> None:
    """Serve until a signal asks to stop, then finish what runs. Raises `StartError`."""
    listener = listen(settings)
    settings = located(settings, listener)
    supervisor = SupervisorMetrics()
    supervisor.wanted.set(settings.workers)

    async def on_ready() -> None:
        await on_serving(settings)
        notify(MANAGED_READY)

    if settings.workers == 1:
        metrics = BankMetrics()
        async with serving_metrics(settings, page_of(metrics, supervisor)):
            await serve_here(settings, listener, on_ready, metrics)
        return
    # Before the processes start, so that what is wrong is said once, by this one.
    open_tls(settings)
    async with open_serving_books(settings):
        pass
    board = Board(supervisor, SystemClock())
    with listener:
        async with serving_metrics(settings, board.page):
            await _Workers(settings, listener, on_ready, board, supervisor).run()


async def serve_here(
    settings: Settings,
    listener: socket.socket,
    on_ready: Callable[[], Awaitable[None]],
    metrics: BankMetrics,
) -> None:
    """Serve on this socket in this process."""
    metrics.process.follow()
    tls = open_tls(settings)
    async with open_bank(settings, metrics=metrics) as bank:
        await serve(bank.api, settings, listener, on_ready, tls, bank.watch)


@dataclass
class _Workers:
    """The processes that serve, and this one that starts them again when they die."""

    settings: Settings
    listener: socket.socket
    on_ready: Callable[[], Awaitable[None]]
    board: Board
    metrics: SupervisorMetrics
    _processes: set[Process] = field(default_factory=set)
    _ready: int = 0
    _serving: int = 0
    _failures: int = 0
    _gave_up: bool = False
    _stop_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Keep `workers` processes running until a signal; `StartError` when they cannot start."""
        with stopping(lambda _: self._stop()), renewing(self.settings, self._renew):
            async with asyncio.TaskGroup() as group:
                for _ in range(self.settings.workers):
                    group.create_task(self._keep_one())
        if self._gave_up:
            raise StartError("the server processes end before they are ready: see the log above")

    async def _keep_one(self) -> None:
        while not self._stop_asked.is_set():
            process = await self._start()
            self._processes.add(process)
            if self._stop_asked.is_set():
                process.terminate()
            was_ready = await self._wait_until_ready(process)
            self._serving += was_ready
            assert process.stdout is not None, "it was asked for"
            await self.board.hear(process.stdout)
            code = await process.wait()
            self._processes.discard(process)
            self._serving -= was_ready
            if self._stop_asked.is_set():
                return
            self.metrics.ended.add()
            log.error("a server process ended", process=process.pid, status=code)
            self._failures = 0 if was_ready else self._failures + 1
            if self._failures >= FAILURES_MAX and not self._serving:
                self._gave_up = True
                self._stop()
            await self._pause()

    async def _pause(self) -> None:
        """Wait before the next start, or until the bank is asked to stop."""
        seconds = RESTART_SECONDS * 2 ** min(self._failures, DOUBLINGS_MAX)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop_asked.wait()

    async def _start(self) -> Process:
        number = self.listener.fileno()
        # -P: modules come from where they are installed, never from the present directory.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "minibank.app.worker_process",
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=[number],
            limit=REPORT_BYTES_MAX,
            env={name: value for name, value in os.environ.items() if name != ADDRESS},
        )
        assert process.stdin is not None, "it was asked for"
        # By pipe, because arguments and the environment of a process can be read by others.
        process.stdin.write(msgspec.json.encode(Handover(self.settings, number)) + b"\n")
        return process

    async def _wait_until_ready(self, process: Process) -> bool:
        assert process.stdout is not None, "it was asked for"
        if await process.stdout.readline() != READY:
            return False
        self._ready += 1
        if self._ready == self.settings.workers:
            await self.on_ready()
        return True

    def _stop(self) -> None:
        self._stop_asked.set()
        notify(STOPPING)
        # First, so that the last of the processes to close it sees everybody who waits.
        if self.listener.fileno() >= 0:
            self.listener.listen(0)
            self.listener.close()
        for process in self._running():
            process.terminate()
        grace = self.settings.drain_seconds + self.settings.queue_wait_seconds + SLACK_SECONDS
        asyncio.get_running_loop().call_later(grace, self._kill)

    def _renew(self) -> None:
        """Have every process read its certificate again."""
        for process in self._running():
            process.send_signal(signal.SIGHUP)

    def _kill(self) -> None:
        for process in self._running():
            log.error("a server process did not stop", process=process.pid)
            process.kill()

    def _running(self) -> list[Process]:
        return [process for process in self._processes if process.returncode is None]


async def run_worker_process(handover: Handover) -> None:
    """What a server process does: serve, and stop by itself when its parent is gone."""
    settings, metrics = handover.settings, BankMetrics()
    listener = socket.socket(fileno=handover.listener)
    async with reporting(settings, metrics, os.dup(sys.stdout.fileno())) as tell_parent:
        await serve_here(settings, listener, tell_parent, metrics)

"""The bank under torture: a real `minibank serve`, started again whenever it ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom

import httpx

from tests.support.command_line import environment
from tests.support.postgres_process import dying_with_parent
from tests.torture.processes import children_of, end_group, ending_of, left_of, send

ROOT = Path(__file__).parents[2]
DESK = Path(__file__).parent / "desk"
PORTS = range(20_000, 32_000)
"""Below those that Linux gives to whoever asks for any."""
PAUSE_SECONDS = 0.1
"""How long whoever watches over a bank waits until it starts it again."""
READY_SECONDS = 60
STOP_SECONDS = 40

SETTINGS = (
    *("due_work_poll_seconds=1", "due_work_lease_seconds=2", "drain_seconds=5"),
    *("webhook_lease_seconds=12", "webhook_retry_policy=custom"),
    f"webhook_retry_delays={','.join(['1'] * 50)}",
)


def free_port() -> int:
    """A port that nobody listens on: a bank keeps its own, whatever happens to it."""
    while True:
        port = SystemRandom().choice(PORTS)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


@dataclass(slots=True)
class TorturedBank:
    """A bank that somebody watches over, as the service manager of a machine does.

    That is all the help it gets: the same command again. `launcher` is the beginning of a command
    that becomes the bank, `prepare` is called in its process before.
    """

    database: str
    workers: int
    port: int
    directory: Path
    launcher: Sequence[str] = ()
    prepare: Callable[[], None] = lambda: None
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def starts(self) -> int:
        """How often it was started."""
        return len(self._processes)

    @property
    def pid(self) -> int:
        """The process that was started last."""
        return self._processes[-1].pid

    def worker_pids(self) -> list[int]:
        """The processes that serve now; this one when it does so alone."""
        return [one.pid for one in children_of(self.pid)] if self.workers > 1 else [self.pid]

    def all_pids(self) -> list[int]:
        """Every process of the last start."""
        return [one.pid for one in left_of([self.pid])]

    def start(self) -> None:
        """Start it once; it may fail to."""
        command = [
            *(
                *self.launcher,
                sys.executable,
                "-P",
                "-m",
                "minibank",
                "serve",
                "--port",
                str(self.port),
            ),
            *("--database", self.database, "--workers", str(self.workers)),
            *(part for setting in SETTINGS for part in ("--set", setting)),
        ]
        with (self.directory / f"bank-{self.starts + 1}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=environment(PYTHONPATH=f"{DESK}:{ROOT}"),
                start_new_session=True,
                preexec_fn=self._before,
            )
        self._processes.append(process)

    def _before(self) -> None:
        dying_with_parent(signal.SIGKILL)()
        self.prepare()

    def logs(self) -> str:
        """All that was said by all that ran."""
        return "".join(path.read_text() for path in sorted(self.directory.glob("bank-*.log")))

    async def keep(self) -> None:
        """Start it again whenever it ends, until cancelled."""
        while True:
            self.start()
            while ending_of(self.pid) is None:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.02)
            await asyncio.sleep(PAUSE_SECONDS)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep it running for as long as the block lasts, and leave the last one running."""
        keeper = asyncio.create_task(self.keep())
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])

    async def until_ready(self, client: httpx.AsyncClient) -> None:
        """Return when it says that it can work; fails when it does not come to that."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                if (await client.get(f"{self.url}/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)
        raise AssertionError("the bank did not come back")

    def stop(self) -> None:
        """Stop it as its operator would: it ends in order, and so does all that ever belonged."""
        send([self.pid], signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while left := left_of(one.pid for one in self._processes):
            assert time.monotonic() < deadline, f"processes of the bank are left: {left}"
            time.sleep(0.05)
        ending = ending_of(self.pid)
        assert ending is not None, "nothing of it runs"
        assert (ending.si_code, ending.si_status) == (os.CLD_EXITED, 0), f"it ended by {ending}"

    def end(self) -> None:
        """Kill what is left, whatever happened."""
        while self._processes:
            end_group(self._processes.pop())

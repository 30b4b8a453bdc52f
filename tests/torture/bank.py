"""The bank under torture: a real `minibank serve`, started again whenever it ends."""

import asyncio
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
from tests.torture.processes import children_of, end_group, left_of

ROOT = Path(__file__).parents[2]
DESK = Path(__file__).parent / "desk"
PORTS = range(20_000, 32_000)
"""Below those that Linux gives to whoever asks for any."""
PAUSE_SECONDS = 0.1
"""How long whoever watches over a bank waits until it starts it again."""
READY_SECONDS = 60
STOP_SECONDS = 40

SETTINGS = ("due_work_poll_seconds=1", "due_work_lease_seconds=2", "drain_seconds=5")


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
    starts: int = 0
    groups: list[int] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that was started last."""
        assert self._process is not None, "it was started"
        return self._process.pid

    def worker_pids(self) -> list[int]:
        """The processes that serve now; this one when it does so alone."""
        return [one.pid for one in children_of(self.pid)] if self.workers > 1 else [self.pid]

    def all_pids(self) -> list[int]:
        """Every process of the last start."""
        return [one.pid for one in left_of([self.pid])]

    def start(self) -> None:
        """Start it once; it may fail to."""
        self.starts += 1
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
        with self._log().open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=environment(PYTHONPATH=f"{DESK}:{ROOT}"),
                start_new_session=True,
                preexec_fn=self._before,
            )
        self.groups.append(self._process.pid)

    def _before(self) -> None:
        dying_with_parent(signal.SIGKILL)()
        self.prepare()

    def _log(self) -> Path:
        return self.directory / f"bank-{self.starts}.log"

    def logs(self) -> str:
        """All that was said by all that ran."""
        return "".join(path.read_text() for path in sorted(self.directory.glob("bank-*.log")))

    async def keep(self) -> None:
        """Start it again whenever it ends, until cancelled."""
        while True:
            self.start()
            assert self._process is not None
            while self._process.poll() is None:  # noqa: ASYNC110 - of another process
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
        assert self._process is not None
        self._process.terminate()
        status = self._process.wait(STOP_SECONDS)
        assert status == 0, f"the bank ended with status {status}"
        deadline = time.monotonic() + STOP_SECONDS
        while left := left_of(self.groups):
            assert time.monotonic() < deadline, f"processes of the bank are left: {left}"
            time.sleep(0.05)

    def end(self) -> None:
        """Kill what is left, whatever happened."""
        for group in self.groups:
            end_group(group)
        if self._process is not None:
            self._process.wait()

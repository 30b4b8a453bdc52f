"""The PostgreSQL server of one run of the tests, and the databases on it.

The process that leads the run (pytest itself, or the controller of its workers) holds a keeper, see
`tests.support.postgres_keeper`; every process that needs the server asks the keeper for it.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from tests.support import postgres_keeper, postgres_process
from tests.support.memory import memory_directory

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
READY_SECONDS = 120
KEEPER_SECONDS = 20


class KeeperProcess:
    """The keeper, as the process that leads the run holds it.

    `settings` names the server's settings (`postgres_process.SETTINGS`), `parent` where it lives;
    a fast one lives in memory where there is room.
    """

    def __init__(self, settings: str = "fast", parent: str | None = None) -> None:
        if parent is None:
            # Short paths: a socket's address has room for about a hundred characters.
            disk = "/tmp" if os.access("/tmp", os.W_OK) else None
            memory = memory_directory() if settings == "fast" else None
            parent = str(memory) if memory else disk
        self.directory = Path(tempfile.mkdtemp(prefix="minibank-tests-", dir=parent))
        # As root the server runs as somebody else, who must be able to pass through here.
        self.directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self._process = subprocess.Popen(
            [sys.executable, "-m", postgres_keeper.__name__, str(self.directory), settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            # Out of reach of Ctrl-C, which goes to the whole foreground group.
            start_new_session=True,
        )

    def stop(self) -> None:
        """Close the pipe and wait until the server is gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(postgres_process.STOP_SECONDS * 2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def ask_keeper(directory: Path) -> Path:
    """The directory of the server's socket; the first to ask waits for the server to start.

    Raises `RuntimeError` with the keeper's reason when there is no server.
    """
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(READY_SECONDS)
        _connect(caller, directory / postgres_keeper.SOCKET)
        with caller.makefile("rb") as lines:
            answer: dict[str, str] = json.loads(lines.readline())
    if "error" in answer:
        raise RuntimeError(f"the tests need PostgreSQL: {answer['error']}")
    return Path(answer["socket_directory"])


def _connect(caller: socket.socket, address: Path) -> None:
    """Connect to a keeper that may still be on its way."""
    deadline = time.monotonic() + KEEPER_SECONDS
    while time.monotonic() < deadline:
        try:
            caller.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.01)
        else:
            return
    raise RuntimeError("the process that keeps PostgreSQL for the tests did not start")


class Server:
    """The server as one process of the run sees it: makes and drops databases.

    Works from a thread of its own, so that a test may ask from inside its event loop too.
    """

    def __init__(self, socket_directory: Path) -> None:
        self._directory = socket_directory
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._admin = self.run(
            asyncpg.connect(
                host=str(socket_directory), user=postgres_process.SUPERUSER, database="postgres"
            )
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's thread and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(READY_SECONDS)

    def url(self, name: str) -> str:
        """The address of a database, as minibank and asyncpg read it."""
        return f"postgresql://{postgres_process.SUPERUSER}@/{name}?host={self._directory}"

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database, a copy of `template`; its address."""
        self.run(
            self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE {template} STRATEGY file_copy')
        )
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self.run(self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def close(self) -> None:
        """Let go of the server; it runs on."""
        self.run(self._admin.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

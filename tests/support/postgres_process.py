"""One PostgreSQL server as a process: made, started, stopped, killed, started again."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.postgres_binaries import NoPostgres, choose, ordinary_user

SUPERUSER = "minibank"
START_SECONDS = 60
STOP_SECONDS = 10

_COMMON = (
    "listen_addresses=",
    "max_wal_size=4GB",
    "jit=off",
    "max_connections=300",
    "timezone=UTC",
)
SETTINGS = {
    # Speed instead of durability: a server that dies takes its databases with it anyway.
    "fast": (
        *_COMMON,
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "autovacuum=off",
        "shared_buffers=128MB",
    ),
    # What a bank would run with; for measuring, and for killing it.
    "durable": (
        *_COMMON,
        "fsync=on",
        "synchronous_commit=on",
        "full_page_writes=on",
        "shared_buffers=512MB",
    ),
}
_PR_SET_PDEATHSIG = 1


def dying_with_parent(number: int) -> Callable[[], None]:
    """Have a child ask Linux for this signal at the death of the thread that starts it.

    Elsewhere it is left to whoever started the child.
    """
    linux = ctypes.CDLL(None) if sys.platform == "linux" else None

    def ask() -> None:
        if linux is not None:
            linux.prctl(_PR_SET_PDEATHSIG, number)

    return ask


def environment() -> dict[str, str]:
    """Nothing of ours but PATH: PGDATA, PGHOST or a locale would change what starts."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


class PostgresProcess:
    """A server whose files lie in `directory`; `settings` are those of `SETTINGS`, or others.

    `launcher` is the beginning of a command that becomes the server, and the user it runs as.
    """

    def __init__(
        self, directory: Path, settings: Sequence[str], launcher: Sequence[str] = ()
    ) -> None:
        self._launcher = launcher
        self.data = directory / "data"
        self.socket_directory = directory / "run"
        self.log = directory / "log"
        self._directory = directory
        self._settings = settings
        self._user: Mapping[str, Any] = {}
        self._binaries = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, name: str) -> str:
        """The address of a database, as minibank and asyncpg read it."""
        return f"postgresql://{SUPERUSER}@/{name}?host={self.socket_directory}"

    @property
    def pid(self) -> int:
        """The process that all others of the server come from."""
        assert self._process is not None, "it was started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether that process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether this very process says in the file of its id that it takes connections."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        if not self.is_running or len(lines) < 8:
            return False
        return lines[0] == f"{self.pid}" and lines[7].strip() in {"ready", "standby"}

    def init(self) -> None:
        """Make the files of a server; raises `NoPostgres`."""
        self._user = ordinary_user()
        self._binaries = choose(self._directory, self._user)
        for directory in (self.data, self.socket_directory):
            directory.mkdir(mode=0o700, exist_ok=True)
            if self._user:
                os.chown(directory, self._user["user"], self._user["group"])
        command = [str(self._binaries / "initdb"), "-D", str(self.data), "-U", SUPERUSER]
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        said = subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            cwd=self._directory,
            env=environment(),
            timeout=START_SECONDS,
            **self._user,
        )
        if said.returncode != 0:
            raise NoPostgres(f"{command[0]} failed:\n{said.stdout}{said.stderr}")

    def launch(self) -> None:
        """Start the server and do not wait until it is ready."""
        with self.log.open("ab") as log:
            sockets = ("-k", self.socket_directory)
            settings = [part for setting in self._settings for part in ("-c", setting)]
            self._process = subprocess.Popen(
                [
                    *self._launcher,
                    self._binaries / "postgres",
                    "-D",
                    self.data,
                    *sockets,
                    *settings,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env=environment(),
                preexec_fn=dying_with_parent(signal.SIGQUIT),
                **({} if self._launcher else self._user),
            )

    def start(self) -> None:
        """Start the server and wait until it is ready; raises `NoPostgres`."""
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.is_running:
            if self.is_ready:
                return
            time.sleep(0.01)
        raise NoPostgres(f"PostgreSQL did not start; it said:\n{self.log.read_text()}")

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """Stop the server, at once unless by another signal."""
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

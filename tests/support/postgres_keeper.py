"""A process that keeps one PostgreSQL server for a run of the tests.

    python -m tests.support.postgres_keeper DIRECTORY fast|durable

Standard input is a pipe whose other end only the run holds. However the run ends, killed included,
the pipe closes, and the keeper stops the server and removes DIRECTORY. Nothing is started before
somebody asks: a process of the run connects to DIRECTORY/keeper.sock and is answered with one line
of JSON, {"socket_directory": ...} or {"error": ...}.
"""

import ctypes
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.postgres_binaries import NoPostgres, choose, ordinary_user

SOCKET = "keeper.sock"
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
    # What a bank would run with; for measuring.
    "durable": (
        *_COMMON,
        "fsync=on",
        "synchronous_commit=on",
        "full_page_writes=on",
        "shared_buffers=512MB",
    ),
}
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask Linux to stop the server should even the keeper be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


class Keeper:
    """One server, started when first asked for."""

    def __init__(self, directory: Path, settings: Sequence[str]) -> None:
        self._directory = directory
        self._settings = settings
        self._data = directory / "data"
        self._run = directory / "run"
        self._log = directory / "log"
        self._server: subprocess.Popen[bytes] | None = None
        self._answer: dict[str, str] = {}

    def answer(self) -> dict[str, str]:
        """Where the server listens, or why there is none; starts it the first time."""
        if not self._answer:
            try:
                self._start()
                self._answer = {"socket_directory": str(self._run)}
            except (NoPostgres, OSError, subprocess.SubprocessError) as error:
                self._answer = {"error": str(error)}
        return self._answer

    def _start(self) -> None:
        user = ordinary_user()
        binaries = choose(self._directory, user)
        for directory in (self._data, self._run):
            directory.mkdir(mode=0o700)
            if user:
                os.chown(directory, user["user"], user["group"])
        self._init(binaries, user)
        with self._log.open("ab") as log:
            settings = [part for setting in self._settings for part in ("-c", setting)]
            self._server = subprocess.Popen(
                [binaries / "postgres", "-D", self._data, "-k", self._run, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env=_environment(),
                preexec_fn=_die_with_parent,
                **user,
            )
        self._wait_until_ready(self._server)

    def _init(self, binaries: Path, user: Mapping[str, Any]) -> None:
        command = [str(binaries / "initdb"), "-D", str(self._data), "-U", SUPERUSER]
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        said = subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            cwd=self._directory,
            env=_environment(),
            timeout=START_SECONDS,
            **user,
        )
        if said.returncode != 0:
            raise NoPostgres(f"{command[0]} failed:\n{said.stdout}{said.stderr}")

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        """Wait for the word `ready` that the server writes into its pid file."""
        deadline = time.monotonic() + START_SECONDS
        pid_file = self._data / "postmaster.pid"
        while time.monotonic() < deadline and server.poll() is None:
            try:
                lines = pid_file.read_text().splitlines()
            except FileNotFoundError:
                lines = []
            if len(lines) > 7 and lines[7].strip() == "ready":
                return
            time.sleep(0.01)
        raise NoPostgres(f"PostgreSQL did not start; it said:\n{self._log.read_text()}")

    def stop(self) -> None:
        """Stop the server at once and remove everything it wrote."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            try:
                self._server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self._directory, ignore_errors=True)


def _environment() -> dict[str, str]:
    """Nothing of ours but PATH: PGDATA, PGHOST or a locale would change what starts."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def keep(directory: Path, settings: Sequence[str]) -> None:
    """Answer whoever asks until standard input closes."""
    keeper = Keeper(directory, settings)
    try:
        with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as ready:
            listener.bind(str(directory / SOCKET))
            listener.listen(64)
            ready.register(listener, selectors.EVENT_READ)
            ready.register(sys.stdin, selectors.EVENT_READ)
            while True:
                awake = {key.fileobj for key, _ in ready.select()}
                if sys.stdin in awake:
                    return  # nothing is ever written there: this is its end
                with listener.accept()[0] as caller, suppress(OSError):
                    caller.sendall(json.dumps(keeper.answer()).encode() + b"\n")
    finally:
        keeper.stop()


def _leave(_signal: int, _frame: object) -> None:
    raise SystemExit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    keep(Path(sys.argv[1]), SETTINGS[sys.argv[2]])

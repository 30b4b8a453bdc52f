"""A process that keeps one PostgreSQL server for a run of the tests.

    python -m tests.support.postgres_keeper DIRECTORY fast|durable

Standard input is a pipe whose other end only the run holds. However the run ends, killed included,
the pipe closes, and the keeper stops the server and removes DIRECTORY. Nothing is started before
somebody asks: a process of the run connects to DIRECTORY/keeper.sock and is answered with one line
of JSON, {"socket_directory": ...} or {"error": ...}.
"""

import json
import selectors
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.postgres_binaries import NoPostgres
from tests.support.postgres_process import SETTINGS, PostgresProcess

SOCKET = "keeper.sock"


class Keeper:
    """One server, started when first asked for."""

    def __init__(self, directory: Path, settings: Sequence[str]) -> None:
        self._directory = directory
        self._server = PostgresProcess(directory, settings)
        self._answer: dict[str, str] = {}

    def answer(self) -> dict[str, str]:
        """Where the server listens, or why there is none; starts it the first time."""
        if not self._answer:
            try:
                self._server.init()
                self._server.start()
                self._answer = {"socket_directory": str(self._server.socket_directory)}
            except (NoPostgres, OSError, subprocess.SubprocessError) as error:
                self._answer = {"error": str(error)}
        return self._answer

    def stop(self) -> None:
        """Stop the server at once and remove everything it wrote."""
        self._server.stop()
        shutil.rmtree(self._directory, ignore_errors=True)


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

"""A demo in a process of its own, as people start it."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.command_line import environment

START_SECONDS = 90


@dataclass
class Running:
    """A demo that answers."""

    process: subprocess.Popen[str]
    info: dict[str, Any]
    info_file: Path
    output: Path

    @property
    def sheet(self) -> str:
        """What it has printed so far."""
        return self.output.read_text()

    def token(self) -> str:
        """An access token of the first person."""
        user = self.info["users"][0]
        form = {
            "grant_type": "password",
            "client_id": self.info["client_id"],
            "client_secret": self.info["client_secret"],
            "username": user["email"],
            "password": user["password"],
        }
        answer = httpx.post(f"{self.info['base_url']}/oauth2/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it as an operator does; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextlib.contextmanager
def running_demo(directory: Path, *flags: str) -> Iterator[Running]:
    """`minibank demo` on a free port until the block ends."""
    info, output = directory / "info.json", directory / "output.txt"
    command = [sys.executable, "-m", "minibank", "demo", "--port", "0", "--info", str(info), *flags]
    with (
        output.open("w") as out,
        (directory / "log.txt").open("w") as log,
        subprocess.Popen(
            command, stdout=out, stderr=log, cwd=directory, env=environment(), text=True
        ) as process,
    ):
        try:
            deadline = time.monotonic() + START_SECONDS
            while not info.exists() or "/transactions" not in output.read_text():
                assert process.poll() is None, (directory / "log.txt").read_text()
                assert time.monotonic() < deadline, output.read_text()
                time.sleep(0.05)
            yield Running(process, json.loads(info.read_text()), info, output)
        finally:
            if process.poll() is None:
                process.terminate()

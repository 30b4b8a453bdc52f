"""Send requests as fast as they are answered, with wrk."""

import subprocess
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

from benchmarks.figures import Round

SCRIPT = Path(__file__).with_name("requests.lua")
UNIQUE = "\x01"
"""Stands in a request for `UNIQUE_LENGTH` characters that stand nowhere else."""
UNIQUE_LENGTH = 24
OVERTIME_SECONDS = 60

_runs = count(1)


class Failed(Exception):
    """Requests were refused or not answered: what was measured means nothing."""


class Said(msgspec.Struct, frozen=True):
    """The last line of wrk's output; durations in microseconds."""

    requests: int
    microseconds: int
    p50: int
    p99: int
    unanswered: int
    refused: int


@dataclass(frozen=True, slots=True)
class Load:
    """Requests to one server: whole, as they go over the wire, sent in turn."""

    url: str
    requests: tuple[str, ...]
    connections: int
    threads: int


def get(host: str, target: str, token: str) -> str:
    """A GET request with a bearer token, as it goes over the wire."""
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"


def post(host: str, target: str, body: str, token: str = "") -> str:
    """A POST request with a JSON body, which may hold `UNIQUE`."""
    length = len(body.encode()) + (UNIQUE_LENGTH - 1) * body.count(UNIQUE)
    head = f"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n{body}"


class Wrk:
    """wrk, with a directory for its files."""

    def __init__(self, program: Path, directory: Path) -> None:
        self._program = program
        self._directory = directory

    def start(self, load: Load, seconds: int) -> "subprocess.Popen[str]":
        """Begin to send; see `finish`."""
        word = f"run-{next(_runs):04d}"
        file = self._directory / f"{word}.requests"
        file.write_bytes(b"".join(request.encode() + b"\0" for request in load.requests))
        threads = min(load.threads, load.connections)
        flags = [f"-t{threads}", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "10s"]
        command: list[str | Path] = [
            self._program,
            *flags,
            "-s",
            SCRIPT,
            load.url,
            "--",
            file,
            word,
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def run(self, load: Load, seconds: int) -> Round:
        """Send for so long; `Failed` unless every request was answered and none refused."""
        return round_of(finish(self.start(load, seconds), seconds))


def finish(process: "subprocess.Popen[str]", seconds: int) -> Said:
    """What wrk found; `Failed` when requests were refused or broke off."""
    try:
        output, _ = process.communicate(timeout=seconds + OVERTIME_SECONDS)
    finally:
        process.kill()
    if process.returncode != 0:
        raise Failed(f"wrk ended with status {process.returncode}:\n{output}")
    return parse(output)


def parse(output: str) -> Said:
    """The figures in wrk's output; `Failed` when requests were refused or broke off."""
    said = msgspec.json.decode(output.strip().splitlines()[-1], type=Said)
    if said.unanswered or said.refused:
        raise Failed(
            f"of {said.requests} requests {said.refused} were refused"
            f" and {said.unanswered} not answered"
        )
    return said


def round_of(said: Said) -> Round:
    """The figures of a round; `Failed` when nothing was answered in that time."""
    if not said.requests:
        raise Failed("no request was answered in time")
    rate = said.requests * 1_000_000 / said.microseconds
    return Round(rate, said.p50 / 1000, said.p99 / 1000)

"""A server's process of its own, without HTTP: `python -m tests.support.server_process URL`.

It opens the bank, prints a line, and reads one: JSON commands, in lists of those to be executed at
once. It prints one line of JSON in the end: what was answered, and what the engine counted. The
parent writes to all processes before it reads from any, so that they work at the same time.
"""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from minibank.core.errors import BankError
from minibank.db import open_database
from minibank.payments.commands import AnyCommand, Command
from minibank.payments.engine import Engine

ROOT = Path(__file__).parents[2]


class Report(msgspec.Struct):
    """What a process did: the status of each outcome or the code of each refusal, and counts."""

    answers: list[str]
    commands: int
    commits: int


@dataclass(slots=True)
class ServerProcess:
    """A running process, as its parent sees it."""

    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, url: str) -> "ServerProcess":
        """Start a process on this bank; it waits for its commands."""
        return cls(
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.server_process", url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
            )
        )

    def wait_until_open(self) -> None:
        """Return when the process has opened the bank."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"open\n"

    def send(self, rounds: Sequence[Sequence[Command]]) -> None:
        """Give the process its commands; it begins at once."""
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(rounds) + b"\n")
        self.process.stdin.flush()

    def report(self) -> Report:
        """What the process did, when it is done."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.end()
        return msgspec.json.decode(line, type=Report)

    def end(self) -> None:
        """Wait until the process is gone; kill it when it is not done."""
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


async def _answer(engine: Engine, command: Command) -> str:
    try:
        return (await engine.execute(command)).status
    except BankError as refusal:
        return refusal.code


async def main(url: str) -> None:
    """Be a server."""
    db = await open_database(url)
    engine = Engine(db)
    print("open", flush=True)
    line = await asyncio.to_thread(sys.stdin.buffer.readline)
    report = Report(answers=[], commands=0, commits=0)
    for commands in msgspec.json.decode(line, type=list[list[AnyCommand]]):
        report.answers += await asyncio.gather(*(_answer(engine, one) for one in commands))
    await engine.drain()
    report.commands, report.commits = engine.counters.commands, engine.counters.commits
    print(msgspec.json.encode(report).decode(), flush=True)
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

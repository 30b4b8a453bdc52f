"""Serve an application of the benchmarks as `minibank serve` serves the bank.

    python -m benchmarks.serve_app

What to serve comes on standard input, whose end ends the process. The same server, protocol class,
event loop, settings and log as the bank's; run by `benchmarks.servers`.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
from typing import Literal

import msgspec
import uvloop

from benchmarks.static_app import Canned, build_static_app
from benchmarks.write_app import build_write_app
from minibank.app.bank import open_bank
from minibank.app.logs import configure_logs
from minibank.app.server import serve
from minibank.settings import Settings


class Handover(msgspec.Struct, frozen=True):
    """What a process is told: how to serve, the number of its listening socket, and what.

    `answers` are those of the static application; the write application makes its own.
    """

    settings: Settings
    listener: int
    app: Literal["write", "static"]
    answers: list[Canned]


async def _nothing() -> None:
    """Nobody waits to be told: who started this asks until it answers."""


async def run(handover: Handover) -> None:
    """Serve until a signal."""
    listener = socket.socket(fileno=handover.listener)
    settings = handover.settings
    if handover.app == "static":
        await serve(build_static_app(handover.answers), settings, listener, _nothing)
        return
    async with open_bank(settings) as bank:
        await serve(build_write_app(bank), settings, listener, _nothing)


def _end_with_parent() -> None:
    """Wait for the end of standard input, which comes when the parent is gone, then stop."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Read what to serve, and serve it."""
    handover = msgspec.json.decode(sys.stdin.buffer.readline(), type=Handover)
    configure_logs(handover.settings)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(handover))


if __name__ == "__main__":
    main()

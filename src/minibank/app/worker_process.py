"""One of several server processes; started by `minibank.app.serving`, never by hand."""

import asyncio
import os
import signal
import sys
import threading

import msgspec
import uvloop

from minibank.app.errors import StartError
from minibank.app.logs import configure_logs
from minibank.app.serving import Handover, run_worker_process

_STDIN = 0


def _end_with_parent() -> None:
    """Wait for the end of standard input, which comes when the parent is gone, then stop."""
    # Not through sys.stdin: a thread that waits inside it would keep its lock to the very end.
    while os.read(_STDIN, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Read what to serve from standard input, and serve it."""
    handover = msgspec.json.decode(sys.stdin.buffer.readline(), type=Handover)
    configure_logs(handover.settings)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_worker_process(handover))
    except StartError as error:
        sys.stderr.write(f"minibank: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The PostgreSQL of a run goes when the run goes, however it goes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

LEADER = """
import signal
import time
# A shell's background jobs ignore Ctrl-C, and so would whoever they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
from tests.support.postgres import KeeperProcess, ask_keeper
keeper = KeeperProcess()
ask_keeper(keeper.directory)
print(keeper.directory, flush=True)
time.sleep(60)
"""
GONE_SECONDS = 20


@pytest.fixture
def leader() -> Iterator[subprocess.Popen[str]]:
    """A process that leads a run and has a server."""
    with subprocess.Popen(
        [sys.executable, "-c", LEADER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def is_running(pid: int) -> bool:
    """Whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_leaves_no_server_and_no_files(
    leader: subprocess.Popen[str], how: signal.Signals
) -> None:
    assert leader.stdout is not None
    directory = Path(leader.stdout.readline().strip())
    server = int((directory / "data" / "postmaster.pid").read_text().splitlines()[0])
    assert is_running(server)

    leader.send_signal(how)
    leader.wait()

    deadline = time.monotonic() + GONE_SECONDS
    while (directory.exists() or is_running(server)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not directory.exists()
    assert not is_running(server)

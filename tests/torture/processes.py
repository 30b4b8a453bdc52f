"""Processes by their ids: who belongs to whom, and who is left."""

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """A process as `ps` lists it."""

    pid: int
    parent: int
    group: int
    state: str
    words: str

    @property
    def is_dead(self) -> bool:
        """Whether it only waits for somebody to ask how it ended."""
        return self.state.startswith("Z")


def list_processes() -> list[Listed]:
    """Every process of this machine."""
    said = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,pgid=,state=,args="],
        capture_output=True,
        text=True,
        check=True,
    )
    found = []
    for line in said.stdout.splitlines():
        pid, parent, group, state, *words = line.split(None, 4)
        found.append(Listed(int(pid), int(parent), int(group), state, "".join(words)))
    return found


def children_of(pid: int) -> list[Listed]:
    """The processes that this one started and that still run."""
    return [one for one in list_processes() if one.parent == pid and not one.is_dead]


def left_of(groups: Iterable[int]) -> list[Listed]:
    """What still runs of these groups of processes."""
    wanted = set(groups)
    return [one for one in list_processes() if one.group in wanted and not one.is_dead]


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def ending_of(pid: int) -> os.waitid_result | None:
    """How a child ended; None while it runs.

    It is not reaped. So long its number, and that of its group, is given to nobody else, and a
    signal that is sent to it later cannot meet a stranger.
    """
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)


def end_group(leader: "subprocess.Popen[bytes]") -> None:
    """Kill whatever is left of the group of a child that was not reaped, and reap it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()

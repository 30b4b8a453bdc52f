"""Processes of a run: started, watched, and stopped whatever happens."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

STOP_SECONDS = 20
READY_SECONDS = 60
POLL_SECONDS = 0.002

_PR_SET_PDEATHSIG = 1


class ProcessFailed(Exception):
    """A process ended, or did not become ready; the message is what it said last."""


def environment() -> dict[str, str]:
    """Ours, without settings of a bank."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MINIBANK_")}


def _end_with_parent() -> None:
    """Ask Linux to stop this process should its parent be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path,
    given: bytes | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process for as long as the block lasts; what it says goes to `log`.

    `given` is written to its standard input, which stays open; without, there is none.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=out,
            stderr=out,
            cwd=cwd,
            env=environment(),
            pass_fds=pass_fds,
            preexec_fn=_end_with_parent,
            # Out of reach of Ctrl-C, so that each is stopped once, here.
            start_new_session=True,
        )
    try:
        if given is not None:
            assert process.stdin is not None, "it was asked for"
            process.stdin.write(given)
            process.stdin.flush()
        yield process
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_answer(
    port: int, target: str, token: str, process: "subprocess.Popen[bytes]", log: Path
) -> float:
    """Ask until the answer is 200; when that was, on the clock of `time.perf_counter`.

    Raises `ProcessFailed` when the process ends first, or does not answer in time.
    """
    deadline = time.perf_counter() + READY_SECONDS
    while time.perf_counter() < deadline and process.poll() is None:
        if _status(port, target, token) == 200:
            return time.perf_counter()
        time.sleep(POLL_SECONDS)
    said = log.read_text(errors="replace")[-3000:]
    raise ProcessFailed(f"a server did not answer {target}; it said:\n{said}")


def _status(port: int, target: str, token: str) -> int:
    """The status of an answer, 0 for none; by hand, because a client library takes its time."""
    request = (
        f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=READY_SECONDS) as connection:
            connection.sendall(request.encode())
            words = connection.makefile("rb").readline().split()
    except OSError:
        return 0
    return int(words[1]) if len(words) > 1 else 0


def _family(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name; none when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_seconds(pids: Sequence[int]) -> float | None:
    """The processor time of these processes and their descendants; None off Linux."""
    if not Path("/proc/self/stat").exists():
        return None
    ticks = 0
    for one in {one for pid in pids for one in _family(pid)}:
        # Own time, and that of children which have ended.
        ticks += sum(int(field) for field in _stat(one)[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int | None:
    """The memory that a process and its descendants have in use; None off Linux."""
    total = 0
    for one in _family(pid):
        with suppress(OSError):
            for line in Path(f"/proc/{one}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
    return total or None

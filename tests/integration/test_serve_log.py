"""A bank whose log cannot be written goes on serving."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.integration.test_serve_workers import wait_for
from tests.support.command_line import environment
from tests.torture.bank import free_port


def closed() -> None:
    """Standard error is closed before the bank starts."""
    os.close(2)


def full() -> None:
    """Standard error is a file on a full disk."""
    os.dup2(os.open("/dev/full", os.O_WRONLY), 2)


def reader_gone() -> None:
    """Standard error is a pipe from which nobody reads any more."""
    ours, theirs = os.pipe()
    os.dup2(theirs, 2)
    os.close(ours)
    os.close(theirs)


def is_answering(url: str) -> bool:
    """Whether the bank can work."""
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("standard_error", [closed, full, reader_gone])
def test_a_bank_that_cannot_write_its_log_goes_on(
    sqlite_url: str, tmp_path: Path, standard_error: Callable[[], None]
):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "minibank", "serve", "--port", f"{port}", "--database", sqlite_url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
        env=environment(),
        preexec_fn=standard_error,
    ) as process:
        try:
            wait_for(lambda: is_answering(url), lambda: f"ended: {process.poll()}")
            for _ in range(3):
                # A line for each of these, and for the second a warning as well.
                assert httpx.get(f"{url}/nope").json()["code"] == "not_found"
                answer = httpx.get(f"{url}/accounts", headers={"Authorization": "Bearer x"})
                assert answer.status_code == 401
            assert is_answering(url)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()

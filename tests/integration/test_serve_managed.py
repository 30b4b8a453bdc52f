"""A bank that a service manager starts: it says when it answers, reads anew, and stops."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_serve_workers import serving


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_manager_is_told_what_the_bank_does(
    manager: socket.socket, postgres_url: str, tmp_path: Path, workers: str
):
    with serving(tmp_path, postgres_url, "--workers", workers) as server:
        assert manager.recv(1000) == b"READY=1"
        assert server.is_answering()
        # There is no certificate to read, and no terminal that went away.
        server.process.send_signal(signal.SIGHUP)
        assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(1000) == b"READY=1"
        assert server.is_answering()
        server.process.terminate()
        assert manager.recv(1000) == b"STOPPING=1"
        assert server.process.wait(30) == 0, server.said()
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(1000)


def test_a_manager_that_is_gone_keeps_nobody_from_serving(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    with serving(tmp_path, sqlite_url) as server:
        assert server.is_answering()

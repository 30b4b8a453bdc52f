"""The PostgreSQL that rounds may kill: as durable as that of a bank in business."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres_process import SETTINGS, PostgresProcess


def short_directory(parent: str | None = None) -> Path:
    """A new directory with a short path: a socket's address has room for about a hundred bytes.

    As root the server runs as somebody else, who must be able to pass through here.
    """
    parent = parent or ("/tmp" if os.access("/tmp", os.W_OK) else None)
    directory = Path(tempfile.mkdtemp(prefix="minibank-torture-", dir=parent))
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return directory


@contextmanager
def mortal_server(directory: Path) -> Iterator[PostgresProcess]:
    """A server whose files lie in `directory`, stopped when the block ends."""
    server = PostgresProcess(directory, (*SETTINGS["durable"], "shared_buffers=64MB"))
    server.init()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def passing_server() -> Iterator[PostgresProcess]:
    """A server of which nothing is left when the block ends."""
    directory = short_directory()
    try:
        with mortal_server(directory) as server:
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)

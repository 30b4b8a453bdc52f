"""Bytes while they arrive: a file of its own, their digest and their number."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

from minibank.files.errors import FilesUnavailable

P = ParamSpec("P")
T = TypeVar("T")

HEAD_BYTES = 1445
"""How much of a file's beginning is looked at to see what it is (WHATWG MIME Sniffing)."""


async def in_thread(function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run what waits for a disk in a thread; who is cancelled meanwhile waits for it all the same,
    so that nothing is closed under its hands."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *args, **named))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FilesUnavailable(error.strerror or str(error)) from error


class Spool:
    """A file for its owner's eyes only, which is gone when the block ends unless it was moved.

    `write` and `finish` are for a thread; they raise `FilesUnavailable` when the disk is full.
    """

    def __init__(self, directory: Path) -> None:
        number, name = tempfile.mkstemp(dir=directory)
        self.path = Path(name)
        self._number = number
        self._digest = hashlib.sha256()
        self.size = 0
        self.head = b""

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()
        with suppress(FileNotFoundError):
            self.path.unlink()

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has arrived."""
        return self._digest.digest()

    def write(self, data: bytes) -> None:
        """Take what has arrived."""
        if len(self.head) < HEAD_BYTES:
            self.head += data[: HEAD_BYTES - len(self.head)]
        self._digest.update(data)
        self.size += len(data)
        view = memoryview(data)
        with _translated():
            while view:
                view = view[os.write(self._number, view) :]

    def finish(self) -> None:
        """Have all of it on the disk."""
        with _translated():
            os.fsync(self._number)
        self._close()

    def _close(self) -> None:
        if self._number >= 0:
            os.close(self._number)
            self._number = -1


def forget_unfinished(directory: Path, before: float) -> int:
    """Remove the files of a directory that were last written before this moment (seconds since
    1970); how many that were."""
    removed = 0
    with suppress(OSError):
        for entry in os.scandir(directory):
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    Path(entry.path).unlink()
                    removed += 1
    return removed

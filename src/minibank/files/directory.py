"""Files in a directory: for a bank on one machine, or on a disk that several share."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from minibank.files.base import PART_BYTES, FileParts, Files, Kept
from minibank.files.errors import FileMissing, FilesUnavailable
from minibank.files.spool import Spool, forget_unfinished, in_thread

T = TypeVar("T")

ARRIVING = "arriving"
"""The directory of what has not arrived whole."""
LISTED_AT_ONCE = 1000


class DirectoryFiles(Files):
    """A directory, made when the first file arrives; nobody but its owner can look into it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()

    @property
    @override
    def place(self) -> str:
        return str(self._directory)

    @override
    def spool(self) -> Spool:
        arriving = self._directory / ARRIVING
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            arriving.mkdir(mode=0o700, exist_ok=True)
            return Spool(arriving)
        except OSError as error:
            raise _unavailable(self.place, error) from error

    @override
    async def keep(self, spool: Spool, name: str) -> None:
        await self._try(lambda: self._keep(spool, name))

    @override
    async def read(self, name: str, start: int, end: int) -> FileParts:
        number = await self._try(lambda: os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC))
        return _Parts(number, start, end)

    @override
    async def size_of(self, name: str) -> int | None:
        try:
            return await self._try(lambda: self._path(name).stat().st_size)
        except FileMissing:
            return None

    @override
    async def remove(self, name: str) -> None:
        with suppress(FileMissing):
            await self._try(lambda: self._remove(name))

    @override
    async def list(self) -> AsyncIterator[Kept]:
        found = self._walk()
        while some := await self._try(lambda: [*islice(found, LISTED_AT_ONCE)]):
            for one in some:
                yield one

    @override
    def forget_unfinished(self, before: float) -> int:
        return forget_unfinished(self._directory / ARRIVING, before)

    async def _try(self, work: Callable[[], T]) -> T:
        try:
            return await in_thread(work)
        except FileNotFoundError as error:
            raise FileMissing(str(error)) from error
        except OSError as error:
            raise _unavailable(self.place, error) from error

    def _path(self, name: str) -> Path:
        return self._directory.joinpath(*name.split("/"))

    def _keep(self, spool: Spool, name: str) -> None:
        path = self._path(name)
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _sync(self._directory)
        spool.path.replace(path)
        _sync(path.parent)

    def _remove(self, name: str) -> None:
        path = self._path(name)
        path.unlink()
        _sync(path.parent)

    def _walk(self) -> Iterator[Kept]:
        if not self._directory.exists():
            return
        for shard in os.scandir(self._directory):
            if shard.name == ARRIVING or not shard.is_dir():
                continue
            for entry in os.scandir(shard.path):
                yield Kept(f"{shard.name}/{entry.name}", entry.stat().st_size)


class _Parts(FileParts):
    """A part of an open file."""

    def __init__(self, number: int, start: int, end: int) -> None:
        self._number = number
        self._at = start
        self._end = end

    @override
    async def __anext__(self) -> bytes:
        wanted = min(PART_BYTES, self._end - self._at)
        part = await in_thread(os.pread, self._number, wanted, self._at) if wanted > 0 else b""
        if not part:
            await self.aclose()
            raise StopAsyncIteration
        self._at += len(part)
        return part

    @override
    async def aclose(self) -> None:
        if self._number >= 0:
            os.close(self._number)
            self._number = -1
            self._end = self._at


def _sync(directory: Path) -> None:
    """Have the names in a directory on the disk."""
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _unavailable(place: str, error: OSError) -> FilesUnavailable:
    return FilesUnavailable(f"{place}: {error.strerror or error}")

"""The port: what the rest of the bank may ask of the place where bytes are kept.

A file is known by a name that whoever keeps it chose; what is kept under a name never changes. So
two that keep the same bytes under one name do each other no harm, and neither does one that is
repeated.
"""

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from minibank.files.spool import Spool

PART_BYTES = 256 * 1024
"""How much of a file is read at a time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is there: its name and how many bytes it has."""

    name: str
    size: int


class FileParts(AsyncIterator[bytes]):
    """A part of a file, a piece at a time; to be closed when nobody wants the rest."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of it."""


class Files(Protocol):
    """A place where bytes are kept."""

    @property
    def place(self) -> str:
        """For people: where that is, without a secret."""
        ...

    def spool(self) -> Spool:
        """Where bytes can be put while they arrive; nothing of them is kept until `keep`.

        Raises `FilesUnavailable`.
        """
        ...

    async def keep(self, spool: Spool, name: str) -> None:
        """Keep what has arrived under this name; when it returns it is safe.

        Raises `FilesUnavailable`, and then nothing is there that was not there before.
        """
        ...

    async def read(self, name: str, start: int, end: int) -> FileParts:
        """The bytes from `start` to before `end`. Raises `FileMissing`, or `FilesUnavailable`."""
        ...

    async def size_of(self, name: str) -> int | None:
        """How many bytes are kept under this name; None for none. Raises `FilesUnavailable`."""
        ...

    async def remove(self, name: str) -> None:
        """Forget what is kept under this name, if anything is. Raises `FilesUnavailable`."""
        ...

    def list(self) -> AsyncIterator[Kept]:
        """All that is kept, in no order. Raises `FilesUnavailable`."""
        ...

    def forget_unfinished(self, before: float) -> int:
        """Remove what began to arrive before this moment (seconds since 1970) and never did, for
        whoever brought it was killed; how many files that were."""
        ...

"""Files in a store that speaks S3: for a bank on several machines."""

import errno
import os
import stat
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from minibank.files.base import PART_BYTES, FileParts, Files, Kept
from minibank.files.errors import FileMissing, FilesUnavailable
from minibank.files.spool import Spool, forget_unfinished

if TYPE_CHECKING:
    from obstore.store import S3Store

RETRIES = 3
RETRY_TIME = timedelta(seconds=20)
CONNECT_SECONDS, REQUEST_SECONDS = 5, 60


class S3Files(Files):
    """Objects below a prefix of a bucket. Credentials come from the environment alone, as every S3
    client reads them (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, or a machine's own role)."""

    def __init__(self, bucket: str, prefix: str, *, endpoint: str, region: str) -> None:
        self._place = f"s3://{bucket}/{prefix}"
        self._store = _open_store(bucket, prefix, endpoint, region)

    @property
    @override
    def place(self) -> str:
        return self._place

    @override
    def spool(self) -> Spool:
        arriving = arriving_directory()
        try:
            arriving.mkdir(mode=0o700, exist_ok=True)
            _require_private(arriving)
            return Spool(arriving)
        except OSError as error:
            raise FilesUnavailable(f"{arriving}: {error.strerror}") from error

    @override
    def forget_unfinished(self, before: float) -> int:
        return forget_unfinished(arriving_directory(), before)

    @override
    async def keep(self, spool: Spool, name: str) -> None:
        import obstore  # noqa: PLC0415 - an extra that most banks do without

        try:
            await obstore.put_async(self._store, name, spool.path)
        except Exception as error:
            raise self._unavailable(error) from error

    @override
    async def read(self, name: str, start: int, end: int) -> FileParts:
        import obstore  # noqa: PLC0415 - an extra that most banks do without

        if start == end:
            # S3 knows no range of no bytes.
            await self._require(name)
            return _Parts(None, self)
        try:
            found = await obstore.get_async(self._store, name, options={"range": (start, end)})
        except Exception as error:
            raise self._missing_or_unavailable(error) from error
        return _Parts(found.stream(min_chunk_size=PART_BYTES), self)

    @override
    async def size_of(self, name: str) -> int | None:
        import obstore  # noqa: PLC0415 - an extra that most banks do without

        try:
            return (await obstore.head_async(self._store, name))["size"]
        except Exception as error:
            problem = self._missing_or_unavailable(error)
            if isinstance(problem, FileMissing):
                return None
            raise problem from error

    @override
    async def remove(self, name: str) -> None:
        import obstore  # noqa: PLC0415 - an extra that most banks do without

        try:
            await obstore.delete_async(self._store, name)
        except Exception as error:
            problem = self._missing_or_unavailable(error)
            if not isinstance(problem, FileMissing):
                raise problem from error

    @override
    async def list(self) -> AsyncIterator[Kept]:
        import obstore  # noqa: PLC0415 - an extra that most banks do without

        try:
            async for some in obstore.list(self._store):
                for one in some:
                    yield Kept(one["path"], one["size"])
        except Exception as error:
            raise self._unavailable(error) from error

    async def _require(self, name: str) -> None:
        if await self.size_of(name) is None:
            raise FileMissing(name)

    def _missing_or_unavailable(self, error: Exception) -> Exception:
        # The library's own error for a missing object is Python's as well.
        if isinstance(error, FileNotFoundError):
            return FileMissing(str(error))
        return self._unavailable(error)

    def _unavailable(self, error: Exception) -> FilesUnavailable:
        # The first line: behind it the library tells of the request, which is signed.
        first = str(error).strip().partition("\n")[0]
        return FilesUnavailable(f"{self._place}: {first}")


def arriving_directory() -> Path:
    """Where files stand until the store has them, below the machine's directory for such: a
    directory of this user's own."""
    return Path(tempfile.gettempdir(), f"minibank-arriving-{os.getuid()}")


def _require_private(directory: Path) -> None:
    """OSError for what somebody else has put there, who would see what arrives."""
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EACCES, "it is not a directory of this user alone")


class _Parts(FileParts):
    """A part of an object as it comes."""

    def __init__(self, stream: Any, files: S3Files) -> None:  # noqa: ANN401 - the library's
        self._stream = stream
        self._files = files

    @override
    async def __anext__(self) -> bytes:
        if self._stream is None:
            raise StopAsyncIteration
        try:
            return bytes(await anext(self._stream))
        except StopAsyncIteration:
            await self.aclose()
            raise
        except Exception as error:
            raise self._files._unavailable(error) from error

    @override
    async def aclose(self) -> None:
        with suppress(AttributeError):
            del self._stream
        self._stream = None


def _open_store(bucket: str, prefix: str, endpoint: str, region: str) -> "S3Store":
    try:
        from obstore.store import S3Store  # noqa: PLC0415 - an extra that most banks do without
    except ImportError as error:
        raise FilesUnavailable(
            "files in an S3 store need another package: pip install minibank[s3]"
        ) from error
    more: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    return S3Store(
        bucket,
        prefix=prefix or None,
        region=region or None,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=REQUEST_SECONDS),
        },
        retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIME},
        **more,
    )

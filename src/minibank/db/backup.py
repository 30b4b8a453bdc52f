"""Whole banks as files: written from one snapshot of a live database, read into an empty one.

The form is the same for both engines, so a bank may move from one to the other. A file is gzip over
frames; a frame is its length (4 bytes, big-endian) and a MessagePack value: first a `Header`, then
`Rows`, a few at a time and table by table, and at last a `Trailer` with what was written and its
SHA-256, without which the file is not whole.
"""

import gzip
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import msgspec

from minibank.db.base import Database, SnapshotTx, Tx
from minibank.db.migrate import migrate, migrations, tables

FORMAT: Literal["minibank-backup/1"] = "minibank-backup/1"
FRAME_BYTES_MAX = 256 * 1024 * 1024
LAST = "bank"
"""The table that is written last: a database that was not restored whole holds no bank."""


class BackupError(ValueError):
    """A backup that cannot be made or restored; the message says why."""


class Header(msgspec.Struct, frozen=True, tag="header"):
    """What a backup is of; `key` names the server key that its derived secrets need, if any."""

    format: Literal["minibank-backup/1"]
    schema_version: int
    taken_at: int
    kind: str
    key: str


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """Some rows of one table."""

    table: str
    columns: list[str]
    rows: list[list[Any]]


class Trailer(msgspec.Struct, frozen=True, tag="trailer"):
    """The end: how many rows each table has, and the SHA-256 of all frames before this one."""

    counts: dict[str, int]
    digest: bytes


Frame = Header | Rows | Trailer

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


async def back_up(db: Database, path: Path, *, kind: str, key: str = "") -> dict[str, int]:
    """Write the whole bank, as it is at one instant, to a file; how many rows each table has.

    `kind` is the bank's, sandbox or production. The bank goes on meanwhile. The file is for its
    owner's eyes only and appears whole or not at all. Raises `BackupError` when it cannot be.
    """
    header = Header(FORMAT, await db.schema_version(), db.clock.now(), kind, key)
    beside = path.with_name(path.name + ".new")

    async def work(tx: SnapshotTx) -> dict[str, int]:
        # Opened here, so that a snapshot that is taken again begins anew.
        try:
            return await _write_file(tx, beside, header)
        except OSError as error:
            # In our own word, or the port would take it for a lost connection.
            raise BackupError(f"{path} cannot be written: {error.strerror}") from error

    try:
        counts = await db.snapshot(work)
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink()
    return counts


async def _write_file(tx: SnapshotTx, path: Path, header: Header) -> dict[str, int]:
    with os.fdopen(_make_anew(path), "wb") as raw:
        with gzip.open(raw, "wb", compresslevel=3) as file:
            counts = await _write(tx, cast(BinaryIO, file), header)
        raw.flush()
        os.fsync(raw.fileno())
    return counts


def _make_anew(path: Path) -> int:
    """A file for its owner only; one that is there already may be open to others."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)


async def _write(tx: SnapshotTx, file: BinaryIO, header: Header) -> dict[str, int]:
    digest = hashlib.sha256()

    def put(frame: Frame) -> None:
        content = _encode(frame)
        for part in (len(content).to_bytes(4), content):
            digest.update(part)
            file.write(part)

    put(header)
    counts = {}
    for table in _in_order():
        counts[table] = 0
        async for rows in tx.walk(table):
            counts[table] += len(rows)
            put(Rows(table, list(rows[0].keys()), [list(row) for row in rows]))
    put(Trailer(counts, digest.digest()))
    return counts


def _in_order() -> list[str]:
    return [*(table for table in tables() if table != LAST), LAST]


def read_header(path: Path) -> Header:
    """What a backup is of; `BackupError` when it is none."""
    first = next(_frames(path), None)
    if not isinstance(first, Header):
        raise BackupError(f"{path} is no backup")
    return first


def require_whole(path: Path) -> None:
    """`BackupError` unless the file is a backup that was written to its end and not changed."""
    frame: Frame | None = None
    for frame in _frames(path):  # noqa: B007 - the last one tells
        pass
    if not isinstance(frame, Trailer):
        raise BackupError(f"{path} was cut short")


async def restore(db: Database, path: Path) -> dict[str, int]:
    """Read a backup into a database that holds nothing; how many rows each table has.

    The schema is brought to the backup's version first and to this code's at the end. The whole
    file is checked before the first row is written. Raises `BackupError`.
    """
    header = read_header(path)
    require_whole(path)
    if header.schema_version > migrations()[-1].version:
        raise BackupError(f"{path} was made by a newer minibank: restore it with that one")
    await migrate(db, header.schema_version)
    known = tables(header.schema_version)
    if await db.schema_version() != header.schema_version or not await _is_empty(db, known):
        raise BackupError("a backup is restored into an empty database, and this one is not")
    counts: dict[str, int] = {}
    for frame in _frames(path):
        if isinstance(frame, Rows):
            await _insert(db, frame)
        elif isinstance(frame, Trailer):
            counts = frame.counts
    await migrate(db)
    return counts


async def _is_empty(db: Database, known: list[str]) -> bool:
    async def work(tx: SnapshotTx) -> bool:
        for table in known:
            async for _ in tx.walk(table):
                return False
        return True

    return await db.snapshot(work)


async def _insert(db: Database, frame: Rows) -> None:
    if frame.table not in tables():
        raise BackupError(f"the backup has a table {frame.table}, which this minibank has not")

    async def work(tx: Tx) -> None:
        await tx.insert_rows(frame.table, frame.columns, frame.rows)

    await db.transact(work)


def _frames(path: Path) -> Iterator[Frame]:
    """The frames of a file one by one; `BackupError` at the first that is not as it was written."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as file:
            while length := file.read(4):
                size = int.from_bytes(length)
                content = file.read(size) if size <= FRAME_BYTES_MAX else b""
                if len(length) < len(b"size") or len(content) != size:
                    raise BackupError(f"{path} was cut short")
                frame = _decode(content)
                if isinstance(frame, Trailer) and frame.digest != digest.digest():
                    raise BackupError(f"{path} was changed after it was written")
                digest.update(length)
                digest.update(content)
                yield frame
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        raise BackupError(f"{path} cannot be read as a backup") from error

"""Hold the bytes that are kept against what the bank says of them."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from minibank.attachments import store
from minibank.attachments.records import Content
from minibank.db import Database
from minibank.files import FileMissing, Files

PAGE = 500
FIRST = (-1, b"")


@dataclass
class FilesReport:
    """What a look at all files found: names of what is `missing` or `wrong`, and how much is kept
    that no row tells of (files that are arriving, or were left by a crash)."""

    files: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unknown: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every file is there, as it was."""
        return not self.missing and not self.wrong


async def check_kept(
    db: Database, files: Files, *, reads_all: bool, progress: Callable[[int], None]
) -> FilesReport:
    """Look for every file that the bank has, its size and, with `reads_all`, its SHA-256.

    Raises `FilesUnavailable`. What changes meanwhile may be counted as unknown, and is not missing:
    a file that is not there is looked up once more.
    """
    report, known = FilesReport(), set()
    async for one in _contents(db):
        known.add(one.name)
        report.files += 1
        report.bytes += one.size
        size = await files.size_of(one.name)
        if size is None:
            if one.is_stored and await _is_still_there(db, one):
                report.missing.append(one.name)
        elif size != one.size or (reads_all and await _digest(files, one) != one.digest):
            report.wrong.append(one.name)
        progress(report.files)
    async for kept in files.list():
        report.unknown += kept.name not in known
    return report


async def _contents(db: Database) -> AsyncIterator[Content]:
    after = FIRST
    while page := await _page(db, after):
        for one in page:
            yield one
        after = (page[-1].shard, page[-1].digest)


async def _page(db: Database, after: tuple[int, bytes]) -> list[Content]:
    return await db.read(lambda tx: store.list_contents(tx, after, PAGE))


async def _is_still_there(db: Database, content: Content) -> bool:
    before = (content.shard, content.digest)
    now = await db.read(lambda tx: store.find_content(tx, *before))
    return now is not None and now.name == content.name and now.is_stored


async def _digest(files: Files, content: Content) -> bytes:
    digest = hashlib.sha256()
    try:
        parts = await files.read(content.name, 0, content.size)
    except FileMissing:
        return b""
    async for part in parts:
        digest.update(part)
    return digest.digest()

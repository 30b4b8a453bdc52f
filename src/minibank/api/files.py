"""Files go out: to whoever knows their address, and never so that a browser runs them.

What a file is served as follows from its bytes. Only pictures are shown, all else is saved; no
browser may guess another type (`nosniff`), and whatever it shows all the same stands in a sandbox
that has no scripts, no forms and nobody's cookies.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from minibank.api.answers import Answer, Headers, answer_error
from minibank.api.catalogue import BAD_RANGE, FILES_AWAY, NO_DATABASE, NO_FILE
from minibank.api.conditions import parse_tags
from minibank.api.endpoint import Edge, Request
from minibank.api.operation import Operation
from minibank.api.requests import is_storable
from minibank.api.uploads import files_away
from minibank.attachments.names import FilePath, disposition
from minibank.attachments.records import StoredFile
from minibank.attachments.sniffing import SHOWN
from minibank.attachments.store import find_file
from minibank.core.errors import NotFound, RangeNotSatisfiable
from minibank.core.instants import format_http_date
from minibank.files import FileMissing, FileParts, FilesUnavailable

FILE = "/files/{user_id}/{file}"

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII)

_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    # Apps of any origin show these files; whoever can name one may read it anyway.
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
    # A browser may keep it, and asks each time whether it is still there: files can be erased.
    (b"cache-control", b"private, no-cache"),
    (b"accept-ranges", b"bytes"),
]

READ_FILE = Operation(
    tag="Attachments",
    summary="Fetch a file",
    description=(
        "Where `file_url` leads: on a host of its own where the bank has one (`files_url`), which"
        " then answers nothing else. Nobody is asked who they are; the address cannot be guessed."
        " A part of it may be asked for with `Range`."
    ),
    path={"user_id": "Whose file it is.", "file": "What stands last in `file_url`."},
    answers=None,
    media="*/*",
    refuses=(NO_FILE, BAD_RANGE, FILES_AWAY, NO_DATABASE),
    conditions=("If-None-Match",),
    public=True,
    ranges=True,
)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of a file from `start` to before `end`."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.end - self.start


async def read_file(edge: Edge, request: Request) -> Answer:
    """GET /files/{user_id}/{file}"""
    stored = await _find(edge, request)
    tag = f'"{stored.digest.hex()[:32]}"'
    headers: Headers = [
        *_SAFE,
        (b"etag", tag.encode()),
        (b"last-modified", format_http_date(stored.stored_at).encode()),
        (b"content-disposition", _disposition(stored).encode()),
    ]
    if _has_it(request.headers, tag):
        return Answer(304, b"", headers)
    headers.append((b"content-type", stored.media_type.encode()))
    part = wanted_part(request.headers, stored.size, tag)
    if part is None:
        refused = answer_error(RangeNotSatisfiable(stored.size))
        return Answer(
            416, refused.body, [*refused.headers, (b"content-range", b"bytes */%d" % stored.size)]
        )
    headers.append((b"content-length", b"%d" % part.size))
    is_whole = part.size == stored.size
    if not is_whole:
        where = f"bytes {part.start}-{part.end - 1}/{stored.size}"
        headers.append((b"content-range", where.encode()))
    stream = None if request.method == "HEAD" else await _open(edge, stored, part)
    return Answer(200 if is_whole else 206, b"", headers, stream, is_sized=True)


async def _find(edge: Edge, request: Request) -> StoredFile:
    path = FilePath(request.path["user_id"], request.path["file"])
    shard = path.shard if is_storable(path.user_id) and is_storable(path.segment) else None
    stored = None
    if shard is not None:
        stored = await edge.db.read(lambda tx: find_file(tx, shard, path.digest, path.user_id))
    if stored is None:
        raise NotFound("file", "There is no such file")
    return stored


async def _open(edge: Edge, stored: StoredFile, part: Part) -> FileParts:
    assert edge.files is not None, "an API that serves files has a place for them"
    try:
        parts = await edge.files.read(stored.kept_as, part.start, part.end)
    except FileMissing as error:
        edge.watch.files.failures.add("missing")
        raise NotFound("file", "There is no such file") from error
    except FilesUnavailable as error:
        edge.watch.files.failures.add("read")
        raise files_away() from error
    edge.watch.files.served_bytes.add(by=part.size)
    return parts


def _disposition(stored: StoredFile) -> str:
    return disposition(stored.file_name, inline=stored.media_type in SHOWN)


def _has_it(headers: Mapping[str, str], tag: str) -> bool:
    """Whether the client has this file already (RFC 9110 section 13.1.2)."""
    given = headers.get("if-none-match")
    if given is None:
        return False
    try:
        tags = parse_tags(given)
    except ValueError:
        return False
    return tags.is_any or tag.strip('"') in tags.strong | tags.weak


def wanted_part(headers: Mapping[str, str], size: int, tag: str) -> Part | None:
    """What of a file is asked for: all of it, or the one range that `Range` names.

    None when the file has nothing of that range. Several ranges, other units and what cannot be
    read are answered with the whole file, as RFC 9110 section 14.2 allows; so is a range of
    another version (`If-Range`).
    """
    whole = Part(0, size)
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", tag) != tag:
        return whole
    first, last = found.groups()
    if not first:
        if not last:
            return whole
        return Part(max(0, size - int(last)), size) if int(last) else None
    start, end = int(first), int(last) + 1 if last else size
    if last and end <= start:
        return whole
    return Part(start, min(end, size)) if start < size else None

"""The bytes of a file as they come: unpacked, bounded, put into a spool, never held whole.

A body may be the file itself, or packed by gzip, or a form with the file in it; whichever it is, at
no moment does it take more memory than a few of its pieces, and nothing is unpacked beyond what the
file may be.
"""

import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from email.message import Message
from functools import partial
from typing import Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from typing_extensions import override

from minibank.api.bodies import MULTIPART, bad_body
from minibank.core.errors import BadRequest, TooLarge
from minibank.files import Spool
from minibank.files.spool import in_thread

PIECE_BYTES = 64 * 1024
"""How much is unpacked or written at a time."""
PACKING_BYTES = 64 * 1024
"""How much larger than the file a body may be for its packing: parts of a form, gzip."""
PART_HEADERS_BYTES_MAX = 8 * 1024
BOUNDARY_MAX = 200
WRONG_LENGTH = "bad_request.wrong_length"


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes) -> None:
        """Take some."""
        ...

    def finish(self) -> None:
        """There are no more."""
        ...


class Bounded(Sink):
    """Passes on so many bytes and refuses more."""

    def __init__(
        self, sink: Sink, bytes_max: int, refuse: Callable[[], BadRequest | TooLarge]
    ) -> None:
        self._sink = sink
        self._left = bytes_max
        self._refuse = refuse

    @override
    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise self._refuse()
        self._sink.write(data)

    @override
    def finish(self) -> None:
        self._sink.finish()


class Gunzip(Sink):
    """Unpacks gzip (RFC 1952), a piece at a time: what a small body would become is never made."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._member = _new_member()
        self._is_within = False

    @override
    def write(self, data: bytes) -> None:
        piece = b""
        # What was unpacked and found no room in a full piece comes with the next one.
        while data or len(piece) == PIECE_BYTES:
            self._is_within = True
            try:
                piece = self._member.decompress(data, PIECE_BYTES)
            except zlib.error:
                raise bad_body("The body is not valid gzip") from None
            if piece:
                self._sink.write(piece)
            data = self._member.unconsumed_tail
            if self._member.eof:
                data, piece = self._member.unused_data, b""
                self._member, self._is_within = _new_member(), False

    @override
    def finish(self) -> None:
        if self._is_within:
            raise bad_body("The body is gzip that was cut short")
        self._sink.finish()


def _new_member() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)


class FormFile(Sink):
    """Takes the one file out of a form (RFC 7578), and passes the other fields over."""

    def __init__(self, sink: Sink, boundary: bytes) -> None:
        self._sink = sink
        self._found = False
        self._ended = False
        self._takes = False
        self._name = b""
        self._value = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._headers_bytes = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._decide,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    @override
    def write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError:
            raise bad_body("The body is not valid multipart/form-data") from None

    @override
    def finish(self) -> None:
        if not self._ended:
            raise bad_body("The body is not whole multipart/form-data")
        if not self._found:
            raise bad_body("There is no file in the form")
        self._sink.finish()

    def _begin(self) -> None:
        self._takes = False
        self._headers.clear()
        self._headers_bytes = 0

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._value += data[start:end]

    def _count(self, size: int) -> None:
        self._headers_bytes += size
        if self._headers_bytes > PART_HEADERS_BYTES_MAX:
            raise bad_body("A part of the form has too many headers")

    def _header_end(self) -> None:
        self._headers.append((self._name.lower(), self._value))
        self._name = self._value = b""

    def _decide(self) -> None:
        """A part with a file's name is the file; so is one of the name `file`."""
        for name, value in self._headers:
            if name == b"content-disposition":
                options = parse_options_header(value)[1]
                self._takes = b"filename" in options or options.get(b"name") == b"file"
        if self._takes and self._found:
            raise bad_body("There is more than one file in the form")
        self._found = self._found or self._takes

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._takes:
            self._sink.write(data[start:end])

    def _end(self) -> None:
        self._ended = True


def unpacking(
    headers: Mapping[str, str], spool: Spool, bytes_max: int, declared: int | None
) -> Sink:
    """What to put a body of these headers into so that the file in it lands in the spool.

    The file may have `bytes_max`, and what was `declared` if anything was. Raises `BadRequest` for
    a packing that the bank does not know.
    """
    sink: Sink = Bounded(spool, bytes_max, partial(TooLarge, bytes_max))
    if declared is not None:
        sink = Bounded(sink, declared, lambda: wrong_length(declared))
    whole = bytes_max + PACKING_BYTES
    boundary = _boundary_of(headers.get("content-type", ""))
    if boundary is not None:
        sink = Bounded(FormFile(sink, boundary), whole, partial(TooLarge, bytes_max))
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("gzip", "x-gzip"):
        sink = Bounded(Gunzip(sink), whole, partial(TooLarge, bytes_max))
    elif coding not in ("", "identity"):
        raise bad_body("The body may be packed by gzip, and by nothing else")
    return sink


def _boundary_of(content_type: str) -> bytes | None:
    """The boundary of a form; None for what is none, whatever else it is called."""
    message = Message()
    message["content-type"] = content_type.replace("\n", " ").replace("\r", " ")
    if message.get_content_type() != MULTIPART:
        return None
    boundary = message.get_boundary()
    if not boundary or len(boundary) > BOUNDARY_MAX:
        return None
    return boundary.encode("latin-1", "replace")


def wrong_length(declared: int) -> BadRequest:
    """The file is not of the size that it was announced with."""
    return BadRequest(
        WRONG_LENGTH, f"The file does not have the {declared:,} bytes of its content_length"
    )


async def receive(parts: AsyncIterator[bytes], sink: Sink) -> None:
    """Put a body into a sink as it comes; small parts wait for others, so that a client that sends
    byte by byte does not cost a thread's turn for each."""
    waiting: list[bytes] = []
    size = 0
    async for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= PIECE_BYTES:
            await in_thread(sink.write, b"".join(waiting))
            waiting, size = [], 0
    if waiting:
        await in_thread(sink.write, b"".join(waiting))
    await in_thread(sink.finish)

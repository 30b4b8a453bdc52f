"""Cursors: where a page ended, as a text that means nothing to whoever keeps it."""

import base64
import binascii
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, UnsetType

from minibank.api.requests import INTEGER_MAX, is_storable
from minibank.core.errors import BadParam

T = TypeVar("T")

Cursor = Annotated[
    str | None, Meta(description="For `after` of the next page; null when this was the last.")
]

After = Annotated[str | UnsetType, Meta(description="`next` of the page before.")]
Limit = Annotated[int | UnsetType, Meta(description="At most so many; 100 are the most.")]


def cursor_of(position: object) -> str | None:
    """A position as a cursor; None for None."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(position)).rstrip(b"=").decode()


def position_of(cursor: str | None, kind: type[T]) -> T | None:
    """The position in a cursor; None for none, `BadParam` for what is no cursor of this kind."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        position = msgspec.msgpack.decode(base64.urlsafe_b64decode(padded), type=kind)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise _no_cursor() from error
    for part in position if isinstance(position, tuple) else (position,):
        # Whoever makes a cursor up must not reach a driver with what no column holds.
        if isinstance(part, int) and abs(part) > INTEGER_MAX:
            raise _no_cursor()
        if isinstance(part, str) and not is_storable(part):
            raise _no_cursor()
    return position


def _no_cursor() -> BadParam:
    return BadParam("after", "is no cursor of this list")

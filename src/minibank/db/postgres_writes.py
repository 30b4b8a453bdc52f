"""Rows to be written, gathered until the next statement and then sent as one.

A statement costs the server and the driver more than most of its rows do, and an array of values
costs the driver a question for each of them. So all rows of one table travel as one JSON document,
and the writes of several tables as one statement. Only how it is done differs from writing each at
once: what a later statement reads was written before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from minibank.db.base import Value
from minibank.db.errors import BadData

Columns = tuple[str, ...]
Types = dict[str, str]
"""The columns of a table with their types."""

_encode = msgspec.json.Encoder().encode


class Shape(NamedTuple):
    """What a write does, without its rows: equal shapes are equal statements.

    The values of a row are those of `keys`, then those of `columns`. `types` are theirs, in the
    same order.
    """

    verb: Literal["insert", "update", "delete"]
    table: str
    keys: Columns
    columns: Columns
    types: Columns


@dataclass(frozen=True, slots=True)
class Write:
    """Rows of one table to be inserted, updated or deleted."""

    verb: Literal["insert", "update", "delete"]
    table: str
    keys: Columns
    columns: Columns
    rows: Sequence[Sequence[Value]]

    def shape(self, types: Types) -> Shape:
        """The write without its rows."""
        names = (*self.keys, *self.columns)
        places = tuple(types[name] for name in names)
        return Shape(self.verb, self.table, self.keys, self.columns, places)


def document_of(write: Write) -> str:
    """The rows as a JSON array of objects; raises `BadData` for what JSON cannot hold."""
    names = (*write.keys, *write.columns)
    rows = [[_plain(value) for value in row] for row in write.rows]
    try:
        return _encode([dict(zip(names, row, strict=True)) for row in rows]).decode()
    except UnicodeEncodeError:
        raise BadData("a text that is not Unicode") from None
    except OverflowError:
        raise BadData("a number out of range") from None


def _plain(value: Value) -> Value:
    """What JSON has no word for, as PostgreSQL reads it: a boolean is a number, bytes are hex."""
    if value is True or value is False:
        return int(value)
    return "\\x" + value.hex() if isinstance(value, bytes) else value


@lru_cache(maxsize=256)
def statement_of(shapes: tuple[Shape, ...]) -> str:
    """One statement that makes all these writes; the documents of their rows are its values."""
    pieces = [_piece(shape, place) for place, shape in enumerate(shapes, 1)]
    *first, last = pieces
    before = ", ".join(f"w{place} AS ({piece})" for place, piece in enumerate(first, 1))
    return f"WITH {before} {last}" if first else last


def _piece(shape: Shape, place: int) -> str:
    names = (*shape.keys, *shape.columns)
    typed = ", ".join(f"{name} {kind}" for name, kind in zip(names, shape.types, strict=True))
    rows = f"json_to_recordset(${place}::json) AS r({typed})"
    match = " AND ".join(f"{shape.table}.{key} = r.{key}" for key in shape.keys)
    if shape.verb == "insert":
        listed = ", ".join(names)
        return f"INSERT INTO {shape.table} ({listed}) SELECT {listed} FROM {rows}"  # noqa: S608
    if shape.verb == "update":
        news = ", ".join(f"{column} = r.{column}" for column in shape.columns)
        return f"UPDATE {shape.table} SET {news} FROM {rows} WHERE {match}"  # noqa: S608
    return f"DELETE FROM {shape.table} USING {rows} WHERE {match}"  # noqa: S608

"""Rows to be written, gathered until the next statement and then sent as one.

A statement costs the server and the driver more than most of its rows do, and an array of plain
values costs the driver a question for each of them. So all rows of one table travel as one array of
that table's rows, and the writes of several tables as one statement. Only how it is done differs
from writing each at once: what a later statement reads was written before it.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Literal, NamedTuple

import msgspec

from minibank.db.base import Value

Columns = tuple[str, ...]
Rows = Sequence[Sequence[Value]]


class Shape(NamedTuple):
    """What a write does, without its rows: equal shapes are equal statements.

    The values of a row are those of `keys`, then those of `columns`. `table_columns` are all that
    the table has, in its own order.
    """

    verb: Literal["insert", "update", "delete"]
    table: str
    keys: Columns
    columns: Columns
    table_columns: Columns


class Write(msgspec.Struct, frozen=True):
    """Rows of one table to be inserted, updated or deleted."""

    verb: Literal["insert", "update", "delete"]
    table: str
    keys: Columns
    columns: Columns
    rows: Rows

    def shape(self, table_columns: Columns) -> Shape:
        """The write without its rows."""
        return Shape(self.verb, self.table, self.keys, self.columns, table_columns)


def whole_rows(shape: Shape, rows: Rows) -> list[tuple[Value, ...]]:
    """The rows with a place for every column of the table; what is not written is None."""
    if {*map(len, rows)} != {len(shape.keys) + len(shape.columns)}:
        raise ValueError("a row is longer or shorter than its columns")
    pick = _picker(shape)
    return [pick((*row, None)) for row in rows]


@lru_cache(maxsize=256)
def _picker(shape: Shape) -> Callable[[Sequence[Value]], tuple[Value, ...]]:
    names = (*shape.keys, *shape.columns)
    places = [names.index(one) if one in names else -1 for one in shape.table_columns]
    # Twice the first, because of a single place it would give no tuple.
    pick = itemgetter(places[0], *places)
    return lambda row: pick(row)[1:]


@lru_cache(maxsize=256)
def statement_of(shapes: tuple[Shape, ...]) -> str:
    """One statement that makes all these writes; the arrays of their rows are its values."""
    pieces = [_piece(shape, place) for place, shape in enumerate(shapes, 1)]
    *first, last = pieces
    before = ", ".join(f"w{place} AS ({piece})" for place, piece in enumerate(first, 1))
    return f"WITH {before} {last}" if first else last


def _piece(shape: Shape, place: int) -> str:
    rows = f"unnest(${place}::{shape.table}[]) AS r"
    match = " AND ".join(f"{shape.table}.{key} = r.{key}" for key in shape.keys)
    if shape.verb == "insert":
        listed = ", ".join(shape.columns)
        return f"INSERT INTO {shape.table} ({listed}) SELECT {listed} FROM {rows}"  # noqa: S608
    if shape.verb == "update":
        news = ", ".join(f"{column} = r.{column}" for column in shape.columns)
        return f"UPDATE {shape.table} SET {news} FROM {rows} WHERE {match}"  # noqa: S608
    return f"DELETE FROM {shape.table} USING {rows} WHERE {match}"  # noqa: S608

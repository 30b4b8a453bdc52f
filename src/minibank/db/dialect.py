"""From PostgreSQL's spelling to SQLite's: the whole difference between the engines' SQL."""

import re
from functools import lru_cache

import msgspec

from minibank.db.base import Value

_LOCKS = re.compile(r"\bFOR (?:NO KEY UPDATE|UPDATE|SHARE)(?: OF \w+)?(?: SKIP LOCKED| NOWAIT)?")
_ANY = re.compile(r"= ANY\(\$(\d+)\)")
_PLACE = re.compile(r"\$(\d+)")


@lru_cache(maxsize=1024)
def to_sqlite(sql: str) -> tuple[str, tuple[int, ...]]:
    """SQLite's text, and for each of its `?` the index of the value that goes there.

    Lock markers go (SQLite has one writer), `= ANY($n)` becomes a walk over a JSON array, and
    numbered places become positional ones.
    """
    sql = _LOCKS.sub("", sql)
    sql = _ANY.sub(r"IN (SELECT value FROM json_each($\1))", sql)
    order = tuple(int(match[1]) - 1 for match in _PLACE.finditer(sql))
    return _PLACE.sub("?", sql), order


def bind(order: tuple[int, ...], values: tuple[Value, ...]) -> list[Value]:
    """The values in the order of the places; lists as the JSON text that `json_each` reads."""
    return [_plain(values[index]) for index in order]


def _plain(value: Value) -> Value:
    return msgspec.json.encode(value).decode() if isinstance(value, list | tuple) else value


_COMMENT = re.compile(r"--[^\n]*")
_TYPES = {"BIGINT": "INTEGER", "BYTEA": "BLOB", ' COLLATE "C"': ""}


def ddl_to_sqlite(script: str) -> list[str]:
    """A migration's statements for SQLite: its type names, and strict tables."""
    script = _COMMENT.sub("", script)
    for ours, theirs in _TYPES.items():
        script = script.replace(ours, theirs)
    statements = [statement.strip() for statement in script.split(";")]
    return [
        f"{statement} STRICT" if statement.startswith("CREATE TABLE") else statement
        for statement in statements
        if statement
    ]

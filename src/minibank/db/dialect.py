"""From PostgreSQL's spelling to SQLite's: the whole difference between the engines' SQL."""

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from minibank.db.base import Value

_LOCKS = re.compile(
    r"\s*\bFOR (?:NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)"
    r"(?: OF \w+(?:, \w+)*)?(?: SKIP LOCKED| NOWAIT)?"
)
_UNNEST = re.compile(r"unnest\(([^()]*)\)\s+AS (\w+)\(([\w, ]+)\)")
_ANY = re.compile(r"= ANY\(\$(\d+)\)")
_PLACE = re.compile(r"\$(\d+(?:_\d+)*)")
_PIECE = re.compile(r"--[^\n]*|;|'(?:[^']|'')*'|[^-;']+|-")
_COLUMNS = re.compile(r"\s*SELECT\s+([\w.,\s]+?)\s+FROM\s")
_ALIAS = re.compile(r"\s+AS\s+\w+")
_STORAGE = re.compile(r" WITH \(fillfactor = \d+\)")
# INT, not INTEGER: a lone INTEGER key would make itself up when none is given.
_LISTS = (list, tuple)
_DDL = {"BIGINT": "INT", "BYTEA": "BLOB", ' COLLATE "C"': "", "INDEX CONCURRENTLY": "INDEX"}

Places = tuple[tuple[int, ...], ...]
"""For each `?`, the indexes of the values that go there; several travel as one JSON array."""


def _unnest_to_json(match: re.Match[str]) -> str:
    """`unnest($1::bigint[], $2::text[]) AS k(shard, id)` as a walk over one array of rows."""
    places = "_".join(_PLACE.findall(match[1]))
    columns = [name.strip() for name in match[3].split(",")]
    picked = ", ".join(f"json_extract(value, '$[{n}]') AS {c}" for n, c in enumerate(columns))
    if len(columns) == 1:  # travels as a flat array
        picked = f"value AS {columns[0]}"
    return f"(SELECT {picked} FROM json_each(${places})) AS {match[2]}"  # noqa: S608


@lru_cache(maxsize=1024)
def to_sqlite(sql: str) -> tuple[str, Places]:
    """SQLite's text and what goes to each of its places.

    Lock markers go (SQLite has one writer), `= ANY($n)` and `unnest` become walks over a JSON
    array, and numbered places become positional ones.
    """
    sql = _LOCKS.sub("", sql)
    sql = _UNNEST.sub(_unnest_to_json, sql)
    sql = _ANY.sub(r"IN (SELECT value FROM json_each($\1))", sql)
    places = tuple(
        tuple(int(number) - 1 for number in match[1].split("_")) for match in _PLACE.finditer(sql)
    )
    return _PLACE.sub("?", sql), places


@lru_cache(maxsize=1024)
def to_sqlite_arrays(sql: str) -> tuple[str, Places]:
    """`to_sqlite`, where each row is one JSON array of its plain columns.

    The driver takes several locks to hand over a value, which costs more than all else about it.
    """
    text, places = to_sqlite(sql)
    found = _COLUMNS.match(text)
    assert found is not None, "not a SELECT of plain columns"
    columns = _ALIAS.sub("", found[1])
    return f"SELECT json_array({columns}){text[found.end(1) :]}", places


def bind(places: Places, values: tuple[Value, ...]) -> list[Value]:
    """The values in the order of the places; lists as JSON text."""
    # Nearly every value goes as it is, and is spared the call.
    return [
        values[place[0]]
        if len(place) == 1 and not isinstance(values[place[0]], _LISTS)
        else _bound(values, place)
        for place in places
    ]


def _bound(values: Sequence[Value], place: tuple[int, ...]) -> Value:
    lists = [values[index] for index in place]
    return _json(list(zip(*lists, strict=True)) if len(lists) > 1 else lists[0])


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def statements_of(script: str) -> list[str]:
    """The statements of a migration, without its comments."""
    pieces = [piece for piece in _PIECE.findall(script) if not piece.startswith("--")]
    statements = [""]
    for piece in pieces:
        if piece == ";":
            statements.append("")
        else:
            statements[-1] += piece
    return [statement.strip() for statement in statements if statement.strip()]


def ddl_to_sqlite(script: str) -> list[str]:
    """A migration's statements for SQLite: its type names, strict tables, no storage settings."""
    script = _STORAGE.sub("", script)
    for ours, theirs in _DDL.items():
        script = script.replace(ours, theirs)
    return [
        f"{statement} STRICT" if statement.startswith("CREATE TABLE") else statement
        for statement in statements_of(script)
    ]

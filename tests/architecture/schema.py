"""The tables as the migrations make them, for the tests that look at source."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.architecture.source import PACKAGE
from tests.architecture.sql import plain

_TABLE = re.compile(r"\s*CREATE TABLE (\w+) \((.*)\)\s*", re.DOTALL)
_INDEX = re.compile(r"\s*CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(\w+) ON (\w+) \(([^)]*)\)")
_KEY = re.compile(r"(PRIMARY KEY|UNIQUE|FOREIGN KEY) \(([^)]*)\)(?: REFERENCES (\w+) \(([^)]*)\))?")


@dataclass
class Table:
    """A table: its columns in order, and the column lists of its keys and indexes."""

    name: str
    columns: dict[str, str] = field(default_factory=dict)
    keys: list[tuple[str, list[str]]] = field(default_factory=list)
    references: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def is_owned(self) -> bool:
        """Whether its rows belong to a customer, and so live in a shard."""
        return "shard" in self.columns


def migration_files() -> list[Path]:
    """The migrations, oldest first."""
    return sorted((PACKAGE / "db" / "migrations").glob("*.sql"))


@cache
def tables() -> dict[str, Table]:
    """All tables, by name."""
    return read_tables("\n".join(path.read_text() for path in migration_files()))


def owned_tables() -> set[str]:
    """The names of the customer-owned tables."""
    return {table.name for table in tables().values() if table.is_owned}


def read_tables(script: str) -> dict[str, Table]:
    """The tables that a script makes."""
    found: dict[str, Table] = {}
    for statement in plain(script).split(";"):
        table, index = _TABLE.match(statement), _INDEX.match(statement)
        if table:
            found[table[1]] = _read_table(table[1], table[2])
        elif index:
            found[index[2]].keys.append((f"index {index[1]}", _names(index[3])))
        elif column := re.match(r"\s*ALTER TABLE (\w+) ADD COLUMN (\w+) (.*)", statement, re.S):
            found[column[1]].columns[column[2]] = column[3]
    return found


def _names(text: str) -> list[str]:
    return [part.split()[0] for part in text.split(",")]


def _read_table(name: str, body: str) -> Table:
    table = Table(name)
    for part in _split(body):
        key = _KEY.match(part)
        if not key:
            column, _, rest = part.partition(" ")
            table.columns[column] = rest
            continue
        if key[3]:
            table.references.append((key[3], _names(key[2])))
        else:
            table.keys.append((key[1], _names(key[2])))
    return table


def _split(body: str) -> Iterator[str]:
    """The parts between the commas that are in no parentheses."""
    depth, part = 0, ""
    for character in body + ",":
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield " ".join(part.split())
            part = ""
        else:
            part += character


QUEUES = {"index deliveries_queue"}
"""Indexes of what one process takes from all shards that it serves, in an order of their own."""


def complaints(found: dict[str, Table]) -> Iterator[str]:
    """Where a schema forgets where rows live, or how text compares."""
    owned = {table.name for table in found.values() if table.is_owned}
    for table in found.values():
        for column, rest in table.columns.items():
            if rest.startswith("TEXT") and 'COLLATE "C"' not in rest:
                yield f"{table.name}.{column} is text that sorts by the server's locale"
        if table.is_owned:
            yield from _key_complaints(table)
            yield from _reference_complaints(table, owned)


def _key_complaints(table: Table) -> Iterator[str]:
    if next(iter(table.columns)) != "shard":
        yield f"{table.name} does not begin with shard"
    if not any(kind == "PRIMARY KEY" for kind, _ in table.keys):
        yield f"{table.name} has no primary key of its own line"
    for kind, columns in table.keys:
        if columns[0] != "shard" and kind not in QUEUES:
            yield f"{table.name}: {kind} ({', '.join(columns)}) does not begin with shard"
    for column, rest in table.columns.items():
        if re.search(r"\b(?:PRIMARY KEY|UNIQUE)\b", rest):
            yield f"{table.name}.{column} is a key without its shard"


def _reference_complaints(table: Table, owned: set[str]) -> Iterator[str]:
    for column, rest in table.columns.items():
        if (other := re.search(r"\bREFERENCES (\w+)", rest)) and other[1] in owned:
            yield f"{table.name}.{column} refers to {other[1]} without its shard"
    for name, columns in table.references:
        if name in owned and columns[0] != "shard":
            yield f"{table.name} refers to {name} without its shard"

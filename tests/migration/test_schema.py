"""The schema is the same on both engines, as each engine's own catalogue tells it."""

import re
from dataclasses import dataclass, field

import pytest

from minibank.db import Database, ReadTx, open_database
from tests.support.databases import Databases

TYPES = {"INT": "bigint", "TEXT": "text", "BLOB": "bytea"}


@dataclass
class Table:
    """What a catalogue says of a table: everything that a statement can notice."""

    columns: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """In order: the type, and whether a value is required."""
    primary_key: tuple[str, ...] = ()
    indexes: dict[str, tuple[bool, tuple[str, ...], bool]] = field(default_factory=dict)
    """By name: whether unique, the columns, whether it leaves rows out."""
    references: set[tuple[tuple[str, ...], str, tuple[str, ...]]] = field(default_factory=set)
    checks: int = 0


async def read_sqlite(tx: ReadTx) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for one in await tx.fetch("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"):
        name = one["name"]
        if name.startswith("sqlite_"):
            continue
        table = found[name] = Table(checks=one["sql"].count("CHECK ("))
        columns = await tx.fetch("SELECT * FROM pragma_table_info($1) ORDER BY cid", name)
        for column in columns:
            table.columns[column["name"]] = (TYPES[column["type"]], bool(column["notnull"]))
        keyed = sorted((column["pk"], column["name"]) for column in columns if column["pk"])
        table.primary_key = tuple(column for _, column in keyed)
        for index in await tx.fetch("SELECT * FROM pragma_index_list($1)", name):
            if index["origin"] == "c":
                parts = await tx.fetch(
                    "SELECT name FROM pragma_index_info($1) ORDER BY seqno", index["name"]
                )
                table.indexes[index["name"]] = (
                    bool(index["unique"]),
                    tuple(part["name"] for part in parts),
                    bool(index["partial"]),
                )
        foreign: dict[int, list[tuple[str, str, str]]] = {}
        for part in await tx.fetch("SELECT * FROM pragma_foreign_key_list($1) ORDER BY seq", name):
            foreign.setdefault(part["id"], []).append((part["from"], part["table"], part["to"]))
        for pairs in foreign.values():
            here, tables, there = zip(*pairs, strict=True)
            table.references.add((here, tables[0], there))
    return found


COLUMNS = """
    SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attnotnull AS required
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
"""
INDEXES = """
    SELECT t.relname AS table, i.relname AS name, x.indisunique AS unique,
           x.indisprimary AS primary, x.indpred IS NOT NULL AS partial,
           (SELECT array_agg(a.attname::text ORDER BY k.n)
            FROM unnest(x.indkey) WITH ORDINALITY AS k(attnum, n)
            JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum) AS columns
    FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE t.relnamespace = 'public'::regnamespace
"""
CONSTRAINTS = """
    SELECT t.relname AS table, c.contype::text AS kind, r.relname AS other,
           (SELECT array_agg(a.attname::text ORDER BY k.n)
            FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, n)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS here,
           (SELECT array_agg(a.attname::text ORDER BY k.n)
            FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, n)
            JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS there
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    LEFT JOIN pg_class r ON r.oid = c.confrelid
    WHERE c.connamespace = 'public'::regnamespace AND c.contype IN ('f', 'c')
"""


async def read_postgres(tx: ReadTx) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for column in await tx.fetch(COLUMNS):
        table = found.setdefault(column["table"], Table())
        table.columns[column["name"]] = (column["type"], column["required"])
    for index in await tx.fetch(INDEXES):
        table, columns = found[index["table"]], tuple(index["columns"])
        if index["primary"]:
            table.primary_key = columns
        else:
            table.indexes[index["name"]] = (index["unique"], columns, index["partial"])
    for one in await tx.fetch(CONSTRAINTS):
        if one["kind"] == "c":
            found[one["table"]].checks += 1
        else:
            reference = (tuple(one["here"]), one["other"], tuple(one["there"]))
            found[one["table"]].references.add(reference)
    return found


@pytest.fixture(scope="module")
def urls(databases: Databases) -> dict[str, str]:
    """A migrated bank on each engine."""
    return {engine: databases.new(engine) for engine in ("sqlite", "postgres")}


async def read(url: str) -> dict[str, Table]:
    db = await open_database(url)
    try:
        return await db.read(read_sqlite if db.engine == "sqlite" else read_postgres)
    finally:
        await db.close()


async def test_both_engines_have_the_same_tables_columns_keys_and_indexes(urls: dict[str, str]):
    sqlite, postgres = await read(urls["sqlite"]), await read(urls["postgres"])
    assert sorted(sqlite) == sorted(postgres)
    assert len(sqlite) > 15
    for name, table in sqlite.items():
        other = postgres[name]
        assert list(table.columns.items()) == list(other.columns.items()), name
        assert table.primary_key == other.primary_key, name
        assert table.indexes == other.indexes, name
        assert table.references == other.references, name
        assert table.checks == other.checks, name


async def test_every_table_has_a_primary_key(urls: dict[str, str]):
    for url in urls.values():
        assert [name for name, table in (await read(url)).items() if not table.primary_key] == []


async def test_every_text_on_postgres_is_ordered_by_code_points_as_on_sqlite(urls: dict[str, str]):
    sql = """
        SELECT c.relname AS table, a.attname AS name, l.collname AS collation
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_collation l ON l.oid = a.attcollation
        WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
          AND c.relkind IN ('r', 'i') AND a.attcollation <> 0
    """
    db = await open_database(urls["postgres"])
    try:
        rows = await db.read(lambda tx: tx.fetch(sql))
    finally:
        await db.close()
    assert len(rows) > 50
    assert [tuple(row) for row in rows if row["collation"] != "C"] == []


async def test_no_column_is_filled_in_by_the_database(urls: dict[str, str]):
    """But for constants: what a row says comes from the code, the same on every node."""
    sql = """
        SELECT c.relname, a.attname, a.attidentity <> '' OR a.attgenerated <> '' AS made,
               pg_get_expr(d.adbin, d.adrelid) AS constant
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
          AND NOT a.attisdropped AND (a.atthasdef OR a.attidentity <> '')
    """
    db = await open_database(urls["postgres"])
    try:
        rows = await db.read(lambda tx: tx.fetch(sql))
    finally:
        await db.close()
    constant = re.compile(r"\d+|'[^']*'::text")
    made = [tuple(row) for row in rows if row["made"] or not constant.fullmatch(row["constant"])]
    assert made == []


async def test_the_schema_alone_does_not_refuse_a_null_that_the_other_engine_takes(db: Database):
    """A lone number as primary key is required: SQLite would otherwise make one up."""
    with pytest.raises(Exception, match=r"(?i)not.null"):
        await db.transact(
            lambda tx: tx.execute(
                "INSERT INTO bank (id, kind, created_at) VALUES ($1, 'sandbox', 0)", None
            )
        )

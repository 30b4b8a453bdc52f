"""Every statement of every store, read without running it, and every rule shown to fail."""

import ast
import importlib
from collections.abc import Iterator, Mapping

import pytest

from tests.architecture.schema import (
    complaints,
    migration_files,
    owned_tables,
    read_tables,
    tables,
)
from tests.architecture.source import PACKAGE, Module, example, package_modules, store_modules
from tests.architecture.sql import (
    Statement,
    composed,
    forbidden,
    plain,
    selects,
    shardless,
    statements,
)

ALL = [statement for module in store_modules() for statement in statements(module)]
OWNED = {"accounts", "balances", "transactions"}


def test_there_are_statements_to_check() -> None:
    assert len(ALL) > 30
    assert {"accounts", "balances", "transactions", "entries"} <= owned_tables()
    assert "oauth_clients" not in owned_tables()


def test_statements_keep_to_what_both_engines_share() -> None:
    found = {one.where: list(forbidden(one.text)) for one in ALL}
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT id FROM users WHERE created_at < now()", "the database's clock"),
        ("SELECT CURRENT_TIMESTAMP", "the database's clock"),
        ("SELECT id FROM users ORDER BY random()", "the database's randomness"),
        ("SELECT nextval('numbers')", "a sequence"),
        ("CREATE TABLE t (id BIGSERIAL)", "a sequence"),
        ("CREATE TRIGGER t", "a trigger"),
        ("SELECT * FROM users", "a star"),
        ("SELECT u.id, u.* FROM users u", "a star"),
        ("DELETE FROM users WHERE id = $1 RETURNING *", "a star"),
        ("SELECT CASE $1 WHEN 1 THEN 2 END", "a simple CASE"),
        ("SELECT CASE kind WHEN $1 THEN 2 END FROM users", "a simple CASE"),
        (
            "INSERT INTO t (a) VALUES ($1) ON CONFLICT ON CONSTRAINT t_pkey DO NOTHING",
            "a constraint's name",
        ),
        (
            "WITH gone AS (DELETE FROM t WHERE a = $1 RETURNING a) SELECT a FROM gone",
            "a statement that writes within another",
        ),
        ("DELETE FROM t WHERE a = $1; DELETE FROM u WHERE a = $1", "a second statement"),
        ("SELECT a FROM t FOR UPDATE", "a lock of the wrong kind: FOR UPDATE"),
        ("SELECT a FROM t FOR SHARE", "a lock of the wrong kind: FOR SHARE"),
        ("SELECT a FROM t FOR KEY SHARE", "a lock of the wrong kind: FOR KEY SHARE"),
        (
            "SELECT a FROM t FOR NO KEY UPDATE NOWAIT",
            "a lock of the wrong kind: FOR NO KEY UPDATE NOWAIT",
        ),
        ("SELECT a FROM t LIMIT 1", "LIMIT without ORDER BY"),
        (
            "SELECT a FROM t WHERE a IN (SELECT a FROM u LIMIT 1) ORDER BY a",
            "LIMIT without ORDER BY",
        ),
    ],
)
def test_what_the_engines_do_not_share_would_be_seen(sql: str, complaint: str) -> None:
    assert complaint in list(forbidden(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) AS found FROM t WHERE a = $1",
        "SELECT CASE WHEN a = $1 THEN 1 ELSE 0 END FROM t",
        "SELECT 1 FROM t WHERE a = $1 LIMIT 1",
        "SELECT a FROM t WHERE a = $1 ORDER BY a LIMIT 10 FOR UPDATE SKIP LOCKED",
        "SELECT a FROM t WHERE a = $1 FOR NO KEY UPDATE",
        "SELECT 1 FROM t b WHERE b.a = $1 FOR NO KEY UPDATE OF b",
        "SELECT a FROM t WHERE b = 'now() SELECT * FROM trigger'",
        "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = excluded.a",
    ],
)
def test_what_they_share_is_let_through(sql: str) -> None:
    assert list(forbidden(sql)) == []


def test_every_statement_says_in_which_shard() -> None:
    found = {one.where: list(shardless(one.text, owned_tables())) for one in ALL}
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM accounts WHERE id = $1",
        "SELECT id FROM accounts WHERE shard >= 0",
        "SELECT id, state FROM accounts WHERE id = $1",
        "SELECT a.id FROM accounts a WHERE a.id = $1",
        "SELECT o.id FROM oauth_clients o, accounts a WHERE a.id = o.id",
        "DELETE FROM accounts WHERE (shard, id) IN (SELECT shard, id FROM oauth_clients)",
        "UPDATE accounts SET state = $1 WHERE id = $2",
        "UPDATE accounts SET shard = 3 WHERE id = $2",
        "DELETE FROM accounts WHERE id = $1",
        "INSERT INTO accounts (id, shard) VALUES ($1, $2)",
        "SELECT a.id FROM accounts a JOIN balances b ON b.account_id = a.id WHERE a.shard = $1",
        "SELECT a.id FROM accounts a JOIN balances b ON b.shard = a.shard",
        "SELECT a.id FROM accounts a JOIN balances k ON a.shard > k.shard_above",
        "SELECT id FROM accounts WHERE shard = $1 AND id IN (SELECT account_id FROM balances)",
        "DELETE FROM accounts WHERE id IN (SELECT account_id FROM balances WHERE shard = $1)",
    ],
)
def test_a_statement_without_its_shard_would_be_seen(sql: str) -> None:
    assert list(shardless(sql, OWNED)) != []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM accounts WHERE shard = $1",
        "SELECT id FROM accounts WHERE shard = ANY($1)",
        "SELECT id FROM accounts WHERE (shard, id) > ($1, $2) ORDER BY shard, id",
        "SELECT a.id FROM accounts a JOIN balances b ON b.shard = a.shard WHERE a.shard = $1",
        "SELECT a.id FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)"
        " JOIN accounts a ON a.shard = k.shard AND a.id = k.id",
        "SELECT (SELECT a.id FROM accounts a"
        " WHERE a.shard > k.shard_above AND a.shard < k.shard_below ORDER BY a.shard LIMIT 1)"
        " FROM unnest($1::bigint[], $2::bigint[]) AS k(shard_above, shard_below)",
        "INSERT INTO accounts (shard, id) VALUES ($1, $2)",
        "INSERT INTO balances (shard, account_id) SELECT shard, id FROM accounts WHERE shard = $1",
        "DELETE FROM accounts WHERE shard = $1 AND id IN"
        " (SELECT account_id FROM balances WHERE shard = $1)",
        "DELETE FROM accounts WHERE (shard, id) IN"
        " (SELECT k.shard, k.id FROM unnest($1::bigint[], $2::text[]) AS k(shard, id))",
        "SELECT id FROM oauth_clients WHERE id = $1",
    ],
)
def test_a_statement_with_its_shard_is_let_through(sql: str) -> None:
    assert list(shardless(sql, OWNED)) == []


def test_a_statement_is_cut_into_its_selects() -> None:
    cut = selects("SELECT a FROM t WHERE (b, c) > ($1, $2) AND a IN (SELECT a FROM u WHERE f(a))")
    assert cut == [
        "SELECT a FROM t WHERE (b, c) > ($1, $2) AND a IN ( )",
        "SELECT a FROM u WHERE f(a)",
    ]


def _constants(module: Module) -> Mapping[str, object]:
    """What the names of a module stand for, imported ones included."""
    if not module.path.exists():
        return {}
    path = module.path.relative_to(PACKAGE.parent).with_suffix("")
    return vars(importlib.import_module(".".join(path.parts)))


def _columns(written: ast.expr, constants: Mapping[str, object]) -> list[str] | None:
    """The column names that an expression stands for; None when it is no list of fixed texts."""
    if isinstance(written, ast.Name):
        known = constants.get(written.id)
        return list(known) if isinstance(known, tuple) else None
    if isinstance(written, ast.Attribute) and isinstance(written.value, ast.Name):
        known = getattr(constants.get(written.value.id), written.attr, None)
        return list(known) if isinstance(known, tuple) else None
    if not isinstance(written, ast.Tuple):
        return None
    names: list[str] = []
    for part in written.elts:
        if isinstance(part, ast.Starred):
            names += _columns(part.value, constants) or [""]
        elif isinstance(part, ast.Constant):
            names.append(str(part.value))
    return names


def bulk_complaints(module: Module) -> Iterator[str]:
    """`insert_rows` and its like name tables and columns: they too say in which shard."""
    constants = _constants(module)
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in {"insert_rows", "update_rows", "delete_rows"}:
            continue
        table, columns = node.args[0], _columns(node.args[1], constants)
        if not isinstance(table, ast.Constant) or not columns:
            yield f"line {node.lineno}: a table or columns that are not written out"
        elif table.value in owned_tables() and columns[0] != "shard":
            yield f"line {node.lineno}: {table.value} without its shard first"


def test_rows_in_bulk_say_in_which_shard() -> None:
    found = {module.where: list(bulk_complaints(module)) for module in store_modules()}
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "call",
    [
        'tx.insert_rows("accounts", ("id", "shard"), rows)',
        'tx.update_rows("accounts", ("id",), ("state",), rows)',
        'tx.delete_rows("accounts", ("id",), rows)',
        'tx.insert_rows(table, ("shard", "id"), rows)',
        'tx.insert_rows("accounts", columns(), rows)',
        'tx.insert_rows("accounts", Unknown.__struct_fields__, rows)',
    ],
)
def test_rows_in_bulk_without_their_shard_would_be_seen(call: str) -> None:
    assert list(bulk_complaints(example(f"x = {call}\n"))) != []


def test_statements_are_written_out_in_full() -> None:
    assert [complaint for module in store_modules() for complaint in composed(module)] == []


@pytest.mark.parametrize(
    "call",
    [
        'tx.fetch(f"SELECT a FROM {table}")',
        'tx.fetch("SELECT a FROM " + table)',
        'tx.execute("DELETE FROM {}".format(table))',
        "tx.fetch_one(sql)",
        'tx.fetch_as(Kind, f"SELECT a FROM {table}")',
    ],
)
def test_a_composed_statement_would_be_seen(call: str) -> None:
    assert list(composed(example(f"x = {call}\n"))) != []


def misplaced(module: Module) -> list[Statement]:
    """Statements outside a store and outside the package that knows the engines."""
    return [] if module.is_store or module.package == "db" else list(statements(module))


def test_sql_is_in_stores_and_nowhere_else() -> None:
    assert [one for module in package_modules() for one in misplaced(module)] == []


def test_misplaced_sql_would_be_seen() -> None:
    text = 'x = "SELECT id FROM accounts"\n'
    assert misplaced(example(text, "verbs.py"))
    assert not misplaced(example(text, "store.py"))
    assert not misplaced(example('"""Select from the best."""\n', "verbs.py"))


def test_keys_and_indexes_begin_with_the_shard() -> None:
    assert list(complaints(tables())) == []


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE t (id BIGINT, shard BIGINT, PRIMARY KEY (shard, id))",
        "CREATE TABLE t (shard BIGINT, id BIGINT, PRIMARY KEY (id, shard))",
        "CREATE TABLE t (shard BIGINT, id BIGINT PRIMARY KEY)",
        "CREATE TABLE t (shard BIGINT, id BIGINT)",
        "CREATE TABLE t (shard BIGINT, id BIGINT, PRIMARY KEY (shard, id), UNIQUE (id))",
        "CREATE TABLE t (shard BIGINT, id BIGINT, PRIMARY KEY (shard, id));"
        " CREATE INDEX i ON t (id)",
        "CREATE TABLE t (shard BIGINT, id BIGINT, PRIMARY KEY (shard, id));"
        " CREATE UNIQUE INDEX i ON t (id, shard)",
        "CREATE TABLE u (shard BIGINT, id BIGINT, PRIMARY KEY (shard, id));"
        " CREATE TABLE t (shard BIGINT, id BIGINT REFERENCES u, PRIMARY KEY (shard, id))",
        'CREATE TABLE t (id TEXT PRIMARY KEY, name TEXT COLLATE "C")',
    ],
)
def test_a_schema_that_forgets_the_shard_would_be_seen(script: str) -> None:
    assert list(complaints(read_tables(script))) != []


def test_migrations_leave_time_chance_and_names_to_the_code() -> None:
    allowed = {"a second statement"}
    found = {
        path.name: set(forbidden(plain(path.read_text()))) - allowed for path in migration_files()
    }
    assert {name: what for name, what in found.items() if what} == {}

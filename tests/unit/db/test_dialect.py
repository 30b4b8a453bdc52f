"""PostgreSQL's spelling in, SQLite's out."""

import sqlite3

import pytest

from minibank.db.dialect import bind, ddl_to_sqlite, statements_of, to_sqlite, to_sqlite_arrays


def _run(sql: str, *values) -> list[tuple[object, ...]]:
    """What SQLite answers to a statement in PostgreSQL's spelling."""
    text, places = to_sqlite(sql)
    connection = sqlite3.connect(":memory:")
    try:
        return connection.execute(text, bind(places, values)).fetchall()
    finally:
        connection.close()


def test_numbered_places_take_their_values_in_any_order_and_more_than_once():
    assert to_sqlite("SELECT $2, $1, $2") == ("SELECT ?, ?, ?", ((1,), (0,), (1,)))
    assert _run("SELECT $2, $1, $2", "one", "two") == [("two", "one", "two")]


def test_places_with_two_digits_are_not_mistaken_for_places_with_one():
    places = ", ".join(f"${n}" for n in range(1, 13))
    assert _run(f"SELECT {places}", *range(12)) == [tuple(range(12))]


@pytest.mark.parametrize(
    "lock",
    [
        "FOR UPDATE",
        "FOR NO KEY UPDATE",
        "FOR SHARE",
        "FOR KEY SHARE",
        "FOR UPDATE OF b",
        "FOR NO KEY UPDATE OF b, c",
        "FOR UPDATE SKIP LOCKED",
        "FOR NO KEY UPDATE OF b NOWAIT",
    ],
)
def test_row_locks_go_because_sqlite_has_one_writer(lock: str):
    assert to_sqlite(f"SELECT 1 FROM b ORDER BY x {lock}")[0] == "SELECT 1 FROM b ORDER BY x"
    within = f"SELECT 1 FROM (SELECT 2 FROM b {lock}) AS c"
    assert to_sqlite(within)[0] == "SELECT 1 FROM (SELECT 2 FROM b) AS c"


def test_words_that_only_resemble_a_lock_stay():
    for sql in ("SELECT waiting_FOR_UPDATE FROM b", "SELECT 1 FROM update_for"):
        assert to_sqlite(sql)[0] == sql


@pytest.mark.parametrize("values", [[], ["b"], ["c", "a", "a"], ["'); DROP TABLE t", '"', "\\"]])
def test_any_of_a_list_of_texts_is_a_walk_over_json(values: list[str]):
    rows = _run(
        "SELECT column1 FROM (VALUES ('a'), ('b'), ('\"'), ('\\')) WHERE column1 = ANY($1)", values
    )
    assert {row[0] for row in rows} == set(values) & {"a", "b", '"', "\\"}


def test_any_of_a_list_of_integers_compares_all_64_bits():
    largest, smallest = 2**63 - 1, -(2**63)
    found = _run("SELECT $1 = ANY($2), $3 = ANY($2)", largest, [largest, smallest], smallest)
    assert found == [(1, 1)]
    assert _run("SELECT $1 = ANY($2)", largest - 1, [largest, smallest]) == [(0,)]


def test_a_tuple_is_as_good_as_a_list():
    assert _run("SELECT 2 = ANY($1)", (1, 2)) == [(1,)]


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_unnest_walks_its_arrays_side_by_side_in_their_order(columns: int):
    arrays = [[f"{letter}{n}" for n in range(3)] for letter in "abcd"[:columns]]
    casts = ", ".join(f"${n + 1}::text[]" for n in range(columns))
    names = ", ".join("abcd"[:columns])
    rows = _run(f"SELECT {names} FROM unnest({casts}) AS k({names})", *arrays)
    assert rows == list(zip(*arrays, strict=True))


def test_unnest_keeps_types_nulls_and_all_64_bits():
    numbers = [2**63 - 1, -(2**63), 0, None]
    texts = ["", "é\U0001f4b7", None, "null"]
    rows = _run("SELECT n, t FROM unnest($1::bigint[], $2::text[]) AS k(n, t)", numbers, texts)
    assert rows == list(zip(numbers, texts, strict=True))
    assert _run("SELECT n FROM unnest($1::bigint[]) AS k(n)", numbers) == [(n,) for n in numbers]
    assert _run("SELECT t FROM unnest($1::text[]) AS k(t)", texts) == [(t,) for t in texts]


def test_unnest_may_stand_next_to_other_places_and_over_several_lines():
    sql = """
        SELECT k.a, $3
        FROM unnest($1::bigint[],
                    $2::text[])
             AS k(a, b)
        WHERE k.b = ANY($4) AND k.a <> $5
    """
    assert _run(sql, [1, 2, 3], ["x", "y", "z"], "same", ["x", "z"], 3) == [(1, "same")]


def test_unnest_of_empty_arrays_gives_no_rows():
    assert _run("SELECT a FROM unnest($1::bigint[], $2::text[]) AS k(a, b)", [], []) == []
    assert _run("SELECT a FROM unnest($1::bigint[]) AS k(a)", []) == []


def test_arrays_of_different_length_are_a_fault_of_the_code():
    with pytest.raises(ValueError, match="zip"):
        _run("SELECT a FROM unnest($1::bigint[], $2::text[]) AS k(a, b)", [1, 2], ["x"])


def test_rows_become_arrays_of_their_columns_whatever_these_are_called_afterwards():
    sql = """
        SELECT b.id, b.n AS number,
               c.text
        FROM b LEFT JOIN c ON c.id = b.id AND c.n = $2
        WHERE b.id = ANY($1)
        ORDER BY b.n LIMIT $3
    """
    text, places = to_sqlite_arrays(sql)
    assert places == to_sqlite(sql)[1] == ((1,), (0,), (2,))
    selected, _, rest = text.partition("FROM")
    assert " ".join(selected.split()) == "SELECT json_array(b.id, b.n, c.text)"
    assert rest == to_sqlite(sql)[0].partition("FROM")[2]


@pytest.mark.parametrize("columns", ["count(*)", "'a'", "b.n + 1", "(SELECT 1 FROM c)", "$1"])
def test_only_plain_columns_become_arrays(columns: str):
    with pytest.raises(AssertionError, match="plain columns"):
        to_sqlite_arrays(f"SELECT {columns} FROM b")


def test_a_migration_is_split_into_statements_without_its_comments():
    script = """
        -- A comment; with a semicolon, and an apostrophe: it's fine.
        CREATE TABLE a (x BIGINT); -- after it
        INSERT INTO a VALUES ('one; -- two', 3 - -4);;
        UPDATE a SET x = 'it''s; so'
    """
    assert statements_of(script) == [
        "CREATE TABLE a (x BIGINT)",
        "INSERT INTO a VALUES ('one; -- two', 3 - -4)",
        "UPDATE a SET x = 'it''s; so'",
    ]


def test_a_migration_of_comments_has_no_statements():
    assert statements_of("-- nothing;\n\n;;\n-- more") == []


def test_tables_become_strict_with_the_types_of_sqlite():
    [table, index] = ddl_to_sqlite(
        'CREATE TABLE a (n BIGINT NOT NULL PRIMARY KEY, t TEXT COLLATE "C", b BYTEA);'
        "CREATE INDEX CONCURRENTLY a_t ON a (t);"
    )
    assert table == "CREATE TABLE a (n INT NOT NULL PRIMARY KEY, t TEXT, b BLOB) STRICT"
    assert index == "CREATE INDEX a_t ON a (t)"


def test_a_number_as_the_only_key_is_required_as_on_the_other_engine():
    connection = sqlite3.connect(":memory:")
    try:
        for statement in ddl_to_sqlite("CREATE TABLE a (n BIGINT NOT NULL PRIMARY KEY)"):
            connection.execute(statement)
        with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"):
            connection.execute("INSERT INTO a VALUES (NULL)")
    finally:
        connection.close()

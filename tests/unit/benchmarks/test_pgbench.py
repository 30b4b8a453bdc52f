"""What pgbench is given, and what is made of its output."""

import pytest

from benchmarks.pgbench import PgbenchFailed, as_text, latencies_in, parse, script_of
from benchmarks.recording import Statement

OUTPUT = """transaction type: <builtin: TPC-B (sort of)>
scaling factor: 32
number of transactions actually processed: 2852
number of failed transactions: {failed}
latency average = 11.220 ms
initial connection time = 31.002 ms
tps = 2852.125 (without initial connection time)
"""
FINE = "0 (0.000%)"


def test_the_rate_leaves_out_the_time_to_connect():
    figures = parse(OUTPUT.format(failed=FINE), [1.0, 2.0, 3.0, 4.0])
    assert (figures.rate, figures.p50_ms, figures.p99_ms) == (2852.125, 2.0, 4.0)


@pytest.mark.parametrize(
    ("output", "latencies"),
    [
        ("pgbench: error", [1.0]),
        (OUTPUT.format(failed="3 (0.105%)"), [1.0]),
        (OUTPUT.format(failed=FINE), []),
    ],
)
def test_a_run_that_failed_measured_nothing(output: str, latencies: list[float]):
    with pytest.raises(PgbenchFailed):
        parse(output, latencies)


def test_latencies_are_the_third_column_of_the_log_in_microseconds():
    assert latencies_in("0 1 2500 0 1795 12\n3 7 800 0 1795 99\n") == [2.5, 0.8]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        ("acc_1", "acc_1"),
        (b"\x01\xff", "\\x01ff"),
        (["a", "b"], '{"a","b"}'),
        ((1, 2), '{"1","2"}'),
    ],
)
def test_a_value_is_written_as_postgresql_reads_it(value: object, text: str):
    assert as_text(value) == text


def test_a_script_has_the_same_text_with_variables_at_its_places():
    statements = [
        Statement("SELECT a FROM t WHERE shard = $1 AND id = $2", (7, "x")),
        Statement("\n  SELECT b FROM u WHERE id = ANY($1::text[]) AND $1 <> $2\n", (["x"], "y")),
    ]
    script = script_of(statements, "r1")
    assert script.text == (
        "SELECT a FROM t WHERE shard = :r1_0_1 AND id = :r1_0_2;\n"
        "SELECT b FROM u WHERE id = ANY(:r1_1_1::text[]) AND :r1_1_1 <> :r1_1_2;\n"
    )
    assert script.values == {"r1_0_1": "7", "r1_0_2": "x", "r1_1_1": '{"x"}', "r1_1_2": "y"}


def test_an_empty_text_stands_in_the_script_because_no_variable_can_be_empty():
    script = script_of([Statement("SELECT 1 WHERE a > $1 AND b = $2", ("", 10))], "r")
    assert script.text == "SELECT 1 WHERE a > '' AND b = :r_0_2;\n"
    assert script.values == {"r_0_2": "10"}


def test_the_tenth_place_is_not_taken_for_the_first():
    statement = Statement("SELECT $1, $10", tuple(range(100, 110)))
    assert script_of([statement], "r").text == "SELECT :r_0_1, :r_0_10;\n"

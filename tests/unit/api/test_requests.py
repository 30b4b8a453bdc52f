"""What parameters mean once they are pairs."""

import pytest

from minibank.api.bodies import STRUCTURE, Number
from minibank.api.requests import NAME_MAX, Params, outer_name, require_storable, split_name
from minibank.core.errors import BadParam, MissingParam


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("limit", ("limit", None)),
        ("params[title]", ("params", "title")),
        ("metadata[a b.c]", ("metadata", "a b.c")),
        ("metadata[a][b]", ("metadata", "a][b")),
        ("metadata[[x]]", ("metadata", "[x]")),
        ("expand[]", ("expand", "")),
        ("metadata[a", ("metadata[a", None)),
        ("metadata]", ("metadata]", None)),
        ("[a]", ("[a]", None)),
    ],
)
def test_a_nested_name_is_split_at_its_first_and_last_bracket(name, split):
    assert split_name(name) == split


def test_the_body_wins_over_the_query_unless_it_is_empty():
    params = Params(query=[("a", "query"), ("b", "query")], body=[("a", "body"), ("b", "")])
    assert params.text("a") == "body"
    assert params.text("b") == "query"


def test_an_empty_value_and_null_are_as_good_as_absent():
    params = Params(query=[("limit", "")], body=[("since", None)])
    assert params.text("limit") is None
    assert params.text("since") is None
    assert params.integer("limit") is None
    with pytest.raises(MissingParam) as missing:
        params.require_text("limit")
    assert missing.value.code == "bad_request.missing_param.limit"
    assert missing.value.message == "The field 'limit' is required"


def test_the_last_of_repeated_values_counts():
    assert Params(query=[("a", "1"), ("a", "2")]).text("a") == "2"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("23", 23),
        ("-1", -1),
        ("+7", 7),
        ("9223372036854775807", 2**63 - 1),
        (Number("23"), 23),
        (Number("23.0"), 23),
        (Number("1e2"), 100),
        (Number("-0"), 0),
    ],
)
def test_integers_are_decimal_text_or_whole_json_numbers(value, number):
    assert Params(body=[("n", value)]).integer("n") == number


@pytest.mark.parametrize(
    "value",
    [
        "12.5",
        "23.0",
        "abc",
        "0x10",
        "1_000",
        "١٢",
        " 1",
        "9223372036854775808",
        "9" * 5000,
        Number("12.5"),
        Number("1e19"),
        Number("1e999999999"),
        Number("1e-999999999"),
        Number("1e99999999999999999999"),
        "true",
    ],
)
def test_anything_else_is_no_integer(value):
    with pytest.raises(BadParam) as refused:
        Params(body=[("n", value)]).integer("n")
    assert refused.value.code == "bad_request.bad_param.n"


def test_a_structure_is_no_text():
    with pytest.raises(BadParam):
        Params(body=[("since", STRUCTURE)]).text("since")


@pytest.mark.parametrize("name", ["expand", "expand[]", "expand[0]"])
def test_a_repeatable_parameter_is_found_under_all_its_names(name):
    assert Params(query=[(name, "merchant"), (name, "")]).texts("expand") == ["merchant"]


def test_entries_keep_empty_values_because_they_delete():
    body = [("metadata[a]", "1"), ("metadata[b]", ""), ("metadata[c]", None), ("metadata", None)]
    assert Params(body=body).entries("metadata") == {"a": "1", "b": "", "c": ""}


@pytest.mark.parametrize("pair", [("metadata", "text"), ("metadata[a]", STRUCTURE)])
def test_entries_that_are_no_pairs_of_texts_are_refused(pair):
    with pytest.raises(BadParam) as refused:
        Params(body=[pair]).entries("metadata")
    assert refused.value.code == "bad_request.bad_param.metadata"


def test_loose_entries_are_the_other_fields_of_the_body_alone():
    params = Params(
        query=[("q", "1")], body=[("foo", "bar"), ("a[b]", "c"), ("gone", None), ("expand[]", "x")]
    )
    assert params.loose_entries(frozenset({"expand"})) == {"foo": "bar", "a[b]": "c", "gone": ""}


def test_entries_are_plain_texts_even_where_json_had_numbers():
    params = Params(body=[("metadata[n]", Number("23.0"))])
    assert type(params.entries("metadata")["n"]) is str
    assert type(params.text("metadata[n]")) is str


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        (("notes", "a\x00b"), "bad_request.bad_param.notes"),
        (("metadata[k]", "\udcff"), "bad_request.bad_param.metadata"),
        (("metadata[\ud800]", "v"), "bad_request.bad_param.metadata"),
        (("metadata[" + "k" * NAME_MAX + "]", "v"), "bad_request.bad_param.metadata"),
        (("\x00", "v"), "bad_request.bad_param.body"),
    ],
)
def test_what_no_database_can_keep_is_refused_by_name(pair, code):
    with pytest.raises(BadParam) as refused:
        require_storable([("fine", "🍞"), pair])
    assert refused.value.code == code


def test_only_what_looks_like_a_parameter_is_repeated_in_a_code():
    assert outer_name("limit") == "limit"
    assert outer_name("params[title]") == "params"
    assert outer_name("<script>") == "body"
    assert outer_name("a" * 65) == "body"


def test_names_repeated_in_the_body_are_found():
    params = Params(query=[("a", "1"), ("a", "2")], body=[("b", "1"), ("c", "1"), ("b", "2")])
    assert list(params.repeated_in_body()) == ["b"]

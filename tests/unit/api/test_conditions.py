"""Entity tags and what conditions make of them."""

import pytest

from minibank.api.conditions import (
    TAGS_MAX,
    Tags,
    Versioned,
    answer_value,
    parse_tags,
    require_version,
)
from minibank.core.errors import BadRequest, PreconditionFailed


def headers(**given: str) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in given.items()}


@pytest.mark.parametrize(
    ("text", "strong", "weak"),
    [
        ('"a"', {"a"}, set()),
        ('W/"a"', set(), {"a"}),
        ('"a", W/"b","c"', {"a", "c"}, {"b"}),
        (' "a" ,, "b" , ', {"a", "b"}, set()),
        ('""', {""}, set()),
        ('"a,b"', {"a,b"}, set()),
        ('"\xff*\\"', {"\xff*\\"}, set()),
    ],
)
def test_a_list_of_tags_is_read_as_the_standard_writes_it(text, strong, weak):
    assert parse_tags(text) == Tags(strong=frozenset(strong), weak=frozenset(weak))


def test_a_star_is_any_version():
    assert parse_tags(" * ").is_any


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        "a",
        '"a',
        'a"',
        '"a" "b"',
        'w/"a"',
        'W/ "a"',
        '"a",*',
        '"a\tb"',
        "'a'",
        '"a";x',
    ],
)
def test_what_is_no_list_of_tags_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - it says nothing, on purpose
        parse_tags(text)


def test_the_number_of_tags_is_limited():
    parse_tags(",".join(['"a"'] * TAGS_MAX))
    with pytest.raises(ValueError):  # noqa: PT011
        parse_tags(",".join(['"a"'] * (TAGS_MAX + 1)))


def test_a_long_list_that_is_broken_at_its_end_is_refused_in_no_time():
    with pytest.raises(ValueError):  # noqa: PT011
        parse_tags(" \t" * 30_000 + '"a')


def test_without_the_header_there_is_no_check():
    assert require_version(headers(accept="*/*")) is None


@pytest.mark.parametrize("given", ["*", '"3.1.x.aa"', '"9.9.y.bb", "3.1.x.cc"', '"3.1.x."'])
def test_any_representation_of_the_present_version_matches(given):
    check = require_version(headers(if_match=given))
    assert check is not None
    check("3.1.x")


@pytest.mark.parametrize(
    "given",
    ['"3.2.x.aa"', '"3.1.y.aa"', 'W/"3.1.x.aa"', '"3.1.x"', '""', '"3.1.xx.aa", W/"3.1.x."'],
)
def test_another_version_another_viewer_and_a_weak_tag_do_not_match(given):
    check = require_version(headers(if_match=given))
    assert check is not None
    with pytest.raises(PreconditionFailed):
        check("3.1.x")


@pytest.mark.parametrize("given", ["", "abc", '"a" "b"'])
def test_a_condition_to_write_that_cannot_be_read_is_refused(given):
    with pytest.raises(BadRequest):
        require_version(headers(if_match=given))


def tag_of(value: object) -> str:
    return dict(answer_value(value).headers)[b"etag"].decode()


def test_a_tag_differs_when_a_byte_of_the_answer_does():
    one, same, other = (Versioned({"a": n}, "1.0.x") for n in (1, 1, 2))
    assert tag_of(one) == tag_of(same)
    assert tag_of(one) != tag_of(other)
    assert tag_of(one) != tag_of(Versioned({"a": 1}, "2.0.x"))


def test_a_value_without_a_version_has_no_tag_and_no_conditions():
    answer = answer_value({"a": 1}, headers(if_none_match="*"))
    assert answer.status == 200
    assert b"etag" not in dict(answer.headers)


@pytest.mark.parametrize("wrap", ["{}", "W/{}", '"x", {}'])
def test_who_has_the_bytes_gets_none(wrap):
    value = Versioned({"a": 1}, "1.0.x")
    answer = answer_value(value, headers(if_none_match=wrap.format(tag_of(value))))
    assert (answer.status, answer.body) == (304, b"")
    assert dict(answer.headers) == {b"etag": tag_of(value).encode(), b"cache-control": b"no-store"}


@pytest.mark.parametrize("given", ['"x"', "broken", ""])
def test_whoever_may_not_have_the_bytes_gets_them(given):
    answer = answer_value(Versioned({"a": 1}, "1.0.x"), headers(if_none_match=given))
    assert (answer.status, answer.body) == (200, b'{"a":1}\n')

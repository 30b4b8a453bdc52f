"""Bodies of every accepted form become the same pairs."""

import pytest

from minibank.api.bodies import PAIRS_MAX, STRUCTURE, parse_body, parse_form, parse_json
from minibank.core.errors import BadRequest

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
PAIRS = [("account_id", "acc_1"), ("params[title]", "Hello 🍞"), ("params[body]", "")]
BODIES = {
    "form": (FORM, b"account_id=acc_1&params[title]=Hello+%F0%9F%8D%9E&params[body]="),
    "form with encoded brackets": (
        FORM,
        b"account_id=acc_1&params%5Btitle%5D=Hello%20%F0%9F%8D%9E&params%5Bbody%5D=",
    ),
    "form with a charset": (
        "application/x-www-form-urlencoded; charset=ISO-8859-1",
        b"account_id=acc_1&params[title]=Hello+%F0%9F%8D%9E&params[body]=",
    ),
    "form in raw UTF-8": (FORM, "account_id=acc_1&params[title]=Hello 🍞&params[body]=".encode()),
    "nested JSON": (
        JSON,
        '{"account_id": "acc_1", "params": {"title": "Hello 🍞", "body": ""}}'.encode(),
    ),
    "flat JSON": (
        "application/json; charset=utf-8",
        rb'{"account_id": "acc_1", "params[title]": "Hello \ud83c\udf5e", "params[body]": ""}',
    ),
    "JSON of a vendor": (
        "application/vnd.example+json",
        '{"account_id": "acc_1", "params": {"title": "Hello 🍞", "body": ""}}'.encode(),
    ),
    "JSON without a type": (
        None,
        ' {"account_id": "acc_1", "params": {"title": "Hello 🍞", "body": ""}}'.encode(),
    ),
    "form without a type": (
        None,
        "account_id=acc_1&params[title]=Hello 🍞&params[body]=".encode(),
    ),
    "multipart": (
        "multipart/form-data; boundary=xx",
        b'--xx\r\nContent-Disposition: form-data; name="account_id"\r\n\r\nacc_1\r\n'
        b'--xx\r\nContent-Disposition: form-data; name="params[title]"\r\n\r\n'
        + "Hello 🍞".encode()
        + b'\r\n--xx\r\nContent-Disposition: form-data; name="params[body]"\r\n\r\n\r\n'
        b'--xx\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\x00\r\n--xx--\r\n",
    ),
}


@pytest.mark.parametrize("form", BODIES)
async def test_every_form_of_body_gives_the_same_pairs(form):
    content_type, body = BODIES[form]
    assert await parse_body(content_type, body) == PAIRS


@pytest.mark.parametrize("content_type", [None, FORM, JSON, "text/plain", "multipart/form-data"])
async def test_an_empty_body_holds_nothing_whatever_its_type(content_type):
    assert await parse_body(content_type, b"") == []
    assert await parse_body(content_type, b" \r\n") == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b"a=b"),
        ("application/xml", b"<a/>"),
        (JSON, b'{"a": '),
        (JSON, b'{"a": NaN}'),
        (JSON, b'{"a": Infinity}'),
        (JSON, b'["a"]'),
        (JSON, b'"a"'),
        (JSON, b"a=b"),
        (JSON, b"{}{}"),
        (JSON, b"\xff\xfe{\x00}\x00"),
        (None, b"{broken"),
        ("multipart/form-data", b"a"),
        ("multipart/form-data; boundary=xx", b"--xy\r\n"),
        ("multipart/form-data; boundary=xx", b"--xx\r\nContent-Disposition: form-data\r\n\r\na"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(content_type, body):
    with pytest.raises(BadRequest) as refused:
        await parse_body(content_type, body)
    assert refused.value.code == "bad_request.bad_body"


def test_json_deeper_than_eight_levels_is_refused_before_it_is_built():
    assert parse_json(b'{"a":' + b"[" * 7 + b"]" * 7 + b"}")
    for depth in (8, 100_000):
        with pytest.raises(BadRequest, match="nested"):
            parse_json(b'{"a":' + b"[" * depth + b"]" * depth + b"}")


def test_brackets_inside_strings_are_no_levels():
    assert parse_json(b'{"a": "[[[[[[[[[[[[\\"[[[["}') == [("a", '[[[[[[[[[[[["[[[[')]


def test_the_depth_of_hostile_text_is_measured_in_linear_time():
    with pytest.raises(BadRequest):
        parse_json(b'"' + b'\\"' * 120_000)


def test_json_scalars_keep_the_text_that_was_sent():
    body = (
        b'{"a": 23, "b": 23.0, "c": 1e2, "d": true, "e": null, "f": 123456789012345678901234567890}'
    )
    assert dict(parse_json(body)) == {
        "a": "23",
        "b": "23.0",
        "c": "1e2",
        "d": "true",
        "e": None,
        "f": "123456789012345678901234567890",
    }


def test_a_number_of_a_quarter_million_digits_is_never_built():
    [(_, value)] = parse_json(b'{"a": ' + b"9" * 250_000 + b"}")
    assert value == "9" * 250_000


def test_json_lists_repeat_their_name_and_deeper_structures_are_marked():
    pairs = parse_json(b'{"expand": ["merchant", "x"], "metadata": {"a": {"b": 1}, "c": [1]}}')
    assert pairs == [
        ("expand", "merchant"),
        ("expand", "x"),
        ("metadata[a]", STRUCTURE),
        ("metadata[c]", STRUCTURE),
    ]


def test_an_empty_json_object_still_names_its_parameter():
    assert parse_json(b'{"metadata": {}, "expand": []}') == [("metadata", None), ("expand", None)]


def test_repeated_names_are_all_kept_in_order():
    assert parse_json(b'{"a": "1", "b": "2", "a": "3"}') == [("a", "1"), ("b", "2"), ("a", "3")]
    assert parse_form(b"a=1&b=2&a=3") == [("a", "1"), ("b", "2"), ("a", "3")]


def test_bytes_that_are_no_utf8_stay_visible_as_lone_surrogates():
    assert parse_form(b"a=%FF") == [("a", "\udcff")]
    assert parse_form(b"a=\xff") == [("a", "\udcff")]
    assert parse_json(b'{"a": "\xff", "b": "\\ud800"}') == [("a", "\udcff"), ("b", "\ud800")]


async def test_more_parameters_than_the_limit_are_refused():
    many = "&".join(f"a{n}=1" for n in range(PAIRS_MAX + 1)).encode()
    nested = "{" + ",".join(f'"a{n}":1' for n in range(PAIRS_MAX + 1)) + "}"
    for content_type, body in [(FORM, many), (JSON, nested.encode())]:
        with pytest.raises(BadRequest, match="more than"):
            await parse_body(content_type, body)

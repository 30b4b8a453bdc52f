"""A body that is one JSON value: what is read of it, and by what name the rest is refused."""

import json
from decimal import Decimal
from typing import Annotated

import pytest
from msgspec import Meta, Struct

from minibank.api.bodies import DEPTH_MAX
from minibank.api.json_values import WORDS_MAX, decoder_of
from minibank.core.errors import BadRequest


class Line(Struct, kw_only=True):
    """A part of an order."""

    text: Annotated[str, Meta(max_length=5)]
    amount: Annotated[int, Meta(ge=-100, le=100)] = 0
    weight: Decimal = Decimal(0)


class Order(Struct, kw_only=True):
    """What the bodies of these tests are."""

    total: Annotated[int, Meta(ge=1)]
    lines: Annotated[list[Line], Meta(max_length=2)]
    paid: bool = False


read = decoder_of(Order)
LINES = b'"lines": []'


@pytest.mark.parametrize("total", [b"7", b"7.0", b'"7"', b"7e0"])
def test_an_integer_may_be_a_number_or_a_text(total):
    assert read(b'{"total": %b, %b}' % (total, LINES)) == Order(total=7, lines=[])


def test_what_is_null_or_empty_is_absent_and_what_nobody_knows_is_passed_over():
    body = (
        '{"total": 7, "lines": [{"text": "🍞", "amount": null, "weight": "", "x": [[1]]}], "y": 1}'
    )
    assert read(body.encode()) == Order(total=7, lines=[Line(text="🍞")])
    assert read(b'\xef\xbb\xbf {"total": 7, "lines": [], "paid": null} ') == Order(
        total=7, lines=[]
    )


def test_a_decimal_keeps_every_digit_that_was_sent():
    for literal in ("0.1", "18.560", "3.00000000000000000001", "12345678901234567890.5"):
        for more in ("", ', "amount": null'):
            body = f'{{"total": 7, "lines": [{{"text": "a", "weight": {literal}{more}}}]}}'
            [line] = read(body.encode()).lines
            assert str(line.weight) == literal


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        (b"", "missing_param.total", "'total'"),
        (b"{}", "missing_param.total", "'total'"),
        (b'{"total": null}', "missing_param.total", "'total'"),
        (b'{"total": 7}', "missing_param.lines", "'lines'"),
        (b'{"total": 7, "lines": [{"text": "a"}, {}]}', "missing_param.lines", "'lines[1].text'"),
        (b'{"total": 7, "lines": [{"text": ""}]}', "missing_param.lines", "'lines[0].text'"),
        (b'{"total": 0, "lines": []}', "bad_param.total", ">= 1"),
        (b'{"total": 1.5, "lines": []}', "bad_param.total", "'total'"),
        (b'{"total": "7 ", "lines": []}', "bad_param.total", "'total'"),
        (b'{"total": true, "lines": []}', "bad_param.total", "'total'"),
        (b'{"total": 1e999, "lines": []}', "bad_param.total", "'total'"),
        (b'{"total": %b, "lines": []}' % (b"9" * 5000), "bad_param.total", "'total'"),
        (b'{"total": 7, "lines": {}}', "bad_param.lines", "'lines'"),
        (b'{"total": 7, "lines": [null]}', "bad_param.lines", "'lines[0]'"),
        (b'{"total": 7, "lines": [{"text": 5}]}', "bad_param.lines", "'lines[0].text'"),
        (b'{"total": 7, "lines": [{"text": "abcdef"}]}', "bad_param.lines", "length <= 5"),
        (b'{"total": 7, "lines": [{"text": "a", "amount": 101}]}', "bad_param.lines", "<= 100"),
        (b'{"total": 7, "lines": [{"text": "a"},{"text": "a"},{"text": "a"}]}',
         "bad_param.lines", "length <= 2"),
        (b'{"total": 7, "lines": [{"text": "\\u0000"}]}', "bad_param.lines", "'lines[0].text'"),
        (b'{"total": 7, "lines": [{"text": "a\\ud800"}]}', "bad_param.lines", "'lines[0].text'"),
        (b'{"total": 7, "lines": [{"text": "a\xff"}]}', "bad_param.lines", "'lines[0].text'"),
        (b'{"total": 7, "lines": [], "\\ud800": 1}', "bad_param.body", "'body'"),
        (b'{"total": 7, "lines": [], "x": {"\\u0000": 1}}', "bad_param.x", "'x'"),
        (b"[]", "bad_body", "object"),
        (b'"text"', "bad_body", "object"),
        (b"total=7", "bad_body", "JSON"),
        (b'{"total": 7', "bad_body", "JSON"),
        (b'{"total": NaN, "lines": null}', "bad_body", "JSON"),
        (b'{"total": 7, "x": ' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}", "bad_body", "deeper"),
        (b"[" * 100_000, "bad_body", "deeper"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_its_name(body, code, place):
    with pytest.raises(BadRequest) as refused:
        read(body)
    assert refused.value.code == f"bad_request.{code}"
    assert place in refused.value.message
    # The words go into an answer, whatever was sent.
    refused.value.message.encode()


def test_little_is_repeated_of_what_was_sent():
    body = json.dumps({"total": "x" * 100_000, "lines": []})
    with pytest.raises(BadRequest) as refused:
        read(body.encode())
    assert len(refused.value.message) < 2 * WORDS_MAX

"""What an item may say: names, sizes, colours."""

import pytest

from minibank.core.errors import BadParam, BankError
from minibank.feed.content import (
    BODY_BYTES_MAX,
    TITLE_BYTES_MAX,
    URL_BYTES_MAX,
    digest_of,
    merge,
    require_to_come,
)
from minibank.feed.records import Content, item_of, subject_of

EMPTY = Content(params={})
TEXTS = {"title": "Rain", "image_url": "www.example.com/rain.png"}


def refused(texts: dict[str, str], url: str | None = None) -> str:
    with pytest.raises(BankError) as caught:
        merge(EMPTY, texts, url)
    return caught.value.code


@pytest.mark.parametrize("name", ["title", "image_url"])
def test_a_title_and_an_image_must_be_there_and_not_empty(name: str) -> None:
    without = {key: text for key, text in TEXTS.items() if key != name}
    assert refused(without) == f"bad_request.missing_param.{name}"
    assert refused(without | {name: ""}) == f"bad_request.missing_param.{name}"
    with pytest.raises(BankError, match="required"):
        merge(merge(EMPTY, TEXTS, None), {name: ""}, None)


@pytest.mark.parametrize("name", ["background_color", "title_color", "body_color"])
@pytest.mark.parametrize(
    "bad", ["red", "#12", "#1234", "#GG0000", "FF8000", "#FF8000 ", "#ff80000"]
)
def test_a_colour_is_three_or_six_hexadecimal_digits(name: str, bad: str) -> None:
    assert refused(TEXTS | {name: bad}) == f"bad_request.bad_param.{name}"
    for good in ("#f80", "#F80", "#Ff8800"):
        assert merge(EMPTY, TEXTS | {name: good}, None).params[name] == "#FF8800"


@pytest.mark.parametrize(
    ("name", "most"),
    [("title", TITLE_BYTES_MAX), ("body", BODY_BYTES_MAX), ("image_url", URL_BYTES_MAX)],
)
def test_sizes_are_bounded_in_bytes(name: str, most: int) -> None:
    assert len(merge(EMPTY, TEXTS | {name: "a" * most}, None).params[name]) == most
    assert refused(TEXTS | {name: "a" * (most + 1)}) == f"bad_request.bad_param.{name}"
    assert refused(TEXTS | {name: "é" * (most // 2 + 1)}) == f"bad_request.bad_param.{name}"


def test_the_size_of_the_address_is_bounded_and_any_text_is_one() -> None:
    assert merge(EMPTY, TEXTS, "not a url: é").url == "not a url: é"
    assert refused(TEXTS, "a" * (URL_BYTES_MAX + 1)) == "bad_request.bad_param.url"


def test_names_that_nobody_knows_are_dropped_and_empty_texts_are_none() -> None:
    merged = merge(EMPTY, TEXTS | {"colour": "red", "body": ""}, None)
    assert merged.params == TEXTS


def test_a_change_leaves_what_it_does_not_name_and_takes_away_what_is_empty() -> None:
    first = merge(EMPTY, TEXTS | {"body": "Soon", "body_color": "#000"}, "app://rain")
    changed = merge(first, {"body": "", "title": "Sun"}, None)
    assert changed.params == TEXTS | {"title": "Sun", "body_color": "#000000"}
    assert changed.url == "app://rain"
    assert merge(first, {}, "").url == ""
    assert merge(first, {}, None) == first


def test_an_item_must_not_have_expired_before_it_is_made() -> None:
    require_to_come(Content(params={}, expires_at=11), 10)
    require_to_come(EMPTY, 10)
    with pytest.raises(BadParam):
        require_to_come(Content(params={}, expires_at=10), 10)


def test_equal_content_has_an_equal_digest_whatever_the_order_it_came_in() -> None:
    backwards = dict(reversed(TEXTS.items()))
    assert digest_of(merge(EMPTY, TEXTS, "x")) == digest_of(merge(EMPTY, backwards, "x"))
    others = [
        merge(EMPTY, TEXTS, "y"),
        merge(EMPTY, TEXTS | {"body": "b"}, "x"),
        Content(params=TEXTS, url="x", expires_at=1),
    ]
    assert len({digest_of(one) for one in (merge(EMPTY, TEXTS, "x"), *others)}) == 4


def test_the_item_of_a_transaction_has_the_digits_of_the_transaction() -> None:
    transaction_id = "tx_00008zIcpb1TB4yeIFXMzx"
    assert item_of(transaction_id) == "feeditem_00008zIcpb1TB4yeIFXMzx"
    assert subject_of(item_of(transaction_id)) == transaction_id

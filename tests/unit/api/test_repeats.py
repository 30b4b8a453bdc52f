"""The header `Idempotency-Key`."""

import pytest

from minibank.api.repeats import KEY_MAX, idempotency_key
from minibank.core.errors import BadRequest


def key(text: str) -> str | None:
    return idempotency_key({"idempotency-key": text})


def test_a_request_without_the_header_has_no_key() -> None:
    assert idempotency_key({}) is None


def test_a_key_is_the_same_with_quotes_and_without() -> None:
    assert key('"8e03978e-40d5"') == key("8e03978e-40d5") == key(" 8e03978e-40d5 ")
    assert key("a" * KEY_MAX) == "a" * KEY_MAX


@pytest.mark.parametrize("bad", ["", " ", '""', "a b", "é", "\x7f", "a" * (KEY_MAX + 1)])
def test_a_key_that_cannot_be_kept_is_refused_and_not_passed_over(bad: str) -> None:
    with pytest.raises(BadRequest) as caught:
        key(bad)
    assert caught.value.code == "bad_request.bad_header.idempotency_key"

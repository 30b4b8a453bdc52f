"""Money is integers; its minor unit depends on the currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibank.core.errors import BadParam
from minibank.core.money import (
    AMOUNT_MAX,
    exponent,
    format_amount,
    require_amount,
    require_currency,
)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("GBP", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("TND", 3), ("CLF", 4)],
)
def test_the_minor_unit_follows_iso_4217(currency: str, digits: int):
    assert exponent(currency) == digits


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "GBP", "0.00 GBP"),
        (5, "GBP", "0.05 GBP"),
        (-5, "GBP", "-0.05 GBP"),
        (-535, "GBP", "-5.35 GBP"),
        (123_456_789, "GBP", "1,234,567.89 GBP"),
        (-100, "GBP", "-1.00 GBP"),
        (1234, "JPY", "1,234 JPY"),
        (-1, "JPY", "-1 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (-7, "KWD", "-0.007 KWD"),
        (12_345, "CLF", "1.2345 CLF"),
        (AMOUNT_MAX, "GBP", "10,000,000,000,000.00 GBP"),
    ],
)
def test_amounts_are_written_with_the_digits_of_their_currency(
    amount: int, currency: str, text: str
):
    assert format_amount(amount, currency) == text


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX), st.sampled_from(["GBP", "JPY", "KWD", "CLF"]))
def test_a_written_amount_is_the_amount(amount: int, currency: str):
    digits, _, code = format_amount(amount, currency).rpartition(" ")
    assert int(digits.replace(",", "").replace(".", "")) == amount
    assert code == currency


@pytest.mark.parametrize("code", ["GBP", "XTS", "ZZZ"])
def test_a_currency_has_the_form_of_an_iso_4217_code(code: str):
    assert require_currency(code) == code


@pytest.mark.parametrize(
    "code", ["", "gbp", "GB", "GBPX", "GB1", "GBP\n", "\uff27\uff22\uff30", "£"]
)
def test_what_has_another_form_is_refused_by_the_name_of_its_field(code: str):
    with pytest.raises(BadParam) as refused:
        require_currency(code, "local_currency")
    assert refused.value.code == "bad_request.bad_param.local_currency"


@pytest.mark.parametrize("amount", [0, 1, -1, AMOUNT_MAX, -AMOUNT_MAX])
def test_amounts_up_to_the_bound_are_accepted_either_way(amount: int):
    assert require_amount(amount) == amount


@pytest.mark.parametrize("amount", [AMOUNT_MAX + 1, -AMOUNT_MAX - 1, 2**63, -(2**70)])
def test_amounts_beyond_the_bound_are_refused_by_the_name_of_their_field(amount: int):
    with pytest.raises(BadParam) as refused:
        require_amount(amount, "total")
    assert refused.value.code == "bad_request.bad_param.total"

"""Local money: proportion and rounding."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibank.core.errors import BadParam
from minibank.core.money import AMOUNT_MAX
from minibank.payments.drafts import local_after
from tests.support.histories import transaction

ACCOUNT = "acc_0000B3wV5n0FxAjLRtSlPc"


def foreign(amount: int, local_amount: int) -> Any:
    return transaction(ACCOUNT, 1, amount=amount, local_amount=local_amount, local_currency="EUR")


@pytest.mark.parametrize(
    ("paid", "local", "becomes", "expected"),
    [
        (-1000, -1200, -500, -600),
        (-3, -1, -1, 0),
        (-3, -2, -1, -1),
        (-2, -1, -1, -1),
        (-2, -5, -1, -3),
        (-1000, -1200, 0, 0),
        (-1, -190, -1000, -190_000),
        (0, 0, -1000, 0),
        (-1000, 0, -500, 0),
    ],
)
def test_what_is_not_told_keeps_its_proportion_rounded_half_away_from_zero(
    paid: int, local: int, becomes: int, expected: int
) -> None:
    assert local_after(foreign(paid, local), becomes) == expected


@given(
    paid=st.integers(1, AMOUNT_MAX),
    local=st.integers(0, AMOUNT_MAX),
    becomes=st.integers(0, AMOUNT_MAX),
)
def test_the_proportion_is_exact_to_half_a_unit(paid: int, local: int, becomes: int) -> None:
    found = local_after(foreign(-paid, -local), -becomes)
    exact = Fraction(-local * becomes, paid)
    assert abs(found - exact) <= Fraction(1, 2)
    assert found <= 0


def test_what_is_told_counts() -> None:
    assert local_after(foreign(-1000, -1200), -500, 777) == -777


def test_at_home_the_local_amount_is_the_amount() -> None:
    home = transaction(ACCOUNT, 1, amount=-1000, local_amount=-1000)
    assert local_after(home, -500) == -500
    assert local_after(home, -500, 777) == -500


@pytest.mark.parametrize("charged", [-1, AMOUNT_MAX + 1])
def test_what_is_told_must_be_possible(charged: int) -> None:
    with pytest.raises(BadParam, match="local_amount"):
        local_after(foreign(-1000, -1200), -500, charged)

"""Account numbers and IBANs carry digits that show a slip of the pen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibank.accounts.numbers import (
    BankCodes,
    format_iban,
    iban_of,
    is_account_number,
    is_iban,
    with_check_digit,
)
from minibank.core.errors import BadParam

NUMBERS = st.integers(0, 9_999_999).map(with_check_digit).filter(lambda number: number is not None)


@given(NUMBERS)
def test_a_number_has_eight_digits_that_pass_the_check(number):
    assert len(number) == 8
    assert is_account_number(number)
    weighted = [weight * int(digit) for weight, digit in zip(range(8, 0, -1), number, strict=True)]
    assert sum(weighted) % 11 == 0


def test_the_check_digit_is_the_documented_one():
    # 8*1 + 7*2 + 6*3 + 5*4 + 4*5 + 3*6 + 2*7 = 112; 112 + 9 = 121 = 11 * 11
    assert with_check_digit(1234567) == "12345679"
    assert with_check_digit(0) == "00000000"


def test_a_number_that_would_need_a_check_digit_of_ten_is_none():
    # 2*6 = 12, which leaves 1: the check digit would have to be 10.
    assert with_check_digit(6) is None
    unusable = sum(with_check_digit(number) is None for number in range(11_000))
    assert unusable == pytest.approx(1000, abs=20)


@given(NUMBERS, st.integers(0, 7), st.integers(1, 9))
def test_any_one_wrong_digit_is_noticed(number, position, shift):
    digit = (int(number[position]) + shift) % 10
    assert not is_account_number(f"{number[:position]}{digit}{number[position + 1 :]}")


@given(NUMBERS, st.integers(0, 6))
def test_any_two_neighbours_swapped_are_noticed(number, position):
    left, right = number[position], number[position + 1]
    swapped = number[:position] + right + left + number[position + 2 :]
    assert swapped == number or not is_account_number(swapped)


@pytest.mark.parametrize("text", ["", "1234567", "123456790", "1234567x", "\uff11" * 8, " 2345679"])
def test_what_has_not_eight_digits_is_no_account_number(text):
    assert not is_account_number(text)


def test_an_iban_has_the_check_digits_of_the_standard():
    assert iban_of(BankCodes("601613", "NWBKGB2L"), "31926819") == "GB29NWBK60161331926819"
    assert is_iban("GB29NWBK60161331926819")
    assert is_iban("DE89370400440532013000")


@given(NUMBERS)
def test_every_iban_checks_and_holds_the_codes_and_the_number(number):
    iban = iban_of(BankCodes(), number)
    assert is_iban(iban)
    assert iban[4:] == f"MINI009900{number}"
    assert len(iban) == 22


@given(NUMBERS, st.integers(8, 21), st.integers(1, 9))
def test_any_one_wrong_digit_of_an_iban_is_noticed(number, position, shift):
    iban = iban_of(BankCodes(), number)
    digit = (int(iban[position]) + shift) % 10
    assert not is_iban(f"{iban[:position]}{digit}{iban[position + 1 :]}")


def test_an_iban_for_people_comes_in_groups_of_four():
    assert format_iban("GB29NWBK60161331926819") == "GB29 NWBK 6016 1331 9268 19"


@pytest.mark.parametrize("text", ["", "GB", "GB29 NWBK", "GB29-NWBK"])
def test_what_is_no_iban_does_not_check(text):
    assert not is_iban(text)


@pytest.mark.parametrize("sort_code", ["", "00990", "0099000", "00-99-00", "00990x", "\uff1009900"])
def test_a_sort_code_has_six_digits(sort_code):
    with pytest.raises(BadParam):
        BankCodes(sort_code=sort_code)


@pytest.mark.parametrize("bic", ["", "MINI", "MINIDE2L", "minigb2l", "MINIGB2", "MINIGB2LX"])
def test_a_bic_is_a_british_banks(bic):
    with pytest.raises(BadParam):
        BankCodes(bic=bic)

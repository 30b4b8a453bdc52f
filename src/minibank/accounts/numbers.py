"""Account numbers that pass a check, and the IBANs made of them.

The last of an account number's eight digits is chosen so that the digits, weighted 8, 7, 6, 5, 4,
3, 2, 1, sum to a multiple of 11: the "MOD11" rule of British modulus checking, with weights on the
account number alone. Any one wrong digit and any two neighbours swapped break it. Seven digits that
would need a last digit of ten are no account number.
"""

import re
from dataclasses import dataclass

from minibank.core.errors import BadParam

_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 1)
_SORT_CODE = re.compile(r"[0-9]{6}")
_BIC = re.compile(r"[A-Z]{4}GB[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_ACCOUNT_NUMBER = re.compile(r"[0-9]{8}")


@dataclass(frozen=True, slots=True)
class BankCodes:
    """What tells this bank from others: its sort code and its BIC (ISO 9362)."""

    sort_code: str = "009900"
    bic: str = "MINIGB2L"

    def __post_init__(self) -> None:
        if not _SORT_CODE.fullmatch(self.sort_code):
            raise BadParam("sort_code", "must have six digits")
        if not _BIC.fullmatch(self.bic):
            raise BadParam("bic", "must be the BIC of a British bank")


def is_account_number(text: str) -> bool:
    """Whether these are eight digits that pass the check."""
    return bool(_ACCOUNT_NUMBER.fullmatch(text)) and _weighted_sum(text) % 11 == 0


def with_check_digit(number: int) -> str | None:
    """The account number that begins with these seven digits (0..9,999,999), or None."""
    assert 0 <= number < 10**7
    check = -_weighted_sum(f"{number:07d}") % 11
    return None if check == 10 else f"{number:07d}{check}"


def _weighted_sum(digits: str) -> int:
    return sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False))


def iban_of(codes: BankCodes, account_number: str) -> str:
    """The IBAN (ISO 13616): GB, two check digits, bank code, sort code, account number."""
    domestic = codes.bic[:4] + codes.sort_code + account_number
    check = 98 - _modulus_97(f"{domestic}GB00")
    return f"GB{check:02d}{domestic}"


def is_iban(text: str) -> bool:
    """Whether the check digits of an IBAN, written without spaces, are right."""
    return text.isascii() and text.isalnum() and _modulus_97(text[4:] + text[:4]) == 1


def format_iban(iban: str) -> str:
    """An IBAN for people, in groups of four."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def _modulus_97(text: str) -> int:
    """ISO 7064 mod 97-10; letters count as 10 to 35."""
    return int("".join(str(int(character, 36)) for character in text)) % 97

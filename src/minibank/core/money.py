"""Money: integer minor units and ISO 4217 currencies. No float touches money."""

import re

from minibank.core.errors import BadParam

AMOUNT_MAX = 10**15
"""No amount, sum or balance may go beyond this many minor units either way."""

_CODE = re.compile(r"[A-Z]{3}")
_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENT_OF = {code: digits for digits, codes in _EXPONENTS.items() for code in codes.split()}


def exponent(currency: str) -> int:
    """How many decimal digits the minor unit of a currency has (ISO 4217; 2 for most)."""
    return _EXPONENT_OF.get(currency, 2)


def require_currency(currency: str, name: str = "currency") -> str:
    """The code itself; `BadParam` when it does not have the form of an ISO 4217 code."""
    if not _CODE.fullmatch(currency):
        raise BadParam(name, "must be an ISO 4217 code in capitals")
    return currency


def require_amount(amount: int, name: str = "amount") -> int:
    """The amount itself; `BadParam` when it is beyond what the bank can hold."""
    if not -AMOUNT_MAX <= amount <= AMOUNT_MAX:
        raise BadParam(name, "is out of range")
    return amount


def format_amount(amount: int, currency: str) -> str:
    """An amount for people: `-5.35 GBP`."""
    digits = exponent(currency)
    sign = "-" if amount < 0 else ""
    if not digits:
        return f"{sign}{abs(amount):,} {currency}"
    whole, rest = divmod(abs(amount), 10**digits)
    return f"{sign}{whole:,}.{rest:0{digits}d} {currency}"

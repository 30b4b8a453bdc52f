"""What things cost: amounts that look like real ones, in whole minor units.

Exchange rates are millionths of a pound for one unit of the other currency; they swing gently, so
that a payment made abroad is presented for slightly more or less than it was authorised for.
"""

from datetime import date
from typing import Final

from minibank.core.money import exponent
from minibank.sandbox.catalogue import Brand
from minibank.sandbox.dice import Dice

HOME: Final = "GBP"
_RATES: Final = {"GBP": 1_000_000, "EUR": 856_000, "USD": 786_000, "JPY": 5_210}
_SWING_DAYS: Final = 44

_SHOP_ENDINGS: Final = (0, 50, 95, 99, 99, 99)


def price(dice: Dice, brand: Brand) -> int:
    """What one visit costs, in minor units of the brand's currency."""
    low, high = brand.amount_min, brand.amount_max
    return min(max(_rounded(dice, brand, dice.skewed(low, high)), low), high)


def _rounded(dice: Dice, brand: Brand, amount: int) -> int:
    if brand.atm:
        return _nearest(amount, 1000)
    if exponent(brand.currency) == 0:
        return _nearest(amount, 10)
    match brand.category:
        case "shopping" | "entertainment":
            return amount // 100 * 100 + dice.pick(_SHOP_ENDINGS)
        case "eating_out" | "general" | "holidays":
            return _nearest(amount, 5)
        case "transport":
            return amount if brand.mcc == "5542" else _nearest(amount, 10)
        case _:
            return amount


def _nearest(amount: int, step: int) -> int:
    return (amount + step // 2) // step * step


def with_tip(dice: Dice, amount: int, percent: tuple[int, int]) -> int:
    """An amount and a tip of so many per cent, rounded up to a tenth of the major unit."""
    tipped = amount * (100 + dice.between(*percent)) // 100
    return -(-tipped // 10) * 10


def rate(currency: str, day: date) -> int:
    """Millionths of a pound for one unit of a currency on that day."""
    if currency == HOME:
        return _RATES[HOME]
    distance = abs(day.toordinal() % _SWING_DAYS - _SWING_DAYS // 2) - _SWING_DAYS // 4
    return _RATES[currency] * (1000 + distance) // 1000


def to_pence(amount: int, currency: str, day: date) -> int:
    """An amount of another currency in pence, at that day's rate, rounded half up."""
    divisor: int = 10 ** exponent(currency) * 10_000
    return (amount * rate(currency, day) + divisor // 2) // divisor

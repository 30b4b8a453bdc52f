"""Prices look like prices, and exchange is exact to the penny."""

from datetime import date, timedelta
from itertools import pairwise

from minibank.sandbox.catalogue import read_catalogue
from minibank.sandbox.dice import Dice
from minibank.sandbox.prices import price, rate, to_pence, with_tip

BRANDS = read_catalogue().brands
DAY = date(2026, 5, 4)


def some_prices(slug, count=200):
    dice = Dice("prices", slug)
    return [price(dice, BRANDS[slug]) for _ in range(count)]


def test_prices_stay_within_what_a_brand_charges():
    for slug, brand in BRANDS.items():
        drawn = some_prices(slug, 40)
        assert brand.amount_min <= min(drawn) <= max(drawn) <= brand.amount_max, slug


def test_cash_machines_give_notes_and_shops_charge_ninety_nine():
    assert all(amount % 1000 == 0 for amount in some_prices("copperjar-cash"))
    assert sum(amount % 100 == 99 for amount in some_prices("threadwick")) > 60
    assert all(amount % 5 == 0 for amount in some_prices("kettle-and-moth"))
    assert all(amount % 10 == 0 for amount in some_prices("ramen-kumotsuki"))


def test_most_visits_cost_less_than_the_middle_of_the_range():
    brand = BRANDS["hartwold"]
    middle = (brand.amount_min + brand.amount_max) // 2
    assert sum(amount < middle for amount in some_prices("hartwold")) > 120


def test_tips_are_rounded_up_to_ten_pence():
    assert with_tip(Dice("tips"), 4_230, (10, 10)) == 4_660
    assert with_tip(Dice("tips"), 1_000, (10, 10)) == 1_100


def test_foreign_money_is_turned_into_pence_by_its_own_minor_unit():
    day = next(
        DAY + timedelta(days=n)
        for n in range(60)
        if rate("EUR", DAY + timedelta(days=n)) == 856_000
    )
    assert to_pence(10_00, "EUR", day) == 8_56
    assert to_pence(1_000, "JPY", day) == 5_21
    assert to_pence(1, "JPY", day) == 1
    assert to_pence(12_34, "GBP", day) == 12_34


def test_rates_swing_by_little_from_day_to_day():
    days = [DAY + timedelta(days=number) for number in range(400)]
    for currency in ("EUR", "USD", "JPY"):
        rates = [rate(currency, day) for day in days]
        assert max(rates) < min(rates) * 103 // 100
        assert len(set(rates)) > 10
        assert all(abs(a - b) * 500 < a for a, b in pairwise(rates))

"""The fictional merchants are complete, consistent and stable."""

import unicodedata
from typing import get_args

import msgspec
import pytest

from minibank.core import ids
from minibank.core.money import exponent
from minibank.sandbox.catalogue import COUNTRY_NAMES, Brand, Category, read_catalogue

CATALOGUE = read_catalogue()
BRANDS = list(CATALOGUE.brands.values())
MERCHANTS = list(CATALOGUE.merchants.values())

# South, north, west, east.
COUNTRY_BOXES = {
    "GBR": (49.8, 60.9, -8.7, 1.8),
    "FRA": (41.3, 51.1, -5.2, 9.6),
    "ESP": (36.0, 43.8, -9.4, 3.4),
    "JPN": (30.9, 45.6, 129.4, 145.9),
    "USA": (24.5, 49.4, -124.8, -66.9),
}
# The middle of each city; an outlet stands within a few kilometres of it.
CITIES = {
    "London": (51.51, -0.09),
    "Manchester": (53.46, -2.25),
    "Bristol": (51.45, -2.60),
    "Edinburgh": (55.96, -3.19),
    "Leeds": (53.81, -1.55),
    "Birmingham": (52.48, -1.90),
    "Glasgow": (55.86, -4.25),
    "Cardiff": (51.48, -3.18),
    "Brighton": (50.82, -0.14),
    "York": (53.96, -1.08),
    "Falmouth": (50.15, -5.07),
    "Dover": (51.13, 1.31),
    "Reading": (51.455, -0.97),
    "Paris": (48.86, 2.35),
    "Lyon": (45.76, 4.83),
    "Barcelona": (41.39, 2.17),
    "Seville": (37.39, -5.99),
    "Madrid": (40.41, -3.70),
    "Tokyo": (35.69, 139.74),
    "Kyoto": (35.01, 135.77),
    "New York": (40.72, -73.97),
    "San Francisco": (37.77, -122.42),
}
CURRENCIES = {"GBR": "GBP", "FRA": "EUR", "ESP": "EUR", "JPN": "JPY", "USA": "USD"}


def every_string(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from every_string(item)
    elif isinstance(value, list):
        for item in value:
            yield from every_string(item)


def test_there_are_more_than_a_hundred_merchants_and_some_brands_have_several():
    assert len(MERCHANTS) >= 120
    assert sum(len(brand.outlets) > 1 for brand in BRANDS) >= 20
    assert max(len(brand.outlets) for brand in BRANDS) <= 4


def test_slugs_names_and_descriptors_tell_merchants_apart():
    assert sum(len(brand.outlets) for brand in BRANDS) == len(MERCHANTS)
    assert len({brand.slug for brand in BRANDS}) == len(BRANDS)
    assert len({brand.name for brand in BRANDS}) == len(BRANDS)
    places = {(m.outlet.address, m.outlet.city) for m in MERCHANTS}
    assert len(places) == len(MERCHANTS)


def test_every_category_is_there_and_so_are_shops_online_and_cash_machines():
    assert {brand.category for brand in BRANDS} == set(get_args(Category))
    assert sum(brand.online for brand in BRANDS) >= 15
    cash_machines = [brand for brand in BRANDS if brand.atm]
    assert {brand.currency for brand in cash_machines} == {"GBP", "EUR", "JPY", "USD"}
    assert all(brand.category == "cash" and brand.mcc == "6011" for brand in cash_machines)


def test_no_text_is_empty_or_has_loose_spaces():
    for brand in BRANDS:
        for text in every_string(msgspec.to_builtins(brand)):
            assert text.strip() == text != ""
            assert text == unicodedata.normalize("NFC", text)


def test_a_merchant_stands_in_its_own_city_and_country():
    for merchant in MERCHANTS:
        outlet = merchant.outlet
        south, north, west, east = COUNTRY_BOXES[outlet.country]
        assert south < outlet.latitude < north, outlet.slug
        assert west < outlet.longitude < east, outlet.slug
        latitude, longitude = CITIES[outlet.city]
        assert abs(outlet.latitude - latitude) < 0.08, outlet.slug
        assert abs(outlet.longitude - longitude) < 0.12, outlet.slug
        assert outlet.approximate == merchant.brand.online, outlet.slug


def test_a_descriptor_ends_in_the_place_and_country():
    for merchant in MERCHANTS:
        outlet = merchant.outlet
        place = "INTERNET" if merchant.brand.online else outlet.city.upper()
        assert len(outlet.descriptor) == 40, outlet.slug
        assert outlet.descriptor[23:36].rstrip() == place, outlet.slug
        assert outlet.descriptor[37:] == outlet.country, outlet.slug
        assert outlet.slug.startswith(merchant.brand.slug), outlet.slug


def test_british_postcodes_are_nobodys():
    for merchant in MERCHANTS:
        if merchant.outlet.country == "GBR":
            assert set(merchant.outlet.postcode[-2:]) <= set("CKMV")


def test_amounts_are_what_one_visit_costs_in_the_currency_of_the_country():
    for brand in BRANDS:
        assert brand.amount_min <= brand.amount_max <= 80_000
        assert {CURRENCIES[outlet.country] for outlet in brand.outlets} == {brand.currency}
        assert brand.website == f"{brand.slug}.example"
    assert exponent("JPY") == 0


def test_ids_follow_from_the_slug_and_outlets_share_the_group():
    hartwold = CATALOGUE.list_outlets("hartwold")
    assert len({merchant.id for merchant in MERCHANTS}) == len(MERCHANTS)
    assert len({brand.group_id for brand in BRANDS}) == len(BRANDS)
    assert {merchant.brand.group_id for merchant in hartwold} == {"grp_00009Wjc2zercRxYhE9Bc7"}
    assert hartwold[0].id == "merch_00009XHNSJE05cTk13RZav"
    assert all(ids.shard_of(merchant.id) is not None for merchant in MERCHANTS)


def test_a_merchant_was_created_when_its_id_says():
    for merchant in MERCHANTS:
        assert merchant.created_at == (ids.milliseconds_of(merchant.id) or 0) * 1000
        assert 1_420_070_400 <= merchant.created_at // 1_000_000 < 1_609_459_200 + 86_400


def test_an_address_reads_as_people_of_its_country_write_it():
    london = CATALOGUE.merchants["hartwold-islington"].outlet.postal_address()
    paris = CATALOGUE.merchants["bistro-clairmoulin"].outlet.postal_address()
    assert london["formatted"] == "9 Ostlerfield Lane, London N1 9MC, United Kingdom"
    assert paris["short_formatted"] == "23 rue du Vieux Cadran, 75005 Paris"
    assert {m.outlet.country for m in MERCHANTS} == set(COUNTRY_NAMES)


def test_outlets_can_be_asked_for_by_city():
    slugs = [m.outlet.slug for m in CATALOGUE.list_outlets("kettle-and-moth", "London")]
    assert slugs == ["kettle-and-moth-bank", "kettle-and-moth-soho"]


def test_an_unknown_key_or_an_empty_text_is_noticed():
    brand = msgspec.to_builtins(BRANDS[0])
    with pytest.raises(msgspec.ValidationError, match="colour"):
        msgspec.convert({**brand, "colour": "red"}, Brand)
    with pytest.raises(msgspec.ValidationError, match="name"):
        msgspec.convert({**brand, "name": ""}, Brand)

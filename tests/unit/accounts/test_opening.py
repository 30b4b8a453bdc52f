"""When a card expires."""

import pytest

from minibank.accounts.opening import card_expiry
from minibank.core.instants import format_instant, parse_instant


@pytest.mark.parametrize(
    ("issued", "expires"),
    [
        ("2026-03-10T12:00:00Z", "2030-04-01T00:00:00.000Z"),
        ("2026-11-30T23:59:59.999Z", "2030-12-01T00:00:00.000Z"),
        ("2026-12-01T00:00:00Z", "2031-01-01T00:00:00.000Z"),
        ("2024-02-29T00:00:00Z", "2028-03-01T00:00:00.000Z"),
    ],
)
def test_a_card_expires_with_its_month_four_years_on(issued, expires):
    assert format_instant(card_expiry(parse_instant(issued))) == expires

"""When a customer's day begins, clock-change days included."""

from datetime import UTC, datetime

import msgspec
import pytest

from minibank.accounts.balance import day_start, show_balance
from minibank.core.instants import from_datetime, parse_instant


@pytest.mark.parametrize(
    ("now", "start"),
    [
        # Winter: London is UTC.
        ("2026-01-15T12:00:00Z", "2026-01-15T04:00:00Z"),
        ("2026-01-15T04:00:00Z", "2026-01-15T04:00:00Z"),
        ("2026-01-15T03:59:59.999999Z", "2026-01-14T04:00:00Z"),
        ("2026-01-01T00:30:00Z", "2025-12-31T04:00:00Z"),
        # Summer: London is an hour ahead.
        ("2026-07-15T12:00:00Z", "2026-07-15T03:00:00Z"),
        ("2026-07-15T03:00:00Z", "2026-07-15T03:00:00Z"),
        ("2026-07-15T02:59:59Z", "2026-07-14T03:00:00Z"),
        ("2026-07-14T23:30:00Z", "2026-07-14T03:00:00Z"),
        # The clocks go forward on 2026-03-29 at 01:00 UTC: a day of 23 hours.
        ("2026-03-29T00:59:59Z", "2026-03-28T04:00:00Z"),
        ("2026-03-29T01:00:00Z", "2026-03-28T04:00:00Z"),
        ("2026-03-29T02:59:59Z", "2026-03-28T04:00:00Z"),
        ("2026-03-29T03:00:00Z", "2026-03-29T03:00:00Z"),
        ("2026-03-29T12:00:00Z", "2026-03-29T03:00:00Z"),
        ("2026-03-30T02:59:59Z", "2026-03-29T03:00:00Z"),
        # They go back on 2026-10-25 at 01:00 UTC: a day of 25 hours, 01:00-02:00 happens twice.
        ("2026-10-25T00:30:00Z", "2026-10-24T03:00:00Z"),
        ("2026-10-25T01:30:00Z", "2026-10-24T03:00:00Z"),
        ("2026-10-25T03:59:59Z", "2026-10-24T03:00:00Z"),
        ("2026-10-25T04:00:00Z", "2026-10-25T04:00:00Z"),
        ("2026-10-26T03:59:59Z", "2026-10-25T04:00:00Z"),
    ],
)
def test_a_day_begins_at_four_in_london(now, start):
    assert day_start(parse_instant(now)) == parse_instant(start)


def test_every_minute_of_two_years_belongs_to_the_day_that_began_last():
    minute = 60_000_000
    first = from_datetime(datetime(2026, 1, 1, 4, tzinfo=UTC))
    last = day_start(first)
    for now in range(first, first + 2 * 366 * 24 * 60 * minute, 17 * minute):
        start = day_start(now)
        assert start <= now < start + 25 * 60 * minute
        assert start >= last
        assert day_start(start) == start
        last = start


def test_the_total_is_what_can_be_spent_and_what_is_in_pots():
    shown = msgspec.to_builtins(show_balance(5000, 1000, "GBP", -1250))
    assert shown == {
        "balance": 5000,
        "total_balance": 6000,
        "balance_including_flexible_savings": 6000,
        "currency": "GBP",
        "spend_today": -1250,
        "local_currency": "",
        "local_exchange_rate": 0,
        "local_spend": [],
    }
    assert type(shown["local_exchange_rate"]) is int

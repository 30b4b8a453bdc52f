"""What an account has, and when its day begins."""

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from minibank.core.instants import from_datetime, to_datetime
from minibank.core.wire import Currency, Empty

DAY_BEGINS_HOUR = 4

_LONDON = ZoneInfo("Europe/London")


def day_start(now: int) -> int:
    """When the customer's present day began: the last 04:00 in London, in microseconds.

    The clocks change at 01:00 UTC, so 04:00 exists once on every date; the day that holds a change
    has 23 or 25 hours. The subtraction is one of wall time for that reason.
    """
    local = to_datetime(now).astimezone(_LONDON)
    start = local.replace(hour=DAY_BEGINS_HOUR, minute=0, second=0, microsecond=0, fold=0)
    if local.hour < DAY_BEGINS_HOUR:
        start -= timedelta(days=1)
    return from_datetime(start)


class WireBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has, as clients read it."""

    balance: Annotated[int, Meta(description="What can be spent now, in minor units.")]
    total_balance: Annotated[int, Meta(description="The same with all that is in pots.")]
    balance_including_flexible_savings: Annotated[int, Meta(description="The same again.")]
    currency: Currency
    spend_today: Annotated[
        int,
        Meta(description="Spent since 04:00 in London, in minor units: zero or negative."),
    ]
    local_currency: Empty = ""
    # An integer while it is unused: there is a client that decodes no float here.
    local_exchange_rate: int = 0
    local_spend: list[str] = []


def show_balance(available: int, in_pots: int, currency: str, spend_today: int) -> WireBalance:
    """The balance as clients read it; amounts in minor units, `spend_today` zero or negative."""
    total = available + in_pots
    return WireBalance(
        balance=available,
        total_balance=total,
        balance_including_flexible_savings=total,
        currency=currency,
        spend_today=spend_today,
    )

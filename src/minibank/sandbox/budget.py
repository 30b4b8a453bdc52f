"""Keep everybody solvent: spare money is saved, and savings come back before a dear month.

Payments are drawn by chance, so that what a month costs is known only afterwards. At the start of
each month (on payday) every account therefore sends to its savings what the month will leave over
beyond a cushion, or takes from them what it will lack. Nobody is declined by accident, and no
balance grows beyond belief.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from minibank.sandbox.catalogue import read_catalogue
from minibank.sandbox.dice import Dice
from minibank.sandbox.lives import SAVINGS, Savings
from minibank.sandbox.timeline import Event, Payment, Purchase, Timeline, london_hour

STEP = 25_00
HOUR = 3_600_000_000


def in_order(events: Sequence[Event]) -> list[Event]:
    """Events by time; of two at one instant, the one thought of first."""
    return sorted(events, key=lambda event: event.at)


def save(timeline: Timeline, openings: Sequence[Event], dice: Dice) -> None:
    """Let every account save or draw at each event that opens a month for it."""
    known = in_order(timeline.events)
    for savings in SAVINGS:
        starts = [event.at for event in in_order(openings) if _change(event, savings.account) > 0]
        _balance(timeline, savings, known, starts, dice)


def _change(event: Event, account: str) -> int:
    return sum(change for name, change in event.changes if name == account)


def _balance(
    timeline: Timeline,
    savings: Savings,
    events: Sequence[Event],
    starts: Sequence[int],
    dice: Dice,
) -> None:
    """Go through the months of one account."""
    own = [(event.at, change) for event in events if (change := _change(event, savings.account))]
    available = 0
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else None
        month = [pair for pair in own if start <= pair[0] and (end is None or pair[0] < end)]
        at = start + dice.between(2 * HOUR // 60, HOUR)
        before = sum(change for moment, change in month if moment < at)
        lowest = low = before
        for moment, change in month:
            if moment >= at:
                low += change
                lowest = min(lowest, low)
        spare = available + lowest - dice.between(*savings.cushion)
        available += sum(change for _, change in month) + _move(timeline, savings, spare, at)


def _move(timeline: Timeline, savings: Savings, spare: int, at: int) -> int:
    """Send what is to spare to the savings, or take what lacks; answers the change."""
    amount = abs(spare) // STEP * STEP + (STEP if spare < 0 else 0)
    if amount == 0:
        return 0
    payment = Payment(
        account=savings.account,
        amount=amount,
        at=at,
        description="To savings" if spare > 0 else "From savings",
        name=savings.name,
        number=savings.number,
    )
    if spare > 0:
        timeline.send(payment)
        return -amount
    timeline.receive(payment)
    return amount


@dataclass(frozen=True, slots=True)
class _Low:
    """A moment when little is left, and how long until the account's next event."""

    at: int
    available: int
    gap: int


def overreach(
    timeline: Timeline, account: str, card: str, spans: Sequence[tuple[int, int]]
) -> None:
    """In each span of time, try once to buy something dear when the least is left."""
    catalogue = read_catalogue()
    for since, until in spans:
        low = min(
            (low for low in _lows(timeline, account) if since <= low.at < until),
            key=lambda low: low.available,
        )
        amount = (low.available // 100_00 + 1) * 100_00 + 49_99
        outlet = "voltwren" if amount < 450_00 else "halcyon-pennant"
        timeline.decline(
            Purchase(
                card=card,
                merchant=catalogue.merchants[outlet],
                amount=amount,
                at=low.at + min(low.gap // 2, HOUR),
            )
        )


def _lows(timeline: Timeline, account: str) -> list[_Low]:
    """The account's balance after each of its daytime events with time for another one."""
    own = [event for event in in_order(timeline.events) if _change(event, account)]
    lows, available = [], 0
    for event, following in itertools.pairwise(own):
        available += _change(event, account)
        if following.at - event.at > HOUR // 6 and 9 <= london_hour(event.at) < 20:
            lows.append(_Low(event.at, available, following.at - event.at))
    return lows

"""What happens once: the odd turns that card payments can take, and money between friends.

Each is set on a day of the year that history covers (day 0 is the first), so that every bank has
seen all of them.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from minibank.sandbox.catalogue import Merchant, read_catalogue
from minibank.sandbox.dice import Dice
from minibank.sandbox.routines import days_of
from minibank.sandbox.timeline import Hold, Payment, Purchase, Timeline, day_at

MINUTE = 60_000_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """A card payment that the bank refuses, and by which of the scheme's findings."""

    offset: int
    card: str
    outlet: str
    amount: int
    checks: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gift:
    """Money from one account of this bank to another, in pence."""

    offset: int
    payer: str
    payee: str
    amount: int
    description: str


_WRONG_CVC = {"cvc_ok": False}
_WRONG_PIN = {"pin_ok": False}
_WRONG_EXPIRY = {"expiry_ok": False}

ATTEMPTS = (
    Attempt(16, "maya", "wrenbasket", 38_50, _WRONG_CVC),
    Attempt(47, "tom", "pixelbarn", 24_99, _WRONG_CVC),
    Attempt(66, "maya-spare", "hartwold-islington", 27_15, {}),
    Attempt(104, "maya-lost", "tunequay", 11_99, {}),
    Attempt(134, "maya-lost", "tunequay", 11_99, {}),
    Attempt(171, "maya", "copperjar-cash-camden", 40_00, _WRONG_PIN),
    Attempt(189, "priya", "wrenbasket", 61_20, _WRONG_EXPIRY),
    Attempt(222, "maya-spare", "kettle-and-moth-soho", 4_35, {}),
    Attempt(257, "maya", "voltwren", 89_00, _WRONG_CVC),
    Attempt(283, "home-tom", "copperjar-cash-bristol", 60_00, _WRONG_PIN),
    Attempt(318, "maya-lost", "parcelmoth", 52_49, {}),
    Attempt(347, "maya", "stayfinch", 164_00, _WRONG_EXPIRY),
)

GIFTS = (
    Gift(12, "maya", "priya", 18_50, "Noodles 🍜"),
    Gift(38, "priya", "maya", 42_00, "Theatre tickets"),
    Gift(57, "tom", "priya", 35_00, "Petrol money back"),
    Gift(81, "maya", "tom", 27_40, "Birthday round 🍻"),
    Gift(119, "priya", "tom", 60_00, "Mum's present"),
    Gift(146, "maya", "priya", 24_75, "Saturday dinner"),
    Gift(187, "priya", "maya", 15_00, "Taxi home"),
    Gift(215, "tom", "maya", 33_20, "Gig tickets 🎸"),
    Gift(241, "maya", "priya", 50_00, "Wedding present, my half"),
    Gift(276, "tom", "priya", 21_60, "Lunch"),
    Gift(303, "priya", "maya", 64_30, "Holiday cottage deposit"),
    Gift(338, "maya", "tom", 19_95, "Curry night 🍛"),
    Gift(356, "priya", "maya", 12_40, "Breakfast"),
)

TOP_UPS = (
    (3, "maya", 100_00),
    (97, "maya", 50_00),
    (41, "tom", 150_00),
    (211, "priya", 200_00),
    (268, "maya", 75_00),
)


def tell(timeline: Timeline, start: date, dice: Dice) -> None:
    """Everything that happens once."""
    for attempt in ATTEMPTS:
        timeline.decline(_attempted(attempt, start, dice))
    for gift in GIFTS:
        at = dice.moment(start + timedelta(days=gift.offset), (9, 23))
        payment = Payment(
            account=gift.payer, amount=gift.amount, at=at, description=gift.description
        )
        timeline.give(payment, gift.payee, gift.payer)
    for offset, account, amount in TOP_UPS:
        at = dice.moment(start + timedelta(days=offset), (12, 20))
        timeline.load(Payment(account=account, amount=amount, at=at, description="Top up"))
    _check_cards(timeline, start, dice)
    _change_their_mind(timeline, start, dice)
    _return_goods(timeline, start, dice)


def _attempted(attempt: Attempt, start: date, dice: Dice) -> Purchase:
    return Purchase(
        card=attempt.card,
        merchant=_outlet(attempt.outlet),
        amount=attempt.amount,
        at=dice.moment(start + timedelta(days=attempt.offset), (10, 21)),
        checks=attempt.checks,
    )


def _outlet(slug: str) -> Merchant:
    return read_catalogue().merchants[slug]


def _check_cards(timeline: Timeline, start: date, dice: Dice) -> None:
    """A shop asks whether a card is good, for nothing, and gives it up at once."""
    for offset, card, outlet in ((9, "maya", "glimmerstream"), (127, "priya", "cabwren")):
        at = dice.moment(start + timedelta(days=offset), (18, 22))
        hold = timeline.authorise(Purchase(card=card, merchant=_outlet(outlet), amount=0, at=at))
        timeline.reverse(hold, at + 2 * MINUTE)


def _change_their_mind(timeline: Timeline, start: date, dice: Dice) -> None:
    """Reversals, whole and in part, and holds that nobody ever presents."""

    def hold(offset: int, card: str, outlet: str, amount: int) -> Hold:
        at = dice.moment(start + timedelta(days=offset), (11, 19))
        return timeline.authorise(
            Purchase(card=card, merchant=_outlet(outlet), amount=amount, at=at)
        )

    basket = hold(51, "maya", "wrenbasket", 64_97)
    basket = timeline.reverse(basket, basket.at + 95 * MINUTE, 18_99)
    timeline.present(basket)
    parcel = hold(193, "home-priya", "parcelmoth", 41_48)
    parcel = timeline.reverse(parcel, parcel.at + 240 * MINUTE, 12_50)
    timeline.present(parcel)
    for cancelled in (hold(131, "maya", "cabwren", 14_20), hold(295, "priya", "munchlark", 26_80)):
        timeline.reverse(cancelled, cancelled.at + 6 * MINUTE)
    for deposit in (hold(163, "maya", "stayfinch", 150_00), hold(249, "tom", "parkwisp", 14_50)):
        timeline.expire(deposit)


def _return_goods(timeline: Timeline, start: date, dice: Dice) -> None:
    """Things go back to the shop a week or so later, all of them or some."""
    returns = (
        (27, "maya", "threadwick-soho", 84_99, 84_99),
        (88, "priya", "wrenbasket", 72_50, 38_00),
        (112, "home-tom", "hearthwhistle-bristol", 129_00, 129_00),
        (152, "maya", "voltwren", 59_99, 59_99),
        (204, "tom", "parcelmoth", 32_49, 32_49),
        (261, "maya", "parcelmoth", 47_95, 21_50),
        (329, "maya", "threadwick-soho", 39_99, 39_99),
    )
    for offset, card, outlet, paid, returned in returns:
        at = dice.moment(start + timedelta(days=offset), (11, 18))
        hold = timeline.buy(Purchase(card=card, merchant=_outlet(outlet), amount=paid, at=at))
        back = start + timedelta(days=offset + dice.between(6, 13))
        timeline.refund(hold, returned, dice.moment(back, (10, 17)))


def drive(timeline: Timeline, start: date, end: date, dice: Dice) -> None:
    """Tom fills the tank: the pump asks for a fixed sum and presents what was pumped.

    Most pumps ask for 100 pounds; some only ask whether the card is good for one.
    """
    station = _outlet("sparrowmile-bristol")
    due = start + timedelta(days=dice.between(2, 6))
    for day in days_of(start, end):
        if day < due:
            continue
        due = day + timedelta(days=dice.between(6, 11))
        asked = 1_00 if dice.chance(25) else 100_00
        at = dice.moment(day, (7, 20))
        hold = timeline.authorise(Purchase(card="tom", merchant=station, amount=asked, at=at))
        timeline.present(hold, dice.between(38_00, 69_00))


def fly(timeline: Timeline, days: list[date], dice: Dice) -> None:
    """Priya buys a snack in the air; the till is offline and the airline presents it later."""
    airline = _outlet("halcyon-pennant")
    for day in days:
        timeline.present_alone(
            Purchase(
                card="priya",
                merchant=airline,
                amount=dice.pick((7_50, 9_20, 11_80)),
                at=timeline.presented_at(day_at(day, 12)),
            )
        )

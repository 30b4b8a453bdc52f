"""What the people do again and again: habits, subscriptions, salaries, standing orders."""

from collections.abc import Iterator
from datetime import date, timedelta

from minibank.sandbox.catalogue import Merchant, read_catalogue
from minibank.sandbox.dice import Dice
from minibank.sandbox.lives import (
    HABITS,
    SALARIES,
    SHARES,
    STANDING_ORDERS,
    SUBSCRIPTIONS,
    WHO_GOES,
    Habit,
    Subscription,
)
from minibank.sandbox.prices import price, with_tip
from minibank.sandbox.timeline import Event, Payment, Purchase, Timeline, day_at, working_day

OFFICE_PERCENT = 64
"""How many of a hundred working days are spent at the office."""
TIPS = (8, 13)


def days_of(start: date, end: date) -> Iterator[date]:
    """Every day from start to end, both included."""
    for number in range((end - start).days + 1):
        yield start + timedelta(days=number)


def live(
    timeline: Timeline, start: date, end: date, away: set[tuple[str, date]], seed: str
) -> None:
    """Everybody's habits; a day's chances depend on the seed, the person and the day."""
    for person in sorted(set(WHO_GOES.values())):
        habits = [habit for habit in HABITS if WHO_GOES[habit.cards[0]] == person]
        for day in days_of(start, end):
            dice = Dice(seed, person, day.isoformat())
            at_office = day.weekday() < 5 and dice.chance(OFFICE_PERCENT)
            for habit in habits:
                if _is_on(habit, day, at_office) and dice.chance(_likely(habit, day)):
                    _indulge(timeline, habit, day, away, dice)


def _is_on(habit: Habit, day: date, at_office: bool) -> bool:
    match habit.days:
        case "office":
            return at_office
        case "workday":
            return day.weekday() < 5
        case "weekend":
            return day.weekday() > 4
        case _:
            return True


def _likely(habit: Habit, day: date) -> int:
    """People shop more before Christmas."""
    festive = date(day.year, 11, 28) <= day <= date(day.year, 12, 22)
    is_shop = read_catalogue().brands[habit.brand].category == "shopping"
    return min(habit.per_hundred * 2, 100) if festive and is_shop else habit.per_hundred


def _indulge(
    timeline: Timeline, habit: Habit, day: date, away: set[tuple[str, date]], dice: Dice
) -> None:
    """Go there once, by the card of somebody who is at home."""
    cards = [card for card in habit.cards if (WHO_GOES[card], day) not in away]
    if not cards:
        return
    merchant = dice.pick(read_catalogue().list_outlets(habit.brand, habit.city))
    amount = dice.pick(habit.amounts) if habit.amounts else price(dice, merchant.brand)
    hold = timeline.authorise(
        Purchase(
            card=dice.pick(cards),
            merchant=merchant,
            amount=amount,
            at=dice.moment(day, habit.hours),
        )
    )
    tips = habit.tip and dice.chance(55)
    timeline.present(hold, with_tip(dice, amount, TIPS) if tips else None)


def subscribe(timeline: Timeline, start: date, end: date, dice: Dice) -> None:
    """Every subscription on its day of the month, in the early morning."""
    for day in days_of(start, end):
        for subscription in SUBSCRIPTIONS:
            if subscription.day == day.day:
                _charge(timeline, subscription, day, dice)


def _charge(timeline: Timeline, subscription: Subscription, day: date, dice: Dice) -> None:
    merchant: Merchant = read_catalogue().list_outlets(subscription.brand)[0]
    amount = subscription.amount or price(dice, merchant.brand)
    at = dice.moment(day, (4, 8))
    timeline.buy(Purchase(card=subscription.card, merchant=merchant, amount=amount, at=at))


def earn(timeline: Timeline, start: date, end: date) -> list[Event]:
    """Salaries on the last working day of each month; answers them, for they open a new month."""
    salaries = []
    for day in days_of(start, end):
        if not _is_payday(day):
            continue
        for number, salary in enumerate(SALARIES):
            payment = Payment(
                account=salary.account,
                amount=salary.amount,
                at=day_at(day, 1, 12 + number),
                description=salary.description,
                name=salary.employer,
                number=salary.number,
                scheme="bacs",
            )
            salaries.append(timeline.receive(payment))
    return salaries


def _is_payday(day: date) -> bool:
    """The last working day of a month: no other follows in it."""
    following = day + timedelta(days=3 if day.weekday() == 4 else 1)
    return day.weekday() < 5 and following.month != day.month


def share(timeline: Timeline, start: date, end: date) -> list[Event]:
    """What goes into the joint account each month; answers the last, which opens a new month."""
    last_shares = []
    for day in days_of(start, end):
        if day.day != 1:
            continue
        given = []
        for number, one in enumerate(SHARES):
            payment = Payment(
                account=one.payer,
                amount=one.amount,
                at=day_at(day, 6, number),
                description=one.description,
            )
            given.append(timeline.give(payment, one.payee, one.sender))
        last_shares.append(given[-1])
    return last_shares


def order(timeline: Timeline, start: date, end: date) -> None:
    """Standing orders: on their day of the month, or on the Monday after a weekend."""
    for day in days_of(start - timedelta(days=2), end):
        paid_on = working_day(day)
        for number, standing in enumerate(STANDING_ORDERS):
            if standing.day != day.day or not start < paid_on <= end:
                continue
            payment = Payment(
                account=standing.account,
                amount=standing.amount,
                at=day_at(paid_on, 7, 5 + number),
                description=standing.description,
                name=standing.name,
                number=standing.number,
                scheme=standing.scheme,
                category="bills",
            )
            timeline.send(payment)

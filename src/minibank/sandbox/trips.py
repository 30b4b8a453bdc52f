"""Journeys: what people do when they are away, as data, and how it becomes payments."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from minibank.sandbox.catalogue import read_catalogue
from minibank.sandbox.dice import LONDON, Dice
from minibank.sandbox.lives import WHO_GOES
from minibank.sandbox.prices import price, with_tip
from minibank.sandbox.timeline import Purchase, Timeline


@dataclass(frozen=True, slots=True)
class Treat:
    """Something done on so many of a hundred days of a stay, between two hours of local time."""

    brand: str
    per_hundred: int
    hours: tuple[int, int]
    tip: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Some nights in one city; the hotel, if it takes cards, wants money down on arrival."""

    city: str
    zone: str
    nights: int
    treats: tuple[Treat, ...]
    hotel: str | None = None
    nightly: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A journey that begins on the first Friday so many days into the year.

    `tickets` are bought some weeks before, in pence.
    """

    card: str
    offset: int
    stays: tuple[Stay, ...]
    carrier: str
    tickets: int
    booked_days_before: int

    @property
    def nights(self) -> int:
        """How long the traveller is away."""
        return sum(stay.nights for stay in self.stays)


PARIS = Stay(
    city="Paris",
    zone="Europe/Paris",
    nights=3,
    hotel="trois-girouettes",
    nightly=14_200,
    treats=(
        Treat("boulangerie-mirandelle", 95, (8, 10)),
        Treat("transports-lumiane", 100, (9, 12)),
        Treat("horloges-perdues", 60, (11, 16)),
        Treat("cafe-pendule", 90, (13, 17)),
        Treat("maison-virevolte", 35, (15, 19)),
        Treat("bistro-clairmoulin", 90, (19, 22)),
        Treat("banque-aubrelle", 30, (10, 18)),
    ),
)
BARCELONA = Stay(
    city="Barcelona",
    zone="Europe/Madrid",
    nights=3,
    hotel="hotel-marisolana",
    nightly=11_800,
    treats=(
        Treat("xurreria-monfosca", 85, (9, 12)),
        Treat("tranvia-almenza", 95, (9, 13)),
        Treat("mercado-olivarte", 80, (12, 15)),
        Treat("mercado-olivarte", 40, (17, 20)),
    ),
)
SEVILLE = Stay(
    city="Seville",
    zone="Europe/Madrid",
    nights=2,
    treats=(
        Treat("mercado-olivarte", 90, (10, 13)),
        Treat("taberna-candilmar", 100, (20, 23)),
        Treat("taberna-candilmar", 60, (13, 15)),
        Treat("banco-tornasol", 60, (11, 18)),
    ),
)
TOKYO = Stay(
    city="Tokyo",
    zone="Asia/Tokyo",
    nights=6,
    treats=(
        Treat("hoshimori-mart", 100, (8, 10)),
        Treat("kazehane-railway", 100, (9, 12)),
        Treat("kazehane-railway", 70, (16, 20)),
        Treat("ramen-kumotsuki", 70, (12, 14)),
        Treat("sushi-awanagi", 55, (18, 21)),
        Treat("minazuki", 40, (13, 18)),
        Treat("ginkgobeat", 35, (19, 22)),
        Treat("hoshimori-mart", 60, (21, 23)),
        Treat("amanogin-bank", 20, (10, 17)),
    ),
)
KYOTO = Stay(
    city="Kyoto",
    zone="Asia/Tokyo",
    nights=4,
    hotel="ryokan-kumonoha",
    nightly=23_500,
    treats=(
        Treat("hoshimori-mart", 90, (8, 11)),
        Treat("kissa-yorunami", 100, (14, 17)),
        Treat("kissa-yorunami", 30, (10, 12)),
        Treat("hoshimori-mart", 70, (19, 22)),
    ),
)
NEW_YORK = Stay(
    city="New York",
    zone="America/New_York",
    nights=4,
    hotel="juniper-atlas",
    nightly=23_900,
    treats=(
        Treat("tin-spoon-creek", 90, (8, 11), (18, 20)),
        Treat("harborlark-cabs", 85, (10, 19)),
        Treat("prairie-lantern", 50, (17, 21)),
        Treat("copper-beetle", 25, (17, 19)),
        Treat("tin-spoon-creek", 40, (18, 21), (18, 22)),
        Treat("sequoia-notch", 30, (11, 16)),
    ),
)
SAN_FRANCISCO = Stay(
    city="San Francisco",
    zone="America/Los_Angeles",
    nights=3,
    treats=(
        Treat("fogspindle", 100, (7, 10), (15, 20)),
        Treat("baylark-transit", 100, (9, 13)),
        Treat("fogspindle", 50, (14, 17)),
        Treat("redwood-and-rivet", 30, (13, 18)),
        Treat("baylark-transit", 70, (17, 21)),
    ),
)
MANCHESTER = Stay(
    city="Manchester",
    zone=LONDON,
    nights=2,
    treats=(
        Treat("kettle-and-moth", 90, (9, 11)),
        Treat("pennyfarth-trams", 100, (10, 13)),
        Treat("lantern-and-lentil", 60, (12, 15)),
        Treat("threadwick", 40, (13, 17)),
        Treat("noodle-parliament", 70, (18, 20)),
        Treat("brass-hedgehog", 90, (20, 23)),
    ),
)
EDINBURGH = Stay(
    city="Edinburgh",
    zone=LONDON,
    nights=4,
    treats=(
        Treat("duskbean", 95, (8, 11)),
        Treat("thistlehop-buses", 95, (9, 13)),
        Treat("inkhollow", 50, (11, 16)),
        Treat("battersprat", 50, (17, 20)),
        Treat("bramblekit", 25, (11, 17)),
        Treat("thistlemere", 60, (16, 19)),
        Treat("copperjar-cash", 25, (11, 18)),
        Treat("sorbet-observatory", 40, (13, 17)),
    ),
)

_FLIGHT = "halcyon-pennant"
_TRAIN = "ravenmoor-railways"

TRIPS = (
    Trip(
        card="priya",
        offset=58,
        stays=(PARIS,),
        carrier=_FLIGHT,
        tickets=163_98,
        booked_days_before=29,
    ),
    Trip(
        card="priya",
        offset=140,
        stays=(TOKYO, KYOTO),
        carrier=_FLIGHT,
        tickets=738_60,
        booked_days_before=52,
    ),
    Trip(
        card="priya",
        offset=230,
        stays=(NEW_YORK, SAN_FRANCISCO),
        carrier=_FLIGHT,
        tickets=612_45,
        booked_days_before=40,
    ),
    Trip(
        card="priya",
        offset=310,
        stays=(BARCELONA, SEVILLE),
        carrier=_FLIGHT,
        tickets=187_96,
        booked_days_before=33,
    ),
    Trip(
        card="maya",
        offset=90,
        stays=(MANCHESTER,),
        carrier=_TRAIN,
        tickets=58_40,
        booked_days_before=12,
    ),
    Trip(
        card="maya",
        offset=206,
        stays=(EDINBURGH,),
        carrier=_TRAIN,
        tickets=94_20,
        booked_days_before=20,
    ),
)


def leaves_on(trip: Trip, start: date) -> date:
    """The Friday on which a trip begins."""
    day = start + timedelta(days=trip.offset)
    return day + timedelta(days=(4 - day.weekday()) % 7)


def days_away(start: date) -> set[tuple[str, date]]:
    """Who is away on which days."""
    return {
        (WHO_GOES[trip.card], leaves_on(trip, start) + timedelta(days=number))
        for trip in TRIPS
        for number in range(trip.nights + 1)
    }


def travel(timeline: Timeline, trip: Trip, start: date, dice: Dice) -> None:
    """Book the trip, and make it."""
    day = leaves_on(trip, start)
    carrier = read_catalogue().list_outlets(trip.carrier)[0]
    booked = day - timedelta(days=trip.booked_days_before)
    ticket = Purchase(
        card=trip.card,
        merchant=carrier,
        amount=trip.tickets,
        at=dice.moment(booked, (19, 23)),
    )
    timeline.buy(ticket)
    for stay in trip.stays:
        _sleep(timeline, trip.card, stay, day, dice)
        for purchase, tip in _treats(trip.card, stay, day, dice):
            hold = timeline.authorise(purchase)
            timeline.present(hold, with_tip(dice, hold.amount, tip) if tip else None)
        day += timedelta(days=stay.nights)


def _sleep(timeline: Timeline, card: str, stay: Stay, day: date, dice: Dice) -> None:
    """The hotel holds the first night, asks for the others one by one, and presents them all."""
    if stay.hotel is None:
        return
    merchant = read_catalogue().list_outlets(stay.hotel)[0]
    at = dice.moment(day, (15, 18), stay.zone)
    hold = timeline.authorise(Purchase(card=card, merchant=merchant, amount=stay.nightly, at=at))
    for night in range(1, stay.nights):
        later = dice.moment(day + timedelta(days=night), (3, 5), stay.zone)
        hold = timeline.increment(hold, stay.nightly, later)
    left = dice.moment(day + timedelta(days=stay.nights), (9, 11), stay.zone)
    timeline.present(hold, at=timeline.presented_at(left))


def _treats(
    card: str, stay: Stay, arrival: date, dice: Dice
) -> Iterator[tuple[Purchase, tuple[int, int] | None]]:
    """What is bought during a stay, and what is tipped."""
    catalogue = read_catalogue()
    for night in range(stay.nights):
        for treat in stay.treats:
            too_early = night == 0 and treat.hours[0] < 12
            if too_early or not dice.chance(treat.per_hundred):
                continue
            merchant = dice.pick(catalogue.list_outlets(treat.brand, stay.city))
            at = dice.moment(arrival + timedelta(days=night), treat.hours, stay.zone)
            amount = price(dice, merchant.brand)
            yield Purchase(card=card, merchant=merchant, amount=amount, at=at), treat.tip

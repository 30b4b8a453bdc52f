"""Twelve months of the simulated world, as payments commands in order of time."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec

from minibank.payments.commands import Command, Outcome
from minibank.sandbox import budget, routines, saving, stories, trips
from minibank.sandbox.dice import Dice
from minibank.sandbox.people import World
from minibank.sandbox.timeline import Event, Payment, Timeline, day_at, london_day

OPENING = {"maya": 1_240_00, "priya": 1_780_00, "tom": 960_00, "home": 1_450_00}
"""What the accounts begin with, in pence: moved over from another bank."""


def first_day(now: int) -> date:
    """The day on which history begins: a year before today, in London."""
    today = london_day(now)
    return today.replace(year=today.year - 1, day=min(today.day, 28))


def history(seed: str, now: int, world: World) -> Iterator[Command]:
    """What has happened in the world up to `now`, oldest first; each command says when.

    It follows from the seed and the day: later on the same day there is only more of it. What is
    not yet presented by `now` is pending. Commands name authorisations and original transactions by
    the id of the command that asked for them: `resolve` puts the bank's ids in their place.
    """
    last = 0
    for event in plan(seed, london_day(now), first_day(now), world):
        # Within an account no two things may happen at one instant.
        last = max(event.at, last + 1000)
        if last > now:
            return
        yield msgspec.structs.replace(event.command, at=last)


def resolve(command: Command, outcomes: Mapping[str, Outcome]) -> Command:
    """The command with the bank's ids, found in the outcomes of earlier commands by their ids."""
    changes: dict[str, str | None] = {}
    asked = getattr(command, "authorisation_id", None)
    if asked is not None:
        changes["authorisation_id"] = outcomes[asked].authorisation_id
    original = getattr(command, "original_transaction_id", None)
    if original is not None:
        changes["original_transaction_id"] = outcomes[original].transaction_id
    return msgspec.structs.replace(command, **changes) if changes else command


def plan(seed: str, today: date, start: date, world: World) -> list[Event]:
    """Everything from the first day to the end of today, and what follows of it, by time."""
    timeline = Timeline(world, Dice(seed, "timeline"))
    opened = [
        timeline.receive(
            Payment(
                account=account,
                amount=amount,
                at=day_at(start, 9, number),
                description="Moved from my old account",
                name=name,
                number="10203040",
            )
        )
        for number, (account, amount, name) in enumerate(_openings())
    ]
    routines.live(timeline, start + timedelta(days=1), today, trips.days_away(start), seed)
    routines.subscribe(timeline, start + timedelta(days=1), today, Dice(seed, "subscriptions"))
    routines.order(timeline, start, today)
    months = routines.earn(timeline, start + timedelta(days=1), today)
    months += routines.share(timeline, start + timedelta(days=1), today)
    _special(timeline, seed, start, today)
    saving.set_aside(timeline, start, today)
    timeline.keep_pending(day_at(today - timedelta(days=2), 0))
    budget.save(timeline, opened + months, Dice(seed, "savings"))
    for account in ("maya", "tom"):
        spans = [
            (day_at(start + timedelta(days=d), 0), day_at(start + timedelta(days=d + 60), 0))
            for d in (75, 230)
        ]
        budget.overreach(timeline, account, account, spans)
    return budget.in_order(timeline.events)


def _openings() -> Iterator[tuple[str, int, str]]:
    names = {
        "maya": "Maya Thornbury",
        "priya": "Priya Raman",
        "tom": "Tom Ellery",
        "home": "Raman & Ellery",
    }
    for account, amount in OPENING.items():
        yield account, amount, names[account]


def _special(timeline: Timeline, seed: str, start: date, today: date) -> None:
    """Journeys, and all that happens once."""
    for number, trip in enumerate(trips.TRIPS):
        trips.travel(timeline, trip, start, Dice(seed, "trip", str(number)))
    flights = [trips.leaves_on(trip, start) for trip in trips.TRIPS if trip.card == "priya"]
    stories.fly(timeline, flights, Dice(seed, "flights"))
    stories.drive(timeline, start + timedelta(days=1), today, Dice(seed, "drive"))
    stories.tell(timeline, start, Dice(seed, "stories"))

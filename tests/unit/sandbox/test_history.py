"""A year of the simulated world is believable, the same for a seed and a day, and never broke."""

import functools
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from minibank.core.instants import from_datetime
from minibank.payments.commands import (
    AuthoriseCard,
    DeletePot,
    DepositIntoPot,
    ExpireAuthorisation,
    IncrementAuthorisation,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    ReverseAuthorisation,
    SendTransfer,
    TopUp,
    TransferBetween,
    WithdrawFromPot,
)
from minibank.sandbox.history import first_day, history
from minibank.sandbox.people import CARDS
from minibank.sandbox.stories import ATTEMPTS
from minibank.sandbox.timeline import day_at, london_day
from tests.unit.sandbox.worlds import Lived, live_through, make_world

AFTERNOON = from_datetime(datetime(2026, 11, 23, 15, 30, tzinfo=UTC))
MOMENTS = {
    "a Monday afternoon": AFTERNOON,
    "a leap day": from_datetime(datetime(2028, 2, 29, 23, 59, tzinfo=UTC)),
    "the first minutes of a year": from_datetime(datetime(2027, 1, 1, 0, 1, tzinfo=UTC)),
    "the Sunday when clocks go forward": from_datetime(datetime(2027, 3, 28, 9, 0, tzinfo=UTC)),
}
ACTIVE = ("maya", "priya", "tom", "home")


@functools.cache
def lived(moment: str) -> Lived:
    return live_through(f"seed of {moment}", MOMENTS[moment])


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_bank_takes_every_command_and_declines_only_what_is_meant_to_be(moment):
    year = lived(moment)
    meant = Counter({"INSUFFICIENT_FUNDS": 4})
    states = {card.slug: card.state for card in CARDS}
    for attempt in ATTEMPTS:
        by_state = {"blocked": "CARD_BLOCKED", "inactive": "CARD_INACTIVE"}
        by_check = "INVALID_CVC" if "cvc_ok" in attempt.checks else "OTHER"
        meant[by_state.get(states[attempt.card], by_check)] += 1
    told = Counter(one.decline_reason for one in year.outcomes.values() if one.decline_reason)
    assert told == meant
    assert set(told) == {
        "INSUFFICIENT_FUNDS",
        "CARD_INACTIVE",
        "CARD_BLOCKED",
        "INVALID_CVC",
        "OTHER",
    }


@pytest.mark.parametrize("moment", MOMENTS)
def test_balances_stay_between_a_little_and_a_few_thousand_pounds(moment):
    for slug in ACTIVE:
        # The first event brings the first money, the next ones that of the other accounts.
        balances = lived(moment).balances[slug][8:]
        assert min(balances) > 40_00, slug
        assert max(balances) < 5_500_00, slug
    assert set(lived(moment).balances["eliot"]) == {0}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_year_has_hundreds_of_transactions_and_the_newest_are_pending(moment):
    year = lived(moment)
    counts = {slug: len(transactions) for slug, transactions in year.transactions.items()}
    assert 1_050 < counts["maya"] < 1_350
    assert all(400 < counts[slug] < 750 for slug in ("priya", "tom", "home"))
    assert counts["eliot"] == 0
    pending = [
        one
        for transactions in year.transactions.values()
        for one in transactions
        if one.amount_is_pending
    ]
    assert 4 <= len(pending) <= 40
    today = london_day(MOMENTS[moment])
    # A weekend's payments may wait for the working day after the next.
    assert all((today - london_day(one.created_at)).days <= 5 for one in pending)


def test_history_covers_twelve_months_of_every_kind_of_event():
    commands = lived("a Monday afternoon").commands
    kinds = Counter(type(command) for command in commands)
    assert set(kinds) == {
        AuthoriseCard,
        DeletePot,
        DepositIntoPot,
        ExpireAuthorisation,
        IncrementAuthorisation,
        PresentCard,
        ReceiveTransfer,
        RefundCard,
        ReverseAuthorisation,
        SendTransfer,
        TopUp,
        TransferBetween,
        WithdrawFromPot,
    }
    assert kinds[RefundCard] >= 5
    assert london_day(commands[0].at or 0) == first_day(AFTERNOON)
    months = {london_day(command.at or 0).replace(day=1) for command in commands}
    assert len(months) == 13


def test_card_checks_of_nothing_are_there_and_are_let_go():
    transactions = lived("a Monday afternoon").transactions
    checks = [one for one in transactions["maya"] if one.description.startswith("GLIMMERSTREAM")]
    assert [one.amount for one in checks].count(0) == 1


def test_salaries_come_on_the_last_working_day_of_each_month():
    paid = [
        london_day(one.created_at)
        for one in lived("a Monday afternoon").transactions["maya"]
        if one.description == "LARKSPINDLE STUDIO SALARY"
    ]
    assert len(paid) == 12
    assert all(day.weekday() < 5 for day in paid)
    assert [day.day for day in paid if (day.year, day.month) in {(2026, 1), (2026, 2)}] == [30, 27]


def test_presentments_come_a_day_or_more_later_and_never_on_a_weekend():
    commands = lived("a Monday afternoon").commands
    asked = {one.id: one.at or 0 for one in commands if isinstance(one, AuthoriseCard)}
    presented = [one for one in commands if isinstance(one, PresentCard)]
    assert all(london_day(one.at or 0).weekday() < 5 for one in presented)
    for one in presented:
        if one.authorisation_id is not None:
            days = (london_day(one.at or 0) - london_day(asked[one.authorisation_id])).days
            assert 1 <= days <= 9


def test_some_payments_are_presented_for_more_some_for_less_and_some_alone():
    commands = lived("a Monday afternoon").commands
    asked = {one.id: one.amount for one in commands if isinstance(one, AuthoriseCard)}
    presented = [one for one in commands if isinstance(one, PresentCard)]
    differences = [
        one.amount - asked[one.authorisation_id] for one in presented if one.authorisation_id
    ]
    assert sum(difference > 0 for difference in differences) > 20
    assert sum(difference < 0 for difference in differences) > 20
    assert sum(one.authorisation_id is None for one in presented) == 4


def test_travel_is_paid_in_the_money_of_the_country():
    transactions = lived("a Monday afternoon").transactions["priya"]
    local = Counter(one.local_currency for one in transactions)
    assert all(local[currency] >= 12 for currency in ("EUR", "JPY", "USD"))
    lunch = next(one for one in transactions if one.description.startswith("RAMEN KUMOTSUKI"))
    # About 190 yen to the pound; the yen has no smaller unit.
    assert 170 < lunch.local_amount * 100 / lunch.amount < 210


def test_coffee_is_for_mornings_and_pubs_are_for_weekends_and_evenings():
    transactions = lived("a Monday afternoon").transactions["maya"]
    hours = [
        datetime.fromtimestamp(one.created_at / 1e6, UTC).hour
        for one in transactions
        if one.description.startswith("SANDWICH SEMAPHORE")
    ]
    assert len(hours) > 40
    assert all(10 < hour < 15 for hour in hours)
    commutes = [
        london_day(one.created_at).weekday() < 5
        for one in transactions
        if one.description.startswith("RIVERTIDE")
    ]
    assert commutes.count(True) > 5 * commutes.count(False)


def test_time_only_goes_forward():
    commands = lived("a Monday afternoon").commands
    assert all((a.at or 0) < (b.at or 0) for a, b in pairwise(commands))
    assert (commands[-1].at or 0) <= AFTERNOON


def test_the_same_seed_and_day_give_the_same_history_and_later_only_more():
    world = make_world()
    afternoon = list(history("one", AFTERNOON, world))
    assert afternoon == list(history("one", AFTERNOON, world))
    evening = list(history("one", AFTERNOON + 8 * 3_600_000_000, world))
    assert evening[: len(afternoon)] == afternoon
    assert len(evening) > len(afternoon)


def test_another_seed_gives_other_lives():
    world = make_world()
    one, other = (list(history(seed, AFTERNOON, world)) for seed in ("one", "other"))
    assert len({command.id for command in one} & {command.id for command in other}) < 10


def test_ids_of_commands_are_the_accounts_own_and_never_repeat():
    commands = lived("a Monday afternoon").commands
    assert len({command.id for command in commands}) == len(commands)
    assert {command.issuer for command in commands} == {"sandbox"}


def test_a_day_begins_when_london_says():
    assert day_at(first_day(AFTERNOON), 9) == from_datetime(datetime(2025, 11, 23, 9, tzinfo=UTC))
    summer = london_day(from_datetime(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)))
    assert summer.isoformat() == "2026-07-02"
    assert day_at(summer, 9) == from_datetime(datetime(2026, 7, 2, 8, tzinfo=UTC))

"""What the people set aside in pots month by month, and what comes out of them again."""

from collections.abc import Iterator
from datetime import date, timedelta

from minibank.sandbox.lives import POT_HABITS, PotHabit
from minibank.sandbox.routines import days_of
from minibank.sandbox.timeline import Timeline, day_at

STEP = 5_00
"""What is taken out is a multiple of this, in pence."""


def set_aside(timeline: Timeline, start: date, end: date) -> None:
    """Every pot from the day after history begins; two people may save in one."""
    for number, habit in enumerate(POT_HABITS):
        held = 0
        for day in days_of(start + timedelta(days=1), end):
            age = (day - start).days
            if habit.ends_after is not None and age >= habit.ends_after:
                timeline.give_up(habit.pot, held, day_at(day, 12, 30))
                break
            if day.day == habit.day:
                at = day_at(day, 8, 10 + number)
                timeline.put_aside(habit.pot, habit.saver, habit.amount, at)
                held += habit.amount
            for amount in _taken(habit, age, held):
                timeline.take_out(habit.pot, habit.saver, amount, day_at(day, 18, 10 + number))
                held -= amount


def _taken(habit: PotHabit, age: int, held: int) -> Iterator[int]:
    for day, percent in habit.takes:
        amount = held * percent // 100 // STEP * STEP
        if day == age and amount:
            yield amount

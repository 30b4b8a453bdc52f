"""Retries: what is run again, how often, and after what pause."""

import asyncio

import pytest

from minibank.core.errors import NotFound
from minibank.db import retry
from minibank.db.errors import (
    BadData,
    DatabaseError,
    DatabaseUnavailable,
    LostRace,
    SchemaTooNew,
    SchemaTooOld,
    StorageFull,
    UniqueViolation,
)
from minibank.db.retry import (
    ATTEMPTS_MAX,
    PAUSE_SECONDS,
    PAUSE_SECONDS_MAX,
    UNIQUE_ATTEMPTS_MAX,
    may_repeat,
    pause_before,
    with_retries,
)


class Failing:
    """Work that fails with each of these in turn, and then answers how often it was run."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.runs = 0

    async def __call__(self) -> int:
        self.runs += 1
        if self._errors:
            raise self._errors.pop(0)
        return self.runs


@pytest.mark.parametrize("kind", [LostRace, DatabaseUnavailable])
async def test_lost_races_and_connections_are_run_again_until_they_succeed(kind: type[Exception]):
    work = Failing(*(kind() for _ in range(ATTEMPTS_MAX - 1)))
    assert await with_retries(work) == ATTEMPTS_MAX


@pytest.mark.parametrize(
    ("kind", "runs"),
    [
        (LostRace, ATTEMPTS_MAX),
        (DatabaseUnavailable, ATTEMPTS_MAX),
        (UniqueViolation, UNIQUE_ATTEMPTS_MAX),
        (BadData, 1),
        (StorageFull, 1),
        (DatabaseError, 1),
        (SchemaTooNew, 1),
        (SchemaTooOld, 1),
        (NotFound, 1),
        (ValueError, 1),
    ],
)
async def test_each_error_is_given_up_after_its_number_of_runs(kind: type[Exception], runs: int):
    work = Failing(*(kind() for _ in range(100)))
    with pytest.raises(kind):
        await with_retries(work)
    assert work.runs == runs


async def test_a_unique_violation_after_other_lost_races_is_given_up_too():
    work = Failing(*(LostRace() for _ in range(UNIQUE_ATTEMPTS_MAX)), UniqueViolation("taken"))
    with pytest.raises(UniqueViolation):
        await with_retries(work)


@pytest.mark.parametrize(("error", "runs"), [(LostRace("busy"), 1), (UniqueViolation("taken"), 2)])
async def test_no_attempt_begins_after_the_patience_is_over_but_a_look_at_the_winners_row(
    error: DatabaseError, runs: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0)
    failing = Failing(*[error] * 5)
    with pytest.raises(type(error)):
        await with_retries(failing)
    assert failing.runs == runs


async def test_there_is_a_pause_before_each_repeat():
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await with_retries(Failing(LostRace(), LostRace(), LostRace()))
    assert loop.time() - begun >= 0.9 * sum(pause_before(n) for n in (1, 2, 3))


def test_pauses_double_up_to_a_ceiling():
    pauses = [pause_before(attempt) for attempt in range(1, 12)]
    assert pauses[:3] == [PAUSE_SECONDS, 2 * PAUSE_SECONDS, 4 * PAUSE_SECONDS]
    assert pauses == sorted(pauses)
    assert pauses[-1] == PAUSE_SECONDS_MAX


def test_all_the_pauses_together_last_less_than_a_second():
    assert sum(pause_before(attempt) for attempt in range(1, ATTEMPTS_MAX)) < 1


def test_a_winners_row_is_looked_for_more_than_once_but_not_for_ever():
    assert may_repeat(UniqueViolation(), 1)
    assert may_repeat(UniqueViolation(), UNIQUE_ATTEMPTS_MAX - 1)
    assert not may_repeat(UniqueViolation(), UNIQUE_ATTEMPTS_MAX)


async def test_a_caller_who_goes_away_ends_the_retries():
    runs = Failing(*(LostRace() for _ in range(100)))
    task = asyncio.create_task(with_retries(runs))
    await asyncio.sleep(PAUSE_SECONDS / 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 1 <= runs.runs < ATTEMPTS_MAX

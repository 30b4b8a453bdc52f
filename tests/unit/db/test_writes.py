"""What writes show of the disk below them."""

import pytest

from minibank.core.clock import FakeClock
from minibank.db import DatabaseUnavailable, LostRace
from minibank.db.errors import StorageFull, TakesNoWrites
from minibank.db.writes import CALM_SECONDS, Writes


async def succeed() -> str:
    """A write that the disk takes."""
    return "written"


def failing(error: Exception):
    """A write that fails."""

    async def fail() -> str:
        raise error

    return fail


@pytest.mark.parametrize("error", [StorageFull("53100"), TakesNoWrites("25006")], ids=repr)
async def test_a_full_disk_is_remembered_until_a_write_succeeds_when_calm_has_returned(
    clock: FakeClock, error: Exception
):
    writes = Writes(clock)
    seen = [writes.are_taken]
    with pytest.raises(type(error)):
        await writes.noting(failing(error))
    seen.append(writes.are_taken)
    # A small write that finds a last gap shows nothing.
    assert await writes.noting(succeed) == "written"
    seen.append(writes.are_taken)
    clock.advance(CALM_SECONDS)
    seen.append(writes.are_taken)
    await writes.noting(succeed)
    seen.append(writes.are_taken)
    assert seen == [True, False, False, False, True]


@pytest.mark.parametrize(
    "error", [LostRace("40001"), DatabaseUnavailable("08006"), ValueError("ours")], ids=repr
)
async def test_a_write_that_failed_for_another_reason_says_nothing_of_the_disk(
    clock: FakeClock, error: Exception
):
    writes = Writes(clock)
    with pytest.raises(type(error)):
        await writes.noting(failing(error))
    assert writes.are_taken

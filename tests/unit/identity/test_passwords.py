"""What may be a password, and what verifying one costs."""

import asyncio
import threading
import time
import unicodedata

import pytest
from argon2 import PasswordHasher, extract_parameters

from minibank.core.errors import BadParam, MissingParam, RateLimited
from minibank.identity import passwords
from minibank.identity.passwords import (
    hash_password,
    needs_rehash,
    require_password,
    verify_password,
)
from tests.support.people import PASSWORD, password_hash


async def test_a_password_verifies_against_its_own_hash_only():
    hashed = await hash_password(PASSWORD)
    assert await verify_password(hashed, PASSWORD)
    assert not await verify_password(hashed, PASSWORD + "!")


async def test_a_hash_has_the_parameters_of_owasp_and_a_salt_of_its_own():
    one, other = await hash_password(PASSWORD), await hash_password(PASSWORD)
    parameters = extract_parameters(one)
    assert one != other
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)


async def test_composed_and_decomposed_passwords_are_one():
    hashed = await hash_password("pässwörter")
    assert await verify_password(hashed, unicodedata.normalize("NFD", "pässwörter"))


async def test_case_and_spaces_in_a_password_matter():
    hashed = await hash_password("Pass word 1")
    assert not await verify_password(hashed, "pass word 1")
    assert not await verify_password(hashed, "Pass word 1 ")


@pytest.mark.parametrize("plain", ["1234567", "é" * 3, "x" * 1025, "é" * 513])
def test_a_password_that_is_too_short_or_long_in_bytes_is_refused(plain):
    with pytest.raises(BadParam):
        require_password(plain)


@pytest.mark.parametrize("plain", ["12345678", "é" * 4, "x" * 1024, "é" * 512])
def test_a_password_within_the_limits_is_accepted(plain):
    assert require_password(plain) == plain


def test_an_empty_password_is_a_missing_one():
    with pytest.raises(MissingParam):
        require_password("")


@pytest.mark.parametrize("plain", [PASSWORD, "", "x", "x" * 100_000])
async def test_nobody_has_any_password(plain):
    assert not await verify_password(None, plain)


@pytest.mark.parametrize("plain", ["", "short", "x" * 1025])
async def test_a_password_that_cannot_be_one_is_wrong_without_an_error(plain):
    assert not await verify_password(password_hash(), plain)


@pytest.mark.parametrize("stored", ["", "!", "$argon2id$v=19$m=19456,t=2,p=1$x$y"])
async def test_a_hash_that_cannot_be_read_verifies_nothing(stored):
    assert not await verify_password(stored, PASSWORD)


async def cost(stored: str | None, plain: str) -> float:
    """The least CPU time that verifying took in a few tries, in seconds."""
    taken = []
    for _ in range(5):
        before = time.process_time()
        await verify_password(stored, plain)
        taken.append(time.process_time() - before)
    return min(taken)


async def test_verifying_for_nobody_costs_what_a_wrong_password_costs():
    wrong = await cost(password_hash(), "the wrong password")
    assert wrong > 0.002, "argon2 takes milliseconds"
    for plain in (PASSWORD, "", "x" * 100_000):
        nobody = await cost(None, plain)
        assert wrong / 3 < nobody < wrong * 3


async def test_a_password_that_cannot_be_one_costs_what_a_wrong_one_costs():
    wrong = await cost(password_hash(), "the wrong password")
    for plain in ("", "x" * 100_000):
        assert wrong / 3 < await cost(password_hash(), plain) < wrong * 3


def test_a_hash_of_other_parameters_needs_to_be_made_anew():
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    assert needs_rehash(weak)
    assert not needs_rehash(password_hash())


async def test_hashing_does_not_stop_the_event_loop():
    hashing = asyncio.create_task(hash_password(PASSWORD))
    turns = 0
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 5


async def test_beyond_the_queue_a_caller_is_told_to_come_back_and_the_queue_recovers():
    threads = passwords._Threads(threads_max=1, waiting_max=1)
    go = threading.Event()
    running = [asyncio.create_task(threads.run(go.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited) as refusal:
        await threads.run(go.wait)
    assert (refusal.value.code, refusal.value.retry_after) == ("rate_limited.overloaded", 1)
    go.set()
    assert await asyncio.gather(*running) == [True, True]
    assert await threads.run(lambda: "again") == "again"


async def test_a_caller_that_goes_away_keeps_its_place_until_the_work_is_over():
    threads = passwords._Threads(threads_max=1, waiting_max=0)
    started, go = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        go.wait()

    running = asyncio.create_task(threads.run(work))
    assert await asyncio.to_thread(started.wait, 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with pytest.raises(RateLimited):
        await threads.run(work)
    go.set()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            await threads.run(work)
            break
        except RateLimited:
            await asyncio.sleep(0.001)
    else:
        pytest.fail("the place was never given back")

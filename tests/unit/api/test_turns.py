"""Turns: who works, who waits, who is sent away."""

import asyncio

import pytest

from minibank.api.turns import Turns
from minibank.core.errors import RateLimited


class Work:
    """Requests that run until they are told to end, and in which order they began."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.began: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    def start(self, subject: str, name: str) -> asyncio.Task[None]:
        self._ends[name] = asyncio.Event()
        return asyncio.create_task(self._run(subject, name))

    def end(self, name: str) -> None:
        self._ends[name].set()

    async def _run(self, subject: str, name: str) -> None:
        async with self._turns.turn(subject):
            self.began.append(name)
            await self._ends[name].wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_few_run_and_the_rest_wait_in_order():
    work = Work(Turns(2, 10))
    tasks = [work.start("loud", f"loud {n}") for n in range(5)]
    await settle()
    assert work.began == ["loud 0", "loud 1"]
    for n in (1, 0, 2, 3, 4):
        work.end(f"loud {n}")
        await settle()
    assert work.began == [f"loud {n}" for n in range(5)]
    await asyncio.gather(*tasks)


async def test_a_quiet_client_does_not_wait_for_a_loud_one():
    work = Work(Turns(2, 100))
    loud = [work.start("loud", f"loud {n}") for n in range(100)]
    await settle()
    quiet = work.start("quiet", "quiet")
    await settle()
    assert work.began == ["loud 0", "loud 1", "quiet"]
    work.end("quiet")
    await quiet
    for n in range(100):
        work.end(f"loud {n}")
    await asyncio.gather(*loud)


async def test_too_many_that_wait_are_sent_away_and_told_when_to_come_back():
    turns = Turns(1, 2)
    work = Work(turns)
    tasks = [work.start("loud", f"loud {n}") for n in range(3)]
    await settle()
    with pytest.raises(RateLimited) as refusal:
        async with turns.turn("loud"):
            pass
    assert refusal.value.code == "rate_limited.concurrency"
    assert refusal.value.retry_after == 1
    for n in range(3):
        work.end(f"loud {n}")
    await asyncio.gather(*tasks)


async def test_who_goes_away_while_waiting_leaves_the_line():
    turns = Turns(1, 2)
    work = Work(turns)
    tasks = [work.start("loud", f"loud {n}") for n in range(3)]
    await settle()
    tasks[1].cancel()
    await settle()
    late = work.start("loud", "late")
    work.end("loud 0")
    await settle()
    assert work.began == ["loud 0", "loud 2"]
    work.end("loud 2")
    work.end("late")
    await asyncio.gather(tasks[0], tasks[2], late)
    await settle()
    assert turns.size == 0


async def test_a_turn_given_to_one_who_has_just_gone_away_is_passed_on():
    turns = Turns(1, 5)
    work = Work(turns)
    tasks = [work.start("loud", f"loud {n}") for n in range(3)]
    await settle()
    work.end("loud 0")
    await tasks[0]
    await asyncio.sleep(0)  # the turn is given to the next, who has not noticed yet
    tasks[1].cancel()
    await settle()
    assert work.began[-1] == "loud 2"
    work.end("loud 2")
    await tasks[2]
    await settle()
    assert turns.size == 0


async def test_a_failure_gives_the_turn_back():
    turns = Turns(1, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with turns.turn("a"):
                raise ZeroDivisionError
        await settle()
    assert turns.size == 0


async def test_nothing_is_remembered_of_who_has_no_request():
    turns = Turns(1, 10)
    for n in range(1000):
        async with turns.turn(f"client {n}"):
            pass
    await settle()
    assert turns.size == 0


async def test_work_that_never_waits_takes_one_turn_each_time_the_loop_goes_round():
    turns = Turns(1, 100)
    worked: list[str] = []

    async def work(subject: str) -> None:
        async with turns.turn(subject):
            worked.append(subject)

    flood = [asyncio.create_task(work("loud")) for _ in range(50)]
    await asyncio.sleep(0)
    quiet = asyncio.create_task(work("quiet"))
    await quiet
    assert worked.count("loud") <= 3
    await asyncio.gather(*flood)
    assert worked.count("loud") == 50

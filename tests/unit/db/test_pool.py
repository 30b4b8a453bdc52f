"""The pool of connections, with connections that only know whether they are closed."""

import asyncio

import pytest

from minibank.db import pool as pool_module
from minibank.db.errors import DatabaseUnavailable
from minibank.db.pool import Pool


class FakeConnection:
    """As much of a connection as a pool sees."""

    def __init__(self) -> None:
        self.closed = False
        self.terminated = False
        self.refuses_to_close = False

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        if not self.closed:
            self.closed = self.terminated = True

    async def close(self) -> None:
        if self.refuses_to_close:
            raise OSError("broken pipe")
        await asyncio.sleep(0)
        self.closed = True


class Connecting:
    """Connects, as often as it is asked to; fails as often as it is told to."""

    def __init__(self) -> None:
        self.made: list[FakeConnection] = []
        self.failures: list[BaseException] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> FakeConnection:
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        self.made.append(FakeConnection())
        return self.made[-1]


@pytest.fixture
def connecting() -> Connecting:
    return Connecting()


@pytest.fixture
def pool(connecting: Connecting) -> Pool:
    return Pool(connecting, 2)


async def test_a_connection_given_back_is_taken_again(pool: Pool, connecting: Connecting):
    one = await pool.take()
    pool.give_back(one)
    assert await pool.take() is one
    assert len(connecting.made) == 1


async def test_the_one_given_back_last_is_taken_first(pool: Pool):
    one, other = await pool.take(), await pool.take()
    pool.give_back(one)
    pool.give_back(other)
    assert await pool.take() is other


async def test_a_closed_connection_is_not_kept(pool: Pool, connecting: Connecting):
    one = await pool.take()
    one.terminate()
    pool.give_back(one)
    assert await pool.take() is connecting.made[1]


async def test_a_connection_that_is_closed_while_nobody_uses_it_is_not_lent(
    pool: Pool, connecting: Connecting
):
    one, other = await pool.take(), await pool.take()
    pool.give_back(one)
    pool.give_back(other)
    connecting.made[1].closed = True
    assert await pool.take() is one
    assert await pool.take() is connecting.made[2]


async def test_no_more_connections_are_open_than_allowed(pool: Pool, connecting: Connecting):
    taken = [await pool.take(), await pool.take()]
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    assert len(connecting.made) == 2
    pool.give_back(taken[0])
    assert await waiting is taken[0]


async def test_those_who_wait_are_served_in_order(pool: Pool):
    taken = [await pool.take(), await pool.take()]
    order: list[int] = []

    async def use(n: int) -> None:
        connection = await pool.take()
        order.append(n)
        pool.give_back(connection)

    tasks = [asyncio.create_task(use(n)) for n in range(10)]
    await asyncio.sleep(0)
    for connection in taken:
        pool.give_back(connection)
    await asyncio.gather(*tasks)
    assert order == list(range(10))


async def test_who_waits_too_long_is_told_that_there_is_none(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pool_module, "WAIT_SECONDS", 0.01)
    taken = [await pool.take(), await pool.take()]
    with pytest.raises(DatabaseUnavailable, match="stayed taken"):
        await pool.take()
    pool.give_back(taken[0])
    assert await pool.take() is taken[0]


async def test_a_failure_to_connect_uses_up_no_place(pool: Pool, connecting: Connecting):
    connecting.failures = [OSError("refused") for _ in range(5)]
    for _ in range(5):
        with pytest.raises(OSError, match="refused"):
            await pool.take()
    assert len({await pool.take(), await pool.take()}) == 2


async def test_a_caller_who_goes_away_while_connecting_uses_up_no_place(
    pool: Pool, connecting: Connecting
):
    connecting.gate = asyncio.Event()
    for _ in range(5):
        task = asyncio.create_task(pool.take())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    connecting.gate.set()
    assert len({await pool.take(), await pool.take()}) == 2


async def test_a_caller_who_goes_away_while_waiting_uses_up_no_place(pool: Pool):
    taken = [await pool.take(), await pool.take()]
    tasks = [asyncio.create_task(pool.take()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in tasks[:4]:
        task.cancel()
    await asyncio.sleep(0)
    pool.give_back(taken[0])
    assert await tasks[4] is taken[0]


async def test_a_caller_who_goes_away_just_as_a_connection_comes_free_passes_it_on(pool: Pool):
    taken = [await pool.take(), await pool.take()]
    leaving, staying = (asyncio.create_task(pool.take()) for _ in range(2))
    await asyncio.sleep(0)
    pool.give_back(taken[0])
    leaving.cancel()
    assert await staying is taken[0]
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_idle_connections_can_be_dropped_and_lent_ones_stay(
    pool: Pool, connecting: Connecting
):
    lent, idle = await pool.take(), await pool.take()
    pool.give_back(idle)
    pool.drop_idle()
    assert [one.terminated for one in connecting.made] == [False, True]
    pool.give_back(lent)
    assert await pool.take() is lent


async def test_closing_waits_for_what_is_lent_and_closes_everything(
    pool: Pool, connecting: Connecting
):
    one, other = await pool.take(), await pool.take()
    pool.give_back(other)
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    pool.give_back(one)
    await closing
    assert [made.closed for made in connecting.made] == [True, True]
    assert not any(made.terminated for made in connecting.made)


async def test_closing_does_not_wait_for_ever(
    pool: Pool, connecting: Connecting, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pool_module, "CLOSE_SECONDS", 0.01)
    stuck = await pool.take()
    pool.give_back(await pool.take())
    await pool.close()
    assert all(made.terminated for made in connecting.made)
    pool.give_back(stuck)


async def test_whoever_goes_away_while_closing_leaves_no_connection_open(
    pool: Pool, connecting: Connecting
):
    lent, idle = await pool.take(), await pool.take()
    pool.give_back(idle)
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0.01)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert [made.terminated for made in connecting.made] == [True, True]
    pool.give_back(lent)


async def test_a_connection_that_comes_when_the_pool_has_ended_is_closed_at_once(
    pool: Pool, connecting: Connecting, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pool_module, "CLOSE_SECONDS", 0.01)
    connecting.gate = asyncio.Event()
    late = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    await pool.close()
    connecting.gate.set()
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await late
    assert [made.terminated for made in connecting.made] == [True]


async def test_a_connection_that_cannot_be_closed_does_not_keep_the_others_open(
    pool: Pool, connecting: Connecting
):
    taken = [await pool.take(), await pool.take()]
    for one in taken:
        pool.give_back(one)
    connecting.made[0].refuses_to_close = True
    await pool.close()
    assert connecting.made[1].closed


async def test_a_closed_pool_lends_nothing_and_closes_only_once(pool: Pool):
    await pool.close()
    await pool.close()
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await pool.take()


async def test_who_waits_when_the_pool_closes_is_told_so(pool: Pool):
    taken = [await pool.take(), await pool.take()]
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    for one in taken:
        pool.give_back(one)
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await waiting
    await closing

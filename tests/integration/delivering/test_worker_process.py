"""`minibank worker`: processes of their own, one of which is killed in the middle of its work."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from minibank.app.books import open_books
from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.settings import Settings
from minibank.webhooks.records import Webhook
from tests.support.banking import open_holder
from tests.support.callers import add_client
from tests.support.command_line import environment
from tests.support.outbox import list_told, listen
from tests.support.receiver import Request, answering, receiving
from tests.support.sending import pay, until

EVENTS = 150


@contextmanager
def worker(
    url: str, directory: Path, *, poll_seconds: int = 1
) -> Iterator["subprocess.Popen[bytes]"]:
    settings = (f"webhook_poll_seconds={poll_seconds}", "webhook_lease_seconds=12")
    process = subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "minibank", "worker", "--database", url),
            *(part for setting in settings for part in ("--set", setting)),
        ],
        stderr=subprocess.PIPE,
        cwd=directory,
        env=environment(),
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert b"works for the sandbox bank" in line, line + process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
async def bank(database_url: str) -> AsyncIterator[Database]:
    """The bank by the clock that the processes go by."""
    async with open_books(Settings(database=database_url), creates=True) as db:
        yield db


async def is_told(db: Database, webhook: Webhook, count: int) -> bool:
    told = await list_told(db, webhook)
    return [one.state for one in told] == ["delivered"] * count


async def test_what_is_committed_arrives_though_a_worker_is_killed(
    bank: Database, database_url: str, tmp_path: Path
) -> None:
    holder = await open_holder(bank, 100_000)
    client_id = (await add_client(bank)).client.id
    killed = asyncio.Event()

    async def hesitate(request: Request, writer: asyncio.StreamWriter) -> None:
        """Leave the first worker without an answer when it has delivered a third."""
        if len(receiver.requests) > EVENTS // 3:
            await killed.wait()
        await answering()(request, writer)

    async with receiving(hesitate) as receiver:
        webhook = await listen(bank, client_id, holder, url=receiver.url())
        with worker(database_url, tmp_path) as victim:
            await pay(Engine(bank), holder, EVENTS)
            await until(lambda: asyncio.sleep(0, len(receiver.requests) > EVENTS // 3 + 1))
            victim.kill()
        assert not await is_told(bank, webhook, EVENTS)
        killed.set()
        with worker(database_url, tmp_path) as heir:
            await until(lambda: is_told(bank, webhook, EVENTS))
            heir.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(heir.wait, 20) == 0
    told = {one.id: one.payload for one in await list_told(bank, webhook)}
    arrived = {(one.headers["webhook-id"], one.body) for one in receiver.requests}
    assert arrived == set(told.items())
    assert len(told) == EVENTS


async def test_a_commit_wakes_the_workers_of_other_processes(
    postgres_url: str, tmp_path: Path
) -> None:
    """On PostgreSQL: this one looks by itself once in an hour."""
    async with open_books(Settings(database=postgres_url), creates=True) as db:
        holder = await open_holder(db, 100_000)
        client_id = (await add_client(db)).client.id
        async with receiving(answering()) as receiver:
            webhook = await listen(db, client_id, holder, url=receiver.url())
            with worker(postgres_url, tmp_path, poll_seconds=3600):
                for count in range(1, 4):
                    await pay(Engine(db), holder)
                    await until(partial(is_told, db, webhook, count))

"""`minibank worker`: processes of their own, one of which is killed in the middle of its work."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from minibank.db import Database, open_database
from minibank.payments.engine import Engine
from minibank.webhooks.records import Webhook
from tests.support.banking import open_holder
from tests.support.callers import add_client
from tests.support.command_line import environment
from tests.support.outbox import list_told, listen
from tests.support.receiver import Receiver, answering, receiving
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
async def bank(database_url: str) -> "AsyncIterator[Database]":
    """The bank by the real clock, as the processes see it."""
    async with open_books(Settings(database=database_url), creates=True) as db:
        yield db


async def test_what_is_committed_arrives_though_a_worker_is_killed(
    bank: Database, database_url: str, tmp_path: Path
) -> None:
    async with receiving(answering()) as receiver:
        webhook = await _listen(bank, receiver)
        with worker(database_url, tmp_path) as victim:
            paying = asyncio.create_task(_pay(bank, webhook))
            await until(lambda: asyncio.sleep(0, len(receiver.requests) > EVENTS // 4))
            victim.send_signal(signal.SIGKILL)
            await paying
        with worker(database_url, tmp_path) as heir:
            await until(lambda: _all_told(bank, webhook))
            heir.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(heir.wait, 20) == 0
    told = {one.id: one.payload for one in await list_told(bank, webhook)}
    assert len(told) == EVENTS
    arrived = {(one.headers["webhook-id"], one.body) for one in receiver.requests}
    assert arrived == set(told.items())

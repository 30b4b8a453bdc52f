"""The same messages as tasks of procrastinate, a task queue on PostgreSQL.

    python -m benchmarks.task_queue

Runs tasks; the address of the database and how many to run at a time come in a line on standard
input, whose end does not matter. Run by `benchmarks.delivering`.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import procrastinate
import uvloop

from benchmarks.direct_client import open_session, post
from benchmarks.outbox import Message

TASK = "post"
READY = "takes tasks"

_EMPTY = "TRUNCATE procrastinate_jobs, procrastinate_events RESTART IDENTITY CASCADE"


class Handover(msgspec.Struct, frozen=True):
    """What a process is told."""

    database: str
    concurrency: int


@asynccontextmanager
async def open_queue(database: str) -> AsyncIterator[procrastinate.App]:
    """The queue in a database, open."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database))
    async with app.open_async():
        yield app


async def create_tables(database: str) -> None:
    """Make the queue's tables in an empty database."""
    async with open_queue(database) as app:
        await app.schema_manager.apply_schema_async()


async def fill(app: procrastinate.App, messages: Sequence[Message]) -> None:
    """Have these messages and no others be sent."""
    await app.connector.execute_query_async(_EMPTY)
    await app.configure_task(TASK).batch_defer_async(
        *({"message": msgspec.to_builtins(one)} for one in messages)
    )
    await app.connector.execute_query_async("ANALYZE procrastinate_jobs")


async def put(app: procrastinate.App, message: Message) -> None:
    """Have a message be sent."""
    await app.configure_task(TASK).defer_async(message=msgspec.to_builtins(message))


async def run(handover: Handover) -> None:
    """Run tasks until a signal."""
    async with open_queue(handover.database) as app, open_session() as session:
        _add_task(app, session)
        print(READY, flush=True)
        await app.run_worker_async(concurrency=handover.concurrency)


def _add_task(app: procrastinate.App, session: aiohttp.ClientSession) -> None:
    @app.task(name=TASK)
    async def send(message: dict[str, object]) -> None:
        await post(session, msgspec.convert(message, Message))


def main() -> None:
    """Read what to work on, and work."""
    logging.disable(logging.INFO)
    handover = msgspec.json.decode(sys.stdin.buffer.readline(), type=Handover)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(handover))


if __name__ == "__main__":
    main()

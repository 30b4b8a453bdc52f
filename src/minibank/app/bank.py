"""Build everything: from settings to a bank that answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from starlette.types import ASGIApp

from minibank.api import build_api
from minibank.app.books import REAL, World, open_books
from minibank.core.clock import SystemClock
from minibank.db import Database
from minibank.payments.engine import Engine, EngineSettings
from minibank.settings import Settings
from minibank.worker.due import DueWork


@dataclass(frozen=True, slots=True)
class Bank:
    """An open bank: `api` is an ASGI application over `db` and `engine`."""

    settings: Settings
    db: Database
    engine: Engine
    api: ASGIApp


def build_engine(db: Database, settings: Settings) -> Engine:
    """The money engine as the settings want it."""
    return Engine(
        db,
        EngineSettings(
            batch_max=settings.batch_max,
            queue_max=settings.queue_max,
            queue_wait_seconds=settings.queue_wait_seconds,
            hold_seconds=settings.hold_seconds,
            public_url=settings.public_url,
        ),
    )


@asynccontextmanager
async def open_bank(settings: Settings, world: World = REAL) -> AsyncIterator[Bank]:
    """Open a bank and run its due work until the block ends; then finish what is queued.

    A sandbox bank is created or migrated as needed; a production bank must have been, by
    `minibank migrate`. Raises `StartError` when the bank cannot be opened.
    """
    creates = settings.mode == "sandbox"
    async with open_books(settings, creates=creates, world=world) as db:
        engine = build_engine(db, settings)
        due = DueWork(
            db, engine, lease_seconds=settings.due_work_lease_seconds, clock=SystemClock()
        )
        running = asyncio.create_task(due.run_forever(settings.due_work_poll_seconds))
        try:
            yield Bank(settings, db, engine, build_api(db, engine, settings))
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await engine.drain()

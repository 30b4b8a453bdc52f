"""Build everything: from settings to a bank that answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from minibank.api import Watch, build_api
from minibank.app.books import REAL, World, open_serving_books, read_seal
from minibank.app.metrics import BankMetrics
from minibank.core.clock import SystemClock
from minibank.db import Database
from minibank.oauth.tokens import TokenRules
from minibank.payments.engine import Engine, EngineSettings
from minibank.payments.metrics import EngineMetrics
from minibank.settings import Settings
from minibank.worker.audits import AuditSettings, BackgroundAudit
from minibank.worker.due import DueWork
from minibank.worker.kinds import kinds_of


@dataclass(frozen=True, slots=True)
class Bank:
    """An open bank: `api` is an ASGI application over `db` and `engine`.

    `watch` is what its server and its API share, `audits` its audit in the background, None when
    that is off.
    """

    settings: Settings
    db: Database
    engine: Engine
    api: ASGIApp
    watch: Watch
    audits: BackgroundAudit | None = None


def build_engine(db: Database, settings: Settings, metrics: EngineMetrics | None = None) -> Engine:
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
        metrics,
    )


async def build_audits(db: Database, settings: Settings) -> BackgroundAudit | None:
    """The audit in the background as the settings want it; `StartError` without its key."""
    if not settings.audit_interval_seconds:
        return None
    return BackgroundAudit(
        db,
        await read_seal(db, settings),
        AuditSettings(
            interval_seconds=settings.audit_interval_seconds, full_days=settings.audit_full_days
        ),
        SystemClock(),
    )


@asynccontextmanager
async def open_bank(
    settings: Settings, world: World = REAL, metrics: BankMetrics | None = None
) -> AsyncIterator[Bank]:
    """Open a bank, run its due work and its audits until the block ends; then finish the queue.

    A sandbox bank is created or migrated as needed; a production bank must have been, by
    `minibank migrate`. Raises `StartError` when the bank cannot be opened.
    """
    metrics = metrics or BankMetrics()
    async with open_serving_books(settings, world, metrics.database) as db:
        engine = build_engine(db, settings, metrics.engine)
        audits = await build_audits(db, settings)
        due = DueWork(
            db,
            engine,
            kinds=kinds_of(TokenRules.from_settings(settings)),
            lease_seconds=settings.due_work_lease_seconds,
            clock=SystemClock(),
            metrics=metrics.due,
        )
        watch = Watch(metrics.http)
        running = [asyncio.create_task(due.run_forever(settings.due_work_poll_seconds))]
        if audits:
            audits.show_in(metrics.audit)
            running.append(asyncio.create_task(audits.run_forever()))
        try:
            api = build_api(db, engine, settings, watch, metrics.tokens)
            yield Bank(settings, db, engine, api, watch, audits)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await engine.drain()

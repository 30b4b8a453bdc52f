"""Build everything: from settings to a bank that answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from minibank.api import Watch, build_api
from minibank.app.books import REAL, World, open_serving_books, read_seal
from minibank.app.deliveries import build_dispatcher
from minibank.app.files import open_files
from minibank.app.metrics import BankMetrics
from minibank.app.server import local_url
from minibank.app.server_keys import find_keys
from minibank.attachments.signatures import UploadKeys
from minibank.core.clock import SystemClock
from minibank.db import Database
from minibank.files import Files
from minibank.oauth.tokens import TokenRules
from minibank.payments.engine import Engine, EngineSettings
from minibank.payments.metrics import EngineMetrics
from minibank.settings import Settings
from minibank.settings.about import DAY
from minibank.webhooks.signing import SigningKeys
from minibank.worker.audits import AuditSettings, BackgroundAudit
from minibank.worker.due import DueWork
from minibank.worker.errands import remove_contents
from minibank.worker.kinds import kinds_of
from minibank.worker.rolling import RollUps


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
            suspense_return_days=settings.suspense_return_days,
            public_url=settings.public_url or local_url(settings),
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


@dataclass(frozen=True, slots=True)
class Works:
    """An open bank without an API: its books, its engine and what goes on in the background."""

    db: Database
    engine: Engine
    files: Files
    audits: BackgroundAudit | None


@asynccontextmanager
async def open_works(
    settings: Settings, world: World, metrics: BankMetrics, *, sends: bool
) -> AsyncIterator[Works]:
    """Open a bank, run its due work, audits and subtotals until the block ends, and deliver to
    webhooks if it `sends`; then finish the queue. Raises `StartError` when it cannot be opened."""
    async with open_serving_books(settings, world, metrics.database) as db:
        engine = build_engine(db, settings, metrics.engine)
        audits = await build_audits(db, settings)
        files = open_files(settings)
        due = DueWork(
            db,
            engine,
            kinds=kinds_of(
                TokenRules.from_settings(settings),
                settings.webhook_kept_days * DAY,
                remove_contents(files, metrics.files),
            ),
            lease_seconds=settings.due_work_lease_seconds,
            clock=SystemClock(),
            metrics=metrics.due,
        )
        running = [
            asyncio.create_task(due.run_forever(settings.due_work_poll_seconds)),
            asyncio.create_task(RollUps(db).run_forever()),
        ]
        if audits:
            audits.show_in(metrics.audit)
            running.append(asyncio.create_task(audits.run_forever()))
        if sends:
            dispatcher = build_dispatcher(db, settings, metrics.deliveries)
            running.append(asyncio.create_task(dispatcher.run_forever()))
            running.append(asyncio.create_task(db.hear_forever()))
        try:
            yield Works(db, engine, files, audits)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await engine.drain()


@asynccontextmanager
async def open_bank(
    settings: Settings, world: World = REAL, metrics: BankMetrics | None = None
) -> AsyncIterator[Bank]:
    """Open a bank with its API, as `open_works` does.

    A sandbox bank is created or migrated as needed; a production bank must have been, by
    `minibank migrate`. Raises `StartError` when the bank cannot be opened.
    """
    metrics = metrics or BankMetrics()
    sends = settings.webhooks_sent_by_serve
    async with open_works(settings, world, metrics, sends=sends) as works:
        watch = Watch(metrics.http, metrics.files)
        keys = find_keys(settings)
        api = build_api(
            works.db,
            works.engine,
            settings,
            watch,
            metrics.tokens,
            SigningKeys.of(keys),
            uploads=UploadKeys.of(keys),
            files=works.files,
        )
        yield Bank(settings, works.db, works.engine, api, watch, works.audits)

"""Work for a bank without serving it: due work, audits, deliveries."""

import asyncio
from collections.abc import Callable

from minibank.app.bank import open_works
from minibank.app.books import REAL
from minibank.app.metrics import BankMetrics, SupervisorMetrics
from minibank.app.reports import page_of, serving_metrics
from minibank.app.server import stopping
from minibank.app.service_manager import READY, STOPPING, notify
from minibank.settings import Settings


async def work_for_bank(settings: Settings, on_ready: Callable[[], None]) -> None:
    """Work until a signal asks to stop, then finish what runs. Raises `StartError`."""
    metrics, supervisor = BankMetrics(), SupervisorMetrics()
    supervisor.wanted.set(1)
    stop = asyncio.Event()
    async with serving_metrics(settings, page_of(metrics, supervisor)):
        metrics.process.follow()
        async with open_works(settings, REAL, metrics, sends=True):
            with stopping(lambda _: stop.set()):
                on_ready()
                notify(READY)
                await stop.wait()
                notify(STOPPING)

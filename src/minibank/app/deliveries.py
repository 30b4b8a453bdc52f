"""Build what delivers to webhooks, from settings."""

import asyncio
import importlib
from typing import TYPE_CHECKING

from minibank.core.clock import SystemClock
from minibank.db import Database
from minibank.settings import Settings
from minibank.webhooks.delivering.dispatcher import Dispatcher, DispatchSettings, Sends
from minibank.webhooks.delivering.egress import Egress
from minibank.webhooks.delivering.metrics import DeliveryMetrics
from minibank.webhooks.delivering.policies import Policies, RetryPolicy

if TYPE_CHECKING:
    from minibank.webhooks.delivering.sending import Sender

_SENDING = "minibank.webhooks.delivering.sending"


def policies_of(settings: Settings) -> Policies:
    """How a bank with these settings spaces attempts."""
    return Policies(
        default=settings.webhook_retry_policy,
        custom=RetryPolicy(
            delays=tuple(map(int, settings.webhook_retry_delays)),
            disables_after=settings.webhook_disable_after_seconds,
        ),
    )


def build_dispatcher(
    db: Database, settings: Settings, metrics: DeliveryMetrics | None = None
) -> Dispatcher:
    """What delivers to webhooks, as the settings want it."""

    async def open_sender() -> Sends:
        # Late and in a thread: the HTTP client takes longer to load than the bank to start, and
        # most banks that start have nothing to send yet.
        module = await asyncio.to_thread(importlib.import_module, _SENDING)
        rules = module.SendingRules(
            egress=Egress.of(settings.webhook_networks, settings.webhook_ports),
            ca_file=settings.webhook_ca_file,
        )
        sender: Sender = module.Sender(rules, db.clock, SystemClock())
        return sender

    return Dispatcher(
        db,
        DispatchSettings(
            policies=policies_of(settings),
            concurrency=settings.webhook_target_concurrency,
            claims_max=settings.webhook_claims_max,
            lease_seconds=settings.webhook_lease_seconds,
            poll_seconds=settings.webhook_poll_seconds,
        ),
        open_sender,
        SystemClock(),
        metrics,
    )

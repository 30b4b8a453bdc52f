"""Build what delivers to webhooks, from settings."""

import asyncio
from collections.abc import Callable

from minibank.app.server_keys import find_keys
from minibank.core.clock import Clock, SystemClock
from minibank.db import Database
from minibank.settings import Settings
from minibank.webhooks.delivering.dispatcher import Dispatcher, DispatchSettings, Sends
from minibank.webhooks.delivering.egress import Egress
from minibank.webhooks.delivering.metrics import DeliveryMetrics
from minibank.webhooks.delivering.policies import Policies
from minibank.webhooks.delivering.rules import SendingRules
from minibank.webhooks.signing import SigningKeys

MakeSender = Callable[[SendingRules, Clock, Clock], Sends]


def _load_sender() -> MakeSender:
    from minibank.webhooks.delivering.sending import Sender  # noqa: PLC0415 - slow

    return Sender


def build_dispatcher(
    db: Database, settings: Settings, metrics: DeliveryMetrics | None = None
) -> Dispatcher:
    """What delivers to webhooks, as the settings want it."""

    rules = SendingRules(
        egress=Egress.of(settings.webhook_networks, settings.webhook_ports),
        ca_file=settings.webhook_ca_file,
        keys=SigningKeys.of(find_keys(settings)),
    )

    async def open_sender() -> Sends:
        # Late and in a thread: the HTTP client takes longer to load than the bank to start, and
        # most banks that start have nothing to send yet.
        make = await asyncio.to_thread(_load_sender)
        return make(rules, db.clock, SystemClock())

    return Dispatcher(
        db,
        DispatchSettings(
            policies=Policies.from_settings(settings),
            concurrency=settings.webhook_target_concurrency,
            claims_max=settings.webhook_claims_max,
            lease_seconds=settings.webhook_lease_seconds,
            poll_seconds=settings.webhook_poll_seconds,
        ),
        open_sender,
        SystemClock(),
        metrics,
    )

"""A sender that sends nothing, and a dispatcher whose clock is the test's."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

from minibank.core.clock import Clock, FakeClock
from minibank.db import Database, ReadTx, Row
from minibank.payments.engine import Engine
from minibank.webhooks.delivering.dispatcher import Dispatcher, DispatchSettings, Sends
from minibank.webhooks.delivering.metrics import DeliveryMetrics
from minibank.webhooks.delivering.records import Attempt, Claim, Fault
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder, Orders
from tests.support.outbox import Told, list_told

Answer = int | Fault | Callable[[Claim], "int | Fault"]
"""A status, what goes wrong, or what decides."""


@dataclass
class FakeSender:
    """Answers every delivery as it is told to, and remembers what it was given, in order.

    While `gate` is closed nothing is answered. `delays` are seconds by address.
    """

    clock: Clock
    answer: Answer = 200
    retry_after: int | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[Claim] = field(default_factory=list)
    closed: bool = False
    in_flight: int = 0
    most_in_flight: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def send(self, claim: Claim) -> Attempt:
        """See `Sender.send`."""
        self.sent.append(claim)
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
        finally:
            self.in_flight -= 1
        answer = self.answer(claim) if callable(self.answer) else self.answer
        status = answer if isinstance(answer, int) else 0
        return Attempt(
            attempted_at=self.clock.now(),
            microseconds=5,
            request_headers=(("webhook-id", claim.id),),
            status=status,
            excerpt=b"said",
            fault="" if isinstance(answer, int) else answer,
            retry_after=self.retry_after,
        )

    async def close(self) -> None:
        """See `Sender.close`."""
        self.closed = True


def dispatcher_of(
    db: Database,
    sender: FakeSender,
    *,
    clock: Clock | None = None,
    metrics: DeliveryMetrics | None = None,
    **settings: object,
) -> Dispatcher:
    """A dispatcher with this sender; `settings` are those of `DispatchSettings`."""

    async def open_sender() -> Sends:
        return sender

    chosen = DispatchSettings(**settings)  # type: ignore[arg-type]
    return Dispatcher(db, chosen, open_sender, clock or db.clock, metrics)


async def run_until_idle(dispatcher: Dispatcher) -> None:
    """Run rounds until one neither sends anything nor has anything to record."""
    while True:
        await dispatcher.run_round()
        if not dispatcher.is_busy:
            return
        await dispatcher.settle()


def advance(db: Database, seconds: float) -> None:
    """Move the test's clock."""
    cast(FakeClock, db.clock).advance(seconds)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds; `TimeoutError` when it does not before long."""
    async with asyncio.timeout(30):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in a database
            await asyncio.sleep(0.01)


_orders = Orders()


async def pay(money: Engine, holder: Holder, count: int = 1) -> None:
    """Pay so many times by card."""
    await money.execute_many([_orders.authorise(holder, 1) for _ in range(count)])


async def the_delivery(db: Database, webhook: Webhook) -> Told:
    """The only delivery of a webhook."""
    [told] = await list_told(db, webhook)
    return told


async def is_delivered(db: Database, webhook: Webhook) -> bool:
    """Whether the only delivery of a webhook was taken."""
    return (await the_delivery(db, webhook)).state == "delivered"


async def attempts_of(db: Database, webhook: Webhook) -> list[Row]:
    """All attempts to deliver to a webhook, in order."""

    async def work(tx: ReadTx) -> list[Row]:
        return list(
            await tx.fetch(
                "SELECT sequence, attempt, attempted_at, request_headers, status, excerpt, error"
                " FROM delivery_attempts WHERE shard = $1 AND webhook_id = $2"
                " ORDER BY sequence, attempt",
                webhook.shard,
                webhook.id,
            )
        )

    return await db.read(work)

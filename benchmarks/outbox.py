"""A bank with an outbox full of what real payments caused, which is sent anew in each round."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from benchmarks.world import Holder
from minibank.app.bank import build_engine
from minibank.app.books import open_books
from minibank.core.errors import BankError
from minibank.core.ids import shard_of
from minibank.db import Database, ReadTx, Tx
from minibank.oauth.clients import NewClient, create_client
from minibank.payments.commands import AuthoriseCard
from minibank.payments.engine import Engine
from minibank.settings import Settings
from minibank.webhooks.events import DEFAULT
from minibank.webhooks.records import PARKED, Webhook
from minibank.webhooks.registering import register_webhook
from minibank.webhooks.store import DELIVERIES

PAID_AT_ONCE = 500


class Message(msgspec.Struct, frozen=True):
    """A delivery as it goes over the wire."""

    id: str
    url: str
    headers: list[tuple[str, str]]
    body: str


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outbox of one bank: `told` is how many events each of its webhooks has from the start,
    `failing` are the webhooks whose receiver fails."""

    settings: Settings
    holders: list[Holder]
    told: int
    failing: list[str]

    def arriving(self, until: int) -> int:
        """How many events up to this number receivers take that do not fail."""
        return until * (len(self.holders) - len(self.failing))

    async def fill_again(self, db: Database, *, failing: bool) -> None:
        """Have all be as before the first attempt, but due never; what leads to a receiver that
        fails is not to be sent unless `failing`."""

        async def work(tx: Tx) -> None:
            await tx.execute("DELETE FROM delivery_attempts")
            await tx.execute("DELETE FROM deliveries WHERE sequence > $1", self.told)
            await tx.execute(
                "UPDATE deliveries SET state = 'pending', attempts = 0, next_attempt_at = $1,"
                " claimed_until = 0, finished_at = NULL",
                PARKED,
            )
            await tx.execute(
                "UPDATE webhooks SET failing_since = NULL, next_sequence = $1", self.told + 1
            )
            if not failing:
                await tx.execute(
                    "UPDATE deliveries SET state = 'cancelled', finished_at = $1"
                    " WHERE webhook_id = ANY($2)",
                    tx.now,
                    self.failing,
                )

        await db.transact(work)

    async def release(self, db: Database, until: int) -> None:
        """Have the events up to this number of each webhook be due, and wake who sends them."""

        async def work(tx: Tx) -> None:
            await tx.execute(
                "UPDATE deliveries SET next_attempt_at = created_at"
                " WHERE state = 'pending' AND next_attempt_at = $1 AND sequence <= $2",
                PARKED,
                until,
            )
            tx.wake(DELIVERIES)

        await db.transact(work)

    async def list_later(self, db: Database) -> dict[str, int]:
        """What was put in since it was filled and leads to no failing receiver: when, by id."""

        async def work(tx: ReadTx) -> dict[str, int]:
            rows = await tx.fetch(
                "SELECT id, created_at FROM deliveries"
                " WHERE sequence > $1 AND NOT webhook_id = ANY($2)",
                self.told,
                self.failing,
            )
            return {row["id"]: row["created_at"] for row in rows}

        return await db.read(work)

    async def list_messages(self, db: Database) -> list[Message]:
        """All that was delivered, as it was sent."""

        async def work(tx: ReadTx) -> list[Message]:
            rows = await tx.fetch(
                """
                SELECT d.id, w.url, a.request_headers, d.payload
                FROM deliveries d
                JOIN webhooks w ON w.shard = d.shard AND w.id = d.webhook_id
                JOIN delivery_attempts a ON a.shard = d.shard AND a.webhook_id = d.webhook_id
                     AND a.sequence = d.sequence AND a.attempt = d.attempts
                WHERE d.state = 'delivered' AND d.sequence <= $1
                ORDER BY d.created_at, d.id
                """,
                self.told,
            )
            return [
                Message(
                    row["id"],
                    row["url"],
                    msgspec.json.decode(row["request_headers"], type=list[tuple[str, str]]),
                    bytes(row["payload"]).decode(),
                )
                for row in rows
            ]

        return await db.read(work)


async def fill_outbox(
    settings: Settings, holders: Sequence[Holder], urls: Mapping[str, bool], told: int
) -> Outbox:
    """Give each account a webhook at one of the addresses, and so many card payments; `urls` says
    of each whether its receiver fails."""
    async with open_books(settings) as db:
        webhooks = await _register(db, holders, urls)
        engine = build_engine(db, settings)
        await pay(engine, list(payments(holders, told, "outbox")))
        await engine.drain()
    failing = [one.id for one in webhooks if urls[one.url]]
    return Outbox(settings, list(holders), told, failing)


async def _register(db: Database, holders: Sequence[Holder], urls: Iterable[str]) -> list[Webhook]:
    async def work(tx: Tx) -> list[Webhook]:
        client, _ = await create_client(tx, NewClient(name="Receiver"))
        made = []
        for holder, url in zip(holders, urls, strict=True):
            shard = shard_of(holder.account_id)
            assert shard is not None, "the account was made by the bank"
            webhook = Webhook(
                shard=shard,
                id=tx.ids.new("webhook", shard, tx.now),
                account_id=holder.account_id,
                client_id=client.id,
                user_id="",
                url=url,
                events=DEFAULT,
                created_at=tx.now,
            )
            await register_webhook(tx, webhook, 1)
            made.append(webhook)
        return made

    return await db.transact(work)


def payments(holders: Sequence[Holder], times: int, word: str) -> Iterator[AuthoriseCard]:
    """So many card payments of each holder, who take turns; `word` is one never used before."""
    for number in range(times):
        for holder in holders:
            yield AuthoriseCard(
                issuer="scheme",
                account_id=holder.account_id,
                id=f"{word}-{number}",
                card_id=holder.card_id,
                amount=100 + number,
                description="THE EXAMPLE SHOP        LONDON        GBR",
            )


async def pay(engine: Engine, commands: Sequence[AuthoriseCard]) -> None:
    """Have all of these done, many at a time."""
    for first in range(0, len(commands), PAID_AT_ONCE):
        for answer in await engine.execute_many(commands[first : first + PAID_AT_ONCE]):
            if isinstance(answer, BankError):
                raise answer
            assert answer.status == "done", f"a payment of the benchmark was {answer.status}"

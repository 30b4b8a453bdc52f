"""Those who are told: receivers of webhooks that live on while the bank is stopped and killed."""

import asyncio
import time
from asyncio import StreamWriter
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from minibank.db import Database, ReadTx, Row, open_database
from tests.support.outbox import listen
from tests.support.receiver import Receiver, answering, receiving
from tests.support.receiver import Request as Heard
from tests.torture.journal import Broken
from tests.torture.people import People

REFUSALS = 0.3
"""How many requests the moody receiver refuses, or breaks off after it has read them."""
DELIVERED_SECONDS = 100
"""When everything must have arrived: what a dead process had claimed waits for its lease."""


@dataclass
class Hooks:
    """What two receivers heard, by delivery: one that takes everything, and a moody one."""

    random: Random
    heard: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    _urls: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self, database: str, people: People) -> AsyncIterator[None]:
        """Have every account tell both of everything, and listen for as long as the block lasts."""
        async with receiving(self._steady) as steady, receiving(self._moody) as moody:
            await self._register(database, people, (steady, moody))
            yield

    async def _register(self, database: str, people: People, receivers: Sequence[Receiver]) -> None:
        db = await open_database(database)
        try:
            for holder in people.holders:
                for receiver in receivers:
                    await listen(db, people.apps[0].id, holder, url=receiver.url())
        finally:
            await db.close()

    async def _steady(self, heard: Heard, writer: StreamWriter) -> None:
        self.heard[heard.headers["webhook-id"]].append(heard.body)
        await answering(204, body=b"")(heard, writer)

    async def _moody(self, heard: Heard, writer: StreamWriter) -> None:
        mood = self.random.random()
        if mood < REFUSALS / 2:
            await answering(503, body=b"no")(heard, writer)
            return
        self.heard[heard.headers["webhook-id"]].append(heard.body)
        if mood < REFUSALS:
            writer.transport.abort()
            return
        await answering(200)(heard, writer)

    async def check(self, database: str) -> int:
        """Everything committed arrives, the same bytes each time, and nothing else; how much.

        Raises `Broken` when the bank broke its word.
        """
        db = await open_database(database)
        try:
            told = await _when_all_is_told(db)
        finally:
            await db.close()
        for one in told:
            bodies = self.heard.get(one["id"], [])
            if one["state"] != "delivered" or set(bodies) != {one["payload"]}:
                raise Broken(f"{one['id']} is {one['state']} and arrived {len(bodies)} times")
        if strange := self.heard.keys() - {one["id"] for one in told}:
            raise Broken(f"deliveries that were never committed arrived: {strange}")
        return len(told)


async def _when_all_is_told(db: Database) -> Sequence[Row]:
    deadline = time.monotonic() + DELIVERED_SECONDS
    while True:
        told = await db.snapshot(_deliveries)
        pending = sum(one["state"] == "pending" for one in told)
        if not pending:
            return told
        if time.monotonic() > deadline:
            raise Broken(f"{pending} deliveries do not arrive")
        await asyncio.sleep(0.2)


async def _deliveries(tx: ReadTx) -> Sequence[Row]:
    return await tx.fetch("SELECT id, state, payload FROM deliveries WHERE shard >= 0")

"""Whoever walks an account's pages by the last id misses nothing and meets nothing twice.

The walk goes on while others pay into the account: from several connections of this process, and
from processes of their own.
"""

import asyncio
import sys
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minibank.core.ids import shard_of
from minibank.core.pages import END, START
from minibank.db import Database, open_database
from minibank.identity.store import User
from minibank.payments.engine import Engine
from minibank.transactions.store import list_page
from minibank.transactions.windows import Span
from tests.support.callers import add_account, add_client, add_token, add_user, http
from tests.support.databases import Databases
from tests.support.payer import pay


class Bench:
    """A bank in real time, opened several times over, and a loop that outlives the examples."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.loop = asyncio.new_event_loop()
        self.run = self.loop.run_until_complete
        self.handles: list[Database] = [self.run(open_database(url)) for _ in range(3)]
        self.user: User = self.run(add_user(self.handles[0], "ada@example.com", "Ada Example"))
        client = self.run(add_client(self.handles[0])).client
        token = self.run(add_token(self.handles[0], client, self.user))
        self.api: httpx.AsyncClient = http(self.handles[0], token=token)

    async def new_accounts(self, count: int) -> list[str]:
        return [(await add_account(self.handles[0], self.user)).id for _ in range(count)]

    async def page(self, account_id: str, limit: int, since: str | None) -> list[str]:
        params = {"account_id": account_id, "limit": str(limit), "since": since or ""}
        answer = await self.api.get("/transactions", params=params)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["transactions"]]

    async def walk(
        self, account_id: str, limit: int, payers: "asyncio.Future[object]"
    ) -> list[str]:
        """Page until everybody has paid and a page comes back empty."""
        seen: list[str] = []
        while True:
            is_last_lap = payers.done()
            page = await self.page(account_id, limit, seen[-1] if seen else None)
            seen += page
            if not page and is_last_lap:
                await payers
                return seen
            await asyncio.sleep(0)

    async def history(self, account_id: str) -> list[str]:
        span, shard = Span(START, END, 100_000), shard_of(account_id)
        assert shard is not None
        rows = await self.handles[0].read(lambda tx: list_page(tx, shard, account_id, "", span))
        return [row.id for row in rows]

    def close(self) -> None:
        self.run(self.api.aclose())
        for handle in self.handles:
            self.run(handle.close())
        self.loop.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bench(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Bench]:
    url = databases.new(request.param)
    made = Bench(url)
    yield made
    made.close()
    databases.discard(url)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    limit=st.sampled_from([1, 2, 7, 100]),
    payments=st.integers(1, 15),
    account_count=st.integers(1, 3),
)
def test_a_walk_misses_nothing_while_other_connections_pay(bench, limit, payments, account_count):
    async def race() -> None:
        accounts = await bench.new_accounts(account_count)
        engines = [Engine(db) for db in bench.handles[1:]]
        payers = asyncio.gather(
            *(
                # In opposite orders, so that the engines meet on every account.
                pay(engine, f"payer-{place}", payments, accounts[:: 1 - 2 * place])
                for place, engine in enumerate(engines)
            )
        )
        walks = [bench.walk(account, limit, payers) for account in accounts]
        for account, seen in zip(accounts, await asyncio.gather(*walks), strict=True):
            assert len(seen) == payments * len(engines)
            assert seen == await bench.history(account)
        for engine in engines:
            await engine.drain()

    bench.run(race())


def test_a_walk_misses_nothing_while_other_processes_pay(bench):
    payments = 60

    async def race() -> None:
        accounts = await bench.new_accounts(2)
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.support.payer", bench.url, name, str(payments), *accounts),
                stdout=asyncio.subprocess.PIPE,
            )
            for name in ("first", "second")
        ]
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"paying\n"
        leaving = asyncio.gather(*(process.wait() for process in processes))
        walks = [bench.walk(account, 3, leaving) for account in accounts]
        seen = await asyncio.gather(*walks)
        assert await leaving == [0, 0]
        for account, walked in zip(accounts, seen, strict=True):
            assert len(walked) == payments * 2
            assert walked == await bench.history(account)

    bench.run(race())

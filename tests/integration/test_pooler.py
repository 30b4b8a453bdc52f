"""PostgreSQL behind a pooler that gives each transaction another connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from minibank.app.store import list_server_keys
from minibank.audit import audit
from minibank.db import DatabaseUnavailable, open_database
from minibank.db.base import Migration
from minibank.db.migrate import migrations
from minibank.payments.engine import Engine
from tests.support.banking import open_holders
from tests.support.pooler import pooled
from tests.support.roles import LIMITS, limited_role, with_role
from tests.support.scratch import another
from tests.support.traffic import Traffic

IGNORED = {*LIMITS, "jit", "random_page_cost"}


@pytest.fixture
async def limited_url(postgres_url: str) -> AsyncIterator[str]:
    """The bank as a role that has the bank's limits by itself."""
    async with limited_role(postgres_url) as role:
        yield with_role(postgres_url, role)


async def test_a_bank_works_through_a_pooler_that_shares_connections(limited_url: str):
    async with pooled(limited_url, ignored=IGNORED) as (pooler, url), another(url) as db:
        holders = await open_holders(db, 3)
        engine = Engine(db)
        traffic = Traffic(holders, seed=7)
        for _ in range(10):
            await asyncio.gather(*(traffic.send(engine, traffic.draw()) for _ in range(10)))
            await asyncio.gather(*(db.read(list_server_keys) for _ in range(10)))
        report = await audit(db)
        assert (report.findings, report.transactions > 0) == ([], True)
        await engine.drain()
        counts = list(pooler.transactions.values())
        assert len(counts) == 3
        assert min(counts) > 20


async def test_a_pooler_that_does_not_accept_our_settings_is_named(limited_url: str):
    async with pooled(limited_url) as (_, url):
        with pytest.raises(DatabaseUnavailable, match=r"pooler.*startup parameter.*PgBouncer"):
            await open_database(url)


async def test_a_pooler_that_drops_the_limits_of_time_is_refused(postgres_url: str):
    async with pooled(postgres_url, ignored=IGNORED) as (_, url):
        with pytest.raises(DatabaseUnavailable, match=r"drops .*statement_timeout.* for the role"):
            await open_database(url)


@pytest.mark.parametrize("more", [set(), {"minibank.direct"}])
async def test_a_schema_is_not_migrated_through_a_pooler(limited_url: str, more: set[str]):
    async with pooled(limited_url, ignored=IGNORED | more) as (_, url), another(url) as db:
        step = Migration(9000, "next", "CREATE TABLE next_ones (n BIGINT)", transactional=True)
        with pytest.raises(DatabaseUnavailable, match=r"(?i)pooler"):
            await db.apply(step, 0)
        assert await db.schema_version() == migrations()[-1].version

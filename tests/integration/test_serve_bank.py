"""A bank as the server opens it: the API, the money engine, and what falls due."""

import asyncio

import httpx
import pytest

from minibank.accounts.opening import issue_card
from minibank.app.bank import open_bank
from minibank.app.books import World
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import Unavailable
from minibank.db import Database, open_database
from minibank.payments.commands import AuthoriseCard, TopUp
from minibank.settings import Settings
from tests.support.callers import add_account, add_user


@pytest.fixture
def settings(empty_database_url: str) -> Settings:
    """A sandbox bank that does not exist yet and looks for due work often."""
    return Settings(database=empty_database_url, due_work_poll_seconds=1, hold_seconds=60)


async def new_account(db: Database) -> tuple[str, str]:
    """A customer's account and card."""
    user = await add_user(db, "ada@example.com", "Ada")
    account = await add_account(db, user)
    card = await db.transact(lambda tx: issue_card(tx, account.id, user.id))
    return account.id, card.id


async def test_a_sandbox_bank_opens_from_nothing_and_answers(settings: Settings):
    async with open_bank(settings) as bank:
        transport = httpx.ASGITransport(bank.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://bank") as client:
            assert (await client.get("/ping")).json() == {"ping": "pong"}
            assert (await client.get("/readyz")).status_code == 200


async def test_an_open_bank_does_what_falls_due_by_its_own_clock(
    settings: Settings, clock: FakeClock
):
    async with open_bank(settings, World(clock=clock)) as bank:
        account_id, card_id = await new_account(bank.db)
        await bank.engine.execute(TopUp(issuer="t", account_id=account_id, id="1", amount=1000))
        payment = AuthoriseCard(
            issuer="t",
            account_id=account_id,
            id="2",
            card_id=card_id,
            amount=700,
            description="SHOP",
        )
        held = await bank.engine.execute(payment)
        assert held.balance == 300
        clock.advance(settings.hold_seconds + 1)
        async with asyncio.timeout(30):
            while await _held(bank.db):  # noqa: ASYNC110 - the bank's own task does it
                await asyncio.sleep(0.05)
        assert (await audit(bank.db)).clean


async def _held(db: Database) -> int:
    row = await db.read(lambda tx: tx.fetch_one("SELECT held FROM balances WHERE shard >= 0"))
    assert row is not None
    amount: int = row["held"]
    return amount


async def test_closing_a_bank_finishes_what_is_queued_and_takes_no_more(settings: Settings):
    async with open_bank(settings) as bank:
        account_id, _ = await new_account(bank.db)
        commands = [
            TopUp(issuer="t", account_id=account_id, id=str(number), amount=1)
            for number in range(50)
        ]
        waiting = [asyncio.create_task(bank.engine.execute(command)) for command in commands]
        await asyncio.sleep(0)
        engine = bank.engine
    outcomes = await asyncio.gather(*waiting)
    assert {outcome.status for outcome in outcomes} == {"done"}
    with pytest.raises(Unavailable):
        await engine.execute(commands[0])
    db = await open_database(settings.database)
    row = await db.read(lambda tx: tx.fetch_one("SELECT booked FROM balances WHERE shard >= 0"))
    await db.close()
    assert row is not None
    assert row["booked"] == 50

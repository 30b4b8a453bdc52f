"""An account with money, a webhook on it, and a sender that sends nothing."""

import pytest

from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder, open_holder
from tests.support.callers import add_client
from tests.support.outbox import listen
from tests.support.sending import FakeSender


@pytest.fixture
async def holder(db: Database) -> Holder:
    return await open_holder(db, 10_000)


@pytest.fixture
async def client_id(db: Database) -> str:
    return (await add_client(db)).client.id


@pytest.fixture
def money(db: Database) -> Engine:
    return Engine(db)


@pytest.fixture
def sender(db: Database) -> FakeSender:
    return FakeSender(db.clock)


@pytest.fixture
async def webhook(db: Database, client_id: str, holder: Holder) -> Webhook:
    return await listen(db, client_id, holder)

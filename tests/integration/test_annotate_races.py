"""Annotations by several requests at once."""

import asyncio
import json

import pytest

from minibank.accounts.opening import issue_card
from minibank.db import Database, Tx
from minibank.payments.commands import AuthoriseCard, PresentCard, TopUp
from minibank.payments.engine import Engine
from minibank.transactions.annotate import Target, annotate
from minibank.transactions.records import TransactionRecord
from minibank.transactions.store import find_transaction
from tests.support.callers import add_account, add_user
from tests.support.histories import put, transaction

CLIENTS = ("oauth2client_1", "oauth2client_2")


@pytest.fixture
async def row(db, clock):
    """A payment on somebody's account."""
    account = await add_account(db, await add_user(db, "ada@example.com", "Ada Example"))
    payment = transaction(account.id, clock.now() - 10**6)
    await put(db, [payment])
    return payment


async def _change(db: Database, row: TransactionRecord, client_id: str, **changes: str) -> None:
    target = Target(row.shard, row.id, client_id, "user_1")

    async def work(tx: Tx) -> None:
        await annotate(tx, target, changes)

    await db.transact(work)


async def _read(db: Database, row: TransactionRecord, client_id: str) -> dict[str, str]:
    found = await db.read(lambda tx: find_transaction(tx, row.shard, row.id, client_id))
    assert found is not None
    metadata: dict[str, str] = json.loads(found.annotations or "{}")
    return metadata


async def test_annotations_of_one_client_at_once_lose_nothing(db, row):
    changes = [{f"key{n}": str(n)} for n in range(12)]
    await asyncio.gather(*(_change(db, row, CLIENTS[0], **change) for change in changes))
    assert await _read(db, row, CLIENTS[0]) == {f"key{n}": str(n) for n in range(12)}


async def test_deletes_and_additions_at_once_all_count(db, row):
    await _change(db, row, CLIENTS[0], **{f"old{n}": "x" for n in range(6)})
    await asyncio.gather(
        *(_change(db, row, CLIENTS[0], **{f"old{n}": "", f"new{n}": "y"}) for n in range(6))
    )
    assert await _read(db, row, CLIENTS[0]) == {f"new{n}": "y" for n in range(6)}


async def test_two_clients_at_once_do_not_meet(db, row):
    await asyncio.gather(
        *(_change(db, row, client, **{f"k{n}": client}) for n in range(5) for client in CLIENTS)
    )
    for client in CLIENTS:
        assert await _read(db, row, client) == {f"k{n}": client for n in range(5)}


async def test_of_two_notes_at_once_one_stands_whole(db, row):
    await asyncio.gather(*(_change(db, row, client, notes=f"by {client}") for client in CLIENTS))
    found = await db.read(lambda tx: find_transaction(tx, row.shard, row.id, CLIENTS[0]))
    assert found is not None
    assert found.notes in {f"by {client}" for client in CLIENTS}


async def test_the_limit_holds_when_many_fill_it_at_once(db, row):
    await _change(db, row, CLIENTS[0], **{f"k{n}": "v" for n in range(95)})
    results = await asyncio.gather(
        *(_change(db, row, CLIENTS[0], **{f"more{n}": "v"}) for n in range(10)),
        return_exceptions=True,
    )
    assert sum(result is None for result in results) == 5
    assert len(await _read(db, row, CLIENTS[0])) == 100


async def test_a_settlement_and_a_note_at_once_keep_both(db, clock, row):
    engine = Engine(db)
    owner = await db.read(
        lambda tx: tx.fetch_one(
            "SELECT user_id FROM owners WHERE shard = $1 AND account_id = $2",
            row.shard,
            row.account_id,
        )
    )
    card = await db.transact(lambda tx: issue_card(tx, row.account_id, owner["user_id"]))
    common = {"issuer": "test", "account_id": row.account_id}
    await engine.execute(TopUp(**common, id="top", amount=1000))
    approved = await engine.execute(
        AuthoriseCard(**common, id="auth", card_id=card.id, amount=500, description="Shop")
    )
    assert approved.transaction_id is not None
    assert approved.authorisation_id is not None
    payment = transaction(row.account_id, clock.now(), id=approved.transaction_id)
    presented = PresentCard(
        **common, id="present", amount=450, authorisation_id=approved.authorisation_id
    )
    await asyncio.gather(
        engine.execute(presented),
        *(_change(db, payment, CLIENTS[0], notes="Lunch", **{f"k{n}": "v"}) for n in range(5)),
    )
    await engine.drain()
    found = await db.read(lambda tx: find_transaction(tx, row.shard, payment.id, CLIENTS[0]))
    assert found is not None
    assert (found.amount, found.notes) == (-450, "Lunch")
    assert found.settled_at is not None
    assert len(await _read(db, payment, CLIENTS[0])) == 5

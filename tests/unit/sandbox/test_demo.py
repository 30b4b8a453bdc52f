"""The demo is a whole bank: books that prove, people who can sign in, the same for a seed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from minibank.accounts.store import list_cards
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BankError
from minibank.core.ids import shard_of
from minibank.db import Database, ReadTx, Row, open_database
from minibank.identity.passwords import require_password
from minibank.oauth.secrets import is_client_secret
from minibank.oauth.token_requests import TokenRequest, answer_token_request
from minibank.oauth.tokens import TokenRules
from minibank.payments.effects import EXPIRY
from minibank.payments.store import keys_of
from minibank.pots.store import list_pots
from minibank.sandbox.catalogue import read_catalogue
from minibank.sandbox.demo import DemoInfo, build_demo
from tests.support.databases import Databases
from tests.support.people import UnclearCommits

DAY = 86_400
SEED = "seed"
TABLES = ("users", "accounts", "cards", "merchants", "transactions", "entries", "outcomes")


@dataclass(frozen=True)
class Demo:
    """A demo, open: how to use it, and its books."""

    info: DemoInfo
    db: Database


_BUILT: dict[str, str] = {}


@pytest.fixture
async def demo(engine: str, databases: Databases, clock: FakeClock) -> AsyncIterator[Demo]:
    """A demo that was built once for all tests that leave its history alone."""
    if engine not in _BUILT:
        _BUILT[engine] = databases.new(engine)
    db = await open_database(_BUILT[engine], clock=clock)
    yield Demo(await build_demo(db, SEED), db)
    await db.close()


async def fetch(db: Database, sql: str, *values: int | str) -> Sequence[Row]:
    async def work(tx: ReadTx) -> Sequence[Row]:
        return await tx.fetch(sql, *values)

    return await db.read(work)


async def count_rows(db: Database) -> dict[str, int]:
    return {
        table: (await fetch(db, f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"] for table in TABLES
    }


def account_ids(info: DemoInfo) -> set[str]:
    return {account.id for user in info.users for account in user.accounts}


async def test_the_books_of_a_demo_prove(demo):
    report = await audit(demo.db)
    assert report.clean, report
    rows = await count_rows(demo.db)
    assert rows["users"] == 4
    assert rows["accounts"] == 5
    assert rows["merchants"] == len(read_catalogue().merchants)
    assert 2_300 < rows["transactions"] < 3_300


async def test_building_twice_changes_nothing_and_tells_the_same(demo):
    rows = await count_rows(demo.db)
    assert await build_demo(demo.db, SEED) == demo.info
    assert await count_rows(demo.db) == rows


async def test_two_builders_at_once_build_one_demo(db):
    one, other = await asyncio.gather(build_demo(db, SEED), build_demo(db, SEED))
    assert one == other
    assert (await count_rows(db))["users"] == 4
    assert (await audit(db)).clean


async def test_an_unclear_commit_does_not_build_a_second_demo(db):
    info = await build_demo(UnclearCommits(db), SEED)
    rows = await count_rows(db)
    assert await build_demo(db, SEED) == info
    assert await count_rows(db) == rows
    assert rows["users"] == 4


async def test_ids_and_secrets_are_the_same_on_another_day_in_another_bank(demo, db, clock):
    clock.advance(100 * DAY)
    assert await build_demo(db, SEED) == demo.info


async def test_another_seed_does_not_fit_into_the_same_bank(demo):
    rows = await count_rows(demo.db)
    with pytest.raises(BankError, match="belongs to another user"):
        await build_demo(demo.db, "another")
    assert await count_rows(demo.db) == rows


async def test_everybody_can_sign_in_with_what_is_told(demo):
    assert is_client_secret(demo.info.client_secret)
    for user in demo.info.users:
        assert require_password(user.password)
        body = {
            "grant_type": "password",
            "client_id": demo.info.client_id,
            "client_secret": demo.info.client_secret,
            "username": user.email,
            "password": user.password,
        }
        answer = await answer_token_request(
            demo.db, TokenRequest(body, address="192.0.2.1"), TokenRules()
        )
        assert answer["user_id"] == user.user_id


async def test_people_have_the_accounts_and_cards_they_should(demo):
    types = [[account.type for account in user.accounts] for user in demo.info.users]
    assert types == [
        ["uk_retail"],
        ["uk_retail", "uk_retail_joint"],
        ["uk_retail", "uk_retail_joint"],
        ["uk_retail"],
    ]
    priya, tom = demo.info.users[1], demo.info.users[2]
    assert priya.accounts[1] == tom.accounts[1]
    maya = demo.info.users[0].accounts[0].id
    cards = await demo.db.read(lambda tx: list_cards(tx, maya))
    assert sorted(card.state for card in cards) == ["active", "blocked", "inactive"]
    assert all(card.expires_at > demo.db.clock.now() for card in cards)


async def test_people_save_in_pots_one_is_given_up_and_two_are_locked(demo):
    maya, priya, tom, eliot = demo.info.users
    assert [len(one.accounts[0].pot_ids) for one in (maya, priya, tom, eliot)] == [3, 1, 1, 0]
    assert priya.accounts[1].pot_ids == tom.accounts[1].pot_ids
    ids = [pot for user in demo.info.users for one in user.accounts for pot in one.pot_ids]
    pots = await demo.db.read(lambda tx: list_pots(tx, keys_of(ids)))
    names = {pot.name: pot for pot in pots.values()}
    assert names["Bicycle"].deleted_at is not None
    assert {name for name, pot in names.items() if pot.is_locked(demo.db.clock.now())} == {
        "Rainy day",
        "Guitar",
    }
    assert all(pot.balance > 0 for name, pot in names.items() if name != "Bicycle")


async def test_an_account_is_empty_and_the_others_are_full_of_life(demo):
    counts = {}
    for account_id in account_ids(demo.info):
        rows = await fetch(
            demo.db,
            "SELECT COUNT(*) AS n FROM transactions WHERE shard = $1 AND account_id = $2",
            shard_of(account_id) or 0,
            account_id,
        )
        counts[account_id] = rows[0]["n"]
    eliot = demo.info.users[3].accounts[0].id
    assert counts.pop(eliot) == 0
    assert min(counts.values()) > 350


async def test_only_holds_that_still_stand_have_work_that_falls_due_and_in_the_future(demo):
    open_holds = await fetch(
        demo.db, "SELECT id, expires_at FROM authorisations WHERE state = 'open'"
    )
    due = await fetch(demo.db, f"SELECT subject, due_at FROM due_work WHERE kind = '{EXPIRY}'")
    assert {row["id"]: row["expires_at"] for row in open_holds} == {
        row["subject"]: row["due_at"] for row in due
    }
    assert len(due) >= 3
    assert all(row["due_at"] > demo.db.clock.now() for row in due)


async def test_every_merchant_can_be_told_with_its_logo_and_address(demo):
    rows = await fetch(demo.db, "SELECT logo, postal_address, metadata FROM merchants")
    assert all(row["logo"].startswith("/logos/") for row in rows)
    assert all('"formatted":' in row["postal_address"] for row in rows)
    assert all(".example" in row["metadata"] for row in rows)

"""The same people, accounts and histories in every bank of a run.

Ids and tokens follow from a seed and the clock stands still, so that two banks filled alike answer
alike, to the byte, and one static answer is the limit of both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from minibank.accounts.opening import NewAccount, issue_card, open_account
from minibank.app.books import World, open_books
from minibank.core.clock import MICROSECONDS, FakeClock
from minibank.core.errors import BankError
from minibank.core.ids import SeededIds, shard_of
from minibank.db import Database, Tx
from minibank.identity.users import NewUser, create_user
from minibank.oauth.clients import NewClient, create_client
from minibank.oauth.grants import issue_pair
from minibank.oauth.records import Client
from minibank.oauth.tokens import NewPair, TokenRules
from minibank.operators.keys import create_key, new_key_secret
from minibank.payments.commands import (
    AuthoriseCard,
    Command,
    Counterparty,
    PresentCard,
    ReceiveTransfer,
    TopUp,
)
from minibank.payments.engine import Engine
from minibank.settings import Settings
from minibank.transactions.records import MerchantRecord
from minibank.transactions.store import insert_merchants

HOUR = 3600 * MICROSECONDS
DAY = 24 * HOUR
MERCHANTS = 60
ISSUER = "benchmark"
PEOPLE_AT_ONCE = 100
HOLD_SECONDS = 300 * 86_400
"""Longer than any run: what expires meanwhile would change the answers."""
EMPLOYER = Counterparty(name="Employer Ltd", sort_code="112233", account_number="12345678")
PENCE = 10**12
"""What every account has: more than a run can spend."""

_SEED = "benchmark"
_CATEGORIES = ("groceries", "eating_out", "transport", "bills", "shopping", "entertainment")


@dataclass(frozen=True, slots=True)
class Holder:
    """An account, its card, and a token of its owner."""

    account_id: str
    card_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Filled:
    """What a bank holds: those who read, those who pay, the one on whom all payments may fall.

    `histories` are readers too, one for each size asked for, still without a history. `quiet` is
    somebody with another client than everybody else. `operator_key` moves money.
    """

    readers: list[Holder]
    payers: list[Holder]
    hot: Holder
    histories: list[Holder]
    merchants: list[str]
    quiet: Holder
    operator_key: str


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each there are; `pages` is the number of transactions that a reader has."""

    readers: int
    payers: int
    pages: int
    histories: int


async def fill(settings: Settings, now: int, size: Size) -> Filled:
    """Create a bank and everything in it, at the instant `now`."""
    world = World(FakeClock(now), SeededIds(_SEED))
    async with open_books(settings, creates=True, world=world) as db:
        client = await _add_client(db)
        merchants = _merchants(now)
        await db.transact(lambda tx: insert_merchants(tx, merchants))
        count = size.readers + size.payers + 1 + size.histories
        holders: list[Holder] = []
        for first in range(0, count, PEOPLE_AT_ONCE):
            numbers = range(first, min(first + PEOPLE_AT_ONCE, count))
            holders += await _add_people(db, client, numbers)
        [quiet] = await _add_people(db, await _add_client(db), range(count, count + 1))
        readers, rest = holders[: size.readers], holders[size.readers :]
        payers, (hot, *histories) = rest[: size.payers], rest[size.payers :]
        names = [merchant.id for merchant in merchants]
        for reader in readers:
            await _execute(db, _life(reader, names, now, size.pages))
        await _execute(db, [_funds(holder, now) for holder in (*payers, hot)])
        operator_key = new_key_secret(db.ids.scope("operator key"))
        await db.transact(lambda tx: create_key(tx, "Benchmark", ["rails"], operator_key))
    return Filled(readers, payers, hot, histories, names, quiet, operator_key)


async def _add_client(db: Database) -> Client:
    client, _ = await db.transact(lambda tx: create_client(tx, NewClient(name="Benchmark")))
    return client


def _merchants(now: int) -> list[MerchantRecord]:
    ids = SeededIds(_SEED, "merchants")
    return [_merchant(ids, number, now - 400 * DAY) for number in range(MERCHANTS)]


def _merchant(ids: SeededIds, number: int, created_at: int) -> MerchantRecord:
    address = {
        "short_formatted": f"{number} High St, London N1 1AA",
        "formatted": f"{number} High St, London N1 1AA, United Kingdom",
        "address": f"{number} High St",
        "city": "London",
        "region": "Greater London",
        "country": "GBR",
        "postcode": "N1 1AA",
        "latitude": 51.5415,
        "longitude": -0.0848,
        "zoom_level": 17,
        "approximate": False,
    }
    return MerchantRecord(
        id=ids.new("merch", 0, created_at),
        group_id=ids.new("grp", 0, created_at),
        name=f"The Example Shop {number}",
        logo="/logos/hartwold.png",
        emoji="🛒",
        category=_CATEGORIES[number % len(_CATEGORIES)],
        online=number % 5 == 0,
        atm=False,
        postal_address=msgspec.json.encode(address).decode(),
        metadata='{"website":"example.com"}',
        created_at=created_at,
        updated_at=created_at,
    )


async def _add_people(db: Database, client: Client, numbers: range) -> list[Holder]:
    async def work(tx: Tx) -> list[Holder]:
        return [await _add_person(tx, client, number) for number in numbers]

    return await db.transact(work)


async def _add_person(tx: Tx, client: Client, number: int) -> Holder:
    ids = tx.ids.scope(f"person {number}")
    new = NewUser(email=f"person-{number}@example.com", name=f"Person {number}")
    user = await create_user(tx, new, ids=ids)
    account = await open_account(tx, NewAccount(type="uk_retail", owners=[user.id]), ids=ids)
    card = await issue_card(tx, account.id, user.id, ids=ids)
    shard = shard_of(user.id)
    assert shard is not None, "the user was just made"
    pair = NewPair.draw(ids, shard, client)
    await issue_pair(tx, client, user.id, pair, TokenRules())
    return Holder(account.id, card.id, pair.access)


def _funds(holder: Holder, at: int) -> Command:
    return TopUp(
        issuer=ISSUER, account_id=holder.account_id, id="funds", amount=PENCE, at=at - 300 * DAY
    )


def _life(holder: Holder, merchants: Sequence[str], now: int, count: int) -> list[Command]:
    """Funds, then a transaction every hour until just before `now`."""
    return [_funds(holder, now), *_days(holder, merchants, now - count * HOUR, count - 1)]


def _days(holder: Holder, merchants: Sequence[str], start: int, count: int) -> Iterator[Command]:
    """Card payments, most of them settled, and a transfer in now and then."""
    for number in range(count):
        shop = number % len(merchants)
        common: dict[str, Any] = {
            "issuer": ISSUER,
            "account_id": holder.account_id,
            "id": f"life-{number}",
            "at": start + number * HOUR,
            "amount": 100 + 37 * (number % 90),
        }
        bought = common | {
            "card_id": holder.card_id,
            "merchant_id": merchants[shop],
            "description": f"THE EXAMPLE SHOP {shop:<8} LONDON        GBR",
        }
        if number % 20 == 0:
            yield ReceiveTransfer(description="Pay", counterparty=EMPLOYER, **common)
        elif number % 10 == 1:
            yield AuthoriseCard(hold_seconds=HOLD_SECONDS, **bought)
        else:
            yield PresentCard(**bought)


async def _execute(db: Database, commands: Sequence[Command]) -> None:
    """Execute all of them; every one must be done."""
    engine = Engine(db)
    for answer in await engine.execute_many(commands):
        if isinstance(answer, BankError):
            raise answer
        assert answer.status == "done", f"a payment of the benchmark's world was {answer.status}"
    await engine.drain()

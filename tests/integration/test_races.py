"""Races: many at once on the same money, from one server and from two."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from minibank.accounts.opening import set_account_state, set_card_state, set_overdraft_limit
from minibank.accounts.records import AccountState, CardState
from minibank.audit import audit
from minibank.core.errors import BankError
from minibank.db import Database, open_database
from minibank.payments.commands import Outcome
from minibank.payments.engine import Engine
from tests.support.banking import Funds, Holder, Orders, open_holder, open_holders, read_funds
from tests.support.saboteur import Saboteur
from tests.support.traffic import Traffic

PRICE = 100


@dataclass(frozen=True, slots=True)
class Server:
    """What one process has: its own connections to the bank, and its engine."""

    db: Database
    engine: Engine


@asynccontextmanager
async def two_servers(url: str) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers of the same bank."""
    databases = [await open_database(url) for _ in range(2)]
    yield Server(databases[0], Engine(databases[0])), Server(databases[1], Engine(databases[1]))
    for db in databases:
        await db.close()


async def require_sound_books(db: Database) -> None:
    """Nothing was lost, and nobody had to be killed; call it when the servers have closed.

    A connection tells the statistics of its deadlocks when it ends, if not before.
    """
    if db.engine == "postgres":
        row = await db.read(
            lambda tx: tx.fetch_one(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            )
        )
        assert row
        assert row["deadlocks"] == 0
    assert (await audit(db)).findings == []


async def approved(calls: list[Awaitable[Outcome]]) -> tuple[int, int]:
    """How many of these payments were approved and how many declined."""
    statuses = Counter(outcome.status for outcome in await asyncio.gather(*calls))
    return statuses["done"], statuses["declined"]


async def test_eight_payments_on_a_balance_for_three_approve_exactly_three(db: Database) -> None:
    ada, orders = await open_holder(db, 3 * PRICE), Orders()
    engine = Engine(db)
    calls = [engine.execute(orders.authorise(ada, PRICE)) for _ in range(8)]
    assert await approved([*calls]) == (3, 5)
    assert await read_funds(db, ada) == Funds(booked=3 * PRICE, held=3 * PRICE)


async def test_eight_payments_at_two_servers_approve_exactly_three(
    db: Database, database_url: str
) -> None:
    ada, orders = await open_holder(db, 3 * PRICE), Orders()
    async with two_servers(database_url) as servers:
        calls = [servers[n % 2].engine.execute(orders.authorise(ada, PRICE)) for n in range(8)]
        assert await approved([*calls]) == (3, 5)
    assert await read_funds(db, ada) == Funds(booked=3 * PRICE, held=3 * PRICE)
    await require_sound_books(db)


async def test_the_same_payment_at_two_servers_is_made_once(
    db: Database, database_url: str
) -> None:
    ada, orders = await open_holder(db, 10_000), Orders()
    async with two_servers(database_url) as servers:
        for _ in range(20):
            command = orders.authorise(ada, PRICE)
            calls = [servers[n % 2].engine.execute(command) for n in range(6)]
            outcomes = await asyncio.gather(*calls)
            assert outcomes == [outcomes[0]] * 6
    assert (await read_funds(db, ada)).held == 20 * PRICE
    await require_sound_books(db)


async def test_money_sent_both_ways_at_once_arrives_and_never_deadlocks(
    db: Database, database_url: str
) -> None:
    ada, brian = await open_holder(db, 1000), await open_holder(db, 1000)
    orders = Orders()
    async with two_servers(database_url) as (one, other):
        for _ in range(25):
            await asyncio.gather(
                one.engine.execute(orders.between(ada, brian, 10)),
                other.engine.execute(orders.between(brian, ada, 10)),
            )
    assert (await read_funds(db, ada)).available == 1000
    assert (await read_funds(db, brian)).available == 1000
    await require_sound_books(db)


async def test_under_load_commits_are_far_fewer_than_commands(db: Database) -> None:
    holders = await open_holders(db, 5)
    engine, orders = Engine(db), Orders()
    calls = [engine.execute(orders.top_up(holders[n % 5], 1)) for n in range(2000)]
    await asyncio.gather(*calls)
    commands, commits = engine.counters.commands, engine.counters.commits
    print(f"commands {commands} commits {commits}")
    assert commands == 2000
    assert commits * 50 <= commands


CARD_STATES: tuple[CardState, ...] = ("active", "blocked", "inactive")
ACCOUNT_STATES: tuple[AccountState, ...] = ("frozen", "open")
Change = Callable[[Database, Holder, int], Awaitable[object]]


async def change_card(db: Database, holder: Holder, turn: int) -> object:
    state = CARD_STATES[turn % len(CARD_STATES)]
    return await db.transact(lambda tx: set_card_state(tx, holder.card_id, state))


async def change_account(db: Database, holder: Holder, turn: int) -> object:
    state = ACCOUNT_STATES[turn % len(ACCOUNT_STATES)]
    return await db.transact(lambda tx: set_account_state(tx, holder.account_id, state))


async def change_limit(db: Database, holder: Holder, turn: int) -> object:
    limit = (500, 0, 10_000)[turn % 3]
    return await db.transact(lambda tx: set_overdraft_limit(tx, holder.account_id, limit))


CHANGES: dict[str, Change] = {
    "card state": change_card,
    "account state": change_account,
    "overdraft": change_limit,
}


async def test_all_verbs_raced_in_pairs_never_deadlock_and_keep_the_books(
    db: Database, database_url: str
) -> None:
    holders = await open_holders(db, 3, overdraft_limit=10_000)
    traffic = Traffic(holders, seed=7)
    await Engine(db).execute_many([traffic.orders.top_up(one, 100_000) for one in holders])

    async def act(server: Server, verb: str, turn: int) -> None:
        if verb not in CHANGES:
            await traffic.send(server.engine, traffic.draw(verb))
            return
        try:
            await CHANGES[verb](server.db, holders[turn % 3], turn)
        except BankError as refusal:
            traffic.answers.append(refusal)

    pairs = itertools.combinations_with_replacement([*traffic.verbs, *CHANGES], 2)
    async with two_servers(database_url) as (here, there):
        for turn, (one, other) in enumerate(pairs):
            await traffic.send(here.engine, traffic.draw("authorise"))
            for _ in range(3):
                await asyncio.gather(
                    act(here, one, turn), act(there, other, turn), act(here, other, turn)
                )
    refusals = [answer for answer in traffic.answers if isinstance(answer, BankError)]
    assert [one for one in refusals if one.status >= 500] == []
    await require_sound_books(db)


FACTS = {
    "overdraft": "UPDATE balances SET overdraft_limit = 0 WHERE shard = $1 AND account_id = $2",
    "card": "UPDATE cards SET state = 'blocked' WHERE shard = $1 AND account_id = $2",
    "account": "UPDATE accounts SET state = 'frozen' WHERE shard = $1 AND id = $2",
}


@pytest.mark.parametrize(
    ("fact", "reason"),
    [("overdraft", "INSUFFICIENT_FUNDS"), ("card", "CARD_BLOCKED"), ("account", "OTHER")],
)
async def test_a_decision_waits_for_whoever_is_changing_what_it_reads(
    db: Database, database_url: str, fact: str, reason: str
) -> None:
    ada = await open_holder(db, overdraft_limit=500)
    place = ada.shard, ada.account_id
    operator = await Saboteur.connect(database_url)
    if db.engine == "postgres":
        lock = "SELECT 1 FROM balances WHERE shard = $1 AND account_id = $2 FOR NO KEY UPDATE"
        await operator.run("BEGIN")
        await operator.run(lock, *place)
    else:
        await operator.run("BEGIN IMMEDIATE")
    await operator.run(FACTS[fact], *place)
    payment = asyncio.create_task(Engine(db).execute(Orders().authorise(ada, PRICE)))
    done, _ = await asyncio.wait([payment], timeout=0.3)
    assert not done
    await operator.run("COMMIT")
    await operator.leave(undo=False)
    assert (await payment).decline_reason == reason
    await require_sound_books(db)

"""What goes wrong fails alone, and what was lost on the way is done once."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from minibank.audit import audit
from minibank.core.errors import BadRequest, BankError, InternalService, Unavailable
from minibank.db import (
    BadData,
    Database,
    DatabaseUnavailable,
    LostRace,
    UniqueViolation,
    open_database,
)
from minibank.db.errors import StorageFull
from minibank.payments.commands import Command, Outcome
from minibank.payments.engine import Engine
from tests.support.banking import (
    Holder,
    Orders,
    dump_account,
    list_history,
    open_holder,
    open_holders,
    read_funds,
)
from tests.support.failing import AwayDatabase, GatedDatabase, PickyDatabase
from tests.support.people import UnclearCommits
from tests.support.saboteur import Saboteur
from tests.support.traffic import Traffic

COUNT = 500
PLACE = 321
orders = Orders()


async def execute_together(
    db: Database, holder: Holder, commands: list[Command]
) -> tuple[Engine, list[Outcome | BaseException]]:
    """The answers to commands that become one batch, because another is in flight meanwhile."""
    gate = GatedDatabase(db)
    engine = Engine(gate)
    first = asyncio.create_task(engine.execute(orders.top_up(holder, 1)))
    await gate.until_waiting()
    calls = [asyncio.create_task(engine.execute(command)) for command in commands]
    await asyncio.sleep(0)
    gate.open()
    await first
    return engine, await asyncio.gather(*calls, return_exceptions=True)


def with_poison(holder: Holder, poison: Command) -> list[Command]:
    commands: list[Command] = [orders.top_up(holder, 1) for _ in range(COUNT)]
    commands[PLACE] = poison
    return commands


def only_poison_failed(answers: list[Outcome | BaseException], error: type[BankError]) -> bool:
    failed = [n for n, answer in enumerate(answers) if not isinstance(answer, Outcome)]
    return failed == [PLACE] and isinstance(answers[PLACE], error)


async def test_a_decision_that_raises_fails_alone_among_500(
    db: Database, database_url: str
) -> None:
    ada = await open_holder(db, 1000)
    held = await Engine(db).execute(orders.authorise(ada, 100))
    assert held.authorisation_id
    saboteur = await Saboteur.connect(database_url)
    row = await saboteur.pick("transactions", f"id = '{held.transaction_id}'")
    await saboteur.delete("transactions", row)
    poison = orders.reverse(ada, held.authorisation_id)
    engine, answers = await execute_together(db, ada, with_poison(ada, poison))
    await saboteur.leave(undo=False)
    assert only_poison_failed(answers, InternalService)
    assert engine.counters.commits == 2
    assert (await read_funds(db, ada)).booked == 1000 + COUNT


@pytest.mark.parametrize("error", [BadData("22003"), UniqueViolation("23505")], ids=repr)
async def test_a_command_that_the_database_refuses_fails_alone_among_500(
    db: Database, error: Exception
) -> None:
    ada, brian = await open_holders(db, 2)
    poison = orders.top_up(brian, 1)
    picky = PickyDatabase(db, poison.id, error)
    _, answers = await execute_together(picky, ada, with_poison(ada, poison))
    assert only_poison_failed(answers, BadRequest)
    assert (await read_funds(db, ada)).booked == COUNT
    left = await dump_account(db, brian)
    assert [table for table, rows in left.items() if rows] == ["balances"]
    assert picky.refusals > 5
    assert (await audit(db)).clean
    assert isinstance(await Engine(db).execute(poison), Outcome)


async def test_a_real_violation_fails_alone_among_500(db: Database) -> None:
    ada, brian = await open_holders(db, 2)
    taken = orders.top_up(brian, 1, id=f"{ada.account_id}/rent/credit")
    await Engine(db).execute(taken)
    poison = orders.between(ada, brian, 1, id="rent")
    _, answers = await execute_together(db, ada, with_poison(ada, poison))
    assert only_poison_failed(answers, BadRequest)
    assert (await read_funds(db, ada)).booked == COUNT
    assert (await read_funds(db, brian)).booked == 1
    assert (await audit(db)).clean


async def test_several_poisonous_commands_fail_and_the_rest_keep_their_order(db: Database) -> None:
    ada, brian = await open_holders(db, 2)
    taken = [orders.top_up(brian, 1, id=f"{ada.account_id}/{n}/credit") for n in range(3)]
    await Engine(db).execute_many(taken)
    commands: list[Command] = [orders.top_up(ada, 1) for _ in range(60)]
    for n, place in enumerate((0, 29, 59)):
        commands[place] = orders.between(ada, brian, 1, id=str(n))
    _, answers = await execute_together(db, ada, commands)
    assert [n for n, one in enumerate(answers) if isinstance(one, BadRequest)] == [0, 29, 59]
    history = await list_history(db, ada)
    kept = [one.id for n, one in enumerate(commands) if n not in (0, 29, 59)]
    assert [one.dedupe_id for one in history[1:]] == kept


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DatabaseUnavailable("08006"), Unavailable),
        (LostRace("40001"), Unavailable),
        (StorageFull("53100"), Unavailable),
        (RuntimeError("a fault of ours"), InternalService),
    ],
    ids=repr,
)
async def test_when_the_database_fails_everybody_is_told_and_the_engine_goes_on(
    db: Database, error: Exception, told: type[BankError]
) -> None:
    ada = await open_holder(db)
    away = AwayDatabase(db)
    engine = Engine(away)
    away.error = error
    commands = [orders.top_up(ada, 1) for _ in range(5)]
    calls = [engine.execute(command) for command in commands]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [told] * 5
    assert len({id(answer) for answer in answers}) == 5
    away.error = None
    assert [one.balance for one in await asyncio.gather(*map(engine.execute, commands))] == [
        *range(1, 6)
    ]


async def test_what_was_committed_before_the_connection_broke_is_answered_and_done_once(
    db: Database,
) -> None:
    ada, brian = await open_holder(db, 5000), await open_holder(db)
    engine = Engine(UnclearCommits(db))
    held = await engine.execute(orders.authorise(ada, 300))
    assert held.authorisation_id
    commands: list[Command] = [
        orders.top_up(ada, 100),
        orders.between(ada, brian, 50),
        orders.authorise(ada, 10**6),
        orders.increment(ada, held.authorisation_id, 20),
        orders.reverse(ada, held.authorisation_id, 40),
        orders.present(ada, 250, held.authorisation_id),
        orders.present(ada, 60),
        orders.refund(ada, 5),
        orders.send(ada, 7),
    ]
    answers = await asyncio.gather(*map(engine.execute, commands))
    assert [one.status for one in answers] == ["done"] * 2 + ["declined"] + ["done"] * 6
    assert (await read_funds(db, ada)).available == 5000 + 100 - 50 - 250 - 60 + 5 - 7
    assert (await read_funds(db, brian)).available == 50
    before = await dump_account(db, ada)
    assert await Engine(db).execute_many(commands) == answers
    assert await dump_account(db, ada) == before
    assert (await audit(db)).clean


async def test_connections_that_break_lose_and_repeat_nothing(postgres_url: str) -> None:
    db = await open_database(postgres_url)
    admin = await asyncpg.connect(postgres_url)
    holders = await open_holders(db, 4, overdraft_limit=300)
    traffic, engine = Traffic(holders, seed=3), Engine(db)
    running = asyncio.create_task(traffic.run(engine, rounds=12, at_once=10))
    broken = 0
    while not running.done():
        broken += await break_connections(admin, postgres_url)
        await asyncio.sleep(0.05)
    await running
    for answer in traffic.answers:
        assert not isinstance(answer, InternalService)
    await engine.drain()
    assert (await audit(db)).findings == []
    assert broken > 0
    await admin.close()
    await db.close()


async def break_connections(admin: Any, url: str) -> int:
    """Break every connection that is in the middle of a unit of work; how many there were."""
    rows = await admin.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = $1 AND pid <> pg_backend_pid() AND state <> 'idle'",
        urlsplit(url).path.removeprefix("/"),
    )
    return len(rows)

"""Pots in a database: opened and changed, and how moves race with everything else."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from minibank.accounts.opening import set_account_state
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BadParam, BadRequest, BankError, Conflict, NotFound
from minibank.core.money import AMOUNT_MAX
from minibank.db import Database
from minibank.db.base import Work
from minibank.payments.commands import Command
from minibank.payments.engine import Engine
from minibank.pots.changes import (
    POTS_EVER_MAX,
    NewPot,
    create_pot,
    lock_pot,
    restyle_pot,
    set_goal,
    unlock_pot,
)
from minibank.pots.records import Pot
from minibank.pots.store import OwnPot, insert_pot
from tests.support.banking import Orders, list_history, open_holder, read_funds
from tests.support.callers import add_client
from tests.support.counting import CountingDatabase
from tests.support.outbox import list_told, listen
from tests.support.pots import POTS_MAX, list_all, open_pot, read_pot


def opening(new: NewPot) -> Work[OwnPot]:
    return lambda tx: create_pot(tx, new, POTS_MAX)


def with_goal(pot_id: str) -> Work[OwnPot]:
    return lambda tx: set_goal(tx, pot_id, 1)


ALL = ("transaction.created", "balance.updated", "pot.created", "pot.updated", "pot.deleted")


async def test_a_new_pot_is_empty_and_unlocked(db: Database, clock: FakeClock) -> None:
    ada = await open_holder(db)
    pot_id = await open_pot(db, ada, "Holiday 🏖️", style="beach_ball", goal_amount=5)
    assert await read_pot(db, ada, pot_id) == Pot(
        shard=ada.shard,
        id=pot_id,
        account_id=ada.account_id,
        name="Holiday 🏖️",
        style="beach_ball",
        goal_amount=5,
        created_at=clock.now(),
        updated_at=clock.now(),
    )


async def test_an_id_drawn_beforehand_opens_one_pot(db: Database) -> None:
    ada = await open_holder(db)
    drawn = db.ids.new("pot", ada.shard, db.clock.now())
    assert [await open_pot(db, ada, id=drawn) for _ in range(2)] == [drawn, drawn]
    assert len(await list_all(db, ada)) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " "),
        ("name", "x" * 101),
        ("name", "a\nb"),
        ("name", "a\x00b"),
        ("name", "\ud800"),
        ("style", "x" * 65),
        ("style", "\x1b[31m"),
        ("goal_amount", 0),
        ("goal_amount", -1),
        ("goal_amount", AMOUNT_MAX + 1),
    ],
)
async def test_what_will_not_do_is_refused_by_its_name(
    db: Database, field: str, value: Any
) -> None:
    ada = await open_holder(db)
    wanted: dict[str, Any] = {"name": "Holiday"} | {field: value}
    with pytest.raises(BadParam) as refused:
        await open_pot(db, ada, **wanted)
    assert refused.value.code == f"bad_request.bad_param.{field}"
    assert await list_all(db, ada) == []


async def test_pots_are_opened_only_in_open_accounts(db: Database) -> None:
    ada = await open_holder(db)
    await db.transact(lambda tx: set_account_state(tx, ada.account_id, "frozen"))
    with pytest.raises(Conflict):
        await open_pot(db, ada)
    for nobody in ("acc_123", "acc_0000B3wV5n0FxAjLRtSlPc"):
        with pytest.raises(NotFound):
            await db.transact(opening(NewPot(account_id=nobody, name="x")))


async def test_an_account_has_no_more_pots_than_it_may_and_a_deleted_one_makes_room(
    db: Database,
) -> None:
    ada, engine = await open_holder(db), Engine(db)
    new = NewPot(account_id=ada.account_id, name="One")
    first = (await db.transact(lambda tx: create_pot(tx, new, 2))).pot.id
    await db.transact(lambda tx: create_pot(tx, new, 2))
    with pytest.raises(BadRequest) as refused:
        await db.transact(lambda tx: create_pot(tx, new, 2))
    assert refused.value.code == "bad_request.too_many_pots"
    await engine.execute(Orders().delete_pot(ada, first))
    await db.transact(lambda tx: create_pot(tx, new, 2))
    assert [pot.deleted_at is not None for pot in await list_all(db, ada)] == [True, False, False]


async def test_an_account_has_had_only_so_many_pots(db: Database) -> None:
    ada = await open_holder(db)
    gone = Pot(shard=ada.shard, id="", account_id=ada.account_id, name="Gone", created_at=1,
               updated_at=1, deleted_at=1)  # fmt: skip

    async def fill(tx: Any) -> None:
        for number in range(POTS_EVER_MAX):
            await insert_pot(tx, msgspec.structs.replace(gone, id=f"pot_{number}"))

    await db.transact(fill)
    with pytest.raises(BadRequest):
        await open_pot(db, ada)


async def test_names_goals_and_locks_change_and_webhooks_are_told(
    db: Database, clock: FakeClock
) -> None:
    ada = await open_holder(db)
    app = (await add_client(db)).client.id
    webhook = await listen(db, app, ada, events=ALL)
    pot_id = await open_pot(db, ada)
    until = clock.now() + 10**12
    for change in (
        lambda tx: restyle_pot(tx, pot_id, name="Rain"),
        lambda tx: restyle_pot(tx, pot_id, style="cloud"),
        lambda tx: set_goal(tx, pot_id, 700),
        lambda tx: lock_pot(tx, pot_id, until),
        lambda tx: lock_pot(tx, pot_id),
        lambda tx: unlock_pot(tx, pot_id),
        lambda tx: set_goal(tx, pot_id, None),
    ):
        clock.advance(1)
        own = await db.transact(change)
        assert own.pot == await read_pot(db, ada, pot_id)
        assert own.pot.updated_at == clock.now()
        assert await db.transact(change) == own
    told = await list_told(db, webhook)
    assert [(one.event, one.subject) for one in told] == [
        ("pot.created", pot_id),
        *[("pot.updated", pot_id)] * 7,
    ]
    assert told[4].data["lock_type"] == "until_date"
    assert (told[3].data["goal_amount"], "goal_amount" in told[7].data) == (700, False)
    assert (await audit(db)).findings == []


async def test_a_deleted_pot_and_one_that_never_was_cannot_be_changed(db: Database) -> None:
    ada = await open_holder(db)
    pot_id = await open_pot(db, ada)
    await Engine(db).execute(Orders().delete_pot(ada, pot_id))
    with pytest.raises(BadParam):
        await db.transact(lambda tx: unlock_pot(tx, pot_id))
    for nothing in ("pot_1", "pot_0000B3wV5n0FxAjLRtSlPc"):
        with pytest.raises(NotFound):
            await db.transact(with_goal(nothing))


async def test_a_lock_must_lie_in_the_future(db: Database, clock: FakeClock) -> None:
    ada = await open_holder(db)
    pot_id = await open_pot(db, ada)
    with pytest.raises(BadParam) as refused:
        await db.transact(lambda tx: lock_pot(tx, pot_id, clock.now()))
    assert refused.value.code == "bad_request.bad_param.until"


async def test_moves_are_kept_told_and_proved(db: Database) -> None:
    ada, engine, orders = await open_holder(db, 1000), Engine(db), Orders()
    app = (await add_client(db)).client.id
    holiday, rain = await open_pot(db, ada), await open_pot(db, ada, "Rain")
    webhook = await listen(db, app, ada, events=ALL)
    await engine.execute(orders.deposit(ada, holiday, 300))
    await engine.execute(orders.deposit(ada, rain, 200))
    await engine.execute(orders.withdraw(ada, holiday, 100))
    await engine.execute(orders.delete_pot(ada, rain))
    assert (await read_funds(db, ada)).booked == 800
    assert [pot.balance for pot in await list_all(db, ada)] == [200, 0]
    told = await list_told(db, webhook)
    assert Counter(one.event for one in told) == {
        "transaction.created": 4,
        "balance.updated": 4,
        "pot.updated": 3,
        "pot.deleted": 1,
    }
    assert [one.data["balance"] for one in told if one.event == "pot.updated"] == [300, 200, 200]
    history = await list_history(db, ada)
    assert [one.amount for one in history] == [1000, -300, -200, 100, 200]
    assert (await audit(db)).findings == []


async def test_history_that_is_written_in_later_is_told_to_nobody(
    db: Database, clock: FakeClock
) -> None:
    ada = await open_holder(db)
    webhook = await listen(db, (await add_client(db)).client.id, ada, events=ALL)
    pot_id = await open_pot(db, ada)
    engine, orders, before = Engine(db), Orders(), clock.now() - 10**9
    await engine.execute(orders.top_up(ada, 100, at=before))
    await engine.execute(orders.deposit(ada, pot_id, 100, at=before + 10**6))
    assert [one.event for one in await list_told(db, webhook)] == ["pot.created"]


async def test_an_account_with_money_in_a_pot_is_not_closed(db: Database) -> None:
    ada, engine, orders = await open_holder(db, 100), Engine(db), Orders()
    pot_id = await open_pot(db, ada)
    await engine.execute(orders.deposit(ada, pot_id, 100))
    with pytest.raises(Conflict) as refused:
        await db.transact(lambda tx: set_account_state(tx, ada.account_id, "closed"))
    assert refused.value.code == "conflict.account_not_empty"


async def tried(engine: Engine, command: Command) -> str:
    try:
        return (await engine.execute(command)).status
    except BankError as refusal:
        return refusal.code


async def test_twenty_deposits_of_one_id_move_money_once(db: Database) -> None:
    ada, orders = await open_holder(db, 1000), Orders()
    pot_id = await open_pot(db, ada)
    engines = [Engine(db) for _ in range(4)]
    command = orders.deposit(ada, pot_id, 300, id="once")
    answers = [tried(engines[n % 4], command) for n in range(20)]
    assert Counter(await asyncio.gather(*answers)) == {"done": 20}
    assert (await read_funds(db, ada)).booked == 700
    assert (await read_pot(db, ada, pot_id)).balance == 300
    assert len(await list_history(db, ada)) == 2


async def test_deposits_and_card_payments_racing_on_one_balance_never_overdraw(
    db: Database,
) -> None:
    ada, orders = await open_holder(db, 1000), Orders()
    pot_id = await open_pot(db, ada)
    engines = [Engine(db) for _ in range(4)]
    commands = [
        orders.deposit(ada, pot_id, 100) if n % 2 else orders.authorise(ada, 100) for n in range(40)
    ]
    answers = Counter(
        await asyncio.gather(*(tried(engines[n % 4], one) for n, one in enumerate(commands)))
    )
    assert answers["done"] == 10
    assert answers["declined"] + answers["bad_request.insufficient_funds"] == 30
    funds, pot = await read_funds(db, ada), await read_pot(db, ada, pot_id)
    assert funds.available == 0
    assert funds.held + pot.balance == 1000
    assert (await audit(db)).findings == []


async def test_withdrawals_racing_on_one_pot_take_no_more_than_it_holds(db: Database) -> None:
    ada, orders = await open_holder(db, 500), Orders()
    pot_id = await open_pot(db, ada)
    engines = [Engine(db) for _ in range(4)]
    await engines[0].execute(orders.deposit(ada, pot_id, 500))
    commands: list[Command] = [orders.withdraw(ada, pot_id, 100) for _ in range(19)]
    commands.append(orders.delete_pot(ada, pot_id))
    answers = Counter(
        await asyncio.gather(*(tried(engines[n % 4], one) for n, one in enumerate(commands)))
    )
    assert 1 <= answers["done"] <= 6
    assert (await read_funds(db, ada)).booked == 500
    assert (await read_pot(db, ada, pot_id)).balance == 0
    assert (await audit(db)).findings == []


async def test_a_lock_racing_with_withdrawals_is_before_or_after_each(db: Database) -> None:
    ada, engine, orders = await open_holder(db, 500), Engine(db), Orders()
    pot_id = await open_pot(db, ada)
    await engine.execute(orders.deposit(ada, pot_id, 500))
    commands = [orders.withdraw(ada, pot_id, 10) for _ in range(20)]
    *answers, _ = await asyncio.gather(
        *(tried(engine, one) for one in commands),
        db.transact(lambda tx: lock_pot(tx, pot_id)),
    )
    taken = Counter(answers)["done"]
    assert Counter(answers) == Counter(
        {"done": taken, "forbidden.added_security": 20 - taken} if taken < 20 else {"done": 20}
    )
    assert await tried(engine, orders.withdraw(ada, pot_id, 10)) == "forbidden.added_security"
    pot = await read_pot(db, ada, pot_id)
    assert (pot.balance, pot.lock_type) == (500 - 10 * taken, "added_security")


def about_pots(counting: CountingDatabase) -> list[str]:
    """The statements that read or write pots; what is in them counts only for a `balance_max`."""
    return [sql for sql in counting.statements if "pots" in sql and "AS in_pots" not in sql]


async def test_pots_are_read_only_when_a_command_names_one(db: Database) -> None:
    ada, orders = await open_holder(db, 500), Orders()
    pot_id = await open_pot(db, ada)
    counting = CountingDatabase(db)
    engine = Engine(counting)
    await engine.execute(orders.authorise(ada, 1))
    assert not about_pots(counting)
    counting.statements.clear()
    await engine.execute(orders.deposit(ada, pot_id, 1))
    assert len(about_pots(counting)) == 2

"""A batch takes the same statements whether it holds one command of a kind or hundreds."""

import asyncio
import re

import pytest

from minibank.db import Database
from minibank.payments.commands import Command, Outcome, Suspend
from minibank.payments.decide import DECISIONS
from minibank.payments.engine import Engine
from tests.support.banking import Holder, Orders, add_merchant, open_holder, open_holders
from tests.support.callers import add_client
from tests.support.counting import CountingDatabase
from tests.support.failing import GatedDatabase
from tests.support.outbox import listen
from tests.support.pots import open_pot
from tests.support.rails import Rails, suspense_of

VERBS = sorted(str(one.__struct_config__.tag) for one in DECISIONS if one is not Suspend)
"""All but what is about the bank's own account, of which there is one."""
CHANGES = {"increment_authorisation", "reverse_authorisation", "expire_authorisation"}
orders = Orders()
rails = Rails("operator")


async def prepare(db: Database, verb: str, holders: list[Holder]) -> list[Command]:
    """A command of this type for each holder, to which the answer will be yes."""
    engine = Engine(db)
    merchant_id = await add_merchant(db)
    await engine.execute_many([orders.top_up(one, 1000) for one in holders])
    answers = await engine.execute_many(
        [orders.authorise(one, 100, merchant_id=merchant_id) for one in holders]
    )
    holds = [str(one.authorisation_id) for one in answers if isinstance(one, Outcome)]
    pairs = list(zip(holders, holds, strict=True))
    payees = [*holders[1:], holders[0]]
    pots = [(one, await open_pot(db, one)) for one in holders] if "pot" in verb else []
    await engine.execute_many([orders.deposit(one, pot_id, 10) for one, pot_id in pots])
    made: dict[str, list[Command]] = {
        "top_up": [orders.top_up(one, 1) for one in holders],
        "receive_transfer": [orders.receive(one, 1) for one in holders],
        "send_transfer": [orders.send(one, 1) for one in holders],
        "transfer_between": [
            orders.between(one, other, 1) for one, other in zip(holders, payees, strict=True)
        ],
        "authorise_card": [orders.authorise(one, 1, merchant_id=merchant_id) for one in holders],
        "increment_authorisation": [orders.increment(one, hold, 1) for one, hold in pairs],
        "reverse_authorisation": [orders.reverse(one, hold) for one, hold in pairs],
        "expire_authorisation": [orders.expire(one, hold) for one, hold in pairs],
        "present_card": [orders.present(one, 100, hold) for one, hold in pairs],
        "refund_card": [orders.refund(one, 1, merchant_id=merchant_id) for one in holders],
        "deposit_into_pot": [orders.deposit(one, pot_id, 1) for one, pot_id in pots],
        "withdraw_from_pot": [orders.withdraw(one, pot_id, 1) for one, pot_id in pots],
        "delete_pot": [orders.delete_pot(one, pot_id) for one, pot_id in pots],
    }
    return made[verb] if verb in made else await prepare_rail(db, verb, holders)


async def prepare_rail(db: Database, verb: str, holders: list[Holder]) -> list[Command]:
    """The same of the commands that put money movements in, and that follow others."""
    bank = await suspense_of(db)
    sources: dict[str, list[Command]] = {
        "return_transfer": [rails.send(one, 2) for one in holders],
        "reject_transfer": [rails.send(one, 2) for one in holders],
        "send_transfer_back": [rails.receive(one, 2) for one in holders],
        "reverse_fee": [rails.fee(one, 2) for one in holders],
        "open_chargeback": [rails.present(one, 2) for one in holders],
        "resolve_chargeback": [rails.present(one, 2) for one in holders],
        "resolve_suspense": [rails.suspend(bank, 2) for _ in holders],
    }
    answers = await Engine(db).execute_many(sources.get(verb, []))
    ids = [str(one.transaction_id) for one in answers if isinstance(one, Outcome)]
    pairs = list(zip(holders, ids, strict=True)) if ids else []
    if verb == "resolve_chargeback":
        await Engine(db).execute_many([rails.dispute(one, paid) for one, paid in pairs])
    made: dict[str, list[Command]] = {
        "return_transfer": [rails.come_back(*pair) for pair in pairs],
        "reject_transfer": [rails.reject(*pair) for pair in pairs],
        "send_transfer_back": [rails.send_back(*pair) for pair in pairs],
        "reverse_fee": [rails.unfee(*pair) for pair in pairs],
        "open_chargeback": [rails.dispute(*pair) for pair in pairs],
        "resolve_chargeback": [rails.resolve(*pair, "lost") for pair in pairs],
        "resolve_suspense": [rails.clear(bank, stands, one) for one, stands in pairs],
        "deposit_cash": [rails.pay_in(one, 1) for one in holders],
        "withdraw_cash": [rails.pay_out(one, 1) for one in holders],
        "charge_fee": [rails.fee(one, 1) for one in holders],
        "adjust_balance": [rails.adjust(one, -1) for one in holders],
    }
    return made[verb]


async def statements(db: Database, blocker: Command, commands: list[Command]) -> list[str]:
    """What one batch of these commands runs; they gather while `blocker` is in flight."""
    counting = CountingDatabase(db)
    gate = GatedDatabase(counting)
    engine = Engine(gate)
    blocking = asyncio.create_task(engine.execute(blocker))
    await gate.until_waiting()
    calls = [asyncio.create_task(engine.execute(command)) for command in commands]
    await asyncio.sleep(0)
    gate.let_in()
    await blocking
    await gate.until_waiting()
    counting.statements.clear()
    gate.open()
    outcomes = await asyncio.gather(*calls)
    assert {one.status for one in outcomes} == {"done"}
    assert engine.counters.commits == 2
    return [re.sub(r"\s+", " ", one).strip() for one in counting.statements]


@pytest.mark.parametrize("verb", VERBS)
async def test_the_statements_of_a_batch_do_not_grow_with_it(db: Database, verb: str) -> None:
    holders = await open_holders(db, 41)
    one, *many = await prepare(db, verb, holders)
    alone = await statements(db, orders.top_up(holders[0], 1), [one])
    together = await statements(db, orders.top_up(holders[0], 1), many)
    assert together == alone
    assert len(alone) <= 21


@pytest.mark.parametrize("verb", VERBS)
async def test_who_listens_costs_as_many_statements_however_many_there_are(
    db: Database, verb: str
) -> None:
    holders = await open_holders(db, 11)
    one, *many = await prepare(db, verb, holders)
    unheard = await statements(db, orders.top_up(holders[0], 1), [orders.renamed(one)])
    client_id = (await add_client(db)).client.id
    for holder in holders:
        for _ in range(2):
            await listen(db, client_id, holder)
    alone = await statements(db, orders.top_up(holders[0], 1), [many[0]])
    together = await statements(db, orders.top_up(holders[0], 1), many[1:])
    assert together == alone
    is_told = verb not in {*CHANGES, "present_card"}
    told = ["UPDATE webhooks", "INSERT INTO deliveries"]
    assert [one for one in alone if one in told] == (told if is_told else [])
    assert len(alone) - len(unheard) == (3 if is_told else 1)


async def test_an_account_without_webhooks_costs_no_statement_for_them(db: Database) -> None:
    holder, other = await open_holders(db, 2)
    await listen(db, (await add_client(db)).client.id, other)
    said = await statements(db, orders.top_up(holder, 1), [orders.top_up(holder, 1)])
    assert not any("FROM webhooks" in one and "EXISTS" not in one for one in said)
    assert not any("deliveries" in one for one in said)


async def test_a_batch_of_everything_takes_as_many_statements_for_500_commands(
    db: Database,
) -> None:
    holder = await open_holder(db)
    few: list[Command] = [orders.top_up(holder, 10_000), orders.authorise(holder, 1)]
    many: list[Command] = [orders.top_up(holder, 1) for _ in range(250)]
    many += [orders.authorise(holder, 1) for _ in range(250)]
    blockers = [orders.top_up(holder, 1) for _ in range(2)]
    assert await statements(db, blockers[0], few) == await statements(db, blockers[1], many)

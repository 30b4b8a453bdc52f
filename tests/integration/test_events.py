"""More events than the documented one, for those who asked for them by name."""

from typing import Any

import pytest

from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.webhooks.events import EVENTS, Event
from tests.support.banking import Holder, Orders, open_holder
from tests.support.callers import add_client
from tests.support.outbox import list_told, listen

orders = Orders("events")


@pytest.fixture
async def holder(db: Database) -> Holder:
    return await open_holder(db, 1_000)


@pytest.fixture
def money(db: Database) -> Engine:
    return Engine(db)


async def hears(db: Database, holder: Holder, *events: Event):
    """A webhook for these events; what it was told, as pairs of event and data."""
    client = (await add_client(db)).client
    webhook = await listen(db, client.id, holder, events=events or EVENTS)

    async def told() -> list[tuple[str, dict[str, Any]]]:
        return [(one.event, one.data) for one in await list_told(db, webhook)]

    return told


async def test_each_change_of_a_card_payment_is_told_to_who_asked(
    db: Database, money: Engine, holder: Holder
) -> None:
    told = await hears(db, holder)
    hold = str((await money.execute(orders.authorise(holder, 100))).authorisation_id)
    await money.execute(orders.increment(holder, hold, 50))
    await money.execute(orders.present(holder, 120, hold))
    assert [(event, data.get("balance"), data.get("amount")) for event, data in await told()] == [
        ("transaction.created", None, -100),
        ("balance.updated", 900, None),
        ("transaction.updated", None, -150),
        ("balance.updated", 850, None),
        ("transaction.updated", None, -120),
        ("transaction.settled", None, -120),
        ("balance.updated", 880, None),
    ]


async def test_a_reversal_and_an_expiry_are_told_as_such(
    db: Database, money: Engine, holder: Holder
) -> None:
    told = await hears(db, holder, "transaction.reversed", "transaction.updated")
    one = str((await money.execute(orders.authorise(holder, 100))).authorisation_id)
    other = str((await money.execute(orders.authorise(holder, 100))).authorisation_id)
    await money.execute(orders.reverse(holder, one))
    await money.execute(orders.expire(holder, other))
    assert [event for event, _ in await told()] == [
        "transaction.updated",
        "transaction.reversed",
        "transaction.updated",
        "transaction.reversed",
    ]
    assert {data["amount"] for _, data in await told()} == {0}


async def test_a_declined_payment_is_told_twice_to_who_asked_for_both(
    db: Database, money: Engine, holder: Holder
) -> None:
    told = await hears(db, holder)
    await money.execute(orders.authorise(holder, 10**6))
    (first, created), (second, declined) = await told()
    assert (first, second) == ("transaction.created", "transaction.declined")
    assert created == declined
    assert declined["decline_reason"] == "INSUFFICIENT_FUNDS"


async def test_a_balance_says_whose_it_is_and_what_moved_it(
    db: Database, money: Engine, holder: Holder
) -> None:
    told = await hears(db, holder, "balance.updated")
    outcome = await money.execute(orders.top_up(holder, 5))
    [(_, data)] = await told()
    assert data == {
        "account_id": holder.account_id,
        "balance": 1_005,
        "currency": "GBP",
        "transaction_id": outcome.transaction_id,
    }


async def test_balances_of_one_batch_follow_each_other(
    db: Database, money: Engine, holder: Holder
) -> None:
    told = await hears(db, holder, "balance.updated")
    await money.execute_many([orders.top_up(holder, 1) for _ in range(3)])
    assert [data["balance"] for _, data in await told()] == [1_001, 1_002, 1_003]


async def test_a_transfer_between_customers_is_told_to_each_of_their_own_side(
    db: Database, money: Engine, holder: Holder
) -> None:
    other = await open_holder(db)
    mine, theirs = await hears(db, holder), await hears(db, other)
    await money.execute(orders.between(holder, other, 10))
    for told, amount, balance in ((mine, -10, 990), (theirs, 10, 10)):
        (_, transaction), (event, data) = await told()
        assert transaction["amount"] == amount
        assert (event, data["balance"]) == ("balance.updated", balance)


@pytest.mark.parametrize("event", [one for one in EVENTS if one != "transaction.created"])
async def test_who_asked_for_something_else_is_not_told_of_a_new_transaction(
    db: Database, money: Engine, holder: Holder, event: Event
) -> None:
    told = await hears(db, holder, event)
    await money.execute(orders.top_up(holder, 1))
    assert {one for one, _ in await told()} <= {event} & {"balance.updated"}

"""The limits of an account: the engine judges by them, and counts a day without reading history."""

import asyncio
from typing import Any

import msgspec
import pytest

from minibank.accounts.limits import LimitChanges, set_limits
from minibank.accounts.opening import set_account_state
from minibank.accounts.records import Limits
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BadParam, Conflict, LimitExceeded, NotFound
from minibank.core.money import AMOUNT_MAX
from minibank.db import Database, open_database
from minibank.payments.commands import Outcome
from minibank.payments.engine import Engine
from minibank.worker.due import run_due
from tests.support.banking import (
    Holder,
    list_history,
    open_holder,
    read_funds,
    read_transaction,
)
from tests.support.counting import CountingDatabase
from tests.support.pots import open_pot
from tests.support.rails import Rails

orders = Rails()
DAY = 24 * 3600


async def limit(db: Database, holder: Holder, **limits: Any) -> Limits:
    """Change limits of an account."""
    changes = LimitChanges(**limits)
    return await db.transact(lambda tx: set_limits(tx, holder.account_id, changes))


async def spent(db: Database, holder: Holder) -> tuple[int, int]:
    """What is counted of the day, of cards and of transfers."""
    row = await db.read(
        lambda tx: tx.fetch_one(
            "SELECT card_spent, transfer_spent FROM balances WHERE shard = $1 AND account_id = $2",
            holder.shard,
            holder.account_id,
        )
    )
    assert row is not None
    return row["card_spent"], row["transfer_spent"]


def declined_by(outcome: Outcome) -> str | None:
    """The limit that a payment was declined by; None when it was approved."""
    if outcome.status == "done":
        assert (outcome.limit, outcome.decline_reason) == (None, None)
        return None
    assert outcome.decline_reason == "OTHER"
    return outcome.limit


async def test_a_payment_beyond_the_limit_of_one_is_declined_with_its_name(db: Database) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await limit(db, ada, payment_max=1000)
    assert declined_by(await engine.execute(orders.authorise(ada, 1000))) is None
    declined = await engine.execute(orders.authorise(ada, 1001))
    assert declined_by(declined) == "payment_max"
    record = await read_transaction(db, declined.transaction_id)
    assert record.decline_reason == "OTHER"
    assert msgspec.json.decode(record.metadata)["declined_by_limit"] == "payment_max"
    assert (await read_funds(db, ada)).held == 1000
    assert (await audit(db)).findings == []


async def test_cash_handed_out_is_no_larger_than_one_payment_may_be(db: Database) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await limit(db, ada, payment_max=1000)
    with pytest.raises(LimitExceeded, match="payment_max"):
        await engine.execute(orders.pay_out(ada, 1001))
    assert (await engine.execute(orders.pay_out(ada, 1000))).balance == 9000


async def test_money_in_pots_makes_no_room_for_more(db: Database) -> None:
    ada, engine = await open_holder(db, 1000), Engine(db)
    await limit(db, ada, balance_max=1200)
    pot_id = await open_pot(db, ada)
    moves = [orders.deposit(ada, pot_id, 900), orders.receive(ada, 201), orders.receive(ada, 200)]
    first, refused, last = await engine.execute_many(moves)
    assert isinstance(first, Outcome)
    assert isinstance(refused, LimitExceeded)
    assert isinstance(last, Outcome)
    assert last.balance == 300
    for more in (orders.receive(ada, 1), orders.pay_in(ada, 1)):
        with pytest.raises(LimitExceeded, match="balance_max"):
            await engine.execute(more)
    assert (await engine.execute(orders.withdraw(ada, pot_id, 900))).balance == 1200


async def test_an_increment_is_judged_by_what_the_payment_comes_to(db: Database) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await limit(db, ada, payment_max=1000)
    hold = (await engine.execute(orders.authorise(ada, 800))).authorisation_id
    assert hold
    assert declined_by(await engine.execute(orders.increment(ada, hold, 201))) == "payment_max"
    assert declined_by(await engine.execute(orders.increment(ada, hold, 200))) is None


async def test_too_little_money_is_told_before_a_limit(db: Database) -> None:
    ada, engine = await open_holder(db, 100), Engine(db)
    await limit(db, ada, payment_max=50)
    declined = await engine.execute(orders.authorise(ada, 200))
    assert (declined.decline_reason, declined.limit) == ("INSUFFICIENT_FUNDS", None)


async def test_a_card_check_for_nothing_breaks_no_limit(db: Database) -> None:
    ada, engine = await open_holder(db), Engine(db)
    await limit(db, ada, payment_max=0, card_daily_max=0)
    assert declined_by(await engine.execute(orders.authorise(ada, 0))) is None


async def test_card_payments_of_one_day_stay_within_its_limit(
    db: Database, clock: FakeClock
) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await limit(db, ada, card_daily_max=1000)
    assert declined_by(await engine.execute(orders.authorise(ada, 600))) is None
    assert declined_by(await engine.execute(orders.authorise(ada, 401))) == "card_daily_max"
    assert declined_by(await engine.execute(orders.authorise(ada, 400))) is None
    assert declined_by(await engine.execute(orders.authorise(ada, 1))) == "card_daily_max"
    assert await spent(db, ada) == (1000, 0)
    # 03:59:59 in London is still the same day, 04:00 is not.
    clock.advance(16 * 3600 - 1)
    assert declined_by(await engine.execute(orders.authorise(ada, 1))) == "card_daily_max"
    clock.advance(1)
    assert declined_by(await engine.execute(orders.authorise(ada, 1000))) is None
    assert await spent(db, ada) == (1000, 0)


async def test_what_is_given_back_on_the_same_day_can_be_spent_again(
    db: Database, clock: FakeClock
) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await limit(db, ada, card_daily_max=1000)
    hold = (await engine.execute(orders.authorise(ada, 1000))).authorisation_id
    assert hold
    await engine.execute(orders.reverse(ada, hold, 300))
    assert await spent(db, ada) == (700, 0)
    await engine.execute(orders.present(ada, 500, hold))
    assert await spent(db, ada) == (500, 0)
    assert declined_by(await engine.execute(orders.authorise(ada, 501))) == "card_daily_max"


async def test_undoing_yesterday_makes_no_room_for_today(db: Database, clock: FakeClock) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await limit(db, ada, card_daily_max=1000)
    hold = (await engine.execute(orders.authorise(ada, 1000))).authorisation_id
    assert hold
    clock.advance(DAY)
    await engine.execute(orders.authorise(ada, 1000))
    await engine.execute(orders.reverse(ada, hold))
    assert await spent(db, ada) == (1000, 0)
    assert declined_by(await engine.execute(orders.authorise(ada, 1))) == "card_daily_max"


async def test_a_presentment_counts_and_is_booked_whatever_the_limit(db: Database) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await limit(db, ada, card_daily_max=1000, payment_max=1000)
    assert (await engine.execute(orders.present(ada, 5000))).status == "done"
    assert await spent(db, ada) == (5000, 0)
    assert declined_by(await engine.execute(orders.authorise(ada, 1))) == "card_daily_max"


async def test_a_hold_that_expires_days_later_counts_for_nothing_then(
    db: Database, clock: FakeClock
) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await limit(db, ada, card_daily_max=1000)
    await engine.execute(orders.authorise(ada, 700, hold_seconds=3 * DAY))
    clock.advance(3 * DAY)
    await engine.execute(orders.authorise(ada, 900))
    await run_due(db, engine)
    assert await spent(db, ada) == (900, 0)


async def test_transfers_of_one_day_stay_within_its_limit(db: Database, clock: FakeClock) -> None:
    ada, brian, engine = await open_holder(db, 10_000), await open_holder(db), Engine(db)
    await limit(db, ada, transfer_daily_max=1000, payment_max=900)
    with pytest.raises(LimitExceeded) as large:
        await engine.execute(orders.send(ada, 901))
    assert large.value.params == {"limit": "payment_max"}
    await engine.execute(orders.send(ada, 600))
    await engine.execute(orders.between(ada, brian, 400))
    refused = orders.between(ada, brian, 1)
    with pytest.raises(LimitExceeded) as daily:
        await engine.execute(refused)
    assert (daily.value.code, daily.value.params) == (
        "bad_request.limit_exceeded",
        {"limit": "transfer_daily_max"},
    )
    # Card payments have a limit of their own, and a refused transfer left its id free.
    assert declined_by(await engine.execute(orders.authorise(ada, 900))) is None
    clock.advance(DAY)
    assert (await engine.execute(refused)).status == "done"
    assert len(await list_history(db, brian)) == 2


async def test_money_from_outside_stops_at_the_maximum_and_refunds_do_not(db: Database) -> None:
    ada, brian, engine = await open_holder(db, 900), await open_holder(db, 500), Engine(db)
    await limit(db, ada, balance_max=1000)
    for command in (
        orders.top_up(ada, 101),
        orders.receive(ada, 101),
        orders.between(brian, ada, 101),
    ):
        with pytest.raises(LimitExceeded) as refused:
            await engine.execute(command)
        assert refused.value.params == {"limit": "balance_max"}
    assert (await read_funds(db, brian)).booked == 500
    assert (await engine.execute(orders.receive(ada, 100))).status == "done"
    assert (await engine.execute(orders.refund(ada, 50))).balance == 1050
    assert (await audit(db)).findings == []


async def test_held_money_still_counts_towards_the_maximum(db: Database) -> None:
    ada, engine = await open_holder(db, 1000), Engine(db)
    await limit(db, ada, balance_max=1000)
    await engine.execute(orders.authorise(ada, 500))
    with pytest.raises(LimitExceeded):
        await engine.execute(orders.receive(ada, 1))


async def test_a_new_daily_limit_knows_what_the_day_has_seen(
    db: Database, clock: FakeClock
) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await engine.execute(orders.authorise(ada, 5))
    clock.advance(DAY)
    hold = (await engine.execute(orders.authorise(ada, 600))).authorisation_id
    assert hold
    await engine.execute(orders.reverse(ada, hold, 100))
    await engine.execute(orders.authorise(ada, 50_000))
    await engine.execute(orders.send(ada, 70))
    assert await spent(db, ada) == (0, 0)
    await limit(db, ada, card_daily_max=1000)
    assert await spent(db, ada) == (500, 70)
    await limit(db, ada, transfer_daily_max=100)
    with pytest.raises(LimitExceeded):
        await engine.execute(orders.send(ada, 31))
    assert declined_by(await engine.execute(orders.authorise(ada, 501))) == "card_daily_max"


async def test_a_limit_that_is_taken_away_is_gone_at_the_next_payment(db: Database) -> None:
    ada, engine = await open_holder(db, 10_000), Engine(db)
    await limit(db, ada, payment_max=1, card_daily_max=1, balance_max=1)
    assert declined_by(await engine.execute(orders.authorise(ada, 2))) == "payment_max"
    after = await limit(db, ada, payment_max=None, card_daily_max=None)
    assert after == Limits(overdraft_limit=0, balance_max=1)
    assert declined_by(await engine.execute(orders.authorise(ada, 2))) is None


@pytest.mark.parametrize(
    "name",
    ["overdraft_limit", "payment_max", "card_daily_max", "transfer_daily_max", "balance_max"],
)
async def test_limits_out_of_range_are_refused_by_name(db: Database, name: str) -> None:
    ada = await open_holder(db)
    for amount in (-1, AMOUNT_MAX + 1):
        with pytest.raises(BadParam) as refused:
            await limit(db, ada, **{name: amount})
        assert refused.value.code == f"bad_request.bad_param.{name}"
    assert getattr(await limit(db, ada, **{name: AMOUNT_MAX}), name) == AMOUNT_MAX


async def test_a_closed_account_and_none_have_no_limits_to_change(db: Database) -> None:
    ada = await open_holder(db)
    await db.transact(lambda tx: set_account_state(tx, ada.account_id, "closed"))
    with pytest.raises(Conflict):
        await limit(db, ada, payment_max=1)
    with pytest.raises(NotFound):
        await db.transact(lambda tx: set_limits(tx, "acc_x", LimitChanges(payment_max=1)))


async def test_payments_at_once_at_two_servers_stay_within_the_limit_of_a_day(
    db: Database, database_url: str
) -> None:
    ada = await open_holder(db, 100_000)
    await limit(db, ada, card_daily_max=300, transfer_daily_max=300)
    other = await open_database(database_url, clock=db.clock)
    engines = (Engine(db), Engine(other))
    cards = [engines[n % 2].execute(orders.authorise(ada, 100)) for n in range(8)]
    sent = [engines[n % 2].execute(orders.send(ada, 100)) for n in range(8)]
    answers = await asyncio.gather(*cards, *sent, return_exceptions=True)
    await other.close()
    statuses = [one.status for one in answers[:8] if isinstance(one, Outcome)]
    assert (statuses.count("done"), statuses.count("declined")) == (3, 5)
    assert sum(isinstance(one, LimitExceeded) for one in answers[8:]) == 5
    assert await spent(db, ada) == (300, 300)


async def test_limits_cost_a_payment_no_query_but_the_one_that_counts(
    db: Database, clock: FakeClock
) -> None:
    ada, brian = await open_holder(db, 1000), await open_holder(db, 1000)
    counting = CountingDatabase(db)
    engine = Engine(counting)
    await engine.execute(orders.authorise(brian, 1))
    plain = len(counting.statements)
    await limit(db, ada, payment_max=100, balance_max=5000)
    counting.statements.clear()
    await engine.execute(orders.authorise(ada, 1))
    assert len(counting.statements) == plain
    await limit(db, ada, card_daily_max=100)
    counting.statements.clear()
    await engine.execute(orders.authorise(ada, 1))
    assert len(counting.statements) == plain + 1

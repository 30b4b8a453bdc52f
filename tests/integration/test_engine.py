"""The engine against a database: what it reads there decides, and what it decides is there."""

import asyncio
from typing import Any

import msgspec
import pytest

from minibank.accounts.opening import set_account_state, set_card_state, set_overdraft_limit
from minibank.accounts.records import AccountState, CardState
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BankError, Conflict, InsufficientFunds, NotFound
from minibank.core.ids import milliseconds_of, shard_of
from minibank.db import Database, ReadTx, Tx, open_database
from minibank.payments.commands import Command, Outcome
from minibank.payments.engine import Engine, EngineSettings
from tests.support.banking import (
    Funds,
    Holder,
    Orders,
    add_merchant,
    dump_account,
    list_history,
    open_holder,
    open_holders,
    read_funds,
    read_transaction,
)
from tests.support.rails import Rails

WEEK = 7 * 24 * 3600 * 1_000_000
EUROS: dict[str, Any] = {"local_amount": 1200, "local_currency": "EUR"}
orders = Orders()


async def due_work(db: Database, holder: Holder) -> list[tuple[str, str, int]]:
    async def work(tx: ReadTx) -> list[tuple[str, str, int]]:
        rows = await tx.fetch(
            "SELECT kind, subject, due_at FROM due_work WHERE shard = $1 AND account_id = $2",
            holder.shard,
            holder.account_id,
        )
        return [(row["kind"], row["subject"], row["due_at"]) for row in rows]

    return await db.read(work)


async def hold(engine: Engine, holder: Holder, amount: int, **more: Any) -> str:
    outcome = await engine.execute(orders.authorise(holder, amount, **more))
    assert outcome.authorisation_id is not None
    return outcome.authorisation_id


async def test_a_payment_from_authorisation_to_settlement_is_one_row_that_changes(
    db: Database, clock: FakeClock
) -> None:
    ada, engine = await open_holder(db, 5000), Engine(db)
    merchant_id = await add_merchant(db)
    command = orders.authorise(ada, 1000, merchant_id=merchant_id, metadata={"mcc": "1"}, **EUROS)
    asked = await engine.execute(command)
    pending = await read_transaction(db, asked.transaction_id)
    assert pending.amount_is_pending
    assert await read_funds(db, ada) == Funds(booked=5000, held=1000)
    clock.advance(3600)
    done = await engine.execute(orders.present(ada, 900, asked.authorisation_id))
    settled = await read_transaction(db, asked.transaction_id)
    assert done.transaction_id == asked.transaction_id
    assert settled == msgspec.structs.replace(
        pending,
        amount=-900,
        local_amount=-1080,
        settled_at=clock.now(),
        updated_at=clock.now(),
        amount_is_pending=False,
        version=pending.version + 1,
    )
    assert await read_funds(db, ada) == Funds(booked=4100, held=0)


async def test_a_row_is_what_the_command_said(db: Database, clock: FakeClock) -> None:
    joint, engine = await open_holder(db, 1000, owners=2), Engine(db)
    merchant_id = await add_merchant(db)
    command = orders.authorise(joint, 100, merchant_id=merchant_id, metadata={"mcc": "1"}, **EUROS)
    outcome = await engine.execute(command)
    transaction = await read_transaction(db, outcome.transaction_id)
    assert msgspec.structs.asdict(transaction) == {
        "shard": joint.shard,
        "id": outcome.transaction_id,
        "account_id": joint.account_id,
        "created_at": clock.now() + 1,
        "updated_at": clock.now() + 1,
        "settled_at": None,
        "kind": "card",
        "amount": -100,
        "currency": "GBP",
        "local_amount": -1200,
        "local_currency": "EUR",
        "account_balance": 900,
        "description": "SHOP",
        "merchant_id": merchant_id,
        "category": "groceries",
        "notes": "",
        "metadata": f'{{"mcc":"1","mastercard_card_id":"{joint.card_id}"}}',
        "counterparty": "{}",
        "scheme": "mastercard",
        "dedupe_id": command.id,
        "user_id": joint.user_ids[0],
        "is_load": False,
        "originator": False,
        "include_in_spending": True,
        "amount_is_pending": True,
        "decline_reason": None,
        "version": 1,
        "attachments": 0,
    }
    assert shard_of(transaction.id) == joint.shard
    assert milliseconds_of(transaction.id) == transaction.created_at // 1000


async def test_a_hold_is_written_with_the_work_that_ends_it(db: Database, clock: FakeClock) -> None:
    ada, engine = await open_holder(db, 1000), Engine(db)
    usual = await hold(engine, ada, 100)
    short = await hold(engine, ada, 100, hold_seconds=60)
    instant = clock.now()
    assert sorted(await due_work(db, ada)) == sorted(
        [
            ("authorisation_expiry", usual, instant + 1 + WEEK),
            ("authorisation_expiry", short, instant + 2 + 60 * 1_000_000),
        ]
    )


async def test_the_bank_says_how_long_a_hold_lives(db: Database, clock: FakeClock) -> None:
    ada = await open_holder(db, 1000)
    await hold(Engine(db, EngineSettings(hold_seconds=5)), ada, 100)
    [(_, _, due_at)] = await due_work(db, ada)
    assert due_at == clock.now() + 1 + 5_000_000


async def test_the_work_goes_with_the_hold_however_it_ends(db: Database) -> None:
    ada, engine = await open_holder(db, 1000), Engine(db)
    holds = [await hold(engine, ada, 100) for _ in range(4)]
    await engine.execute(orders.reverse(ada, holds[0]))
    await engine.execute(orders.expire(ada, holds[1]))
    await engine.execute(orders.present(ada, 100, holds[2]))
    assert [subject for _, subject, _ in await due_work(db, ada)] == [holds[3]]
    await engine.execute(orders.reverse(ada, holds[3], 40))
    assert len(await due_work(db, ada)) == 1


async def test_a_declined_payment_leaves_no_hold_and_no_work(db: Database) -> None:
    ada, engine = await open_holder(db), Engine(db)
    outcome = await engine.execute(orders.authorise(ada, 100))
    rows = await dump_account(db, ada)
    assert {name for name, found in rows.items() if found} == {
        "balances",
        "transactions",
        "outcomes",
    }
    assert (await read_transaction(db, outcome.transaction_id)).decline_reason is not None


async def test_a_refusal_leaves_nothing_at_all(db: Database) -> None:
    ada, brian = await open_holders(db, 2)
    engine = Engine(db)
    before = await dump_account(db, ada), await dump_account(db, brian)
    refused: list[tuple[Command, type[BankError]]] = [
        (orders.send(ada, 1), InsufficientFunds),
        (orders.between(ada, brian, 1), InsufficientFunds),
        (orders.between(ada, ada, 1, payee_account_id="acc_nothing"), NotFound),
        (orders.authorise(ada, 1, card_id=brian.card_id), NotFound),
        (orders.reverse(ada, "auth_nothing"), NotFound),
    ]
    for command, error in refused:
        with pytest.raises(error):
            await engine.execute(command)
    assert (await dump_account(db, ada), await dump_account(db, brian)) == before


@pytest.mark.parametrize(
    ("state", "reason"),
    [("blocked", "CARD_BLOCKED"), ("inactive", "CARD_INACTIVE"), ("active", None)],
)
async def test_the_state_of_a_card_counts_from_its_change_on(
    db: Database, state: CardState, reason: str | None
) -> None:
    ada, engine = await open_holder(db, 1000), Engine(db)
    authorisation_id = await hold(engine, ada, 100)
    await db.transact(lambda tx: set_card_state(tx, ada.card_id, state))
    asked = await engine.execute(orders.authorise(ada, 100))
    more = await engine.execute(orders.increment(ada, authorisation_id, 100))
    assert asked.decline_reason == more.decline_reason == reason


async def test_a_card_expires(db: Database, clock: FakeClock) -> None:
    ada, engine = await open_holder(db, 1000), Engine(db)
    clock.advance(5 * 365 * 24 * 3600)
    assert (await engine.execute(orders.authorise(ada, 1))).decline_reason == "OTHER"


@pytest.mark.parametrize("state", ["frozen", "closed"])
async def test_the_state_of_an_account_counts_from_its_change_on(
    db: Database, state: AccountState
) -> None:
    ada, engine = await open_holder(db), Engine(db)
    await db.transact(lambda tx: set_account_state(tx, ada.account_id, state))
    declined = await engine.execute(orders.authorise(ada, 1))
    assert declined.decline_reason == ("OTHER" if state == "frozen" else "CARD_BLOCKED")
    with pytest.raises(Conflict):
        await engine.execute(orders.top_up(ada, 1))
    if state == "frozen":
        await db.transact(lambda tx: set_account_state(tx, ada.account_id, "open"))
        assert (await engine.execute(orders.top_up(ada, 1))).balance == 1


async def test_the_overdraft_counts_from_its_change_on(db: Database) -> None:
    ada, engine = await open_holder(db), Engine(db)
    await db.transact(lambda tx: set_overdraft_limit(tx, ada.account_id, 500))
    assert (await engine.execute(orders.send(ada, 500))).balance == -500
    with pytest.raises(Conflict):
        await db.transact(lambda tx: set_overdraft_limit(tx, ada.account_id, 499))
    await engine.execute(orders.top_up(ada, 300))
    await db.transact(lambda tx: set_overdraft_limit(tx, ada.account_id, 200))
    with pytest.raises(InsufficientFunds):
        await engine.execute(orders.send(ada, 1))
    assert (await audit(db)).clean


async def test_a_repeat_is_answered_alike_after_a_restart(
    db: Database, database_url: str, clock: FakeClock
) -> None:
    ada, brian = await open_holder(db, 1000), await open_holder(db)
    commands: list[Command] = [
        orders.top_up(ada, 5),
        orders.between(ada, brian, 100),
        orders.authorise(ada, 10**6),
        orders.authorise(ada, 50, metadata={"b": "2", "a": "1"}),
    ]
    first = await Engine(db).execute_many(commands)
    clock.advance(3600)
    before = await dump_account(db, ada), await dump_account(db, brian)
    restarted = await open_database(database_url, clock=clock)
    engine = Engine(restarted)
    assert [await engine.execute(command) for command in commands] == first
    assert await engine.execute_many(commands[::-1]) == first[::-1]
    with pytest.raises(Conflict, match="other content"):
        await engine.execute(msgspec.structs.replace(commands[0], amount=6))
    await restarted.close()
    assert (await dump_account(db, ada), await dump_account(db, brian)) == before


async def test_a_card_payment_is_given_back_once_by_refunds_and_a_dispute(db: Database) -> None:
    orders, engine = Rails(), Engine(db)
    ada = await open_holder(db, 10_000)
    paid = (await engine.execute(orders.present(ada, 3_000))).transaction_id or ""
    gives = [
        orders.dispute(ada, paid),
        *(orders.refund(ada, 1_500, original_transaction_id=paid) for _ in range(2)),
    ]
    answers = await asyncio.gather(*(engine.execute(one) for one in gives), return_exceptions=True)
    done = [one for one in answers if isinstance(one, Outcome) and one.status == "done"]
    assert done
    assert (await read_funds(db, ada)).booked == 10_000
    again = await engine.execute(orders.refund(ada, 1, original_transaction_id=paid))
    assert again.status == ("declined" if isinstance(answers[0], Outcome) else "done")
    assert (await audit(db)).findings == []


async def test_what_refunds_gave_back_is_disputed_no_more(db: Database) -> None:
    orders, engine = Rails(), Engine(db)
    ada = await open_holder(db, 10_000)
    paid = (await engine.execute(orders.present(ada, 3_000))).transaction_id or ""
    for amount in (2_000, 1_001):
        refund = orders.refund(ada, amount, original_transaction_id=paid)
        assert (await engine.execute(refund)).status == "done"
    with pytest.raises(Conflict, match="refunded already"):
        await engine.execute(orders.dispute(ada, paid))
    assert (await audit(db)).findings == []


async def test_a_refund_of_what_is_in_dispute_can_be_kept_all_the_same(db: Database) -> None:
    orders, engine = Rails(), Engine(db)
    ada = await open_holder(db, 1_000)
    paid = str((await engine.execute(orders.present(ada, 300))).transaction_id)
    await engine.execute(orders.dispute(ada, paid))
    refused = await engine.execute(orders.refund(ada, 300, original_transaction_id=paid))
    assert (refused.status, refused.balance) == ("declined", 1_000)
    kept = orders.clear(ada, str(refused.transaction_id), ada)
    outcomes = [await engine.execute(kept) for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    assert (outcomes[0].entry_sets, outcomes[0].payee_entry_sets) == ((5,), (6,))
    landed = await read_transaction(db, outcomes[0].payee_transaction_id)
    assert (landed.account_id, landed.amount, landed.kind) == (ada.account_id, 300, "refund")
    assert msgspec.json.decode(landed.metadata) == {"original_transaction_id": paid}
    assert await read_funds(db, ada) == Funds(1_300, 0)
    await engine.execute(orders.resolve(ada, paid, "lost"))
    assert await read_funds(db, ada) == Funds(1_000, 0)
    assert (await audit(db)).findings == []


async def test_a_refund_finds_the_payment_it_names(db: Database) -> None:
    ada, brian = await open_holder(db, 1000), await open_holder(db, 1000)
    engine = Engine(db)
    paid = await engine.execute(orders.present(ada, 300))
    refund = orders.refund(ada, 300, original_transaction_id=paid.transaction_id)
    assert (await engine.execute(refund)).balance == 1000
    stolen = orders.refund(brian, 300, original_transaction_id=paid.transaction_id)
    with pytest.raises(BankError, match="names no card payment"):
        await engine.execute(stolen)


async def test_a_second_presentment_finds_the_merchant_of_the_first(db: Database) -> None:
    ada, engine = await open_holder(db, 1000), Engine(db)
    merchant_id = await add_merchant(db)
    authorisation_id = await hold(engine, ada, 300, merchant_id=merchant_id)
    await engine.execute(orders.present(ada, 300, authorisation_id))
    second = await engine.execute(orders.present(ada, 200, authorisation_id))
    transaction = await read_transaction(db, second.transaction_id)
    assert (transaction.merchant_id, transaction.category) == (merchant_id, "groceries")


async def test_a_presentment_in_another_currency_is_stored_as_such(db: Database) -> None:
    ada, engine = await open_holder(db, 1000), Engine(db)
    authorisation_id = await hold(engine, ada, 300, **EUROS)
    told = {"local_amount": 500, "local_currency": "USD"}
    done = await engine.execute(orders.present(ada, 300, authorisation_id, **told))
    transaction = await read_transaction(db, done.transaction_id)
    assert (transaction.local_amount, transaction.local_currency) == (-500, "USD")


async def test_the_order_of_a_history_is_the_order_of_decision(
    db: Database, clock: FakeClock
) -> None:
    ada, engine = await open_holder(db), Engine(db)
    commands = [orders.top_up(ada, 1) for _ in range(20)]
    await engine.execute_many(commands[:10])
    clock.advance(0.000_003)
    await engine.execute_many(commands[10:])
    history = await list_history(db, ada)
    assert [one.dedupe_id for one in history] == [command.id for command in commands]
    assert [one.account_balance for one in history] == list(range(1, 21))
    created = [one.created_at for one in history]
    assert created == sorted(set(created))


async def test_a_clock_that_steps_back_between_processes_keeps_the_order(
    db: Database, database_url: str, clock: FakeClock
) -> None:
    ada = await open_holder(db)
    await Engine(db).execute(orders.top_up(ada, 1))
    behind = await open_database(database_url, clock=FakeClock(clock.now() - 60_000_000))
    second = await Engine(behind).execute(orders.top_up(ada, 1))
    await behind.close()
    history = await list_history(db, ada)
    assert history[-1].id == second.transaction_id
    assert history[-1].created_at == clock.now() + 1
    assert (await audit(db)).clean


async def test_history_is_written_where_nothing_later_is(db: Database, clock: FakeClock) -> None:
    ada, engine = await open_holder(db), Engine(db)
    day = 24 * 3600 * 1_000_000
    long_ago = clock.now() - 300 * day
    paid = await engine.execute(orders.top_up(ada, 1000, at=long_ago))
    asked = await engine.execute(orders.authorise(ada, 100, at=long_ago + day))
    await engine.execute(orders.present(ada, 100, asked.authorisation_id, at=long_ago + 2 * day))
    with pytest.raises(BankError, match="older than the newest"):
        await engine.execute(orders.top_up(ada, 1, at=long_ago))
    assert (await read_transaction(db, paid.transaction_id)).created_at == long_ago
    settled = await read_transaction(db, asked.transaction_id)
    assert settled.settled_at == settled.updated_at == long_ago + 2 * day
    assert (await audit(db)).clean


async def test_a_transfer_between_shards_is_there_on_both_sides(db: Database) -> None:
    holders = await open_holders(db, 8)
    engine = Engine(db)
    assert len({one.shard for one in holders}) > 1
    await engine.execute_many([orders.top_up(one, 100) for one in holders])
    for payer, payee in zip(holders, [*holders[1:], holders[0]], strict=True):
        outcome = await engine.execute(orders.between(payer, payee, 100))
        debit = await read_transaction(db, outcome.transaction_id)
        credit = await read_transaction(db, outcome.payee_transaction_id)
        assert (debit.shard, credit.shard) == (payer.shard, payee.shard)
        assert debit.amount == -credit.amount == -100
    assert {(await read_funds(db, one)).available for one in holders} == {100}
    assert (await audit(db)).clean


async def test_two_payers_pay_one_payee_under_the_same_id(db: Database) -> None:
    ada, brian, cleo = await open_holder(db, 100), await open_holder(db, 100), await open_holder(db)
    engine = Engine(db)
    for payer in (ada, brian):
        assert (await engine.execute(orders.between(payer, cleo, 60, id="rent"))).balance == 40
    assert (await read_funds(db, cleo)).available == 120
    assert (await audit(db)).clean


async def test_an_account_of_another_currency_moves_that_currency(db: Database) -> None:
    tourist, engine = await open_holder(db, 1000, currency="EUR"), Engine(db)
    outcome = await engine.execute(orders.authorise(tourist, 100))
    assert (await read_transaction(db, outcome.transaction_id)).currency == "EUR"
    report = await audit(db)
    assert report.clean
    assert {currency for _, currency in report.positions} == {"EUR"}


async def test_an_unknown_account_in_a_known_shard_is_not_found(db: Database) -> None:
    ada = await open_holder(db)
    unknown = db.ids.new("acc", ada.shard, 0)
    with pytest.raises(NotFound):
        await Engine(db).execute(orders.top_up(ada, 1, account_id=unknown))


async def test_an_answer_recorded_before_answers_named_entry_sets_is_repeated_as_it_was(
    db: Database,
) -> None:
    ada, engine = await open_holder(db), Engine(db)
    command = orders.top_up(ada, 100)
    assert (await engine.execute(command)).entry_sets == (1,)
    before = '{"status":"done","balance":100,"transaction_id":"%s"}'

    async def forget(tx: Tx) -> None:
        rows = await tx.fetch("SELECT id FROM transactions WHERE shard = $1", ada.shard)
        await tx.execute(
            "UPDATE outcomes SET outcome = $2 WHERE shard = $1", ada.shard, before % rows[0]["id"]
        )

    await db.transact(forget)
    again = await engine.execute(command)
    assert (again.status, again.balance, again.entry_sets) == ("done", 100, ())
    assert (await audit(db)).findings == []

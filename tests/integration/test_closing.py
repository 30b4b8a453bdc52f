"""Accounts are frozen, thawed and closed: whole or not at all, and nothing comes in between."""

import asyncio
from typing import Any

import pytest

from minibank.accounts.limits import LimitChanges, set_limits
from minibank.accounts.opening import NewAccount, open_account, set_card_state
from minibank.accounts.records import Account
from minibank.accounts.store import find_account, list_accounts, list_cards
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BadParam, BankError, Conflict, NotFound
from minibank.customers.closing import (
    Closed,
    Closing,
    Payout,
    close_account,
    freeze_account,
    thaw_account,
)
from minibank.db import Database, Tx, open_database
from minibank.db.migrate import migrate, migrations
from minibank.payments.commands import Counterparty, Outcome
from minibank.payments.engine import Engine
from minibank.webhooks.ending import CLOSED_WEBHOOKS
from minibank.webhooks.store import find_live
from minibank.worker.due import run_due
from tests.support.banking import (
    Holder,
    Orders,
    list_history,
    open_holder,
    read_funds,
)
from tests.support.callers import add_client
from tests.support.outbox import list_told, listen
from tests.support.people import UnclearCommits
from tests.support.pots import open_pot
from tests.support.rails import Rails
from tests.support.sending import FakeSender, dispatcher_of, run_until_idle

orders = Orders()
ELSEWHERE = Payout(
    counterparty=Counterparty(name="Ada", sort_code="112233", account_number="12345678")
)


RAILS = Rails("rails")


def closing(holder: Holder, payout: Payout | None = None, **more: Any) -> Closing:
    fields = {"issuer": "operator", "id": "end", "account_id": holder.account_id} | more
    return Closing(payout=payout, **fields)


async def close(db: Database, holder: Holder, payout: Payout | None = None, **more: Any) -> Closed:
    asked = closing(holder, payout, **more)
    return await db.transact(lambda tx: close_account(tx, asked))


async def freeze(db: Database, account_id: str) -> Account:
    return await db.transact(lambda tx: freeze_account(tx, account_id))


async def thaw(db: Database, account_id: str) -> Account:
    return await db.transact(lambda tx: thaw_account(tx, account_id))


async def account_of(db: Database, holder: Holder) -> Account:
    account = await db.read(lambda tx: find_account(tx, holder.account_id))
    assert account is not None
    return account


async def second_account(db: Database, holder: Holder) -> Holder:
    """Another account of the same person."""
    new = NewAccount(type="uk_retail", owners=[holder.user_ids[0]])
    account = await db.transact(lambda tx: open_account(tx, new))
    return Holder(account.id, "", holder.user_ids)


async def test_an_empty_account_closes_and_stays_in_its_owners_list(db: Database) -> None:
    ada = await open_holder(db)
    closed = await close(db, ada)
    assert (closed.account.state, closed.account.closed_at) == ("closed", db.clock.now())
    assert closed.payout is None
    [listed] = await db.read(lambda tx: list_accounts(tx, ada.user_ids[0]))
    assert listed == closed.account
    assert (await audit(db)).findings == []


async def test_closing_sends_what_is_left_elsewhere_in_the_same_go(db: Database) -> None:
    ada = await open_holder(db, 700)
    closed = await close(db, ada, ELSEWHERE)
    assert closed.payout
    assert (closed.payout.status, closed.payout.balance) == ("done", 0)
    sent = (await list_history(db, ada))[-1]
    assert (sent.id, sent.amount, sent.kind) == (closed.payout.transaction_id, -700, "transfer_out")
    assert sent.description == "Account closed"
    assert (await read_funds(db, ada)).booked == 0
    assert (await account_of(db, ada)).state == "closed"
    assert (await audit(db)).findings == []


async def test_closing_moves_what_is_left_to_another_account_of_the_owner(db: Database) -> None:
    ada = await open_holder(db, 700)
    other = await second_account(db, ada)
    closed = await close(db, ada, Payout(account_id=other.account_id, description="All of it"))
    assert closed.payout
    assert closed.payout.payee_transaction_id
    [arrived] = await list_history(db, other)
    assert (arrived.amount, arrived.description) == (700, "All of it")
    assert (await audit(db)).findings == []


@pytest.mark.parametrize("payee", ["a stranger's", "its own", "none", "both", "neither"])
async def test_a_payout_to_a_wrong_place_leaves_the_account_as_it_was(
    db: Database, payee: str
) -> None:
    ada, brian = await open_holder(db, 700), await open_holder(db)
    payouts = {
        "a stranger's": Payout(account_id=brian.account_id),
        "its own": Payout(account_id=ada.account_id),
        "none": Payout(account_id="acc_x"),
        "both": Payout(account_id=brian.account_id, counterparty=Counterparty(name="Ada")),
        "neither": Payout(),
    }
    with pytest.raises(BadParam):
        await close(db, ada, payouts[payee])
    assert (await account_of(db, ada)).state == "open"
    assert (await read_funds(db, ada)).booked == 700


async def test_money_with_nowhere_to_go_keeps_an_account_open(db: Database) -> None:
    ada = await open_holder(db, 1)
    with pytest.raises(Conflict) as refused:
        await close(db, ada)
    assert refused.value.code == "conflict.account_not_empty"


async def test_a_debt_keeps_an_account_open(db: Database) -> None:
    ada = await open_holder(db, overdraft_limit=100)
    await Engine(db).execute(orders.send(ada, 50))
    with pytest.raises(Conflict) as refused:
        await close(db, ada, ELSEWHERE)
    assert refused.value.code == "conflict.account_overdrawn"


async def test_money_in_a_pot_keeps_an_account_open(db: Database) -> None:
    ada, engine = await open_holder(db, 100), Engine(db)
    pot = await open_pot(db, ada)
    await engine.execute(orders.deposit(ada, pot, 40))
    with pytest.raises(Conflict) as refused:
        await close(db, ada, ELSEWHERE)
    assert refused.value.code == "conflict.pots_hold_money"
    await engine.execute(orders.withdraw(ada, pot, 40))
    assert (await close(db, ada, ELSEWHERE)).payout
    assert (await audit(db)).findings == []


async def test_a_card_payment_that_is_not_over_keeps_an_account_open(db: Database) -> None:
    ada, engine = await open_holder(db, 100), Engine(db)
    hold = (await engine.execute(orders.authorise(ada, 100))).authorisation_id
    assert hold
    with pytest.raises(Conflict) as refused:
        await close(db, ada, ELSEWHERE)
    assert refused.value.code == "conflict.account_has_holds"
    await engine.execute(orders.present(ada, 100, hold))
    assert (await close(db, ada, ELSEWHERE)).payout is None


async def test_a_dispute_that_is_not_decided_keeps_an_account_open(db: Database) -> None:
    ada, engine = await open_holder(db, 100), Engine(db)
    paid = (await engine.execute(orders.present(ada, 30))).transaction_id
    assert paid
    disputed = (await engine.execute(RAILS.dispute(ada, paid))).transaction_id
    assert disputed
    with pytest.raises(Conflict) as refused:
        await close(db, ada, ELSEWHERE)
    assert refused.value.code == "conflict.dispute_open"
    await engine.execute(RAILS.resolve(ada, paid, "lost"))
    assert (await close(db, ada, ELSEWHERE)).payout
    assert (await audit(db)).findings == []


async def test_a_frozen_account_closes_when_it_is_empty_and_pays_nothing_out(db: Database) -> None:
    ada, brian = await open_holder(db, 5), await open_holder(db)
    for holder in (ada, brian):
        await freeze(db, holder.account_id)
    with pytest.raises(Conflict) as refused:
        await close(db, ada, ELSEWHERE)
    assert refused.value.code == "conflict.account_not_open"
    assert (await close(db, brian)).account.state == "closed"


async def test_limits_do_not_keep_what_is_left_from_going(db: Database) -> None:
    ada = await open_holder(db, 700)
    strict = LimitChanges(payment_max=1, transfer_daily_max=1, card_daily_max=1, balance_max=1)
    await db.transact(lambda tx: set_limits(tx, ada.account_id, strict))
    assert (await close(db, ada, ELSEWHERE)).payout


async def test_closing_blocks_every_card_for_good(db: Database) -> None:
    ada = await open_holder(db)
    await close(db, ada)
    [card] = await db.read(lambda tx: list_cards(tx, ada.account_id))
    assert card.state == "blocked"
    with pytest.raises(Conflict):
        await db.transact(lambda tx: set_card_state(tx, card.id, "active"))
    declined = await Engine(db).execute(orders.authorise(ada, 0))
    assert declined.decline_reason == "CARD_BLOCKED"


async def test_closing_again_changes_nothing_and_answers_alike(db: Database) -> None:
    ada = await open_holder(db, 700)
    first = await close(db, ada, ELSEWHERE)
    assert await close(db, ada, ELSEWHERE) == first
    assert len(await list_history(db, ada)) == 2


async def test_an_unclear_commit_does_not_pay_out_twice(db: Database) -> None:
    ada = await open_holder(db, 700)
    closed = await close(UnclearCommits(db), ada, ELSEWHERE)
    assert closed.payout
    assert len(await list_history(db, ada)) == 2
    assert (await audit(db)).findings == []


async def test_a_closed_account_and_none_cannot_be_frozen_or_thawed(db: Database) -> None:
    ada = await open_holder(db)
    await close(db, ada)
    for verb in (freeze, thaw):
        with pytest.raises(Conflict):
            await verb(db, ada.account_id)
        with pytest.raises(NotFound):
            await verb(db, "acc_x")
    with pytest.raises(NotFound):
        await db.transact(
            lambda tx: close_account(tx, Closing(account_id="acc_x", issuer="o", id="1"))
        )


async def test_webhooks_that_asked_hear_of_a_freeze_once_and_of_a_thaw(db: Database) -> None:
    ada = await open_holder(db)
    client_id = (await add_client(db)).client.id
    events = ("account.frozen", "account.thawed")
    asked, quiet = await listen(db, client_id, ada, events=events), await listen(db, client_id, ada)
    for verb in (freeze, freeze, thaw, thaw):
        await verb(db, ada.account_id)
    told = await list_told(db, asked)
    assert [one.event for one in told] == list(events)
    assert told[0].data == {
        "id": ada.account_id,
        "type": "uk_retail",
        "state": "frozen",
        "closed": False,
        "owners": list(ada.user_ids),
        "at": "2026-03-10T12:00:00.000Z",
    }
    assert await list_told(db, quiet) == []
    assert (await audit(db)).findings == []


async def test_webhooks_of_a_closed_account_hear_of_it_and_then_end(
    db: Database, clock: FakeClock
) -> None:
    ada, engine = await open_holder(db, 700), Engine(db)
    client_id = (await add_client(db)).client.id
    events = ("transaction.created", "account.closed")
    hook, idle = (
        await listen(db, client_id, ada, events=events),
        await listen(db, client_id, ada, events=("pot.created",)),
    )
    stream = await listen(db, client_id, ada, url="stream:")
    await close(db, ada, ELSEWHERE)
    told = await list_told(db, hook)
    assert [(one.event, one.state) for one in told] == [
        ("transaction.created", "pending"),
        ("account.closed", "pending"),
    ]
    await run_due(db, engine)
    assert await db.read(lambda tx: find_live(tx, idle.shard, idle.id)) is None
    assert await db.read(lambda tx: find_live(tx, hook.shard, hook.id)) is not None
    sender = FakeSender(db.clock)
    clock.advance(1)
    await engine.execute(orders.present(ada, 1))
    await run_until_idle(dispatcher_of(db, sender))
    assert [claim.event for claim in sender.sent] == ["transaction.created", "account.closed"]
    clock.advance(3600)
    await run_due(db, engine)
    assert await db.read(lambda tx: find_live(tx, hook.shard, hook.id)) is None
    assert await db.read(lambda tx: find_live(tx, stream.shard, stream.id)) is not None
    # What happened afterwards has its number and is told to nobody.
    assert [one.state for one in await list_told(db, hook)] == [*["delivered"] * 2, "cancelled"]
    kinds = {row["kind"] for row in await db.read(lambda tx: tx.fetch("SELECT kind FROM due_work"))}
    assert CLOSED_WEBHOOKS not in kinds
    assert (await audit(db)).findings == []


async def test_the_audit_misses_the_work_that_ends_webhooks_of_closed_accounts(
    db: Database, clock: FakeClock
) -> None:
    ada = await open_holder(db)
    hook = await listen(db, (await add_client(db)).client.id, ada)
    await close(db, ada)
    kept = "kind = 'closed_webhooks'"
    await db.transact(
        lambda tx: tx.execute(f"UPDATE due_work SET subject = 'acc_other' WHERE {kept}")
    )
    clock.advance(86_400)
    found = {(one.code, one.subject) for one in (await audit(db)).findings}
    assert found == {("due_work.stray", "acc_other"), ("retention.unplanned", ada.account_id)}
    assert await db.read(lambda tx: find_live(tx, hook.shard, hook.id))


async def test_webhooks_of_accounts_closed_before_the_migration_end_as_well(
    empty_database_url: str, clock: FakeClock
) -> None:
    db = await open_database(empty_database_url, clock=clock)
    version = next(one.version for one in migrations() if one.name.endswith("customers"))
    await migrate(db, version - 1)

    async def fill(tx: Tx) -> None:
        columns = ("shard", "id", "type", "state", "currency", "sort_code", "account_number")
        rest = ("iban", "created_at", "closed_at")
        for account_id, state, closed_at in (("acc_1", "closed", 7), ("acc_2", "open", None)):
            row = (5, account_id, "uk_retail", state, "GBP", "", "", "", 1, closed_at)
            await tx.insert_rows("accounts", (*columns, *rest), [row])
            names = ("shard", "id", "account_id", "client_id", "user_id", "url", "events")
            more = ("created_at", "starts_after", "next_sequence")
            for kind, url in (("hook", "https://app.example"), ("stream", "stream:")):
                hook = (5, f"{kind}_{account_id}", account_id, "c", "u", url, "[]", 1, 0, 1)
                await tx.insert_rows("webhooks", (*names, *more), [hook])

    await db.transact(fill)
    await migrate(db)
    rows = await db.read(
        lambda tx: tx.fetch("SELECT subject, due_at FROM due_work WHERE kind = 'closed_webhooks'")
    )
    assert [tuple(row) for row in rows] == [("acc_1", 7)]
    await db.close()


async def test_an_account_without_webhooks_leaves_no_work_behind(db: Database) -> None:
    ada = await open_holder(db)
    await close(db, ada)
    assert await db.read(lambda tx: tx.fetch("SELECT kind FROM due_work")) == []


async def race(database_url: str, db: Database, *works: Any) -> list[Any]:
    """Run works at once, every second one at another server; their answers or errors."""
    other = await open_database(database_url, clock=db.clock)
    servers = (db, other)
    calls = [work(servers[n % 2]) for n, work in enumerate(works)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    await other.close()
    return answers


async def test_of_a_payment_and_a_close_at_once_no_penny_is_lost(
    db: Database, database_url: str
) -> None:
    for turn in range(8):
        ada = await open_holder(db, 100)
        command = orders.authorise(ada, 60)

        async def pay(at: Database, command: Any = command) -> Outcome:
            return await Engine(at).execute(command)

        async def end(at: Database, ada: Holder = ada) -> Closed:
            return await close(at, ada, ELSEWHERE)

        works = (pay, end) if turn % 2 else (end, pay)
        answers = await race(database_url, db, *works)
        paid, ended = answers if turn % 2 else reversed(answers)
        funds = await read_funds(db, ada)
        if isinstance(ended, Closed):
            assert (paid.status, funds.booked, funds.held) == ("declined", 0, 0)
        else:
            assert isinstance(ended, Conflict)
            assert (paid.status, funds.booked, funds.held) == ("done", 100, 60)
    assert (await audit(db)).findings == []


async def test_two_closes_at_once_pay_out_once(db: Database, database_url: str) -> None:
    for _ in range(4):
        ada = await open_holder(db, 100)

        async def end(at: Database, ada: Holder = ada) -> Closed:
            return await close(at, ada, ELSEWHERE)

        first, second = await race(database_url, db, end, end)
        assert first == second
        assert len(await list_history(db, ada)) == 2
    assert (await audit(db)).findings == []


async def test_two_accounts_closed_into_each_other_end_with_the_money_in_one(
    db: Database, database_url: str
) -> None:
    for _ in range(4):
        ada = await open_holder(db, 100)
        other = await second_account(db, ada)

        async def first(at: Database, one: Holder = ada, two: Holder = other) -> Closed:
            return await close(at, one, Payout(account_id=two.account_id))

        async def second(at: Database, one: Holder = ada, two: Holder = other) -> Closed:
            return await close(at, two, Payout(account_id=one.account_id))

        answers = await race(database_url, db, first, second)
        funds = [(await read_funds(db, one)).booked for one in (ada, other)]
        assert sum(funds) == 100
        for one, answer in zip((ada, other), answers, strict=True):
            is_closed = (await account_of(db, one)).state == "closed"
            assert is_closed == isinstance(answer, Closed)
            assert is_closed or isinstance(answer, BankError)
            assert not is_closed or (await read_funds(db, one)).booked == 0
    assert (await audit(db)).findings == []


async def test_of_a_freeze_and_an_authorisation_at_once_one_is_first(
    db: Database, database_url: str
) -> None:
    for _ in range(6):
        ada = await open_holder(db, 100)
        command = orders.authorise(ada, 60)

        async def pay(at: Database, command: Any = command) -> Outcome:
            return await Engine(at).execute(command)

        async def stop(at: Database, ada: Holder = ada) -> Account:
            return await freeze(at, ada.account_id)

        paid, frozen = await race(database_url, db, pay, stop)
        assert frozen.state == "frozen"
        assert (await read_funds(db, ada)).held == (60 if paid.status == "done" else 0)
        later = await Engine(db).execute(orders.authorise(ada, 1))
        assert later.decline_reason == "OTHER"
    assert (await audit(db)).findings == []

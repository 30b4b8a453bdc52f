"""What webhooks were told is kept as long as the bank says, and then it is gone without a gap."""

import asyncio

import pytest
from msgspec.structs import replace

from minibank.audit import Plan, audit
from minibank.audit.plan import never
from minibank.core.clock import FakeClock
from minibank.db import Database, ReadTx, Tx, open_database
from minibank.db.migrate import migrate, migrations
from minibank.oauth.tokens import TokenRules
from minibank.payments.engine import Engine
from minibank.webhooks.records import Webhook
from minibank.webhooks.retention import purging
from minibank.worker.due import DueReport, do_part, run_due
from minibank.worker.kinds import STANDARD, kinds_of
from minibank.worker.store import DueRow
from tests.support.banking import Holder, Orders, open_holder
from tests.support.callers import add_client
from tests.support.counting import CountingDatabase
from tests.support.outbox import (
    claim,
    deliver,
    end_attempt,
    list_told,
    listen,
    purge_now,
    stop_listening,
)
from tests.support.saboteur import Saboteur

DAY = 86_400
KEPT = 10 * DAY
NEWS = Plan(starts_over=never, leaves_marks=True)
orders = Orders()


@pytest.fixture
async def holder(db: Database) -> Holder:
    return await open_holder(db)


@pytest.fixture
async def webhook(db: Database, holder: Holder) -> Webhook:
    return await listen(db, (await add_client(db)).client.id, holder)


async def pay(db: Database, holder: Holder, count: int = 1) -> None:
    engine = Engine(db)
    await engine.execute_many([orders.top_up(holder, 1) for _ in range(count)])


async def run(db: Database) -> DueReport:
    """Do what is due now, in a bank that keeps deliveries ten days."""
    return await run_due(db, Engine(db), kinds=kinds_of(TokenRules(), KEPT))


async def kept(db: Database, webhook: Webhook) -> list[int]:
    """The numbers that are there."""
    return [one.sequence for one in await list_told(db, webhook)]


async def rows(db: Database, table: str) -> int:
    """How many rows a table has."""
    assert table in {"webhooks", "deliveries", "delivery_attempts"}
    row = await db.read(lambda tx: tx.fetch_one(f"SELECT COUNT(*) AS rows FROM {table}"))
    assert row is not None
    return int(row["rows"])


async def planned(db: Database) -> dict[str, int]:
    """When each webhook is looked at next."""

    async def work(tx: ReadTx) -> dict[str, int]:
        found = await tx.fetch(
            "SELECT subject, due_at FROM due_work WHERE kind = $1", purging.WEBHOOK_DELIVERIES
        )
        return {row["subject"]: row["due_at"] for row in found}

    return await db.read(work)


async def run_early(db: Database, webhook: Webhook) -> bool:
    """Do a part of a webhook's work that is not due yet, and keep nothing that is over."""
    row = DueRow(webhook.shard, purging.WEBHOOK_DELIVERIES, webhook.id, "", 0)
    chore = kinds_of(TokenRules(), 0).chores[row.kind]
    return await db.transact(lambda tx: do_part(tx, row, chore, early=True))


async def test_what_is_over_goes_with_its_attempts_when_it_was_kept_long_enough(
    db: Database, clock: FakeClock, holder: Holder, webhook: Webhook
) -> None:
    await pay(db, holder, 3)
    await deliver(db, webhook, 1, 500, 200)
    await deliver(db, webhook, 2, 410)
    clock.advance(DAY)
    await deliver(db, webhook, 3)
    clock.advance(KEPT - DAY - 1)
    await run(db)
    assert await kept(db, webhook) == [1, 2, 3]
    clock.advance(DAY)
    await run(db)
    assert await kept(db, webhook) == [3]
    assert await rows(db, "delivery_attempts") == 1
    assert (await audit(db)).clean
    clock.advance(DAY)
    await run(db)
    assert await kept(db, webhook) == []
    assert await rows(db, "delivery_attempts") == 0
    assert await planned(db) == {webhook.id: clock.now() + DAY * 1_000_000}
    assert (await audit(db)).clean


async def test_a_delivery_that_is_not_over_keeps_all_that_come_after_it(
    db: Database, clock: FakeClock, holder: Holder, webhook: Webhook
) -> None:
    await pay(db, holder, 3)
    await deliver(db, webhook, 1)
    await deliver(db, webhook, 2, 500)
    await deliver(db, webhook, 3)
    clock.advance(400 * DAY)
    await run(db)
    assert await kept(db, webhook) == [2, 3]
    await deliver(db, webhook, 2)
    clock.advance(KEPT + DAY)
    await run(db)
    assert await kept(db, webhook) == []
    await pay(db, holder)
    assert await kept(db, webhook) == [4]
    assert (await audit(db)).clean


async def test_a_removed_webhook_goes_with_the_last_of_what_it_was_told(
    db: Database, clock: FakeClock, holder: Holder, webhook: Webhook
) -> None:
    await pay(db, holder, 2)
    await deliver(db, webhook, 1)
    clock.advance(DAY)
    await stop_listening(db, webhook)
    clock.advance(KEPT - 1)
    await run(db)
    assert await kept(db, webhook) == [2]
    assert (await audit(db)).clean
    clock.advance(DAY)
    await run(db)
    assert [await rows(db, table) for table in ("webhooks", "deliveries")] == [0, 0]
    assert await planned(db) == {}
    assert (await audit(db)).clean


async def test_a_webhook_that_was_told_of_nothing_goes_at_once_with_its_work(
    db: Database, webhook: Webhook
) -> None:
    assert (await planned(db)).keys() == {webhook.id}
    await stop_listening(db, webhook)
    assert await planned(db) == {}
    assert await rows(db, "webhooks") == 0
    assert (await audit(db)).clean


async def test_a_webhook_that_stays_is_looked_at_every_day_though_nothing_happens(
    db: Database, clock: FakeClock, webhook: Webhook
) -> None:
    for _ in range(3):
        assert await planned(db) == {webhook.id: clock.now() + DAY * 1_000_000}
        clock.advance(DAY)
        assert (await run(db)).done == 1


async def test_a_unit_of_work_removes_a_bounded_number_of_rows_attempts_included(
    db: Database, clock: FakeClock, holder: Holder, webhook: Webhook, monkeypatch
) -> None:
    monkeypatch.setattr(purging, "BATCH", 6)
    await pay(db, holder, 9)
    for number in range(1, 10):
        await deliver(db, webhook, number, *[500] * (3 * (number == 4)), 200)
    now = db.clock.now()
    counting = CountingDatabase(db)
    left, costs = [], []
    again_at: int | None = now
    while again_at == now:
        counting.statements.clear()
        again_at = await purge_now(counting, webhook)
        left.append(9 - len(await kept(db, webhook)))
        costs.append(len(counting.statements))
    # The fourth has five rows by itself.
    assert left == [3, 4, 7, 9]
    assert set(costs) == {5}
    assert again_at == now + DAY * 1_000_000


async def test_more_attempts_than_a_unit_of_work_removes_hold_nothing_up(
    db: Database, holder: Holder, webhook: Webhook, monkeypatch
) -> None:
    monkeypatch.setattr(purging, "BATCH", 3)
    await pay(db, holder, 2)
    await deliver(db, webhook, 1, 500, 500, 500, 200)
    await deliver(db, webhook, 2)
    while await purge_now(db, webhook) == db.clock.now():
        pass
    assert await kept(db, webhook) == []


async def test_an_attempt_that_ends_when_its_delivery_is_gone_leaves_nothing(
    db: Database, holder: Holder, webhook: Webhook
) -> None:
    await pay(db, holder)
    late = await claim(db, webhook, 1)
    await deliver(db, webhook, 1)
    await purge_now(db, webhook)
    await end_attempt(db, late, 500)
    assert await rows(db, "delivery_attempts") == 0
    assert (await audit(db)).clean


async def test_what_a_receiver_took_is_delivered_though_it_had_failed_meanwhile(
    db: Database, holder: Holder, webhook: Webhook
) -> None:
    await pay(db, holder)
    slow = await claim(db, webhook, 1)
    await deliver(db, webhook, 1, 410)
    [told] = await list_told(db, webhook)
    assert told.state == "failed"
    await end_attempt(db, replace(slow, claimed_until=1), 200)
    [told] = await list_told(db, webhook)
    assert (told.state, told.attempts) == ("delivered", 2)
    assert (await audit(db)).clean


async def test_payments_removals_and_purges_at_once_leave_what_the_audit_proves(
    db: Database, database_url: str, clock: FakeClock, holder: Holder
) -> None:
    """Nobody waits for somebody who waits for them."""
    client_id = (await add_client(db)).client.id
    webhooks = [await listen(db, client_id, holder) for _ in range(6)]
    other = await open_database(database_url, clock, db.ids)
    gone = []
    for _ in range(3):
        await pay(db, holder, 4)
        for one in webhooks:
            for number in await kept(db, one):
                await deliver(db, one, number)
        gone.append(webhooks.pop())
        purges = [run_early(at, one) for one in webhooks for at in (db, other)]
        await asyncio.gather(
            pay(other, holder, 5),
            *purges,
            run_early(other, gone[-1]),
            listen(other, client_id, holder),
            stop_listening(db, gone[-1]),
            pay(db, holder, 5),
        )
    for one in [*webhooks, *gone]:
        while await run_early(db, one) and await kept(db, one):
            await deliver(db, one, (await kept(db, one))[0])
    assert set(await planned(db)).isdisjoint(one.id for one in gone)
    report = await audit(db)
    assert report.clean, report.findings
    await other.close()


async def test_attempts_of_what_is_gone_are_named(
    db: Database, database_url: str, holder: Holder, webhook: Webhook
) -> None:
    await pay(db, holder, 2)
    await deliver(db, webhook, 1)
    await deliver(db, webhook, 2)
    saboteur = await Saboteur.connect(database_url)
    row = await saboteur.pick("delivery_attempts", "sequence = 1")
    await purge_now(db, webhook)
    assert (await audit(db)).clean
    await saboteur.insert("delivery_attempts", row)
    found = {(one.code, one.subject) for one in (await audit(db)).findings}
    assert found == {("attempt.stray", webhook.id)}
    await saboteur.leave(undo=False)


async def test_what_comes_after_a_gap_stays_so_that_the_audit_names_it(
    db: Database, database_url: str, holder: Holder, webhook: Webhook
) -> None:
    await pay(db, holder, 3)
    for number in (1, 2, 3):
        await deliver(db, webhook, number)
    saboteur = await Saboteur.connect(database_url)
    await saboteur.delete("deliveries", await saboteur.pick("deliveries", "sequence = 2"))
    await purge_now(db, webhook)
    assert await kept(db, webhook) == [3]
    codes = {one.code for one in (await audit(db)).findings}
    assert {"webhook.sequence", "delivery.missing"} <= codes
    await saboteur.leave(undo=False)


async def test_an_audit_that_goes_on_is_content_though_what_is_new_to_it_is_gone(
    db: Database, clock: FakeClock, holder: Holder, webhook: Webhook
) -> None:
    await pay(db, holder, 2)
    assert (await audit(db, NEWS)).clean
    clock.advance(DAY)
    await pay(db, holder, 4)
    for number in range(1, 5):
        await deliver(db, webhook, number)
    for gone in (4, 6):
        await purge_now(db, webhook)
        assert await kept(db, webhook) == list(range(gone + 1, 7))
        report = await audit(db, Plan(starts_over=never))
        assert (report.findings, report.accounts_in_full) == ([], 0)
        for number in await kept(db, webhook):
            await deliver(db, webhook, number)
    clock.advance(DAY)
    assert (await audit(db, NEWS)).clean
    assert (await audit(db)).clean


async def test_what_was_told_before_the_migration_is_removed_as_well(
    empty_database_url: str, clock: FakeClock, ids
) -> None:
    db = await open_database(empty_database_url, clock=clock, ids=ids)
    await migrate(db, 6)

    async def fill(tx: Tx) -> None:
        await tx.execute(
            "INSERT INTO accounts (shard, id, type, state, currency, sort_code, account_number,"
            " iban, created_at) VALUES (5, 'acc_1', 'uk_retail', 'closed', 'GBP', '', '', '', 0)"
        )
        columns = ("shard", "id", "account_id", "client_id", "user_id", "url", "events")
        await tx.insert_rows(
            "webhooks",
            (*columns, "created_at", "removed_at", "starts_after", "ends_after", "next_sequence"),
            [(5, "webhook_1", "acc_1", "c", "u", "", "[]", 7, 8, 0, 0, 2)],
        )
        await tx.execute(
            "INSERT INTO deliveries (shard, webhook_id, sequence, id, account_id, event, subject,"
            " payload, created_at, state, attempts, next_attempt_at, claimed_until, finished_at)"
            " VALUES (5, 'webhook_1', 1, 'delivery_1', 'acc_1', '', '', $1, 7, 'cancelled', 0, 7,"
            " 0, 8)",
            b"",
        )

    await db.transact(fill)
    assert [step.version for step in await migrate(db)] == [
        step.version for step in migrations() if step.version > 6
    ]
    assert await planned(db) == {"webhook_1": 7}
    await run(db)
    assert [await rows(db, table) for table in ("webhooks", "deliveries")] == [0, 0]
    assert await planned(db) == {}
    await db.close()


def test_deliveries_are_removed_by_every_worker() -> None:
    assert purging.WEBHOOK_DELIVERIES in STANDARD.chores

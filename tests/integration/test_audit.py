"""The audit of banks in which everything is as it should be, and what it reports of them."""

import asyncio

from minibank.audit import audit
from minibank.audit.plan import ACCOUNTS_PER_SNAPSHOT, SETS_PER_SNAPSHOT
from minibank.audit.store import PAGE
from minibank.db import Database, ReadTx
from minibank.ledger.entries import TOP_UP_SETTLEMENT, TRANSIT
from minibank.payments.engine import Engine
from tests.support.banking import Funds, Orders, open_holder, open_holders, read_funds
from tests.support.pots import list_all
from tests.support.rails import Rails
from tests.support.saboteur import Saboteur
from tests.support.teller import Teller
from tests.support.traffic import Traffic


async def count(db: Database, table: str) -> int:
    async def work(tx: ReadTx) -> int:
        row = await tx.fetch_one(f"SELECT COUNT(*) AS n FROM {table} WHERE shard >= $1", 0)
        assert row
        return int(row["n"])

    return await db.read(work)


async def test_an_empty_bank_is_clean(db: Database) -> None:
    report = await audit(db)
    assert report.clean
    assert (report.accounts, report.entry_sets, report.transactions) == (0, 0, 0)
    assert report.positions == {}


async def test_a_bank_in_which_everything_happened_is_clean(db: Database) -> None:
    teller = await Teller.open(db)
    await teller.do_everything()
    report = await audit(db)
    assert report.findings == []
    assert report.clean
    # And one who left, and the bank itself.
    assert report.accounts == len(teller.holders) + 2
    assert report.transactions == await count(db, "transactions")
    assert report.entry_sets == await count(db, "entry_sets")


async def test_what_customers_have_is_what_the_bank_owes_and_nothing_is_in_transit(
    db: Database,
) -> None:
    teller = await Teller.open(db)
    await teller.do_everything()
    report = await audit(db)
    booked = [(await read_funds(db, holder)).booked for holder in teller.holders]
    in_pots = [pot.balance for holder in teller.holders for pot in await list_all(db, holder)]
    assert sum(in_pots) == len(teller.holders) * 500
    assert sum(report.positions.values()) == -sum(booked) - sum(in_pots)
    assert report.positions[TRANSIT, "GBP"] == 0
    assert {currency for _, currency in report.positions} == {"GBP"}


async def test_a_history_longer_than_a_page_is_walked_to_its_end(
    db: Database, database_url: str
) -> None:
    ada, orders = await open_holder(db), Orders()
    length = PAGE + 1
    await Engine(db).execute_many([orders.top_up(ada, 1) for _ in range(length)])
    report = await audit(db)
    assert report.clean
    assert report.entry_sets == report.transactions == length
    assert report.positions == {(TOP_UP_SETTLEMENT, "GBP"): -length}
    saboteur = await Saboteur.connect(database_url)
    last = await saboteur.pick("entries", f"sequence = {length} AND amount = 1")
    await saboteur.update("entries", last, {"amount": 2})
    await saboteur.leave(undo=False)
    assert "entry_set.hash" in {finding.code for finding in (await audit(db)).findings}


async def test_progress_is_told_as_the_audit_goes_on(db: Database) -> None:
    holders = await open_holders(db, ACCOUNTS_PER_SNAPSHOT + 5)
    told: list[tuple[int, int]] = []
    report = await audit(db, progress=lambda done, total: told.append((done, total)))
    assert report.accounts == len(holders)
    assert told[0] == (ACCOUNTS_PER_SNAPSHOT, len(holders))
    assert told[-1] == (len(holders), len(holders))
    assert told == sorted(told)


async def test_a_long_history_has_a_snapshot_of_its_own(db: Database, database_url: str) -> None:
    holders = await open_holders(db, 3)
    saboteur = await Saboteur.connect(database_url)
    for holder in holders:
        row = await saboteur.pick("balances", f"account_id = '{holder.account_id}'")
        await saboteur.update("balances", row, {"chain_length": SETS_PER_SNAPSHOT})
    told: list[int] = []
    report = await audit(db, progress=lambda done, _total: told.append(done))
    await saboteur.leave()
    assert told == [1, 2, 3, 3]
    assert {finding.code for finding in report.findings} == {"balance.chain"}


async def test_every_account_is_audited_once_whatever_its_shard(db: Database) -> None:
    holders = await open_holders(db, 2 * ACCOUNTS_PER_SNAPSHOT + 1)
    orders = Orders()
    await Engine(db).execute_many([orders.top_up(one, 1) for one in holders])
    report = await audit(db)
    assert report.clean
    assert report.accounts == report.entry_sets == report.transactions == len(holders)


async def test_an_account_may_be_beyond_its_limit_by_what_was_forced(db: Database) -> None:
    engine, orders = Engine(db), Orders()
    ada = await open_holder(db, 100)
    await engine.execute(orders.present(ada, 5000))
    assert await read_funds(db, ada) == Funds(booked=-4900, held=0)
    assert (await audit(db)).clean


async def test_a_live_bank_is_audited_without_false_findings(db: Database) -> None:
    holders = await open_holders(db, 6, overdraft_limit=500)
    traffic = Traffic(holders, seed=1)
    engine = Engine(db)
    await engine.execute_many([traffic.orders.top_up(one, 100_000) for one in holders])
    load = asyncio.create_task(traffic.run(engine, rounds=25, at_once=20))
    audits = overtaken = 0
    while not load.done():
        before = engine.counters.commands
        report = await audit(db)
        assert report.findings == []
        audits += 1
        overtaken += engine.counters.commands > before
    await load
    report = await audit(db)
    assert report.findings == []
    assert overtaken > 0, "no payment was made during an audit"
    assert report.transactions > 100
    print(f"{audits} audits during {engine.counters.commands} commands")


async def test_a_refund_noted_for_another_payment_is_named(db: Database, database_url: str) -> None:
    orders, engine = Rails(), Engine(db)
    ada = await open_holder(db, 1_000)
    first, second = [
        str((await engine.execute(orders.present(ada, 100))).transaction_id) for _ in range(2)
    ]
    await engine.execute(orders.refund(ada, 60, original_transaction_id=first))
    saboteur = await Saboteur.connect(database_url)
    await saboteur.update("refunds", await saboteur.pick("refunds"), {"transaction_id": second})
    found = {(one.code, one.subject) for one in (await audit(db)).findings}
    await saboteur.leave()
    assert found == {("correction.stray", second)}
    assert (await audit(db)).clean

"""Subtotals: brought up in the background and on demand, thrown away, carried by a backup."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from minibank.audit import audit
from minibank.core.errors import Unavailable
from minibank.db import Database, ReadTx, Row, open_database
from minibank.db.backup import back_up, restore
from minibank.journal.balances import read_account_balances, read_address_balance
from minibank.journal.subtotals import rolling, store
from minibank.journal.subtotals.rolling import (
    EVERYWHERE,
    PART_SETS,
    UNADDED_SETS_MAX,
    add_part,
    catch_up,
    roll_up,
    start_over,
)
from minibank.ledger.entries import CARD_SETTLEMENT, Entry, main
from minibank.payments.engine import Engine
from minibank.worker.rolling import SLICES, RollUps
from tests.conftest import NOON
from tests.support.banking import Holder, Orders, open_holder
from tests.support.counting import CountingDatabase
from tests.support.databases import Databases
from tests.support.ledgers import Chain


async def progress(db: Database, holder: Holder) -> int:
    """How far an account's subtotals go."""

    async def read(tx: ReadTx) -> Row | None:
        return await tx.fetch_one(
            "SELECT sequence FROM subtotal_progress WHERE shard = $1 AND account_id = $2",
            holder.shard,
            holder.account_id,
        )

    row = await db.read(read)
    return int(row["sequence"]) if row else 0


async def count_rows(db: Database, holder: Holder) -> int:
    """How many rows an account's subtotals are."""

    async def read(tx: ReadTx) -> Row | None:
        return await tx.fetch_one(
            "SELECT COUNT(*) AS rows FROM subtotals WHERE shard = $1 AND account_id = $2",
            holder.shard,
            holder.account_id,
        )

    row = await db.read(read)
    return int(row["rows"]) if row else 0


async def write(db: Database, chain: Chain, count: int, apart: int = 1000) -> None:
    """So many entry sets of a penny each, one after the other."""
    begun = len(chain.written)
    address = main(chain.holder.account_id)
    pennies = (Entry(address, 1, "GBP"), Entry(CARD_SETTLEMENT, -1, "GBP"))
    instants = (NOON + (begun + n) * apart for n in range(count))
    await chain.write(db, [(instant, instant, pennies) for instant in instants])


async def amounts(db: Database, holder: Holder) -> list[int]:
    """What both addresses of a chain of pennies have."""
    return [one.amount for one in await read_account_balances(db, holder.account_id)]


async def test_the_background_brings_in_what_payments_wrote(db: Database) -> None:
    holder = await open_holder(db, 500)
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 2 * SLICES:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await RollUps(db, sleep).run_forever()
    assert await progress(db, holder) == 1
    assert (await audit(db)).clean


async def test_a_payment_neither_writes_nor_waits_for_subtotals(db: Database) -> None:
    holder = await open_holder(db, 500)
    counting = CountingDatabase(db)
    await Engine(counting).execute(Orders("later").top_up(holder, 1))
    assert not [one for one in counting.statements if "subtotal" in one]

    async def work(tx) -> None:
        await add_part(tx, [(holder.shard, holder.account_id)])

    await db.transact(work)
    await Engine(db).execute(Orders("later still").top_up(holder, 1))
    assert await progress(db, holder) == 2


async def test_a_long_tail_is_brought_in_before_it_is_asked_about(db: Database) -> None:
    holder = await open_holder(db)
    chain = Chain(holder)
    await write(db, chain, UNADDED_SETS_MAX)
    assert await amounts(db, holder) == [UNADDED_SETS_MAX, -UNADDED_SETS_MAX]
    assert await progress(db, holder) == 0
    await write(db, chain, 1)
    assert await amounts(db, holder) == [UNADDED_SETS_MAX + 1, -UNADDED_SETS_MAX - 1]
    assert await progress(db, holder) == UNADDED_SETS_MAX + 1


async def test_who_asks_is_told_to_wait_when_there_is_too_much(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = await open_holder(db)
    monkeypatch.setattr(rolling, "PARTS_MAX", 1)
    monkeypatch.setattr(rolling, "UNADDED_SETS_MAX", 10)
    await write(db, Chain(holder), 2 * PART_SETS)
    with pytest.raises(Unavailable):
        await catch_up(db, holder.shard, holder.account_id)
    monkeypatch.undo()
    assert await amounts(db, holder) == [2 * PART_SETS, -2 * PART_SETS]


async def test_many_who_roll_up_at_once_count_nothing_twice(db: Database) -> None:
    holders = [await open_holder(db, 100) for _ in range(3)]
    await asyncio.gather(*(roll_up(db, EVERYWHERE) for _ in range(6)))
    assert [await progress(db, holder) for holder in holders] == [1, 1, 1]
    found = await read_address_balance(db, "scheme:top_up:settlement")
    assert [one.amount for one in found] == [-300]
    assert (await audit(db)).clean


async def test_a_hot_day_is_cut_into_rows_that_are_cheap_to_read(db: Database) -> None:
    holder = await open_holder(db)
    await write(db, Chain(holder), 3 * store.BLOCK + 1)
    await roll_up(db, EVERYWHERE)
    assert await count_rows(db, holder) == 2 * 4


async def test_a_quiet_account_has_a_row_for_each_day_and_address(db: Database) -> None:
    holder = await open_holder(db)
    chain = Chain(holder)
    for _ in range(3):
        await write(db, chain, 1, apart=86_400_000_000)
        await roll_up(db, EVERYWHERE)
    assert await count_rows(db, holder) == 2 * 3


@pytest.mark.parametrize("whose", ["one", "all"])
async def test_what_was_thrown_away_is_made_anew(db: Database, whose: str) -> None:
    holders = [await open_holder(db, 100) for _ in range(2)]
    await roll_up(db, EVERYWHERE)
    account = holders[0].account_id if whose == "one" else None
    await db.transact(partial(start_over, account_id=account))
    assert [await count_rows(db, one) for one in holders] == [0, 2 if account else 0]
    assert [await progress(db, one) for one in holders] == [0, 1 if account else 0]
    await roll_up(db, EVERYWHERE)
    assert [await count_rows(db, one) for one in holders] == [2, 2]
    assert (await audit(db)).clean


async def test_a_restored_bank_has_its_subtotals_and_goes_on_with_them(
    db: Database, databases: Databases, engine: str, tmp_path: Path
) -> None:
    holder = await open_holder(db, 100)
    await roll_up(db, EVERYWHERE)
    await back_up(db, tmp_path / "bank.backup", kind="sandbox")
    url = databases.new(engine, migrated=False)
    again = await open_database(url, clock=db.clock)
    try:
        await restore(again, tmp_path / "bank.backup")
        assert await progress(again, holder) == 1
        await Engine(again).execute(Orders("later").top_up(holder, 1))
        await roll_up(again, EVERYWHERE)
        found = await read_account_balances(again, holder.account_id)
        assert {one.address: one.amount for one in found}[main(holder.account_id)] == 101
        assert (await audit(again)).clean
    finally:
        await again.close()
        databases.discard(url)

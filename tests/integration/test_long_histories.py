"""The long histories of the benchmarks are rows that the bank can read."""

import asyncio

from benchmarks.history import SPACING, write_history
from benchmarks.world import MERCHANTS, Holder
from minibank.core.ids import shard_of
from minibank.transactions.records import TransactionRecord
from minibank.transactions.store import list_records
from tests.support.callers import add_account, add_user


async def test_a_long_history_is_read_like_any_other(db, database_url, clock):
    account = await add_account(db, await add_user(db, "ada@example.com", "Ada Example"))
    holder = Holder(account.id, "card_1", "")
    shops = [f"merch_{number}" for number in range(MERCHANTS)]
    await asyncio.to_thread(write_history, database_url, holder, shops, 3, clock.now())

    shard = shard_of(account.id)
    assert shard is not None
    rows = await db.read(
        lambda tx: tx.fetch(
            "SELECT id FROM transactions WHERE shard = $1 AND account_id = $2 ORDER BY created_at",
            shard,
            account.id,
        )
    )
    ids = [row["id"] for row in rows]
    found = await db.read(lambda tx: list_records(tx, [shard] * 3, ids))
    assert all(isinstance(one, TransactionRecord) for one in found)
    assert sorted(one.created_at for one in found) == [
        clock.now() - left * SPACING for left in (3, 2, 1)
    ]
    assert {(one.account_id, one.amount_is_pending, one.version) for one in found} == {
        (account.id, False, 1)
    }

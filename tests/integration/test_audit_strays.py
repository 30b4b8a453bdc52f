"""Rows of accounts that do not exist, wherever between those that do."""

import pytest

from minibank.audit import Plan, audit
from minibank.audit.plan import never
from minibank.core.ids import SHARDS
from minibank.db import Database
from tests.support.banking import open_holders
from tests.support.counting import CountingDatabase
from tests.support.saboteur import Saboteur

NEWS = Plan(starts_over=never, leaves_marks=True)


@pytest.mark.parametrize("shard", [-7, 0, 1, SHARDS // 2, SHARDS - 1, SHARDS, 10**6])
@pytest.mark.parametrize("table", ["owners", "entries"])
async def test_a_stray_is_found_in_whatever_shard_it_is(
    db: Database, database_url: str, table: str, shard: int
) -> None:
    await open_holders(db, 3, owners=1)
    assert (await audit(db, NEWS)).clean
    saboteur = await Saboteur.connect(database_url)
    rows = {
        "owners": {"user_id": "user_1", "position": 0, "name": "", "preferred_first_name": ""},
        "entries": {"sequence": 1, "ordinal": 1, "address": "a", "amount": 1, "currency": "GBP"},
    }
    for account_id in ("acc_", "acc_zzz"):
        place = {"shard": shard, "account_id": account_id}
        await saboteur.insert(table, place | rows[table])
        found = {(one.code, one.subject) for one in (await audit(db, NEWS)).findings}
        assert ("account.missing", account_id) in found
        await saboteur.delete(table, place)
    await saboteur.leave(undo=False)
    assert (await audit(db, NEWS)).clean


async def test_looking_for_strays_takes_as_many_statements_however_many_accounts_there_are(
    db: Database,
) -> None:
    counts = []
    for more in (2, 20):
        await open_holders(db, more)
        counting = CountingDatabase(db)
        await audit(counting)
        counts.append(len([one for one in counting.statements if "owners t" in one]))
    assert counts[0] == counts[1]

"""What a balance costs does not depend on the history, statistics or none."""

from collections.abc import Callable, Coroutine, Sequence
from itertools import pairwise
from typing import Any, cast

import pytest

from minibank.db import Database, ReadTx, Row
from minibank.db.base import Value
from minibank.journal import store
from minibank.journal.subtotals.rolling import EVERYWHERE, roll_up
from minibank.ledger.entries import CARD_SETTLEMENT, Entry, main
from tests.conftest import NOON
from tests.support.banking import Holder, open_holder
from tests.support.ledgers import Chain

Ask = Callable[[ReadTx, Holder], Coroutine[Any, Any, object]]


class Explaining:
    """Asks how a statement would be run, instead of running it."""

    def __init__(self, tx: ReadTx, engine: str) -> None:
        self._tx = tx
        self._explain = "EXPLAIN QUERY PLAN" if engine == "sqlite" else "EXPLAIN (COSTS OFF)"
        self.plan: list[str] = []

    async def fetch(self, sql: str, *values: Value) -> Sequence[Row]:
        """Keep the plan; there are no rows."""
        rows = await self._tx.fetch(f"{self._explain} {sql}", *values)
        self.plan += [" ".join(map(str, row)) for row in rows]
        return []


@pytest.mark.parametrize(
    "ask",
    [
        lambda tx, one: store.sum_of_account(tx, one.shard, one.account_id, NOON, NOON),
        lambda tx, one: store.sum_of_address(tx, [one.shard], CARD_SETTLEMENT, NOON, NOON),
        lambda tx, one: store.sum_of_shards(tx, [one.shard], NOON, NOON),
        lambda tx, one: store.sum_of_tails(tx, [(one.shard, one.account_id, 1)], NOON, NOON),
    ],
    ids=["account", "address", "shards", "tails"],
)
async def test_entries_are_found_by_their_number_and_never_all_of_an_account(
    db: Database, ask: Ask
) -> None:
    holder = await open_holder(db)
    pennies = (Entry(main(holder.account_id), 1, "GBP"), Entry(CARD_SETTLEMENT, -1, "GBP"))
    await Chain(holder).write(db, [(NOON + n, NOON + n, pennies) for n in range(3000)])
    await roll_up(db, EVERYWHERE)

    async def explain(tx: ReadTx) -> list[str]:
        explaining = Explaining(tx, db.engine)
        await ask(cast(ReadTx, explaining), holder)
        return explaining.plan

    plan = await db.read(explain)
    if db.engine == "sqlite":
        found = [line for line in plan if " e " in line or " s " in line]
        bounds = found
    else:
        found = [line for line in plan if " on entries e" in line or " on entry_sets s" in line]
        bounds = [
            after for line, after in pairwise(plan) if line in found and "Index Cond" in after
        ]
    assert len(found) >= 2
    assert len(bounds) == len(found)
    assert all("sequence" in bound for bound in bounds), plan

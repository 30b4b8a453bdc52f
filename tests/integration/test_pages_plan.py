"""The cost of a page depends on the page, never on the history."""

import re
from collections.abc import Sequence

import pytest

from minibank.core.ids import shard_of
from minibank.core.pages import END, START, ObjectId, Position, Window, floor_of
from minibank.db import Database
from minibank.db.base import Value
from minibank.feed.items import FeedRules
from minibank.feed.store import Reader
from minibank.feed.store import list_page as list_feed_page
from minibank.payments.engine import Engine
from minibank.payments.store import list_recorded
from minibank.transactions import store
from minibank.transactions.windows import Span, span_of
from tests.support.banking import Orders, open_holder
from tests.support.callers import add_account, add_client, add_user
from tests.support.counting import CountingDatabase
from tests.support.histories import put, transaction
from tests.support.outbox import post_item

orders = Orders()


@pytest.fixture
async def history(db, clock):
    """Two accounts whose histories interleave, with ties."""
    ada = await add_user(db, "ada@example.com", "Ada Example")
    accounts = [await add_account(db, ada), await add_account(db, ada)]
    rows = [transaction(accounts[n % 2].id, clock.now() - 10**9 + n // 6 * 500) for n in range(120)]
    await put(db, rows)
    return sorted(
        (row for row in rows if row.account_id == accounts[0].id),
        key=lambda row: (row.created_at, row.id),
    )


async def test_a_span_is_exactly_the_rows_between_its_places(db, history):
    account = history[0].account_id
    for first in range(0, len(history), 7):
        for last in range(first, len(history), 11):
            span = Span(_place(history[first]), _place(history[last]), 100)
            rows = await db.read(
                lambda tx, span=span: store.list_page(tx, history[0].shard, account, "", span)
            )
            assert [row.id for row in rows] == [row.id for row in history[first + 1 : last]]


def _place(row) -> Position:
    return Position(row.created_at, row.id)


async def test_a_millisecond_s_floor_comes_before_all_of_its_rows(db, history):
    first = history[0]
    span = Span(floor_of(first.created_at), floor_of(first.created_at + 1000), 100)
    rows = await db.read(lambda tx: store.list_page(tx, first.shard, first.account_id, "", span))
    same = [row.id for row in history if row.created_at // 1000 == first.created_at // 1000]
    assert len(same) > 1
    assert [row.id for row in rows] == same


async def test_places_are_found_for_rows_of_the_account_alone(db, history):
    account, shard = history[0].account_id, history[0].shard
    ids = [history[3].id, "tx_nowhere"]
    places = await db.read(lambda tx: store.list_positions(tx, shard, account, ids))
    assert places == {history[3].id: _place(history[3])}
    window = Window(limit=1, since=ObjectId(history[3].id))
    assert span_of(window, places).after == _place(history[3])
    other = await db.read(lambda tx: store.list_positions(tx, shard, "acc_other", ids))
    assert other == {}


async def test_a_page_and_the_day_s_spending_are_read_by_index_alone(db, clock, history):
    account, shard = history[0].account_id, history[0].shard
    long_ago = clock.now() - 10**13
    await put(db, [transaction(account, long_ago + n * 10**6) for n in range(4000)])
    await db.transact(lambda tx: tx.execute("ANALYZE transactions"))
    counting = CountingDatabase(db)
    span = Span(_place(history[1]), END, 10)
    await counting.read(lambda tx: store.list_page(tx, shard, account, "client", span))
    await counting.read(lambda tx: store.read_spending(tx, shard, account, 0))
    page, spending = counting.statements
    page_values = (shard, account, "client", span.after.created_at, span.after.id, *_END, 10)
    for sql, values in [(page, page_values), (spending, (shard, account, clock.now() - 10**9))]:
        plan = await _plan(db, sql, values)
        assert "transactions_order" in plan
        for costly in ("Seq Scan", "SCAN", "Sort", "TEMP B-TREE"):
            assert costly not in plan, plan


async def test_a_command_is_recognised_by_its_key_however_many_an_account_has_had(db):
    holder = await open_holder(db)
    engine = Engine(db)
    await engine.execute_many([orders.top_up(holder, 1) for _ in range(600)])
    counting = CountingDatabase(db)
    command = orders.top_up(holder, 1)
    shard = shard_of(holder.account_id)
    assert shard is not None
    key = (shard, holder.account_id, command.issuer, command.id)
    await counting.read(lambda tx: list_recorded(tx, [key]))
    [sql] = counting.statements
    # Without statistics too: a table that grew a moment ago has none.
    plan = await _plan(db, sql, ([shard], *([text] for text in key[1:])))
    assert re.search(r"outcomes_pkey|sqlite_autoindex_outcomes", plan), plan
    assert "outcomes_decided" not in plan


async def test_a_page_of_the_feed_is_read_by_the_two_indexes_of_its_order(db, clock, history):
    account, shard = history[0].account_id, history[0].shard
    long_ago = clock.now() - 10**13
    await put(db, [transaction(account, long_ago + n * 10**6) for n in range(4000)])
    reader = Reader(shard, account, (await add_client(db)).client.id, "user_1")
    rules = FeedRules(items_per_day=10**6, key_seconds=60)
    for _ in range(300):
        await post_item(db, reader, rules=rules)
    for table in ("transactions", "feed_items", "feed_dismissals"):
        await db.transact(lambda tx, table=table: tx.execute(f"ANALYZE {table}"))
    counting = CountingDatabase(db)
    await counting.read(lambda tx: list_feed_page(tx, reader, START, END, 10))
    [sql] = counting.statements
    values = (shard, account, reader.client_id, "user_1", START.created_at, START.id, *_END, 10)
    plan = await _plan(db, sql, (*values, clock.now()))
    assert "transactions_order" in plan
    assert "feed_items_order" in plan
    for costly in ("Seq Scan on transactions", "Seq Scan on feed_items", "SCAN t", "SCAN i"):
        assert costly not in plan, plan


_END = (END.created_at, END.id)


async def _plan(db: Database, sql: str, values: Sequence[Value]) -> str:
    explain = "EXPLAIN QUERY PLAN" if db.engine == "sqlite" else "EXPLAIN (COSTS OFF)"
    rows = await db.read(lambda tx: tx.fetch(f"{explain} {sql}", *values))
    return "\n".join(str(list(row)) for row in rows)

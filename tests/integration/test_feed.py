"""Dismissal, and the due work that takes items off and forgets keys."""

from typing import Any

import pytest

from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BankError
from minibank.core.ids import shard_of
from minibank.core.pages import END, START
from minibank.db import Database
from minibank.feed import retention
from minibank.feed.items import change_item, delete_item, dismiss_item
from minibank.feed.records import FeedItem, item_of
from minibank.feed.retention import FEED_ITEMS, FEED_KEYS
from minibank.feed.store import Reader, find_item, list_page
from minibank.payments.engine import Engine
from minibank.worker.due import run_due
from tests.support.banking import Holder, Orders, open_holder
from tests.support.callers import add_client
from tests.support.outbox import RULES, post_item, reader_of

SECOND = 1_000_000


@pytest.fixture
async def holder(db: Database) -> Holder:
    return await open_holder(db, 100)


@pytest.fixture
async def reader(db: Database, holder: Holder) -> Reader:
    return reader_of(holder, (await add_client(db)).client.id)


async def rows_of(db: Database, table: str) -> list[dict[str, Any]]:
    rows = await db.read(lambda tx: tx.fetch(f"SELECT * FROM {table}"))
    return [{name: row[name] for name in row.keys()} for row in rows]  # noqa: SIM118 - no mapping


async def planned(db: Database) -> dict[str, int]:
    """When each kind of work is due."""
    return {row["kind"]: row["due_at"] for row in await rows_of(db, "due_work")}


async def run(db: Database) -> int:
    """Do what is due; how many pieces."""
    report = await run_due(db, Engine(db))
    assert report.put_off == 0
    return report.done


async def dismiss(db: Database, item_id: str, reader: Reader) -> None:
    await db.transact(lambda tx: dismiss_item(tx, item_id, reader.user_id))


async def on_feed(db: Database, reader: Reader) -> list[FeedItem | str]:
    return await db.read(lambda tx: list_page(tx, reader, START, END, 100))


async def test_due_work_takes_an_expired_item_off_with_its_dismissals(
    db: Database, reader: Reader, clock: FakeClock
) -> None:
    expires_at = clock.now() + 10 * SECOND
    gone = await post_item(db, reader, expires_at=expires_at)
    stays = await post_item(db, reader)
    for item in (gone, stays):
        await dismiss(db, item, reader)
    assert await run(db) == 0
    assert await planned(db) == {FEED_ITEMS: expires_at}
    clock.advance(10)
    assert await run(db) == 1
    assert [row["id"] for row in await rows_of(db, "feed_items")] == [stays]
    assert [row["subject"] for row in await rows_of(db, "feed_dismissals")] == [stays]
    assert await planned(db) == {}
    assert (await audit(db)).clean


async def test_work_is_due_with_the_first_of_a_shard_s_items_and_then_with_the_next(
    db: Database, reader: Reader, clock: FakeClock
) -> None:
    now = clock.now()
    for seconds in (300, 10, 200):
        await post_item(db, reader, expires_at=now + seconds * SECOND)
    assert await planned(db) == {FEED_ITEMS: now + 10 * SECOND}
    clock.advance(10)
    assert await run(db) == 1
    assert await planned(db) == {FEED_ITEMS: now + 200 * SECOND}
    assert len(await rows_of(db, "feed_items")) == 2


async def test_a_long_list_is_removed_a_bounded_part_at_a_time(
    db: Database, reader: Reader, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(5):
        await post_item(db, reader, key=str(number), expires_at=clock.now() + SECOND)
    clock.advance(RULES.key_seconds)
    assert await run(db) == 6
    assert await rows_of(db, "feed_items") == await rows_of(db, "feed_keys") == []
    assert await planned(db) == {}


async def test_an_item_whose_expiry_was_put_off_meanwhile_stays(
    db: Database, reader: Reader, clock: FakeClock
) -> None:
    item_id = await post_item(db, reader, expires_at=clock.now() + 10 * SECOND)
    found = await db.read(lambda tx: find_item(tx, reader.shard, item_id, reader.client_id))
    assert found is not None

    def put_off(item: FeedItem) -> Any:
        content = item.content
        return type(content)(params=content.params, expires_at=clock.now() + 100 * SECOND)

    await db.transact(lambda tx: change_item(tx, found, put_off))
    clock.advance(10)
    await run(db)
    assert len(await on_feed(db, reader)) == 2
    assert await planned(db) == {FEED_ITEMS: clock.now() + 90 * SECOND}
    assert (await audit(db)).clean


async def test_the_audit_names_items_and_keys_that_nothing_removes(
    db: Database, reader: Reader, clock: FakeClock
) -> None:
    await post_item(db, reader, key="first", expires_at=clock.now() + SECOND)
    await db.transact(lambda tx: tx.execute("DELETE FROM due_work WHERE shard >= 0"))
    assert (await audit(db)).clean
    clock.advance(3 * RULES.key_seconds)
    found = {(one.code, one.subject) for one in (await audit(db)).findings}
    assert found == {("retention.unplanned", FEED_ITEMS), ("retention.unplanned", FEED_KEYS)}


async def test_a_deleted_item_leaves_no_work_and_no_dismissal(
    db: Database, reader: Reader, clock: FakeClock
) -> None:
    item_id = await post_item(db, reader, expires_at=clock.now() + SECOND)
    await db.transact(lambda tx: dismiss_item(tx, item_id, reader.user_id))
    found = await db.read(lambda tx: find_item(tx, reader.shard, item_id, reader.client_id))
    assert found is not None
    await db.transact(lambda tx: delete_item(tx, found, lambda _: None))
    assert await rows_of(db, "feed_dismissals") == await rows_of(db, "feed_items") == []
    with pytest.raises(BankError, match="no such"):
        await db.transact(lambda tx: delete_item(tx, found, lambda _: None))
    clock.advance(1)
    assert await run(db) == 1
    assert await planned(db) == {}


async def test_keys_are_forgotten_when_they_were_kept_long_enough(
    db: Database, reader: Reader, clock: FakeClock
) -> None:
    await post_item(db, reader, key="first")
    clock.advance(1)
    await post_item(db, reader, key="second")
    clock.advance(RULES.key_seconds - 1)
    assert await run(db) == 1
    assert [row["key"] for row in await rows_of(db, "feed_keys")] == ["second"]
    assert (await audit(db)).clean


async def test_a_key_that_is_used_again_before_it_is_forgotten_is_kept_anew(
    db: Database, reader: Reader, clock: FakeClock
) -> None:
    await post_item(db, reader, key="first")
    clock.advance(RULES.key_seconds)
    again = await post_item(db, reader, key="first", title="Sun")
    await run(db)
    [kept] = await rows_of(db, "feed_keys")
    assert kept["item_id"] == again
    assert (await audit(db)).clean


async def test_a_transaction_and_an_item_are_dismissed_for_one_user_alone(
    db: Database, clock: FakeClock
) -> None:
    couple = await open_holder(db, owners=2)
    client_id = (await add_client(db)).client.id
    outcome = await Engine(db).execute(Orders().top_up(couple, 5))
    transaction_id = str(outcome.transaction_id)
    own, others = [reader_of(couple, client_id, user_id) for user_id in couple.user_ids]
    item_id = await post_item(db, own)
    for gone in (item_id, item_of(transaction_id)):
        await dismiss(db, gone, own)
    assert await on_feed(db, own) == []
    assert len(await on_feed(db, others)) == 2


@pytest.mark.parametrize("unknown", ["feeditem_0000B476k79qyLyeiOBR34", "tx_1", "nonsense"])
async def test_what_is_not_on_a_feed_cannot_be_dismissed(db: Database, unknown: str) -> None:
    with pytest.raises(BankError, match="no such"):
        await db.transact(lambda tx: dismiss_item(tx, unknown, "user_1"))


async def test_an_item_lives_in_the_shard_of_its_account(
    db: Database, reader: Reader, holder: Holder
) -> None:
    assert shard_of(await post_item(db, reader)) == holder.shard

"""Who is erased is gone from every row, and the books are what they were."""

import asyncio
import json
from typing import Any

import pytest

from minibank.accounts import store as accounts
from minibank.accounts.erasing import hold_accounts
from minibank.accounts.opening import NewAccount, open_account, set_account_state
from minibank.accounts.store import find_account
from minibank.audit import Plan, audit
from minibank.audit.checkpoint import compare, read_checkpoint, write_checkpoint
from minibank.core.clock import FakeClock
from minibank.core.errors import BadParam, NotFound
from minibank.core.ids import compose
from minibank.core.keys import KEY_BYTES, write_new_key
from minibank.db import Database, Tx, open_database
from minibank.identity.store import find_user
from minibank.identity.users import NewUser, create_user, find_user_by_email, set_password_hash
from minibank.oauth.callers import find_caller
from minibank.oauth.secrets import parse_token
from minibank.payments.engine import Engine
from minibank.privacy import erasure
from minibank.privacy.erasure import begin_erasure, go_on_erasing, preview_erasure
from minibank.privacy.inventory import INVENTORY
from minibank.worker.due import run_due
from tests.support.banking import Orders
from tests.support.files import kinds
from tests.support.outbox import claim, end_attempt, list_told
from tests.support.people import caller_of, new_person, password_hash, refresh, refused, sign_in
from tests.support.personal import (
    EMAIL,
    MARK,
    Dump,
    Life,
    dump,
    first_transaction,
    live,
    rows_of_others,
)
from tests.support.pots import open_pot
from tests.support.receipts import keep_receipt

EMPTY = {"", "{}", "[]", b""}
KEPT = ("entry_sets", "entries", "outcomes", "balances", "authorisations", "merchants")


@pytest.fixture
async def life(db: Database, clock: FakeClock) -> Life:
    return await live(db, clock, is_leaving=True)


async def erase(db: Database, life: Life) -> None:
    """All of it, at once."""
    await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    await run_due(db, Engine(db), kinds=kinds())


def hers(life: Life, rows: Dump, table: str) -> list[dict[str, Any]]:
    """The rows of a table that are not Bob's as well."""
    others = rows_of_others(life, rows)
    return [row for row in rows[table] if not any(value in others for value in row.values())]


async def test_every_column_that_is_declared_erased_is_empty_afterwards(db: Database, life: Life):
    before = await dump(db)
    await erase(db, life)
    after = await dump(db)
    for table, held in INVENTORY.items():
        for name, column in held.columns.items():
            if column.fate != "erased" or table == "erasure_parts":
                continue
            values = {row[name] for row in hers(life, before, table)} - {*EMPTY, None}
            assert values, f"{table}.{name} proves nothing"
            left = {
                row[name]
                for row in hers(life, after, table)
                if not (name == "description" and row["kind"] in {"card", "refund"})
            }
            assert left <= EMPTY, f"{table}.{name}"
    assert MARK.lower() not in str(after).lower()
    assert after["erasure_parts"] == []


async def test_the_books_stay_and_prove_also_against_a_checkpoint_from_before(
    db: Database, life: Life, tmp_path
):
    keys = write_new_key(tmp_path / "server.key", b"k" * KEY_BYTES)
    report = await audit(db)
    file = tmp_path / "checkpoint"
    write_checkpoint(file, report, keys, bank_created_at=1, taken_at=2)
    before = await dump(db)
    await erase(db, life)
    after = await dump(db)
    for table in KEPT:
        assert after[table] == before[table]
    numbers = ("id", "account_id", "created_at", "amount", "currency", "account_balance", "kind")
    for old, new in zip(
        *(sorted(rows["transactions"], key=lambda row: row["id"]) for rows in (before, after)),
        strict=True,
    ):
        assert [old[name] for name in numbers] == [new[name] for name in numbers]
    checkpoint = read_checkpoint(file, keys, bank_created_at=1)
    report = await audit(db, Plan(before=checkpoint.marks))
    assert report.clean, report.findings
    assert compare(checkpoint, report) == []


async def test_others_keep_their_history_without_the_name_and_words_of_the_erased(
    db: Database, life: Life
):
    await erase(db, life)
    rows = [
        row
        for row in (await dump(db))["transactions"]
        if row["account_id"] == life.bobs.account_id and row["scheme"] == "p2p_payment"
    ]
    told = {(row["amount"], row["description"], "name" in row["counterparty"]) for row in rows}
    assert told == {(300, "Transfer", False), (-100, "From Bob", False), (500, "Ours", True)}
    [shared] = [row for row in rows if row["amount"] == 500]
    assert '"name":"Bob Builder"' in shared["counterparty"]
    assert all("account_number" in row["counterparty"] for row in rows)
    assert all(row["version"] > 1 for row in rows)


async def test_what_is_on_a_closed_joint_account_stays_until_its_last_owner_goes(
    db: Database, life: Life
):
    await erase(db, life)
    account = await db.read(lambda tx: find_account(tx, life.joint.account_id))
    assert account is not None
    assert [owner.name for owner in account.owners] == ["", "Bob Builder"]
    assert "shared two" in str((await dump(db))["transactions"])
    await Engine(db).execute(Orders("last").send(life.bobs, 5700))
    await db.transact(lambda tx: begin_erasure(tx, life.bob.id))
    await run_due(db, Engine(db), kinds=kinds())
    text = str(await dump(db))
    assert "shared" not in text
    assert "Bob" not in text
    assert (await audit(db)).clean


async def test_webhooks_of_the_erased_are_over_and_others_are_told_without_the_name(
    db: Database, life: Life
):
    before = {name: await list_told(db, webhook) for name, webhook in life.webhooks.items()}
    await erase(db, life)
    rows = await dump(db)
    removed = {row["id"] for row in rows["webhooks"] if row["removed_at"] and not row["url"]}
    assert removed == {life.webhooks[name].id for name in ("own", "joint")}
    assert {row["id"] for row in rows["webhooks"]} - removed == {
        life.webhooks[name].id for name in ("bob's", "bob's joint")
    }
    for name, webhook in life.webhooks.items():
        told = await list_told(db, webhook)
        assert [one.subject for one in told] == [one.subject for one in before[name]]
        if webhook.id in removed:
            assert {(one.payload, one.state) for one in told} == {(b"", "cancelled")}
    transactions = {row["id"]: row for row in rows["transactions"]}
    words = set()
    for one in await list_told(db, life.webhooks["bob's"]):
        now = transactions[one.subject]
        assert one.state == "pending"
        assert one.data["description"] == now["description"]
        assert one.data["counterparty"] == json.loads(now["counterparty"])
        words.add(one.data["description"])
    assert {"Transfer", "From Bob", "Ours"} <= words
    assert (await audit(db)).clean


async def test_what_receivers_answered_is_forgotten_and_that_they_were_called_is_not(
    db: Database, life: Life
):
    before = (await dump(db))["delivery_attempts"]
    await erase(db, life)
    after = (await dump(db))["delivery_attempts"]
    texts = ("request_headers", "response_headers", "excerpt")
    plain = [
        sorted(str({**row, **dict.fromkeys(texts)}) for row in rows) for rows in (before, after)
    ]
    assert plain[0] == plain[1]
    joint = [row for row in before if row["webhook_id"] == life.webhooks["bob's joint"].id]
    assert joint
    assert [row for row in joint if row not in after] == []
    # Of what Bob's program answered about his own business everything stays.
    bobs = [row for row in after if row["webhook_id"] == life.webhooks["bob's"].id]
    assert {bool(row["excerpt"]) for row in bobs} == {True, False}


@pytest.mark.parametrize("name", ["own", "joint", "bob's"])
async def test_an_attempt_that_is_under_way_meanwhile_is_recorded_without_what_it_was_about(
    db: Database, life: Life, name: str
):
    webhook = life.webhooks[name]
    told = await list_told(db, webhook)
    claims = [await claim(db, webhook, one.sequence) for one in told]
    late = [one for one in claims if b"Unmistakable" in one.payload or b"Love" in one.payload]
    late = late or claims
    await erase(db, life)
    for one in late:
        await end_attempt(db, one, excerpt=one.payload, said=(("X", MARK),), sent=(("Y", MARK),))
    assert MARK.lower() not in str(await dump(db)).lower()
    after = {one.sequence: one for one in await list_told(db, webhook)}
    assert {after[one.sequence].attempts for one in late} == {2}
    assert {after[one.sequence].state for one in late} == {
        "delivered" if name == "bob's" else "cancelled"
    }
    assert (await audit(db)).clean


async def test_of_a_feed_that_others_read_only_what_is_the_erased_person_s_own_goes(
    db: Database, life: Life
):
    await erase(db, life)
    rows = await dump(db)
    for table, count in {"feed_items": 6, "feed_dismissals": 3, "feed_keys": 3}.items():
        assert {row["account_id"] for row in rows[table]} == {life.joint.account_id}, table
        assert len(rows[table]) == count
    assert {row["user_id"] for row in rows["feed_dismissals"]} == {life.bob.id}
    assert {row["user_id"] for row in rows["feed_keys"]} == {life.bob.id}


async def test_the_receipts_of_the_erased_go_and_another_owner_s_stay(
    db: Database, life: Life, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(erasure, "BATCH", 2)
    assert len((await dump(db))["receipts"]) == 9
    await erase(db, life)
    left = (await dump(db))["receipts"]
    assert [(row["user_id"], row["external_id"][:4]) for row in left] == 3 * [(life.bob.id, "bobs")]


async def test_no_receipt_is_put_behind_an_erasure(db: Database, life: Life):
    paid = await first_transaction(db, life.own)
    await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    with refused("not_found.receipt"):
        await keep_receipt(db, life.ada.id, life.app.id, paid, "late")


async def test_the_tokens_of_the_erased_are_unknown_tokens_at_once(db: Database, life: Life):
    await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, life.tokens["live"])
    with refused("unauthorized.bad_refresh_token"):
        await refresh(db, life.app, life.tokens["refresh"])
    with refused("bad_request.could_not_authenticate"):
        await sign_in(db, life.app, EMAIL)
    await run_due(db, Engine(db), kinds=kinds())
    with refused("unauthorized.bad_access_token"):
        await db.read(lambda tx: find_caller(tx, parse_token(life.tokens["former"])))


async def test_the_address_can_be_registered_again_and_is_somebody_else_then(
    db: Database, life: Life, clock: FakeClock
):
    await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    clock.advance(3600)
    with pytest.raises(BadParam, match="another user"):
        await new_person(db, EMAIL)
    await run_due(db, Engine(db), kinds=kinds())
    again = await new_person(db, EMAIL)
    assert again.id != life.ada.id
    await sign_in(db, life.app, EMAIL)
    found = await db.read(lambda tx: find_user_by_email(tx, EMAIL))
    assert found == again


async def test_that_somebody_was_erased_is_recorded_and_not_who(
    db: Database, life: Life, clock: FakeClock
):
    await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    began = clock.now()
    clock.advance(60)
    await run_due(db, Engine(db), kinds=kinds())
    rows = await dump(db)
    [record] = rows["erasures"]
    assert (record["began_at"], record["ended_at"]) == (began, clock.now())
    assert life.ada.id not in str(record)


async def test_half_erased_is_nobody_who_can_be_found_or_given_anything(db: Database, life: Life):
    await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    assert await db.read(lambda tx: find_user(tx, life.ada.id)) is None
    assert await db.read(lambda tx: find_user_by_email(tx, EMAIL)) is None
    with pytest.raises(NotFound):
        await db.transact(lambda tx: set_password_hash(tx, life.ada.id, password_hash()))
    new = NewAccount(type="uk_retail", owners=[life.ada.id])
    with pytest.raises(BadParam):
        await db.transact(lambda tx: open_account(tx, new))
    preview = await db.transact(lambda tx: preview_erasure(tx, EMAIL))
    assert preview.leaving.began_at is not None
    assert preview.obstacles == ()


async def test_it_is_done_in_bounded_parts_and_can_be_broken_off_after_any(
    db: Database, life: Life, database_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    """Each part is a unit of work of its own, and another process goes on with the next."""
    monkeypatch.setattr(erasure, "BATCH", 2)
    await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    parts = 0
    more = True
    while more:
        assert not await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
        other = await open_database(database_url, clock, db.ids)
        with pytest.raises(ZeroDivisionError):
            await other.transact(break_off(life.ada.id))
        more = await other.transact(lambda tx: go_on_erasing(tx, life.ada.id)) is not None
        # Without the last: its due work ends with whoever executes it.
        assert not more or (await audit(db)).findings == []
        await other.close()
        parts += 1
    assert parts > 10
    assert MARK.lower() not in str(await dump(db)).lower()
    assert (await run_due(db, Engine(db), kinds=kinds())).put_off == 0
    assert (await audit(db)).clean
    assert len((await dump(db))["erasures"]) == 1


def break_off(user_id: str):
    """A part that is done and then lost."""

    async def work(tx):
        await go_on_erasing(tx, user_id)
        return 1 / 0

    return work


async def test_two_processes_at_once_erase_a_person_once(
    db: Database, life: Life, database_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(erasure, "BATCH", 2)
    other = await open_database(database_url, clock, db.ids)
    begun = await asyncio.gather(
        *(one.transact(lambda tx: begin_erasure(tx, life.ada.id)) for one in (db, other))
    )
    assert sorted(begun) == [False, True]
    await asyncio.gather(run_due(db, Engine(db)), run_due(other, Engine(other)))
    await other.close()
    rows = await dump(db)
    assert MARK.lower() not in str(rows).lower()
    assert len(rows["erasures"]) == 1
    assert (await audit(db)).clean


async def test_who_has_business_with_the_bank_is_not_erased_and_is_told_all_of_it(
    db: Database, clock: FakeClock
):
    life = await live(db, clock)
    before = await dump(db)
    with refused("conflict.person_has_business") as refusal:
        await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    said = refusal.value.message
    assert f"{life.own.account_id} holds money" in said
    assert f"{life.own.account_id} has card payments that are not over (1)" in said
    assert f"{life.joint.account_id} has another owner" in said
    assert await dump(db) == before


async def test_who_has_money_in_a_pot_is_not_erased(db: Database, life: Life):
    engine, orders = Engine(db), Orders("saving")
    pot_id = await open_pot(db, life.own)
    await engine.execute(orders.top_up(life.own, 5))
    await engine.execute(orders.deposit(life.own, pot_id, 5))
    with refused("conflict.person_has_business") as refusal:
        await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    assert refusal.value.message == f"{life.own.account_id} holds money in its pots"


async def test_who_has_a_frozen_account_is_not_erased(db: Database, life: Life):
    await db.transact(lambda tx: set_account_state(tx, life.own.account_id, "frozen"))
    with refused("conflict.person_has_business") as refusal:
        await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    assert "is frozen" in refusal.value.message


async def test_an_account_that_is_opened_at_the_same_time_is_not_missed(
    db: Database, life: Life, database_url: str, clock: FakeClock
):
    other = await open_database(database_url, clock, db.ids)
    new = NewAccount(type="uk_retail", owners=[life.ada.id])
    await asyncio.gather(
        db.transact(lambda tx: begin_erasure(tx, life.ada.id)),
        other.transact(lambda tx: open_account(tx, new)),
        return_exceptions=True,
    )
    await run_due(db, Engine(db), kinds=kinds())
    await other.close()
    rows = await dump(db)
    assert MARK.lower() not in str(rows).lower()
    assert {row["state"] for row in hers(life, rows, "accounts")} == {"closed"}


async def test_accounts_are_held_in_the_order_in_which_the_engine_holds_them(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    async def work(tx: Tx) -> list[str]:
        bob, ada = (compose("user", tx.now, shard, 1, 1) for shard in (9, 5))
        for one in (bob, ada):
            await create_user(tx, NewUser(email=f"{one}@example.com", name="X", id=one))
        joint = compose("acc", tx.now, 9, 1, 1)
        later = compose("acc", tx.now + 10**6, 5, 1, 1)
        both = NewAccount(type="uk_retail_joint", owners=[bob, ada], id=joint)
        await open_account(tx, both)
        await open_account(tx, NewAccount(type="uk_retail", owners=[ada], id=later))
        return [ada, later, joint]

    user_id, *wanted = await db.transact(work)
    held: list[str] = []
    lock_balance = accounts.lock_balance

    async def noting(tx: Tx, shard: int, account_id: str) -> bool:
        held.append(account_id)
        return await lock_balance(tx, shard, account_id)

    monkeypatch.setattr(accounts, "lock_balance", noting)
    assert len(await db.transact(lambda tx: hold_accounts(tx, user_id))) == 2
    assert held == wanted != sorted(wanted)

"""The history of the note that all readers of a transaction share."""

import asyncio
from functools import partial

import pytest

from minibank.db import open_database
from minibank.transactions.annotate import Target, annotate
from minibank.transactions.notes import CHANGES_MAX, read_note_history
from tests.support.callers import add_account, add_client, add_token, add_user, http
from tests.support.command_line import CommandLine
from tests.support.histories import put, transaction

APP, OTHER = "oauth2client_1", "oauth2client_2"
ADA, BRIAN = "user_1", "user_2"


@pytest.fixture
async def row(db, clock):
    """A payment on somebody's account."""
    account = await add_account(db, await add_user(db, "ada@example.com", "Ada Example"))
    payment = transaction(account.id, clock.now() - 10**6)
    await put(db, [payment])
    return payment


async def _note(db, row, notes, client=APP, user=ADA, **more):
    changes = {"notes": notes, **more}
    target = Target(row.shard, row.id, client, user)
    return await db.transact(lambda tx: annotate(tx, target, changes))


async def _history(db, row):
    return await db.snapshot(lambda tx: read_note_history(tx, row.shard, row.id))


async def test_each_change_keeps_who_when_and_what_was_before(db, row, clock):
    start = clock.now()
    await _note(db, row, "Lunch")
    clock.advance(60)
    await _note(db, row, "Dinner", client=OTHER, user=BRIAN)
    clock.advance(60)
    await _note(db, row, "")
    shown = [
        (one.change.user_id, one.change.client_id, one.before, one.after)
        for one in await _history(db, row)
    ]
    assert shown == [
        (ADA, APP, "Dinner", ""),
        (BRIAN, OTHER, "Lunch", "Dinner"),
        (ADA, APP, "", "Lunch"),
    ]
    instants = [one.change.changed_at for one in await _history(db, row)]
    assert instants == [start + 120_000_000, start + 60_000_000, start]


async def test_what_changes_no_note_leaves_no_history(db, row):
    await _note(db, row, "", colour="green")
    await _note(db, row, "Lunch")
    await _note(db, row, "Lunch", colour="red")
    target = Target(row.shard, row.id, APP, ADA)
    await db.transact(lambda tx: annotate(tx, target, {"colour": "blue"}))
    assert [one.after for one in await _history(db, row)] == ["Lunch"]


async def test_the_history_of_one_transaction_is_not_another_s(db, row, clock):
    other = transaction(row.account_id, clock.now())
    await put(db, [other])
    await _note(db, row, "Lunch")
    assert await _history(db, other) == []


async def test_an_unknown_transaction_has_no_history(db, row):
    assert await db.snapshot(lambda tx: read_note_history(tx, row.shard, "tx_none")) == []


async def test_the_newest_hundred_changes_are_kept(db, row, clock):
    for number in range(CHANGES_MAX + 5):
        await _note(db, row, f"note {number}")
    history = await _history(db, row)
    assert len(history) == CHANGES_MAX
    assert (history[0].before, history[0].after) == ("note 103", "note 104")
    assert (history[-1].before, history[-1].after) == ("note 4", "note 5")


async def test_changes_at_once_form_one_chain(db, row):
    await asyncio.gather(*(_note(db, row, f"note {number}") for number in range(8)))
    history = await _history(db, row)
    assert sorted(one.after for one in history) == [f"note {number}" for number in range(8)]
    assert [one.before for one in history] == [*(one.after for one in history[1:]), ""]


async def test_a_change_that_is_undone_leaves_no_history(db, row):
    class Undone(Exception):
        pass

    async def work(tx):
        await annotate(tx, Target(row.shard, row.id, APP, ADA), {"notes": "Lunch"})
        raise Undone

    with pytest.raises(Undone):
        await db.transact(work)
    assert await _history(db, row) == []


async def test_the_api_says_for_whom_and_through_which_client(db, clock):
    ada = await add_user(db, "ada@example.com", "Ada Example")
    account = await add_account(db, ada)
    payment = transaction(account.id, clock.now())
    await put(db, [payment])
    client = (await add_client(db)).client
    async with http(db, token=await add_token(db, client, ada)) as api:
        await api.patch(f"/transactions/{payment.id}", data={"metadata[notes]": "Lunch"})
    [change] = await _history(db, payment)
    assert (change.change.user_id, change.change.client_id) == (ada.id, client.id)


@pytest.fixture
async def cli(empty_database_url, tmp_path):
    """`minibank` on a new bank."""
    line = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    await asyncio.to_thread(line.run, "migrate")
    return line


async def test_the_command_shows_the_history_newest_first(cli, clock, ids):
    db = await open_database(cli.variables["MINIBANK_DATABASE"], clock=clock, ids=ids)
    account = await add_account(db, await add_user(db, "ada@example.com", "Ada Example"))
    row = transaction(account.id, clock.now() - 10**6)
    await put(db, [row])
    shows = partial(cli.run, "transaction", "notes", row.id)
    assert (await asyncio.to_thread(shows, "--json")).json == []
    await _note(db, row, "Lunch [red]\x1b[31m")
    await _note(db, row, "Dinner", client=OTHER, user=BRIAN)
    await db.close()
    found = (await asyncio.to_thread(shows, "--json")).json
    assert found == [
        {
            "changed": "2026-03-10T12:00:00.000Z",
            "user_id": BRIAN,
            "client_id": OTHER,
            "before": "Lunch [red]\x1b[31m",
            "after": "Dinner",
        },
        {
            "changed": "2026-03-10T12:00:00.000Z",
            "user_id": ADA,
            "client_id": APP,
            "before": "",
            "after": "Lunch [red]\x1b[31m",
        },
    ]
    table = (await asyncio.to_thread(shows)).out
    assert "Lunch [red]\ufffd[31m" in table
    assert "\x1b[31m" not in table


async def test_the_command_refuses_what_is_no_transaction(cli):
    for name in ("tx_123", "tx_0000BBSdksRf5r3sp0eJnF"):
        done = await asyncio.to_thread(cli.try_, "transaction", "notes", name)
        assert done.status == 1
        assert f"There is no transaction {name}" in done.err

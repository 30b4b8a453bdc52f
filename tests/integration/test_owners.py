"""People join an account and leave it; who left sees, spends and hears nothing of it any more."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from minibank.accounts.limits import LimitChanges, set_limits
from minibank.accounts.opening import OWNERS_MAX, issue_card, set_account_state, set_card_state
from minibank.accounts.records import Account
from minibank.accounts.store import find_account, list_accounts, list_cards
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BadParam, Conflict, NotFound
from minibank.customers.owning import add_owner, remove_owner
from minibank.db import Database, open_database
from minibank.identity.store import find_user
from minibank.payments.commands import Outcome
from minibank.payments.engine import Engine
from minibank.privacy.erasure import begin_erasure
from minibank.privacy.export import Lines, Subject, export_person
from minibank.webhooks.store import find_live
from minibank.worker.due import run_due
from tests.support.banking import Holder, Orders, open_holder, open_holders
from tests.support.callers import add_client, add_token, http
from tests.support.outbox import list_told, listen
from tests.support.people import new_person
from tests.support.personal import MARK, dump, live

orders = Orders()


async def join(db: Database, holder: Holder, user_id: str) -> Account:
    return await db.transact(lambda tx: add_owner(tx, holder.account_id, user_id))


async def leave(db: Database, holder: Holder, user_id: str) -> Account:
    return await db.transact(lambda tx: remove_owner(tx, holder.account_id, user_id))


async def listed(db: Database, user_id: str) -> list[str]:
    return [one.id for one in await db.read(lambda tx: list_accounts(tx, user_id))]


async def api_of(db: Database, user_id: str) -> httpx.AsyncClient:
    user = await db.read(lambda tx: find_user(tx, user_id))
    assert user
    return http(db, token=await add_token(db, (await add_client(db)).client, user))


async def test_a_second_owner_makes_an_account_joint_and_sees_it(db: Database) -> None:
    ada, brian = await open_holders(db, 2)
    account = await join(db, ada, brian.user_ids[0])
    assert account.type == "uk_retail_joint"
    assert account.owner_ids == (ada.user_ids[0], brian.user_ids[0])
    assert account == await db.read(lambda tx: find_account(tx, ada.account_id))
    assert account.id in await listed(db, brian.user_ids[0])
    assert await join(db, ada, brian.user_ids[0]) == account
    assert (await audit(db)).findings == []


async def test_whoever_leaves_is_no_owner_and_the_account_is_personal_again(db: Database) -> None:
    ada = await open_holder(db, owners=3)
    first, second, third = ada.user_ids
    account = await leave(db, ada, first)
    assert (account.type, account.owner_ids) == ("uk_retail_joint", (second, third))
    assert (await audit(db)).findings == []
    account = await leave(db, ada, third)
    assert (account.type, account.owner_ids) == ("uk_retail", (second,))
    assert await listed(db, first) == []
    assert account == await db.read(lambda tx: find_account(tx, ada.account_id))
    assert (await audit(db)).findings == []


async def test_who_left_may_come_back_and_is_the_last_of_them_then(db: Database) -> None:
    ada = await open_holder(db, owners=2)
    first, second = ada.user_ids
    await leave(db, ada, first)
    account = await join(db, ada, first)
    assert account.owner_ids == (second, first)
    assert await listed(db, first) == [ada.account_id]
    assert (await audit(db)).findings == []


async def test_the_last_owner_cannot_be_removed(db: Database) -> None:
    ada = await open_holder(db)
    with pytest.raises(Conflict) as refused:
        await leave(db, ada, ada.user_ids[0])
    assert refused.value.code == "conflict.last_owner"


async def test_an_account_has_a_bounded_number_of_owners(db: Database) -> None:
    ada = await open_holder(db, owners=OWNERS_MAX)
    one_more = await open_holder(db)
    with pytest.raises(BadParam):
        await join(db, ada, one_more.user_ids[0])


async def test_nobody_and_strangers_neither_join_nor_leave(db: Database) -> None:
    ada, brian = await open_holders(db, 2)
    with pytest.raises(BadParam):
        await join(db, ada, "user_x")
    with pytest.raises(NotFound):
        await leave(db, ada, brian.user_ids[0])
    with pytest.raises(NotFound):
        await db.transact(lambda tx: add_owner(tx, "acc_x", brian.user_ids[0]))


@pytest.mark.parametrize(("state", "may_leave"), [("frozen", True), ("closed", False)])
async def test_only_an_open_account_takes_owners_and_a_closed_one_keeps_them(
    db: Database, state: Any, may_leave: bool
) -> None:
    ada, brian = await open_holder(db, owners=2), await open_holder(db)
    await db.transact(lambda tx: set_account_state(tx, ada.account_id, state))
    with pytest.raises(Conflict):
        await join(db, ada, brian.user_ids[0])
    if may_leave:
        assert (await leave(db, ada, ada.user_ids[0])).type == "uk_retail"
    else:
        with pytest.raises(Conflict):
            await leave(db, ada, ada.user_ids[0])


async def test_the_cards_of_who_left_are_blocked_for_good_and_the_others_work(
    db: Database,
) -> None:
    ada, engine = await open_holder(db, 1000, owners=2), Engine(db)
    staying = await db.transact(lambda tx: issue_card(tx, ada.account_id, ada.user_ids[1]))
    await leave(db, ada, ada.user_ids[0])
    assert (await engine.execute(orders.authorise(ada, 1))).decline_reason == "CARD_BLOCKED"
    with pytest.raises(Conflict):
        await db.transact(lambda tx: set_card_state(tx, ada.card_id, "active"))
    paid = await engine.execute(orders.authorise(ada, 1, card_id=staying.id))
    assert paid.status == "done"
    states = {one.state for one in await db.read(lambda tx: list_cards(tx, ada.account_id))}
    assert states == {"blocked", "active"}


async def test_tokens_of_who_left_do_not_see_the_account_at_the_next_request(
    db: Database,
) -> None:
    ada = await open_holder(db, 1000, owners=2)
    async with await api_of(db, ada.user_ids[0]) as api:
        for path in ("/balance", "/transactions", "/webhooks", "/feed", "/events"):
            answer = await api.get(path, params={"account_id": ada.account_id})
            assert answer.status_code == 200, path
        await leave(db, ada, ada.user_ids[0])
        for path in ("/balance", "/transactions", "/webhooks", "/feed", "/events"):
            answer = await api.get(path, params={"account_id": ada.account_id})
            assert answer.status_code == 403, path
        assert (await api.get("/accounts")).json() == {"accounts": []}
        transaction = (await dump(db))["transactions"][0]["id"]
        assert (await api.get(f"/transactions/{transaction}")).status_code == 403


async def test_webhooks_of_who_left_are_told_nothing_more_and_the_others_hear_of_it(
    db: Database,
) -> None:
    ada, engine = await open_holder(db, owners=2), Engine(db)
    first, second = ada.user_ids
    client_id = (await add_client(db)).client.id
    events = ("transaction.created", "account.owner_added", "account.owner_removed")
    hers = await listen(db, client_id, ada, events=events, user_id=first)
    his = await listen(db, client_id, ada, events=events, user_id=second)
    stream = await listen(db, client_id, ada, user_id=first, url="stream:")
    await engine.execute(orders.top_up(ada, 5))
    await leave(db, ada, first)
    await engine.execute(orders.top_up(ada, 5))
    assert [one.state for one in await list_told(db, hers)] == ["cancelled"]
    told = await list_told(db, his)
    assert [one.event for one in told] == [
        "transaction.created",
        "account.owner_removed",
        "transaction.created",
    ]
    assert told[1].data["owners"] == [second]
    kept = await db.read(lambda tx: find_live(tx, stream.shard, stream.id))
    assert kept
    assert kept.user_id == second
    assert len(await list_told(db, stream)) == 2
    await join(db, ada, first)
    assert (await list_told(db, his))[-1].event == "account.owner_added"
    assert (await audit(db)).findings == []


async def test_who_left_and_is_erased_later_is_gone_from_the_account_too(
    db: Database, clock: FakeClock
) -> None:
    life = await live(db, clock, is_leaving=False)
    engine, later = Engine(db), Orders("later")
    await db.transact(lambda tx: remove_owner(tx, life.joint.account_id, life.ada.id))
    [hold] = [row["id"] for row in (await dump(db))["authorisations"] if row["state"] == "open"]
    await engine.execute(later.reverse(life.own, hold))
    await engine.execute(later.send(life.own, 1000))
    await db.transact(lambda tx: begin_erasure(tx, life.ada.id))
    await run_due(db, engine)
    after = await dump(db)
    assert MARK.lower() not in str(after).lower()
    digits = {row["last_four"] for row in after["cards"] if row["user_id"] == life.ada.id}
    assert digits == {""}
    [sent] = [row for row in after["transactions"] if row["description"] == "Ours"][-1:]
    assert "Bob Builder" in sent["counterparty"]
    assert (await audit(db)).findings == []


async def test_an_export_says_which_accounts_somebody_left_and_shows_their_cards(
    db: Database,
) -> None:
    ada = await open_holder(db, 1000, owners=2)
    await leave(db, ada, ada.user_ids[0])
    user = await db.read(lambda tx: find_user(tx, ada.user_ids[0]))
    assert user
    written: list[bytes] = []
    subject = Subject(user, bic="MINIGB2L", public_url="", files_url="", bank="sandbox")
    counts = await db.snapshot(lambda tx: export_person(tx, subject, Lines(written.append)))
    assert (counts["former_account"], counts["card"]) == (1, 1)
    assert "account" not in counts
    assert "transaction" not in counts
    lines = [json.loads(line) for line in written]
    assert {"record": "former_account", "data": {"account_id": ada.account_id}} in lines


async def test_an_export_has_the_limits_of_an_account(db: Database) -> None:
    ada = await open_holder(db, 1000)
    changes = LimitChanges(card_daily_max=500)
    await db.transact(lambda tx: set_limits(tx, ada.account_id, changes))
    await Engine(db).execute(orders.authorise(ada, 70))
    user = await db.read(lambda tx: find_user(tx, ada.user_ids[0]))
    assert user
    written: list[bytes] = []
    subject = Subject(user, bic="MINIGB2L", public_url="", files_url="", bank="sandbox")
    await db.snapshot(lambda tx: export_person(tx, subject, Lines(written.append)))
    [account] = [one["data"] for one in map(json.loads, written) if one["record"] == "account"]
    assert account["limits"]["card_daily_max"] == 500
    assert account["limits"]["payment_max"] is None
    assert account["spent"] == {"day": "2026-03-10T04:00:00.000Z", "card": 70, "transfer": 0}


async def race(url: str, db: Database, *works: Any) -> list[Any]:
    """Run works at once, every second one at another server; their answers or errors."""
    other = await open_database(url, clock=db.clock)
    calls = [work((db, other)[n % 2]) for n, work in enumerate(works)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    await other.close()
    return answers


async def test_of_leaving_and_a_payment_at_once_one_is_first(
    db: Database, database_url: str
) -> None:
    for _ in range(6):
        ada = await open_holder(db, 100, owners=2)
        command = orders.authorise(ada, 60)

        async def pay(at: Database, command: Any = command) -> Outcome:
            return await Engine(at).execute(command)

        async def go(at: Database, ada: Holder = ada) -> Account:
            return await leave(at, ada, ada.user_ids[0])

        paid, left = await race(database_url, db, pay, go)
        assert left.owner_ids == ada.user_ids[1:]
        assert paid.status == "done" or paid.decline_reason == "CARD_BLOCKED"
        later = await Engine(db).execute(orders.authorise(ada, 1))
        assert later.decline_reason == "CARD_BLOCKED"
    assert (await audit(db)).findings == []


async def test_two_owners_who_leave_at_once_leave_one_of_them(
    db: Database, database_url: str
) -> None:
    for _ in range(6):
        ada = await open_holder(db, owners=2)

        async def first(at: Database, ada: Holder = ada) -> Account:
            return await leave(at, ada, ada.user_ids[0])

        async def second(at: Database, ada: Holder = ada) -> Account:
            return await leave(at, ada, ada.user_ids[1])

        answers = await race(database_url, db, first, second)
        assert sorted(type(one).__name__ for one in answers) == ["Account", "Conflict"]
    assert (await audit(db)).findings == []


async def test_an_erased_person_does_not_join(db: Database) -> None:
    ada = await open_holder(db)
    gone = await new_person(db, "gone@example.com")
    await db.transact(lambda tx: begin_erasure(tx, gone.id))
    with pytest.raises(BadParam):
        await join(db, ada, gone.id)

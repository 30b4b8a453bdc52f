"""What happens is told to whoever asked: one delivery for each, with its cause or not at all."""

import asyncio

import pytest

from minibank.audit import audit
from minibank.core.errors import BankError
from minibank.db import Database
from minibank.oauth.records import ClientOptions
from minibank.payments.engine import Engine, EngineSettings
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder, Orders, add_merchant, list_history, open_holder
from tests.support.callers import PUBLIC_URL, add_account, add_client, add_token, add_user, http
from tests.support.failing import GatedDatabase
from tests.support.histories import merchant
from tests.support.outbox import Told, list_told, listen, stop_listening

orders = Orders()


@pytest.fixture
async def holder(db: Database) -> Holder:
    return await open_holder(db)


@pytest.fixture
async def client_id(db: Database) -> str:
    return (await add_client(db)).client.id


@pytest.fixture
def money(db: Database) -> Engine:
    return Engine(db, EngineSettings(public_url=PUBLIC_URL))


def numbers(told: list[Told]) -> list[int]:
    return [one.sequence for one in told]


async def test_each_new_transaction_is_told_once_in_order_and_due_at_once(
    db: Database, money: Engine, holder: Holder, client_id: str
) -> None:
    webhook = await listen(db, client_id, holder)
    for command in (
        orders.top_up(holder, 1000),
        orders.receive(holder, 5),
        orders.send(holder, 5),
        orders.present(holder, 5),
        orders.refund(holder, 5),
    ):
        await money.execute(command)
    told = await list_told(db, webhook)
    assert [one.subject for one in told] == [one.id for one in await list_history(db, holder)]
    assert numbers(told) == [1, 2, 3, 4, 5]
    for one in told:
        assert (one.state, one.attempts, one.claimed_until) == ("pending", 0, 0)
        assert one.next_attempt_at == db.clock.now()
        assert one.event == "transaction.created"
        assert one.id.startswith("delivery_")
        assert one.data["id"] == one.subject
        assert one.data["account_id"] == holder.account_id
    assert (await audit(db)).clean


async def test_a_declined_payment_is_told_with_its_reason(
    db: Database, money: Engine, holder: Holder, client_id: str
) -> None:
    webhook = await listen(db, client_id, holder)
    assert (await money.execute(orders.authorise(holder, 1))).status == "declined"
    [told] = await list_told(db, webhook)
    assert told.data["decline_reason"] == "INSUFFICIENT_FUNDS"
    assert (told.data["amount"], told.data["settled"]) == (-1, "")


async def test_what_becomes_of_a_transaction_later_is_not_told(
    db: Database, money: Engine, client_id: str
) -> None:
    holder = await open_holder(db, 1000)
    webhook = await listen(db, client_id, holder)
    holds = [str((await money.execute(orders.authorise(holder, 9))).authorisation_id)
             for _ in range(3)]  # fmt: skip
    before = await list_told(db, webhook)
    await money.execute(orders.increment(holder, holds[0], 1))
    await money.execute(orders.increment(holder, holds[0], 10**9))
    await money.execute(orders.present(holder, 10, holds[0]))
    await money.execute(orders.reverse(holder, holds[1]))
    await money.execute(orders.expire(holder, holds[2]))
    assert await list_told(db, webhook) == before
    await money.execute(orders.present(holder, 10, holds[0]))
    assert numbers(await list_told(db, webhook)) == [1, 2, 3, 4]


async def test_a_refused_or_repeated_command_uses_no_number(
    db: Database, money: Engine, holder: Holder, client_id: str
) -> None:
    webhook = await listen(db, client_id, holder)
    top_up = orders.top_up(holder, 10)
    beyond = orders.top_up(holder, 10**15)
    answers = await money.execute_many(
        [top_up, top_up, orders.send(holder, 11), beyond, orders.top_up(holder, 1)]
    )
    assert [isinstance(one, BankError) for one in answers] == [False, False, True, True, False]
    assert numbers(await list_told(db, webhook)) == [1, 2]


async def test_the_payload_is_the_transaction_with_its_merchant_as_the_api_shows_it(
    db: Database, money: Engine
) -> None:
    ada = await add_user(db, "ada@example.com", "Ada Example")
    account = await add_account(db, ada)
    app = (await add_client(db)).client
    holder = Holder(account.id, "", (ada.id,))
    webhook = await listen(db, app.id, holder)
    deli = await add_merchant(db, merchant())
    await money.execute(orders.refund(holder, 5, card_id=None, merchant_id=deli))
    await money.execute(orders.top_up(holder, 5))
    async with http(db, token=await add_token(db, app, ada)) as api:
        query = {"account_id": account.id, "expand[]": "merchant"}
        listed = (await api.get("/transactions", params=query)).json()["transactions"]
    told = await list_told(db, webhook)
    assert [one.data for one in told] == listed
    assert told[0].data["merchant"]["logo"].startswith(PUBLIC_URL)
    assert told[1].data["merchant"] is None
    assert told[0].payload.startswith(b'{"type":"transaction.created","data":{"id":"tx_')


async def test_a_payload_stays_as_it_was_made(db: Database, money: Engine, client_id: str) -> None:
    holder = await open_holder(db, 100)
    webhook = await listen(db, client_id, holder)
    hold = (await money.execute(orders.authorise(holder, 10))).authorisation_id
    before = await list_told(db, webhook)
    await money.execute(orders.present(holder, 20, hold))
    assert await list_told(db, webhook) == before
    assert before[0].data["amount"] == -10


async def test_settled_is_told_in_the_form_that_the_client_reads(
    db: Database, money: Engine, holder: Holder
) -> None:
    options = ClientOptions(settled_pending="bool")
    client = (await add_client(db, options=options)).client
    webhook = await listen(db, client.id, holder)
    await money.execute(orders.top_up(holder, 1))
    [told] = await list_told(db, webhook)
    assert told.data["settled"] is True


async def test_every_webhook_of_every_client_has_numbers_of_its_own(
    db: Database, money: Engine, client_id: str
) -> None:
    couple, alone = await open_holder(db, owners=2), await open_holder(db)
    other = (await add_client(db, "Other")).client.id
    await money.execute(orders.top_up(couple, 10))
    webhooks = [await listen(db, one, couple) for one in (client_id, client_id)]
    await money.execute(orders.top_up(couple, 10))
    webhooks.append(await listen(db, other, couple))
    elsewhere = await listen(db, client_id, alone)
    await money.execute(orders.between(couple, alone, 5))
    told = [await list_told(db, webhook) for webhook in webhooks]
    assert [numbers(one) for one in told] == [[1, 2], [1, 2], [1]]
    [credit] = await list_told(db, elsewhere)
    assert credit.data["amount"] == 5
    assert {one[-1].data["amount"] for one in told} == {-5}
    ids = [one.id for each in (*told, [credit]) for one in each]
    assert len(set(ids)) == len(ids) == 6
    assert (await audit(db)).clean


async def test_who_asked_for_something_else_is_not_told(
    db: Database, money: Engine, holder: Holder, client_id: str
) -> None:
    webhook = await listen(db, client_id, holder, events=("feed_item.created",))
    await money.execute(orders.top_up(holder, 1))
    assert await list_told(db, webhook) == []


async def test_history_that_is_written_in_later_is_told_to_nobody(
    db: Database, money: Engine, holder: Holder, client_id: str
) -> None:
    webhook = await listen(db, client_id, holder)
    now = db.clock.now()
    await money.execute(orders.top_up(holder, 1, at=now - 1000))
    await money.execute(orders.authorise(holder, 5, at=now - 500))
    assert await list_told(db, webhook) == []
    await money.execute(orders.top_up(holder, 1))
    assert len(await list_told(db, webhook)) == 1
    assert (await audit(db)).clean


async def test_a_removed_webhook_is_told_of_nothing_more_and_what_was_pending_is_dropped(
    db: Database, money: Engine, holder: Holder, client_id: str
) -> None:
    webhook, stays = [await listen(db, client_id, holder) for _ in range(2)]
    await money.execute(orders.top_up(holder, 1))
    await stop_listening(db, webhook)
    await money.execute(orders.top_up(holder, 1))
    [told] = await list_told(db, webhook)
    assert told.state == "cancelled"
    assert [one.state for one in await list_told(db, stays)] == ["pending"] * 2
    assert (await audit(db)).clean


async def test_a_payment_sees_a_webhook_all_before_or_all_after(
    db: Database, holder: Holder, client_id: str
) -> None:
    engine = Engine(db)
    paying = [engine.execute(orders.top_up(holder, 1)) for _ in range(30)]
    listening = [listen(db, client_id, holder) for _ in range(5)]
    results = await asyncio.gather(*paying[:15], *listening, *paying[15:])
    webhooks = [one for one in results if isinstance(one, Webhook)]
    assert len(webhooks) == 5
    leaving = [stop_listening(db, one) for one in webhooks[:3]]
    more = [engine.execute(orders.top_up(holder, 1)) for _ in range(10)]
    await asyncio.gather(*leaving, *more)
    for webhook in webhooks:
        told = await list_told(db, webhook)
        assert numbers(told) == list(range(1, len(told) + 1))
    report = await audit(db)
    assert report.clean, report.findings


async def test_a_batch_numbers_what_it_tells_in_the_order_of_its_commands(
    db: Database, client_id: str
) -> None:
    holder = await open_holder(db)
    webhook = await listen(db, client_id, holder)
    gate = GatedDatabase(db)
    engine = Engine(gate)
    calls = [asyncio.create_task(engine.execute(orders.top_up(holder, 1))) for _ in range(40)]
    await gate.until_waiting()
    gate.open()
    outcomes = await asyncio.gather(*calls)
    assert engine.counters.commits <= 2
    told = await list_told(db, webhook)
    assert [one.subject for one in told] == [one.transaction_id for one in outcomes]
    assert numbers(told) == list(range(1, 41))

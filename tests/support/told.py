"""A little of everything that a webhook may be told of, and what it is told."""

from functools import partial
from typing import Any

import msgspec

from minibank.accounts.opening import issue_card
from minibank.customers.closing import (
    Closing,
    Payout,
    close_account,
    freeze_account,
    thaw_account,
)
from minibank.customers.owning import add_owner, remove_owner
from minibank.db import Database
from minibank.payments.engine import Engine, EngineSettings
from minibank.webhooks.events import EVENTS
from minibank.worker.due import run_due
from tests.support.banking import LANDLORD, Holder, Orders, add_merchant
from tests.support.callers import (
    PUBLIC_URL,
    add_account,
    add_client,
    add_token,
    add_user,
    http,
)
from tests.support.pots import open_pot
from tests.support.sending import FakeSender, dispatcher_of, run_until_idle

_ITEM = {
    "type": "basic",
    "params[title]": "Rain at three",
    "params[image_url]": "https://app.example/rain.png",
}


async def record_told(db: Database) -> dict[str, Any]:
    """Have all of it happen to somebody, and give the first body that was made of each event."""
    user = await add_user(db, "told@example.com", "Told Example")
    account, app = await add_account(db, user), (await add_client(db, "A told app")).client
    of_account = {"account_id": account.id}
    everything = {**of_account, "events[]": list(EVENTS), "url": "https://app.example/hook"}
    gone = {**of_account, "url": "https://gone.example/", "retry_policy": "standard"}
    async with http(db, token=await add_token(db, app, user)) as api:
        webhook = (await api.post("/webhooks", data=everything)).json()["webhook"]
        await api.post("/webhooks", data=gone)
        await _pay(db, Holder(account.id, await _card(db, account.id, user.id), (user.id,)))
        page = (await api.get("/transactions", params=of_account)).json()["transactions"]
        await api.patch(f"/transactions/{page[-1]['id']}", data={"metadata[notes]": "Lunch"})
        await api.post("/feed", data=of_account | _ITEM)
        items = (await api.get("/feed", params=of_account)).json()["items"]
        path = f"/feed/{next(one['id'] for one in items if one['type'] == 'basic')}"
        await api.patch(path, data={"params[title]": "Sun at four"})
        await api.delete(path)
        await api.post(f"/webhooks/{webhook['id']}/test")
    sender = FakeSender(db.clock, lambda claim: 410 if "gone" in claim.url else 200)
    await run_until_idle(dispatcher_of(db, sender))
    await run_due(db, Engine(db))
    await run_until_idle(dispatcher_of(db, sender))
    await _end(db, account.id)
    await run_until_idle(dispatcher_of(db, sender))
    told: dict[str, Any] = {}
    for claim in sorted(sender.sent, key=lambda one: one.sequence):
        if claim.webhook_id == webhook["id"]:
            told.setdefault(claim.event, msgspec.json.decode(claim.payload))
    return told


async def _end(db: Database, account_id: str) -> None:
    """Somebody joins the account and leaves; it is frozen, thawed and closed."""
    friend = await add_user(db, "friend@example.com", "A Friend")
    payout = Payout(counterparty=LANDLORD)
    closing = Closing(account_id=account_id, issuer="told", id="close", payout=payout)
    for work in (
        partial(add_owner, account_id=account_id, user_id=friend.id),
        partial(remove_owner, account_id=account_id, user_id=friend.id),
        partial(freeze_account, account_id=account_id),
        partial(thaw_account, account_id=account_id),
    ):
        await db.transact(work)
    await db.transact(lambda tx: close_account(tx, closing))


async def _card(db: Database, account_id: str, user_id: str) -> str:
    card = await db.transact(lambda tx: issue_card(tx, account_id, user_id))
    return card.id


async def _pay(db: Database, holder: Holder) -> None:
    """Payments of which one is settled, one undone and one declined."""
    orders = Orders("told")
    money = Engine(db, EngineSettings(public_url=PUBLIC_URL))
    shop = await add_merchant(db)
    await money.execute(orders.top_up(holder, 10_000))
    holds = [
        str((await money.execute(orders.authorise(holder, 535, merchant_id=shop))).authorisation_id)
        for _ in range(2)
    ]
    await money.execute(orders.present(holder, 535, holds[0]))
    await money.execute(orders.reverse(holder, holds[1]))
    await money.execute(orders.authorise(holder, 10**6, merchant_id=shop))
    pot_id = await open_pot(db, holder, style="beach_ball", goal_amount=200_000)
    await money.execute(orders.deposit(holder, pot_id, 1000))
    await money.execute(orders.delete_pot(holder, pot_id))

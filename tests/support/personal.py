"""A person about whom the bank holds something in every table, and a look at every row there is."""

from dataclasses import dataclass, field
from typing import Any

from minibank.accounts.opening import NewAccount, issue_card, open_account, set_account_state
from minibank.core.clock import FakeClock
from minibank.core.ids import shard_of
from minibank.db import Database
from minibank.db.base import SnapshotTx, Work
from minibank.db.migrate import tables
from minibank.feed.items import dismiss_item
from minibank.identity.store import User
from minibank.payments.commands import Counterparty
from minibank.payments.engine import Engine
from minibank.transactions.annotate import Target, annotate
from minibank.transactions.records import VersionedTransaction
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder, Orders, add_merchant
from tests.support.files import PNG, attach_to, expect, send
from tests.support.outbox import (
    claim,
    end_attempt,
    list_told,
    listen,
    post_item,
    reader_of,
)
from tests.support.people import App, new_app, new_person, refresh, refused, sign_in
from tests.support.pots import open_pot
from tests.support.receipts import keep_receipt

MARK = "Unmistakable"
"""Stands in everything that says who she is or that she wrote."""
EMAIL = f"ada.{MARK}@example.com"
NAME = f"Ada {MARK}"
LANDLORD = Counterparty(name=f"{MARK}'s Landlord", sort_code="445566", account_number="87654321")


@dataclass
class Life:
    """Ada, what she has, and Bob, with whom she shares money and an account."""

    ada: User
    bob: User
    app: App
    own: Holder
    joint: Holder
    bobs: Holder
    tokens: dict[str, Any] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    bobs_files: tuple[str, ...] = ()

    @property
    def ada_ids(self) -> tuple[str, str]:
        """Her id and her account's."""
        return self.ada.id, self.own.account_id


async def live(db: Database, clock: FakeClock, *, is_leaving: bool = False) -> Life:
    """A life in which everything happened once.

    Who is leaving has spent all her money, has no payment open, and her joint account is closed.
    """
    ada = await new_person(db, EMAIL, name=NAME, preferred_first_name=f"{MARK}-Ada")
    bob = await new_person(db, "bob@example.com", name="Bob Builder")
    app = await new_app(db)
    own, bobs = await _holder(db, ada), await _holder(db, bob)
    joint = await _holder(db, ada, bob)
    life = Life(ada, bob, app, own, joint, bobs)
    await _listen(db, life)
    await _spend(db, life)
    await _tell(db, life)
    await _write(db, life)
    await _attach(db, life)
    await _sign_in(db, life)
    if is_leaving:
        await db.transact(lambda tx: set_account_state(tx, joint.account_id, "closed"))
    else:
        engine, orders = Engine(db), Orders("leftovers")
        await engine.execute(orders.top_up(own, 1000))
        await engine.execute(orders.authorise(own, 400))
    return life


async def _holder(db: Database, *owners: User) -> Holder:
    new = NewAccount(
        type="uk_retail" if len(owners) == 1 else "uk_retail_joint",
        owners=[owner.id for owner in owners],
    )
    account = await db.transact(lambda tx: open_account(tx, new))
    card = await db.transact(lambda tx: issue_card(tx, account.id, owners[0].id))
    return Holder(account.id, card.id, tuple(owner.id for owner in owners))


async def _listen(db: Database, life: Life) -> None:
    """Webhooks of her and of Bob, and items on their feeds, some of them dismissed."""
    url = f"https://{MARK}.example/hook"
    for name, holder, user in (
        ("own", life.own, life.ada),
        ("idle", life.own, life.ada),
        ("joint", life.joint, life.ada),
        ("bob's joint", life.joint, life.bob),
        ("bob's", life.bobs, life.bob),
    ):
        told = ("webhook.disabled",) if name == "idle" else ("transaction.created",)
        whose = f"https://bob.example/{name}" if user is life.bob else url
        life.webhooks[name] = await listen(
            db, life.app.id, holder, events=told, user_id=user.id, url=whose
        )
    for holder, user in ((life.own, life.ada), (life.joint, life.ada), (life.joint, life.bob)):
        word = MARK if holder is life.own else "shared"
        reader = reader_of(holder, life.app.id, user.id)
        for number in range(3):
            later = db.clock.now() + 10**12 if number else None
            key = f"{MARK}-{number}" if user is life.ada else f"bobs-{number}"
            item_id = await post_item(
                db,
                reader,
                key=key,
                expires_at=later,
                title=f"{word} item",
                url=f"https://{word}.example",
            )
            await db.transact(_dismissing(item_id, user.id))


def _dismissing(item_id: str, user_id: str) -> Work[None]:
    return lambda tx: dismiss_item(tx, item_id, user_id)


async def _spend(db: Database, life: Life) -> None:
    """Every kind of movement, after which nothing is left on her accounts."""
    engine, orders = Engine(db), Orders()
    shop = await add_merchant(db)
    await engine.execute(orders.top_up(life.own, 10_000, description=f"{MARK} top up"))
    await engine.execute(orders.top_up(life.bobs, 5000))
    await engine.execute(orders.top_up(life.joint, 500))
    hers = orders.authorise(life.own, 700, merchant_id=shop, metadata={"who": MARK})
    held = await engine.execute(hers)
    await engine.execute(orders.present(life.own, 700, held.authorisation_id))
    await engine.execute(orders.between(life.own, life.bobs, 300, description=f"Love, {MARK}"))
    await engine.execute(orders.between(life.bobs, life.own, 100, description="From Bob"))
    await engine.execute(orders.between(life.joint, life.bobs, 500, description="Ours"))
    await engine.execute(orders.receive(life.own, 50, description=f"Wages of {MARK}"))
    for holder, word in ((life.own, MARK), (life.joint, "shared")):
        await _save(db, holder, word)
    rent = orders.send(life.own, 9150, description=f"{MARK} rent", counterparty=LANDLORD)
    await engine.execute(rent)


async def _save(db: Database, holder: Holder, word: str) -> None:
    """A pot that money went into and came out of again, and one that is deleted."""
    engine, orders = Engine(db), Orders(f"pots of {holder.account_id}")
    kept, gone = [
        await open_pot(db, holder, f"{word} {name}", style=f"{word}-style", goal_amount=500)
        for name in ("kept", "gone")
    ]
    await engine.execute(orders.top_up(holder, 5))
    for pot_id in (kept, gone):
        await engine.execute(orders.deposit(holder, pot_id, 2, external_id=f"{word}-dedupe"))
    await engine.execute(orders.withdraw(holder, kept, 2))
    await engine.execute(orders.delete_pot(holder, gone))
    await engine.execute(orders.send(holder, 5))


async def _tell(db: Database, life: Life) -> None:
    """Attempts to tell of all that, whose receivers say it back: it is still to be told."""
    for name, webhook in life.webhooks.items():
        for told in await list_told(db, webhook):
            await end_attempt(
                db,
                await claim(db, webhook, told.sequence),
                500,
                sent=(("Webhook-Signature", f"v1,{name}-{MARK}"),) if name == "own" else (),
                said=(("X-Echo", told.payload.decode()),),
                excerpt=told.payload,
            )


async def _write(db: Database, life: Life) -> None:
    """Notes, changed, and what a client keeps."""
    await with_notes(db, life, life.own)
    await with_notes(db, life, life.joint)
    for user, holder in ((life.ada, life.own), (life.ada, life.joint), (life.bob, life.joint)):
        word = MARK if user is life.ada else "bobs"
        paid = await first_transaction(db, holder)
        for number in range(3):
            name = f"{word}-{holder is life.own}-{number}"
            merchant = {"name": f"{word} shop"}
            await keep_receipt(db, user.id, life.app.id, paid, name, merchant=merchant)


async def _attach(db: Database, life: Life) -> None:
    """A file on her own account, one of each owner on the joint one, and one on nothing."""
    for holder, user in ((life.own, life.ada), (life.joint, life.ada), (life.joint, life.bob)):
        word = MARK if holder is life.own else "shared"
        file = await expect(db, user.id, life.app.id, f"{word}.png")
        content = PNG + (user.id + holder.account_id).encode()
        claimed = await send(db, file[0], content)
        if user is life.bob:
            life.bobs_files = (file[0], claimed.name)
        transaction = holder.account_id, await first_transaction(db, holder)
        await attach_to(db, transaction, user.id, life.app.id, file)
    transaction = life.own.account_id, await first_transaction(db, life.own)
    await attach_to(db, transaction, life.ada.id, life.app.id, f"https://{MARK}.example/a.pdf")
    await expect(db, life.ada.id, life.app.id, f"{MARK}.jpg")


async def first_transaction(db: Database, holder: Holder) -> str:
    """The id of the first transaction of an account."""
    row = await db.read(
        lambda tx: tx.fetch_one(
            "SELECT id FROM transactions WHERE shard = $1 AND account_id = $2"
            " ORDER BY created_at LIMIT 1",
            holder.shard,
            holder.account_id,
        )
    )
    assert row is not None
    return str(row["id"])


async def with_notes(db: Database, life: Life, holder: Holder) -> None:
    """Two notes and an annotation on the first transaction of an account."""
    paid = await first_transaction(db, holder)
    target = Target(holder.shard, paid, life.app.id, life.ada.id)
    word = MARK if holder is life.own else "shared"
    for note in (f"{word} one", f"{word} two"):
        await db.transact(_annotating(target, {"notes": note, f"{word}-key": f"{word} value"}))


def _annotating(target: Target, changes: dict[str, str]) -> Work[VersionedTransaction]:
    return lambda tx: annotate(tx, target, changes)


async def _sign_in(db: Database, life: Life) -> None:
    """A live pair, an evicted one, a refresh token used twice, and a wrong guess."""
    first = await sign_in(db, life.app, EMAIL)
    second = await refresh(db, life.app, first["refresh_token"])
    with refused("unauthorized.bad_refresh_token"):
        await refresh(db, life.app, first["refresh_token"])
    third = await sign_in(db, life.app, EMAIL)
    with refused("bad_request.could_not_authenticate"):
        await sign_in(db, life.app, EMAIL, "a wrong password")
    life.tokens = {"former": second["access_token"], "live": third["access_token"]}
    life.tokens["refresh"] = third["refresh_token"]


Dump = dict[str, list[dict[str, Any]]]


async def dump(db: Database) -> Dump:
    """Every row of every table."""

    async def work(tx: SnapshotTx) -> Dump:
        found: Dump = {}
        for table in tables():
            found[table] = []
            async for rows in tx.walk(table):
                found[table] += [dict(zip(row.keys(), row, strict=True)) for row in rows]
        return found

    return await db.snapshot(work)


def rows_of_others(life: Life, rows: Dump) -> set[str]:
    """Ids that make a row Bob's: his own, his account's, and those of what is on it."""
    shared = {life.bobs.account_id, life.joint.account_id}
    ids = {life.bob.id, "bob@example.com", *shared}
    ids |= {row["id"] for row in rows["transactions"] if row["account_id"] in shared}
    ids |= set(life.bobs_files)
    ids |= {life.webhooks[name].id for name in ("bob's", "bob's joint")}
    assert shard_of(life.bob.id) is not None
    return ids

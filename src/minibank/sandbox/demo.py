"""A bank to try things out on: the people, their accounts, a client, and a year of history.

Users, accounts, the client and every password follow from the seed alone, so that they can be told
again at the next start and stay the same when the bank is built anew. Transactions follow from the
seed and the day.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from minibank.accounts.opening import NewAccount, issue_card, open_account, set_card_state
from minibank.accounts.store import list_accounts
from minibank.core.clock import MICROSECONDS
from minibank.core.ids import SeededIds, shard_of
from minibank.core.instants import from_datetime
from minibank.db import Database, ReadTx, Tx
from minibank.identity.passwords import hash_password
from minibank.identity.store import find_user
from minibank.identity.users import NewUser, create_user
from minibank.oauth.clients import NewClient, create_client
from minibank.oauth.secrets import new_client_secret
from minibank.operators.keys import create_key, new_key_secret
from minibank.operators.records import SCOPES
from minibank.payments.store import keys_of
from minibank.pots.changes import NewPot, create_pot, lock_pot
from minibank.pots.records import PREFIX
from minibank.pots.store import list_pots_of
from minibank.sandbox.backdating import Earlier, write_history
from minibank.sandbox.catalogue import Merchant, read_catalogue
from minibank.sandbox.history import first_day, history
from minibank.sandbox.people import (
    ACCOUNTS,
    CARDS,
    PEOPLE,
    POTS,
    AccountPlan,
    Person,
    PotPlan,
    World,
)
from minibank.sandbox.timeline import day_at
from minibank.sandbox.words import WORDS
from minibank.transactions.merchants import add_merchants
from minibank.transactions.records import MerchantRecord

CLIENT_NAME = "Demo app"
OPERATOR_NAME = "Demo operator"
REDIRECT_URI = "http://localhost:3000/callback"
DAY = 86_400 * MICROSECONDS
MOVED_IN = from_datetime(datetime(2020, 2, 3, 9, 30, tzinfo=UTC))
"""When everybody became a customer: an instant of its own keeps their ids the same on every day."""


class DemoAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account of somebody in the demo, with all its pots as they were created."""

    id: str
    type: str
    pot_ids: tuple[str, ...] = ()


class DemoUser(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in the demo, and how they sign in; the main account comes first."""

    name: str
    email: str
    password: str
    user_id: str
    accounts: tuple[DemoAccount, ...]


class DemoInfo(msgspec.Struct, frozen=True, kw_only=True):
    """All that a program needs to use the demo, except the bank's address."""

    client_id: str
    client_secret: str
    redirect_uri: str
    operator_key: str
    users: tuple[DemoUser, ...]


async def build_demo(db: Database, seed: str) -> DemoInfo:
    """Build the demo of this seed unless it is there already, and tell how to use it.

    All of it is one unit of work. Raises `BadParam` where somebody else has an e-mail address of
    the demo, as after a demo of another seed.
    """
    found = await db.read(lambda tx: find_demo(tx, seed))
    if found is not None:
        return found
    hashes = await asyncio.gather(*(hash_password(_password(seed, one)) for one in PEOPLE))
    hash_of = {person.slug: one for person, one in zip(PEOPLE, hashes, strict=True)}
    return await db.transact(lambda tx: _build(tx, seed, hash_of))


async def find_demo(tx: ReadTx, seed: str) -> DemoInfo | None:
    """The demo of this seed, if the bank has it."""
    users = []
    for person in PEOPLE:
        user = await find_user(tx, _user_id(seed, person.slug))
        if user is None:
            return None
        accounts = await list_accounts(tx, user.id)
        pots = await list_pots_of(tx, keys_of([one.id for one in accounts]))
        users.append(
            DemoUser(
                name=user.name,
                email=user.email,
                password=_password(seed, person),
                user_id=user.id,
                accounts=tuple(
                    DemoAccount(
                        id=one.id,
                        type=one.type,
                        pot_ids=tuple(own.pot.id for own in pots if own.pot.account_id == one.id),
                    )
                    for one in accounts
                ),
            )
        )
    return DemoInfo(
        client_id=_client_id(seed),
        client_secret=_client_secret(seed),
        redirect_uri=REDIRECT_URI,
        operator_key=_operator_key(seed),
        users=tuple(users),
    )


async def _build(tx: Tx, seed: str, hash_of: Mapping[str, str]) -> DemoInfo:
    """Everything, in one unit of work; another process may have been faster."""
    found = await find_demo(tx, seed)
    if found is None:
        past = Earlier(tx, min(MOVED_IN, tx.now))
        client = NewClient(name=CLIENT_NAME, redirect_uris=(REDIRECT_URI,), id=_client_id(seed))
        await create_client(past, client, secret=_client_secret(seed))
        await create_key(past, OPERATOR_NAME, SCOPES, _operator_key(seed), _operator_key_id(seed))
        for person in PEOPLE:
            new = NewUser(
                email=person.email,
                name=person.name,
                password_hash=hash_of[person.slug],
                id=_user_id(seed, person.slug),
            )
            await create_user(past, new)
        world = await _furnish(tx, past, seed)
        merchants = read_catalogue().merchants.values()
        await add_merchants(tx, [_record(merchant) for merchant in merchants])
        await write_history(tx, list(history(seed, tx.now, world)), SeededIds(seed))
        found = await find_demo(tx, seed)
    assert found is not None, "just built"
    return found


async def _furnish(tx: Tx, past: Tx, seed: str) -> World:
    """Open the accounts, and issue the cards shortly before history begins."""
    users = {person.slug: _user_id(seed, person.slug) for person in PEOPLE}
    accounts, cards = {}, {}
    for plan in ACCOUNTS:
        owners = [users[slug] for slug in plan.owners]
        new = NewAccount(type=plan.type, owners=owners, id=_account_id(seed, plan))
        account = await open_account(past, new, ids=_ids(seed, "number", plan.slug))
        accounts[plan.slug] = account.id
    lately = Earlier(tx, min(day_at(first_day(tx.now), 0), tx.now))
    for card in CARDS:
        issued = await issue_card(
            lately, accounts[card.account], users[card.holder], ids=_ids(seed, "card", card.slug)
        )
        if card.state != issued.state:
            await set_card_state(lately, issued.id, card.state)
        cards[card.slug] = issued.id
    pots = {plan.slug: await _open_pot(lately, seed, plan, accounts) for plan in POTS}
    return World(users=users, accounts=accounts, cards=cards, pots=pots)


async def _open_pot(tx: Tx, seed: str, plan: PotPlan, accounts: Mapping[str, str]) -> str:
    """Open a pot and lock it, if it is to be."""
    account_id = accounts[plan.account]
    shard = shard_of(account_id)
    assert shard is not None, "just opened"
    # A minute apart, so that they have an order.
    created_at = MOVED_IN + POTS.index(plan) * 60_000_000
    new = NewPot(
        account_id=account_id,
        name=plan.name,
        style=plan.style,
        goal_amount=plan.goal,
        id=_ids(seed, "pot", plan.slug).new(PREFIX, shard, created_at),
    )
    await create_pot(tx, new, len(POTS))
    if plan.lock is not None:
        until = None if plan.lock == "security" else tx.now + plan.lock * DAY
        await lock_pot(tx, new.id, until)
    return new.id


def _record(merchant: Merchant) -> MerchantRecord:
    brand = merchant.brand
    return MerchantRecord(
        id=merchant.id,
        group_id=brand.group_id,
        name=brand.name,
        logo=brand.logo,
        emoji=brand.emoji,
        category=brand.category,
        online=brand.online,
        atm=brand.atm,
        postal_address=msgspec.json.encode(merchant.outlet.postal_address()).decode(),
        metadata=msgspec.json.encode({"website": brand.website}).decode(),
        created_at=merchant.created_at,
        updated_at=merchant.created_at,
    )


def _ids(seed: str, *scope: str) -> SeededIds:
    return SeededIds(seed, "/".join(("demo", *scope)))


def _user_id(seed: str, slug: str) -> str:
    ids = _ids(seed, "user", slug)
    return ids.new("user", ids.shard(), MOVED_IN)


def _account_id(seed: str, plan: AccountPlan) -> str:
    """An account lives where its first owner does; personal accounts come before joint ones."""
    shard = shard_of(_user_id(seed, plan.owners[0]))
    assert shard is not None, "just made"
    minutes = ACCOUNTS.index(plan)
    return _ids(seed, "account", plan.slug).new("acc", shard, MOVED_IN + minutes * 60_000_000)


def _client_id(seed: str) -> str:
    ids = _ids(seed, "client")
    return ids.new("oauth2client", ids.shard(), MOVED_IN)


def _client_secret(seed: str) -> str:
    return new_client_secret(_ids(seed, "client secret"))


def _operator_key_id(seed: str) -> str:
    return _ids(seed, "operator key id").new("opkey", 0, MOVED_IN)


def _operator_key(seed: str) -> str:
    return new_key_secret(_ids(seed, "operator key"))


def _password(seed: str, person: Person) -> str:
    """Three words and two digits: easy to read out, and longer than any rule asks for."""
    drawn = int.from_bytes(_ids(seed, "password", person.slug).secret())
    words = []
    for _ in range(3):
        drawn, index = divmod(drawn, len(WORDS))
        words.append(WORDS[index])
    return f"{'-'.join(words)}-{10 + drawn % 90}"

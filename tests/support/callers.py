"""People, clients and tokens for tests of the API, and a way to send it requests."""

from dataclasses import dataclass
from typing import Any

import httpx

from minibank.accounts.opening import NewAccount, open_account
from minibank.accounts.records import Account, AccountType
from minibank.api import build_api
from minibank.core.ids import shard_of
from minibank.db import Database
from minibank.files import Files
from minibank.identity.passwords import hash_password
from minibank.identity.store import User
from minibank.identity.users import NewUser, create_user
from minibank.oauth.clients import NewClient, create_client
from minibank.oauth.grants import issue_pair
from minibank.oauth.records import Client, ClientOptions
from minibank.oauth.tokens import NewPair, TokenRules
from minibank.payments.engine import Engine
from minibank.settings import Settings, preset
from tests.support.files import place
from tests.support.reference import Documented

PUBLIC_URL = "https://bank.example"
SETTINGS = preset("sandbox", public_url=PUBLIC_URL)
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Registered:
    """A client and its secret (empty for a public one)."""

    client: Client
    secret: str


async def add_user(db: Database, email: str, name: str, password: str | None = None) -> User:
    """A new person; with a password only when one is needed, because hashing takes its time."""
    password_hash = await hash_password(password) if password else None
    return await db.transact(
        lambda tx: create_user(tx, NewUser(email=email, name=name, password_hash=password_hash))
    )


async def add_client(
    db: Database,
    name: str = "An app",
    *,
    confidential: bool = True,
    options: ClientOptions | None = None,
) -> Registered:
    """A new client that may use every grant of its kind."""
    new = NewClient(name=name, confidential=confidential, options=options or ClientOptions())
    client, secret = await db.transact(lambda tx: create_client(tx, new))
    return Registered(client, secret or "")


async def add_account(db: Database, *owners: User) -> Account:
    """A new account: joint when it has several owners."""
    kind: AccountType = "uk_retail" if len(owners) == 1 else "uk_retail_joint"
    new = NewAccount(type=kind, owners=[owner.id for owner in owners])
    return await db.transact(lambda tx: open_account(tx, new))


async def add_token(db: Database, client: Client, user: User) -> str:
    """An access token of this client for this user, without a sign-in."""
    shard = shard_of(user.id)
    assert shard is not None
    pair = NewPair.draw(db.ids, shard, client)
    await db.transact(lambda tx: issue_pair(tx, client, user.id, pair, TokenRules()))
    return pair.access


def http(
    db: Database,
    settings: Settings = SETTINGS,
    token: str = "",
    files: Files | None = None,
    **more: Any,
) -> httpx.AsyncClient:
    """A client of the API over this database and files, with a token if one is given.

    Every answer is held against the reference.
    """
    api = build_api(db, Engine(db), settings, files=files or place())
    transport = httpx.ASGITransport(Documented(api))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers, **more)

"""People, clients and tokens for tests, and databases that behave badly on purpose."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import pytest
from argon2 import PasswordHasher

from minibank.core.clock import Clock
from minibank.core.errors import BankError
from minibank.core.ids import IdSource
from minibank.db import Database
from minibank.db.base import Migration, ReadWork, SnapshotWork, Work
from minibank.identity.store import User
from minibank.identity.users import NewUser, create_user
from minibank.oauth.callers import Caller, find_caller
from minibank.oauth.clients import NewClient, create_client
from minibank.oauth.records import Client
from minibank.oauth.secrets import parse_token
from minibank.oauth.token_requests import TokenRequest, answer_token_request
from minibank.oauth.tokens import Answer, TokenRules

T = TypeVar("T")

PASSWORD = "correct horse battery staple"
RULES = TokenRules()
HOME = "192.0.2.1"


@cache
def password_hash() -> str:
    """The hash of `PASSWORD`, made once."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)


@dataclass(frozen=True, slots=True)
class App:
    """A registered client that knows its secret; a public one has none, which is empty."""

    client: Client
    secret: str

    @property
    def id(self) -> str:
        """The client's id."""
        return self.client.id

    def credentials(self) -> dict[str, str]:
        """What goes into the body of a token request."""
        found = {"client_id": self.client.id}
        return found | {"client_secret": self.secret} if self.secret else found


async def new_person(db: Database, email: str = "ada@example.com", **fields: Any) -> User:
    """A person who can sign in with `PASSWORD`."""
    fields = {"name": "Ada Example", "password_hash": password_hash()} | fields
    return await db.transact(lambda tx: create_user(tx, NewUser(email=email, **fields)))


async def new_app(db: Database, name: str = "An app", **fields: Any) -> App:
    """A registered client, confidential unless told otherwise."""
    new = NewClient(name=name, **fields)
    client, secret = await db.transact(lambda tx: create_client(tx, new))
    return App(client, secret or "")


async def sign_in(
    db: Database,
    app: App,
    email: str = "ada@example.com",
    password: str = PASSWORD,
    rules: TokenRules = RULES,
    address: str | None = HOME,
) -> Answer:
    """The password grant."""
    body = app.credentials() | {"grant_type": "password", "username": email, "password": password}
    return await answer_token_request(db, TokenRequest(body, address=address), rules)


async def refresh(db: Database, app: App, token: Any, rules: TokenRules = RULES) -> Answer:
    """The refresh grant."""
    body = app.credentials() | {"grant_type": "refresh_token", "refresh_token": token}
    return await answer_token_request(db, TokenRequest(body), rules)


async def caller_of(db: Database, token: Any) -> Caller:
    """Who an access token stands for."""
    return await db.read(lambda tx: find_caller(tx, parse_token(token)))


def refused(code: str) -> AbstractContextManager[pytest.ExceptionInfo[BankError]]:
    """Expect a refusal with exactly this code."""
    return pytest.raises(BankError, check=lambda error: error.code == code)


def code_of(answer: object) -> str:
    """The code of a refusal among gathered answers; `ok` for an answer that is none."""
    if isinstance(answer, BankError):
        return answer.code
    assert not isinstance(answer, BaseException), answer
    return "ok"


class UnclearCommits:
    """A database whose every first commit succeeds, but whose answer is lost on the way.

    The unit of work runs again, as after a broken connection; its second answer is what counts.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self.clock: Clock = db.clock
        self.ids: IdSource = db.ids
        self.engine = db.engine
        self.wakes = db.wakes

    async def hear_forever(self) -> None:
        """As ever."""
        await self._db.hear_forever()

    @property
    def takes_writes(self) -> bool:
        """As ever."""
        return self._db.takes_writes

    async def transact(self, work: Work[T]) -> T:
        """Run and commit twice."""
        await self._db.transact(work)
        return await self._db.transact(work)

    async def read(self, work: ReadWork[T]) -> T:
        """As ever."""
        return await self._db.read(work)

    async def snapshot(self, work: SnapshotWork[T]) -> T:
        """As ever."""
        return await self._db.snapshot(work)

    async def apply(self, migration: Migration, at: int) -> bool:
        """As ever."""
        return await self._db.apply(migration, at)

    async def schema_version(self) -> int:
        """As ever."""
        return await self._db.schema_version()

    async def close(self) -> None:
        """As ever."""
        await self._db.close()

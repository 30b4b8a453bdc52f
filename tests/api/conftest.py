"""A bank with Ada and her account, an app that acts for her, and Brian, who is somebody else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from minibank.accounts.records import Account
from minibank.db import Database
from minibank.identity.store import User
from minibank.oauth.records import Client
from tests.support.callers import add_account, add_client, add_token, add_user, http


@dataclass(frozen=True, slots=True)
class Bank:
    """Who and what there is; `api` sends requests as the app acting for Ada."""

    db: Database
    ada: User
    brian: User
    app: Client
    account: Account
    brians_account: Account
    token: str
    api: httpx.AsyncClient

    @property
    def forbidden(self) -> dict[str, object]:
        """The answer for what is not Ada's."""
        return {
            "code": "forbidden.insufficient_permissions",
            "message": "Access forbidden due to insufficient permissions",
            "params": {"client_id": self.app.id, "user_id": self.ada.id},
            "retryable": {},
        }


@pytest.fixture
async def bank(db: Database) -> AsyncIterator[Bank]:
    """A fresh bank with its two people."""
    ada = await add_user(db, "ada@example.com", "Ada Example")
    brian = await add_user(db, "brian@example.com", "Brian Example")
    app = (await add_client(db)).client
    token = await add_token(db, app, ada)
    async with http(db, token=token) as api:
        yield Bank(
            db=db,
            ada=ada,
            brian=brian,
            app=app,
            account=await add_account(db, ada),
            brians_account=await add_account(db, brian),
            token=token,
            api=api,
        )

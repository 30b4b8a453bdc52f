"""Operator keys for tests, and a way to use them."""

import itertools
from typing import Any

import httpx

from minibank.api import build_api
from minibank.db import Database
from minibank.operators.keys import create_key, new_key_secret
from minibank.operators.records import Scope
from minibank.payments.engine import Engine
from minibank.settings import Settings
from tests.support.callers import PUBLIC_URL, SETTINGS
from tests.support.reference import Documented

_NUMBERS = itertools.count(1)


async def add_key(db: Database, *scopes: Scope, name: str = "A processor") -> tuple[str, str]:
    """A new key with these scopes: its id and its secret."""
    secret = new_key_secret(db.ids)
    key = await db.transact(lambda tx: create_key(tx, name, scopes, secret))
    return key.id, secret


def operator_http(
    db: Database, secret: str, settings: Settings = SETTINGS, *, is_documented: bool = True
) -> httpx.AsyncClient:
    """A client of the operator API; every answer is held against its reference, unless it is too
    long for that."""
    api = build_api(db, Engine(db), settings)
    transport = httpx.ASGITransport(Documented(api) if is_documented else api)
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers)


async def send(
    api: httpx.AsyncClient, noun: str, body: object, key: str = "", **query: Any
) -> httpx.Response:
    """POST to the operator API, under this idempotency key or a fresh one."""
    headers = {"Idempotency-Key": key or f"test-{next(_NUMBERS)}"}
    return await api.post(f"/operator/v1/{noun}", json=body, headers=headers, params=query)

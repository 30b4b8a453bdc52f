"""The documented first version of the API: its requests as written, its answers field by field."""

import httpx
import pytest

from minibank.core.instants import parse_instant
from tests.support.callers import PASSWORD, add_account, add_client, add_user, http
from tests.support.histories import put, transaction


@pytest.fixture
async def login(db):
    """A user with a password, an account with two payments, and a confidential client."""
    user = await add_user(db, "user@example.com", "User Example", PASSWORD)
    client = await add_client(db)
    account = await add_account(db, user)
    first, second = (
        transaction(account.id, parse_instant("2015-05-26T03:44:00Z"), amount=-535),
        transaction(account.id, parse_instant("2015-05-27T03:45:00Z"), amount=-5663),
    )
    await put(db, [first, second])
    async with http(db) as api:
        yield api, user, client, account


async def _grant(api: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await api.post("/oauth2/token", data=form)


async def test_the_documented_session_works_from_login_to_refresh(login):
    api, user, client, account = login
    granted = await _grant(
        api,
        grant_type="password",
        client_id=client.client.id,
        client_secret=client.secret,
        username="user@example.com",
        password=PASSWORD,
    )
    tokens = granted.json()
    assert granted.status_code == 200
    assert tokens == {
        "access_token": tokens["access_token"],
        "client_id": client.client.id,
        "expires_in": 21600,
        "refresh_token": tokens["refresh_token"],
        "token_type": "Bearer",
        "user_id": user.id,
    }
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}

    whoami = await api.get("/ping/whoami", headers=bearer)
    assert whoami.json() == {
        "authenticated": True,
        "client_id": client.client.id,
        "user_id": user.id,
    }

    listed = await api.get("/transactions", params={"account_id": account.id}, headers=bearer)
    history = listed.json()["transactions"]
    assert [(row["amount"], row["created"]) for row in history] == [
        (-535, "2015-05-26T03:44:00.000Z"),
        (-5663, "2015-05-27T03:45:00.000Z"),
    ]
    for row in history:
        assert row["currency"] == "GBP"
        assert row["merchant"] is None
        assert row["notes"] == ""
        assert row["id"].startswith("tx_")
        assert all(isinstance(value, str) for value in row["metadata"].values())

    refreshed = await _grant(
        api,
        grant_type="refresh_token",
        client_id=client.client.id,
        client_secret=client.secret,
        refresh_token=tokens["refresh_token"],
    )
    assert refreshed.status_code == 200
    assert refreshed.json().keys() == tokens.keys()

    # The previous token is gone at once, and refreshing is a one-time operation.
    evicted = await api.get("/ping/whoami", headers=bearer)
    assert evicted.status_code == 401
    assert evicted.json()["code"] == "unauthorized.bad_access_token.evicted"
    again = await _grant(
        api,
        grant_type="refresh_token",
        client_id=client.client.id,
        client_secret=client.secret,
        refresh_token=tokens["refresh_token"],
    )
    assert again.status_code == 401
    assert again.json()["code"] == "unauthorized.bad_refresh_token"
    fresh = {"Authorization": f"Bearer {refreshed.json()['access_token']}"}
    assert (await api.get("/ping/whoami", headers=fresh)).status_code == 200


async def test_unauthenticated_requests_are_rejected(login):
    api, _, _, account = login
    for path in ("/ping/whoami", "/accounts", f"/transactions?account_id={account.id}"):
        answer = await api.get(path)
        assert answer.status_code == 401
        assert answer.json() == {
            "code": "unauthorized.bad_access_token",
            "message": "Bad access token",
            "params": {},
            "retryable": {},
            "error": "invalid_token",
            "error_description": "Bad access token",
        }
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_sample_s_literal_dollar_sign_is_no_grant_type(login):
    api, _, client, _ = login
    answer = await _grant(
        api,
        grant_type="$refresh_token",
        client_id=client.client.id,
        client_secret=client.secret,
        refresh_token="x",
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "unsupported_grant_type"

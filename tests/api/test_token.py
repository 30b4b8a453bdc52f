"""The token endpoint over HTTP: what its rules make of a request is proved beside them."""

import asyncio
from base64 import b64encode

import pytest

from minibank.settings import preset
from tests.support.callers import PASSWORD, PUBLIC_URL, add_client, add_token, add_user, http


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
async def login(db):
    """The form of a password grant that works, and a way to send it."""
    await add_user(db, "ada@example.com", "Ada Example", PASSWORD)
    client = await add_client(db)
    form = {
        "grant_type": "password",
        "client_id": client.client.id,
        "client_secret": client.secret,
        "username": "ada@example.com",
        "password": PASSWORD,
    }
    async with http(db) as api:
        yield api, form


async def test_a_login_may_come_as_json_and_with_a_stale_bearer(login):
    api, form = login
    stale = {"Authorization": "Bearer mb_at_stale"}
    answer = await api.post("/oauth2/token", json=form, headers=stale)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_refresh_works_with_the_old_bearer_still_attached(login):
    api, form = login
    tokens = (await api.post("/oauth2/token", data=form)).json()
    refresh = {**form, "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    stale = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await api.post("/oauth2/token", data=refresh, headers=stale)).status_code == 200


async def test_a_refresh_by_basic_alone_works(login):
    api, form = login
    tokens = (await api.post("/oauth2/token", data=form)).json()
    answer = await api.post(
        "/oauth2/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        headers=_basic(form["client_id"], form["client_secret"]),
    )
    assert answer.status_code == 200


async def test_a_refresh_by_basic_without_password_and_the_secret_in_the_body_works(login):
    api, form = login
    tokens = (await api.post("/oauth2/token", data=form)).json()
    answer = await api.post(
        "/oauth2/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": tokens["refresh_token"],
            "username": form["client_id"],
            "password": form["client_secret"],
        },
        headers=_basic(form["client_id"], ""),
    )
    assert answer.status_code == 200


async def test_of_two_refreshes_at_once_exactly_one_succeeds(login):
    api, form = login
    tokens = (await api.post("/oauth2/token", data=form)).json()
    refresh = {**form, "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answers = await asyncio.gather(*(api.post("/oauth2/token", data=refresh) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


async def test_a_refused_login_says_why_in_both_languages(login):
    for changes, code, error in [
        ({"password": "wrong"}, "bad_request.could_not_authenticate", "invalid_request"),
        ({"username": "no@example.com"}, "bad_request.could_not_authenticate", "invalid_request"),
        ({"client_secret": "mb_cs_x"}, "bad_request.could_not_authenticate", "invalid_request"),
        ({"client_id": "oauth2client_x"}, "bad_request.could_not_authenticate", "invalid_request"),
        ({"grant_type": ""}, "bad_request.missing_param.grant_type", "invalid_request"),
        (
            {"grant_type": "client_credentials"},
            "bad_request.bad_param.grant_type",
            "unsupported_grant_type",
        ),
        ({"password": "a\x00b"}, "bad_request.bad_param.password", "invalid_request"),
    ]:
        api, form = login
        answer = await api.post("/oauth2/token", data={**form, **changes})
        assert answer.status_code == 400
        body = answer.json()
        assert (body["code"], body["error"]) == (code, error)
        assert body["error_description"] == body["message"]


async def test_a_credential_in_the_query_is_refused(login):
    for name in ["client_secret", "password", "username", "refresh_token", "code"]:
        api, form = login
        query = [(name, form.get(name, "x")), (name, "")]
        answer = await api.post("/oauth2/token", params=query, data=form)
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"


async def test_a_repeated_parameter_is_refused(login):
    api, form = login
    body = "&".join(f"{name}={value}" for name, value in form.items()).replace(" ", "+")
    answer = await api.post(
        "/oauth2/token",
        content=f"{body}&username=brian@example.com",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request.bad_param.username"
    assert answer.json()["error"] == "invalid_request"


async def test_malformed_json_is_refused_in_the_words_of_oauth(login):
    api, _ = login
    answer = await api.post(
        "/oauth2/token", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


async def test_a_public_client_gets_no_refresh_token(db, login):
    api, form = login
    public = await add_client(db, confidential=False)
    answer = await api.post("/oauth2/token", data={**form, "client_id": public.client.id})
    assert answer.status_code == 400
    assert answer.json()["error"] in {"unauthorized_client", "invalid_request"}


async def test_the_server_wide_switch_turns_the_password_grant_off(db, login):
    _, form = login
    settings = preset("sandbox", public_url=PUBLIC_URL, password_grant=False)
    async with http(db, settings) as api:
        answer = await api.post("/oauth2/token", data=form)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request.client_not_enabled"


@pytest.mark.parametrize("path", ["/oauth2/logout", "/ping/logout"])
async def test_a_logout_ends_the_token_and_its_refresh_token(login, path):
    api, form = login
    tokens = (await api.post("/oauth2/token", data=form)).json()
    bearer = {"Authorization": f"bearer  {tokens['access_token']} "}
    answer = await api.post(path, headers=bearer)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert (await api.get("/ping/whoami", headers=bearer)).status_code == 401
    assert (await api.post(path, headers=bearer)).status_code == 401
    refresh = {**form, "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await api.post("/oauth2/token", data=refresh)).status_code == 401


async def test_an_expired_token_says_so(db, clock):
    ada = await add_user(db, "ada@example.com", "Ada Example")
    token = await add_token(db, (await add_client(db)).client, ada)
    async with http(db, token=token) as api:
        assert (await api.get("/ping/whoami")).status_code == 200
        clock.advance(21_600)
        answer = await api.get("/ping/whoami")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized.bad_access_token.expired"


async def test_only_a_bearer_header_is_a_token(db):
    ada = await add_user(db, "ada@example.com", "Ada Example")
    token = await add_token(db, (await add_client(db)).client, ada)
    async with http(db) as api:
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Basic abc",
            "Bearer café",
            f"Token {token}",
            token,
        ]:
            sent = {b"Authorization": header.encode("latin-1")}
            answer = await api.get("/ping/whoami", headers=sent)
            assert answer.status_code == 401, header
        assert (await api.get("/ping/whoami", params={"access_token": token})).status_code == 401

"""Refusals and what every answer carries, whatever was asked."""

import re

import httpx
import pytest
from typing_extensions import override

from minibank.api import Api
from minibank.api.endpoint import Edge
from minibank.api.requests import BODY_BYTES_MAX
from minibank.api.routes import ROUTES
from minibank.api.routing import Table
from minibank.db import DatabaseUnavailable, LostRace
from minibank.db.errors import TookTooLong
from minibank.payments.engine import Engine
from tests.support.callers import PUBLIC_URL, SETTINGS
from tests.support.counting import CountingDatabase

JSON = {"Content-Type": "application/json"}


def _is_documented(answer: httpx.Response) -> bool:
    body = answer.json()
    return (
        answer.headers["content-type"] == "application/json"
        and isinstance(body["code"], str)
        and isinstance(body["message"], str)
        and isinstance(body["params"], dict)
        and body["retryable"] == {}
    )


async def test_an_unknown_path_is_a_404_before_anything_else_is_looked_at(bank):
    for path in ["/", "/nope", "/accounts/acc_1", "/transactions/a/b", "/ping/x"]:
        for headers in ({"Authorization": "Bearer nobody"}, {}):
            answer = await bank.api.post(path, content=b"{", headers={**JSON, **headers})
            assert answer.status_code == 404
            assert answer.json()["code"] == "not_found"
            assert _is_documented(answer)


async def test_a_method_that_a_path_does_not_have_is_a_405_before_the_token(bank):
    for method, path, allow in [
        ("POST", "/transactions", "GET, HEAD, OPTIONS"),
        ("DELETE", "/accounts", "GET, HEAD, OPTIONS"),
        ("GET", "/oauth2/token", "POST, OPTIONS"),
        ("HEAD", "/oauth2/token", "POST, OPTIONS"),
        ("PUT", "/transactions/tx_1", "GET, PATCH, HEAD, OPTIONS"),
        ("BREW", "/ping", "GET, HEAD, OPTIONS"),
    ]:
        answer = await bank.api.request(method, path, headers={"Authorization": "Bearer nobody"})
        assert answer.status_code == 405
        assert answer.headers["allow"] == allow
        if method != "HEAD":
            assert answer.json()["code"] == "bad_request.method_not_allowed"
            assert _is_documented(answer)


async def test_the_token_is_looked_at_before_the_parameters(bank):
    for content in (b"", b"{"):
        answer = await bank.api.request(
            "GET",
            "/transactions?limit=x",
            content=content,
            headers={**JSON, "Authorization": "Bearer nobody"},
        )
        assert answer.status_code == 401
        assert _is_documented(answer)


async def test_the_parameters_are_looked_at_before_the_owner(bank):
    foreign = bank.brians_account.id
    answer = await bank.api.get("/transactions", params={"account_id": foreign, "limit": "x"})
    assert answer.status_code == 400
    answer = await bank.api.patch("/transactions/tx_1", data={"metadata[]": "x"})
    assert answer.status_code == 400


async def test_a_body_that_cannot_be_read_is_a_400(bank):
    for content, code in [
        (b"{", "bad_request.bad_body"),
        (b"[1]", "bad_request.bad_body"),
        (b'{"a":' + b"[" * 9 + b"]" * 9 + b"}", "bad_request.bad_body"),
        (b'{"limit": "\\u0000"}', "bad_request.bad_param.limit"),
    ]:
        answer = await bank.api.request("GET", "/accounts", content=content, headers=JSON)
        assert answer.status_code == 400
        assert answer.json()["code"] == code
        assert _is_documented(answer)


async def test_a_body_beyond_the_limit_is_a_413(bank):
    async def chunks():
        for _ in range(BODY_BYTES_MAX // 1024 + 1):
            yield b"a" * 1024

    fits = b"a=" + b"b" * (BODY_BYTES_MAX - 2)
    assert (await bank.api.post("/oauth2/logout", content=fits)).status_code == 200
    for content in (fits + b"b", chunks()):
        answer = await bank.api.post("/oauth2/token", content=content)
        assert answer.status_code == 413
        assert answer.json()["code"] == "bad_request.too_large"
        assert _is_documented(answer)


class BrokenDatabase(CountingDatabase):
    """A database that fails whatever is asked of it."""

    error: Exception = DatabaseUnavailable("secret address")

    @override
    async def read(self, work):
        raise self.error

    @override
    async def transact(self, work):
        raise self.error

    @override
    async def schema_version(self):
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DatabaseUnavailable("secret"), 503, "unavailable.database"),
        (LostRace("secret"), 503, "unavailable.database"),
        (TookTooLong("secret"), 503, "unavailable.database"),
        (ZeroDivisionError("secret"), 500, "internal_service"),
    ],
)
async def test_faults_are_answered_in_json_and_tell_nothing(bank, db, capsys, error, status, code):
    broken = BrokenDatabase(db)
    broken.error = error
    api = Api(Edge(broken, Engine(db), SETTINGS), Table(ROUTES))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(api), base_url=PUBLIC_URL, headers=bank.api.headers
    ) as client:
        for method, path in [
            ("GET", "/accounts"),
            ("PATCH", "/transactions/tx_1"),
            ("POST", "/oauth2/logout"),
            ("GET", "/readyz"),
        ]:
            answer = await client.request(method, path)
            assert answer.status_code == status
            assert answer.json()["code"] == code
            assert "secret" not in answer.text
            assert _is_documented(answer)
            assert (answer.headers.get("retry-after") == "1") == (status == 503)
        # The fault is in the log, and what the client proved itself with is not.
        logged = capsys.readouterr().out
        assert type(error).__name__ in logged
        assert bank.token not in logged
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/ping")).json() == {"ping": "pong"}


async def test_every_answer_names_its_request_and_is_kept_by_nobody(bank):
    ids = set()
    for method, path in [
        ("GET", "/ping"),
        ("GET", "/accounts"),
        ("GET", "/nope"),
        ("DELETE", "/ping"),
        ("GET", "/transactions"),
        ("HEAD", "/ping"),
        ("OPTIONS", "/ping"),
    ]:
        answer = await bank.api.request(method, path)
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
        assert answer.headers["trace-id"] == answer.headers["x-request-id"]
        assert answer.headers["cache-control"] == "no-store"
        ids.add(answer.headers["x-request-id"])
    assert len(ids) == 7


async def test_every_success_is_a_200_with_a_bare_content_type_and_a_body(bank):
    account = {"account_id": bank.account.id}
    for path, params in [
        ("/ping", {}),
        ("/ping/whoami", {}),
        ("/accounts", {}),
        ("/balance", account),
        ("/transactions", account),
        ("/healthz", {}),
        ("/readyz", {}),
    ]:
        answer = await bank.api.get(path, params=params)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()
        assert answer.text.endswith("\n")


async def test_a_client_that_goes_away_while_sending_gets_no_answer(db):
    api = Api(Edge(db, Engine(db), SETTINGS), Table(ROUTES))
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await api(
        {
            "type": "http",
            "method": "POST",
            "path": "/oauth2/token",
            "raw_path": b"/oauth2/token",
            "query_string": b"",
            "headers": [],
        },
        receive,
        send,
    )
    assert sent == []


async def test_the_log_has_names_and_never_values(bank, capsys):
    await bank.api.get(
        "/transactions",
        params={"account_id": bank.account.id, "since": "tx_hidden", "hush": "hush"},
    )
    await bank.api.post("/oauth2/token", data={"password": "hidden", "hidden": "", "code": "x"})
    await bank.api.get("/hidden-path")
    logged = capsys.readouterr().out
    assert "account_id" in logged
    assert "password" in logged
    assert "/transactions" in logged
    for secret in ("hidden", "hush", bank.account.id, bank.token):
        assert secret not in logged

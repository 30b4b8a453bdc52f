"""No log line holds what somebody sent: every endpoint and command, working and failing."""

import base64
import contextlib
import io
import json
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx
import pytest
import structlog
from typing_extensions import override

from minibank.api import Api, build_api
from minibank.api.operator.routes import ROUTES as OPERATOR_ROUTES
from minibank.api.routes import ROUTES
from minibank.app.logs import configure_logs
from minibank.core.errors import BankError
from minibank.db import BadData, Database
from minibank.db.base import ReadWork, Work
from minibank.oauth.records import Client
from minibank.operators.records import SCOPES
from minibank.payments.commands import TopUp
from minibank.payments.engine import Engine
from minibank.settings import Mode, Settings
from tests.integration.test_serve_workers import serving
from tests.support.asgi import RawAnswer, RawRequest, ask
from tests.support.callers import SETTINGS, add_account, add_client, add_token, add_user
from tests.support.command_line import CommandLine
from tests.support.failing import WrappedDatabase
from tests.support.operators import add_key
from tests.support.secrets_sent import forms_of, found_in

T = TypeVar("T")

PASSWORD = "Correct?horse~battery>9"
MODES: list[Mode] = ["sandbox", "production"]
CHOSEN = {
    "password": PASSWORD,
    "wrong password": "Wrong?donkey~battery>8",
    "note": "Für Zoë: the ring & the 2nd loan",
    "e-mail": "zoe.o'hara+bank@example.org",
    "unknown name": "fieldOfZoe",
    "agent": "ZoesPhone/7.1",
    "webhook": "hook-9f2c7Qwx81",
    "title": "Zoë's Umbrella, 3 pm",
}


class Failing(WrappedDatabase):
    """Fails with an error that quotes everything, as a database quotes the row it refuses."""

    def __init__(self, db: Database, error: type[Exception], quoted: str) -> None:
        super().__init__(db)
        self._error, self._quoted = error, quoted

    @override
    async def transact(self, work: Work[T]) -> T:
        raise self._error(self._quoted) from ValueError(self._quoted)

    @override
    async def read(self, work: ReadWork[T]) -> T:
        raise self._error(self._quoted)

    @override
    async def schema_version(self) -> int:
        raise self._error(self._quoted)


@pytest.fixture(params=MODES)
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """All that is logged, in each form of the log and at its most talkative."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        configure_logs(Settings(mode=request.param, log_level="debug"))
    # A logger of a module would otherwise write to this log for the rest of the process.
    structlog.configure(cache_logger_on_first_use=False)
    yield said
    structlog.reset_defaults()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def requests_with(secrets: dict[str, str], client: Client) -> Iterator[RawRequest]:
    """Every endpoint in every form of request, with secrets wherever a request has room."""
    grants = [
        {"grant_type": "password", "username": secrets["e-mail"], "password": PASSWORD},
        {"grant_type": "password", "username": secrets["e-mail"], "password": "x" + PASSWORD},
        {"grant_type": "refresh_token", "refresh_token": secrets["refresh token"]},
        {"grant_type": "authorization_code", "code": secrets["note"]},
        {"grant_type": secrets["note"]},
    ]
    named = {"client_id": client.id, "client_secret": secrets["client secret"]}
    fields = {
        "account_id": secrets["account"],
        "since": secrets["note"],
        "limit": secrets["wrong password"],
        "metadata[note]": secrets["note"],
        "url": f"https://zoe:{secrets['webhook']}@hooks.example/{secrets['webhook']}",
        "type": "basic",
        "params[title]": secrets["title"],
        "params[image_url]": secrets["note"],
        "events[]": secrets["note"],
        secrets["unknown name"]: secrets["note"],
    }
    bodies = [
        (b"application/x-www-form-urlencoded", urlencode(form).encode())
        for form in (*({**named, **grant} for grant in grants), fields, {})
    ]
    bodies += [
        (b"application/json", json.dumps({**named, **grants[0]}).encode()),
        (b"application/json", json.dumps({"metadata": {"a": secrets["note"]}}).encode()),
        (b"application/json", json.dumps({"password": PASSWORD}).encode()),
        (b"application/json", json.dumps(_kept(secrets)).encode()),
        (b"application/json", b'{"password": "' + PASSWORD.encode() + b'", '),
        (b"application/x-www-form-urlencoded", f"password={PASSWORD}%zz%00".encode()),
        (b"multipart/form-data; boundary=x", f"--x\r\n\r\n{PASSWORD}".encode()),
        (PASSWORD.encode(), secrets["note"].encode()),
    ]
    authorizations = [
        f"Bearer {secrets['access token']}",
        f"Bearer {secrets['wrong password']}",
        basic(client.id, secrets["client secret"]),
        basic(secrets["e-mail"], PASSWORD),
        f"Bearer {secrets['operator key']}",
    ]
    paths = [route.path for route in (*ROUTES, *OPERATOR_ROUTES)]
    paths.append("/" + quote(secrets["note"], safe=""))
    # Last, what ends the access token.
    paths.sort(key=lambda path: path.startswith("/oauth2/") or path.endswith("/logout"))
    for path in paths:
        filled = re.sub(r"\{\w+\}", quote(secrets["e-mail"]), path).encode()
        for place, (content_type, body) in enumerate(bodies):
            for method in ("GET", "POST", "PUT", "PATCH", secrets["unknown name"]):
                yield RawRequest(
                    method=method,
                    path=filled,
                    query=urlencode(fields).encode() if place % 2 else b"",
                    headers=[
                        (b"authorization", authorizations[place % 5].encode()),
                        (b"content-type", content_type),
                        (b"user-agent", secrets["agent"].encode()),
                        (b"idempotency-key", secrets["webhook"].encode()),
                        (b"cookie", f"session={PASSWORD}".encode()),
                        (b"referer", f"https://x/?t={secrets['access token']}".encode()),
                    ],
                    body=body,
                )


def _kept(secrets: dict[str, str]) -> dict[str, object]:
    """What makes a feed item and a webhook."""
    return {
        "account_id": secrets["account"],
        "type": "basic",
        "params": {"title": secrets["title"], "image_url": secrets["note"]},
        "url": f"https://zoe:{secrets['webhook']}@hooks.example/?key={secrets['webhook']}",
    }


async def send_all(api: Api, requests: list[RawRequest]) -> list[RawAnswer]:
    return [await ask(api, request) for request in requests]


async def test_no_request_leaves_a_value_in_the_log_whether_it_works_or_fails(
    db: Database, log: io.StringIO
):
    zoe = await add_user(db, CHOSEN["e-mail"], "Zoe O'Hara", PASSWORD)
    account = await add_account(db, zoe)
    registered = await add_client(db)
    token = await add_token(db, registered.client, zoe)
    _, operator_key = await add_key(db, *SCOPES)
    secrets = CHOSEN | {
        "operator key": operator_key,
        "account": account.id,
        "client secret": registered.secret,
        "access token": token,
        "refresh token": token.replace("mb_at_", "mb_rt_"),
    }
    requests = list(requests_with(secrets, registered.client))
    sample = requests[::7]
    quoted = "; ".join(secrets.values())
    answers = await send_all(build_api(db, Engine(db), SETTINGS), sample)
    for error in (BadData, ZeroDivisionError, UnicodeError):
        failing = Failing(db, error, quoted)
        answers += await send_all(build_api(failing, Engine(failing), SETTINGS), requests[::19])
    said = log.getvalue()
    assert {answer.status for answer in answers} >= {200, 400, 401, 403, 404, 405, 500}
    assert "ZeroDivisionError" in said
    assert found_in(said, secrets) == {}
    for answer in answers:
        if answer.status == 500:
            assert answer.headers["x-request-id"] in said


async def test_a_request_s_line_has_its_id_and_the_names_of_its_parameters(
    db: Database, log: io.StringIO, request: pytest.FixtureRequest
):
    api = build_api(db, Engine(db), SETTINGS)
    answer = await ask(api, RawRequest(path=b"/transactions", query=b"account_id=acc_1&zzz=1"))
    if "production" not in request.node.name:
        assert "GET /transactions 401" in log.getvalue()
        return
    line = json.loads(log.getvalue())
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["params"] == ["account_id"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/transactions", 401)


async def test_no_payment_that_fails_leaves_a_value_in_the_log(db: Database, log: io.StringIO):
    account = await add_account(db, await add_user(db, CHOSEN["e-mail"], "Zoe"))
    for error in (BadData, ZeroDivisionError):
        engine = Engine(Failing(db, error, CHOSEN["note"]))
        payment = TopUp(
            issuer="t", account_id=account.id, id="1", amount=1, description=CHOSEN["note"]
        )
        with pytest.raises(BankError):
            await engine.execute(payment)
    assert "commands were refused" in log.getvalue()
    assert found_in(log.getvalue(), CHOSEN | {"account": account.id}) == {}


def with_password(url: str) -> str:
    """The same PostgreSQL database, reached with a password that it does not ask for."""
    if url.startswith("sqlite"):
        return url
    user = urlsplit(url).username
    return url.replace(f"//{user}@", f"//{user}:{quote(PASSWORD, safe='')}@", 1)


RAW = [
    f"nonsense {PASSWORD}\r\n\r\n",
    f"get /{quote(PASSWORD)} HTTP/1.1\r\nhost: bank\r\n\r\n",
    f"POST / HTTP/1.1\r\nhost: bank\r\ncontent-length: {CHOSEN['agent']}\r\n\r\n",
    f"GET / HTTP/1.1\r\nauthorization: Bearer {PASSWORD * 4000}\r\n\r\n",
    f"POST /oauth2/token HTTP/1.1\r\nhost: bank\r\ncontent-length: 999\r\n\r\npassword={PASSWORD}",
    f"GET /accounts?x={quote(PASSWORD)} HTTP/1.1\r\nhost: bank\r\nupgrade: {CHOSEN['agent']}\r\n"
    "connection: upgrade\r\n\r\n",
]


@pytest.mark.parametrize("mode", MODES)
def test_no_server_says_a_value_from_its_start_to_its_end(
    empty_database_url: str, tmp_path: Path, mode: Mode
):
    url = with_password(empty_database_url)
    flags = ["--mode", mode]
    cli = CommandLine(tmp_path, {})
    if mode == "production":
        cli.run("key", "create", "server.key")
        flags += ["--public-url", "https://b.example", "--set", "trusted_proxies=127.0.0.1"]
        flags += ["--set", "server_key_file=server.key", "--set", "files=files"]
        flags += ["--set", "files_url=https://files.example"]
    cli.run("migrate", "--mode", mode, "--database", url)
    with serving(tmp_path, url, *flags, "--log-level", "debug") as server:
        host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
        for raw in RAW:
            with contextlib.suppress(ConnectionError), socket.create_connection((host, port)) as s:
                s.settimeout(1)
                s.sendall(raw.encode())
                with contextlib.suppress(TimeoutError):
                    s.recv(1024)
        form = {"grant_type": "password", "username": CHOSEN["e-mail"], "password": PASSWORD}
        assert httpx.post(f"{server.url}/oauth2/token", data=form).status_code == 400
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    assert "/oauth2/token" in server.said()
    assert found_in(server.said(), CHOSEN) == {}
    if mode == "production":
        assert (tmp_path / "server.key").read_text().strip() not in server.said()


def test_no_command_says_a_value_on_standard_error(empty_database_url: str, tmp_path: Path):
    url = with_password(empty_database_url)
    cli = CommandLine(tmp_path, {"MINIBANK_DATABASE": url})
    who, away = CHOSEN["e-mail"], "postgresql://bank:{}@127.0.0.1:1/bank"
    secrets = {name: CHOSEN[name] for name in ("password", "wrong password")}
    said = [
        cli.run("migrate"),
        *(
            cli.try_(
                "user",
                "create",
                "--email",
                who,
                "--name",
                "Zoe",
                "--password-stdin",
                stdin=PASSWORD,
            )
            for _ in range(2)
        ),
        cli.run("user", "set-password", who, "--password-stdin", stdin=CHOSEN["wrong password"]),
        cli.try_("user", "set-password", "nobody", "--password-stdin", stdin=PASSWORD),
        cli.run("client", "create", "--name", "App", "--json"),
        cli.try_("token", "revoke", "--token-stdin", stdin=PASSWORD),
        cli.try_("token", "revoke", "--user", who),
        cli.run("account", "open", "--owner", who),
        cli.run("settings"),
        cli.run("audit"),
        cli.try_("audit", "--database", away.format(quote(PASSWORD, safe=""))),
        cli.try_("audit", "--database", away.format(quote(PASSWORD, safe="")) + "?sslmode=never"),
        cli.try_("serve", "--database", f"postgresx://bank:{PASSWORD}@h/bank"),
        cli.try_("serve", MINIBANK_DATABASE=f"postgresql://bank:{PASSWORD}@h:port/bank"),
    ]
    secrets["client secret"] = said[5].json["client_secret"]
    rotated = cli.run("client", "rotate-secret", said[5].json["id"])
    assert found_in("".join(one.err for one in (*said, rotated)), secrets) == {}
    shown = "".join(one.out for one in said if one is not said[5])
    assert found_in(shown, secrets) == {}


@pytest.mark.parametrize("secret", CHOSEN.values())
def test_a_secret_would_be_found_in_any_form(secret: str):
    assert "zzz" not in forms_of(secret)
    hidden = [secret, quote(secret), basic("somebody", secret), json.dumps({"x": secret})]
    for line in hidden:
        assert found_in(f"a line with {line} in it", {"it": secret})
    assert found_in("a line without", {"it": secret}) == {}

"""Paths, methods and origins."""

from minibank.api import build_api
from minibank.payments.engine import Engine
from minibank.settings import preset
from tests.support.asgi import RawRequest, ask
from tests.support.callers import PUBLIC_URL, SETTINGS, http

ORIGIN = {"Origin": "https://app.example"}
EXPOSED = {"ETag", "Retry-After", "X-Request-Id", "Trace-ID"}


async def test_a_path_may_have_slashes_too_many_and_is_never_redirected(bank):
    for path in ["//accounts", "/accounts/", "//accounts//", "/acc%6Funts", "/accounts/?x=y"]:
        answer = await bank.api.get(PUBLIC_URL + path)
        assert answer.status_code == 200
        assert answer.json()["accounts"]


async def test_slashes_before_a_query_do_no_harm(bank):
    answer = await bank.api.get(f"{PUBLIC_URL}//balance/?account_id={bank.account.id}")
    assert answer.status_code == 200


async def test_nothing_in_a_path_is_resolved(bank):
    for path in ["/ping/../accounts", "/ping/%2e%2e/accounts", "/ping%2Fwhoami", "/./accounts"]:
        api = build_api(bank.db, Engine(bank.db), SETTINGS)
        answer = await ask(api, RawRequest(path=path.encode()))
        assert answer.status == 404


async def test_a_method_may_be_written_small(bank):
    for method in ["get", "Get", "GET"]:
        request = bank.api.build_request("GET", "/ping")
        request.method = method
        assert (await bank.api.send(request)).status_code == 200


async def test_head_mirrors_get_without_the_body(bank):
    got, headed = await bank.api.get("/accounts"), await bank.api.head("/accounts")
    assert headed.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-length"] == got.headers["content-length"]
    assert (await bank.api.head("/balance")).status_code == 400


async def test_a_preflight_is_answered_on_every_path(bank):
    for path in ["/oauth2/token", "/accounts", "/transactions/tx_1", "/ping"]:
        answer = await bank.api.options(
            path,
            headers={
                **ORIGIN,
                "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": "authorization",
                "Authorization": "",
            },
        )
        assert (answer.status_code, answer.json()) == (200, {})
        assert answer.headers["access-control-allow-origin"] == "*"
        methods = answer.headers["access-control-allow-methods"].split(", ")
        assert set(methods) == {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
        headers = answer.headers["access-control-allow-headers"].split(", ")
        assert {"Authorization", "Content-Type", "Idempotency-Key", "If-Match"} < set(headers)
        assert "access-control-allow-credentials" not in answer.headers


async def test_pages_may_read_successes_and_refusals_alike(bank):
    refused = {**ORIGIN, "Authorization": "Bearer nobody"}
    for path, headers, status in [
        ("/accounts", ORIGIN, 200),
        ("/accounts", refused, 401),
        ("/balance", ORIGIN, 400),
        ("/nope", ORIGIN, 404),
    ]:
        answer = await bank.api.get(path, headers=headers)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert set(exposed) > EXPOSED


async def test_a_bank_with_named_origins_serves_pages_of_those_alone(bank, db):
    settings = preset("sandbox", public_url=PUBLIC_URL, cors_origins=(ORIGIN["Origin"],))
    async with http(db, settings, bank.token) as api:
        answer = await api.get("/accounts", headers=ORIGIN)
        assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
        assert answer.headers["vary"] == "Origin"
        other = await api.get("/accounts", headers={"Origin": "https://evil.example"})
        assert other.status_code == 200
        assert "access-control-allow-origin" not in other.headers

"""Operator keys: who gets in, with which scope, from where, and what is known of it afterwards."""

import pytest

from minibank.api import build_api
from minibank.api.operator.pages import cursor_of
from minibank.api.operator.routes import ROUTES
from minibank.operators.keys import create_key, disable_key, new_key_secret, rotate_key
from minibank.operators.records import SCOPES
from minibank.payments.engine import Engine
from minibank.settings import preset
from tests.support.asgi import RawRequest, ask
from tests.support.callers import PUBLIC_URL
from tests.support.operators import add_key, operator_http, send

SCOPED = [(one, one.operation.scopes) for one in ROUTES if one.operation and one.operation.scopes]


def asked(route):
    """A request to this route."""
    path = route.path.replace("{", "").replace("}", "")
    return {"method": route.method, "url": path, "headers": {"Idempotency-Key": "1"}}


@pytest.mark.parametrize("scope", SCOPES)
async def test_every_endpoint_is_for_its_scopes_alone(bank, scope):
    _, secret = await add_key(bank.db, scope)
    async with operator_http(bank.db, secret) as api:
        for route, scopes in SCOPED:
            answer = await api.request(**asked(route))
            if scope in scopes:
                assert answer.status_code not in (401, 403), f"{route.path}: {answer.text}"
            else:
                assert answer.status_code == 403, route.path
                assert answer.json()["code"] == "forbidden.insufficient_scope"


async def test_nobody_gets_in_without_a_key_that_works(bank):
    _, secret = await add_key(bank.db, *SCOPES)
    gone, gone_secret = await add_key(bank.db, *SCOPES)
    await bank.db.transact(lambda tx: disable_key(tx, gone))
    changed = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    for given in ("", bank.token, "mb_op_" + "0" * 39, changed, secret[:-1], gone_secret):
        async with operator_http(bank.db, given) as api:
            for route, _ in SCOPED:
                answer = await api.request(**asked(route))
                assert answer.status_code == 401, route.path
                assert answer.json()["code"] == "unauthorized.bad_operator_key"


async def test_an_operator_key_is_no_access_token(bank):
    _, secret = await add_key(bank.db, *SCOPES)
    bank.api.headers["Authorization"] = f"Bearer {secret}"
    answer = await bank.api.get("/accounts")
    assert answer.json()["code"] == "unauthorized.bad_access_token"


async def test_a_rotated_key_works_with_both_secrets_until_the_overlap_ends(bank, clock):
    key_id, first = await add_key(bank.db, "audit")
    second, third = new_key_secret(bank.db.ids), new_key_secret(bank.db.ids)

    async def works(secret):
        async with operator_http(bank.db, secret) as api:
            return (await api.get("/operator/v1/whoami")).status_code == 200

    await bank.db.transact(lambda tx: rotate_key(tx, key_id, 60, second))
    assert [await works(one) for one in (first, second)] == [True, True]
    clock.advance(60)
    assert [await works(one) for one in (first, second)] == [False, True]
    await bank.db.transact(lambda tx: rotate_key(tx, key_id, 0, third))
    await bank.db.transact(lambda tx: rotate_key(tx, key_id, 0, third))
    assert [await works(one) for one in (first, second, third)] == [False, False, True]


async def test_a_key_says_when_it_was_last_used_and_so_does_the_secret_it_had(bank, clock):
    key_id, first = await add_key(bank.db, "audit")
    async with operator_http(bank.db, first) as api:
        await api.get("/operator/v1/whoami")
        clock.advance(30)
        soon = (await api.get("/operator/v1/whoami")).json()
        clock.advance(31)
        await api.get("/operator/v1/whoami")
        later = (await api.get("/operator/v1/whoami")).json()
        assert soon["last_used"] < later["last_used"]
        second = new_key_secret(bank.db.ids)
        await bank.db.transact(lambda tx: rotate_key(tx, key_id, 3600, second))
        listed = (await api.get("/operator/v1/keys")).json()["keys"][0]
    assert listed["last_used"] is None
    assert listed["retiring_last_used"] == later["last_used"]
    assert listed["retiring_until"] > later["last_used"]
    assert listed["scopes"] == ["audit"]


async def test_what_is_stored_of_a_key_is_no_secret(bank):
    _, secret = await add_key(bank.db, "audit")

    async def everything(tx):
        rows = await tx.fetch("SELECT digest, key_id FROM operator_key_secrets")
        return [list(row) for row in rows]

    (row,) = await bank.db.read(everything)
    assert secret.encode() not in bytes(row[0])
    assert len(bytes(row[0])) == 32


@pytest.mark.parametrize("scopes", [[], ["rails", "everything"], ["RAILS"]])
async def test_a_key_without_a_scope_that_there_is_is_refused(bank, scopes):
    secret = new_key_secret(bank.db.ids)
    with pytest.raises(Exception, match=r"bad_param\.scopes"):
        await bank.db.transact(lambda tx: create_key(tx, "A key", scopes, secret))


async def test_whoever_is_elsewhere_is_told_that_there_is_nothing(bank):
    _, secret = await add_key(bank.db, *SCOPES)
    for networks, status in ((("127.0.0.0/8",), 200), (("10.0.0.0/8", "192.0.2.7"), 404)):
        settings = preset("sandbox", public_url=PUBLIC_URL, operator_networks=networks)
        async with operator_http(bank.db, secret, settings) as api:
            answer = await api.get("/operator/v1/whoami")
            assert answer.status_code == status
            if status == 404:
                assert answer.json()["code"] == "not_found"


async def test_a_bank_without_the_operator_api_has_no_such_paths(bank):
    _, secret = await add_key(bank.db, *SCOPES)
    settings = preset("sandbox", public_url=PUBLIC_URL, operator_api=False)
    app = build_api(bank.db, Engine(bank.db), settings)
    headers = [(b"authorization", f"Bearer {secret}".encode())]
    answer = await ask(app, RawRequest(path=b"/operator/v1/whoami", headers=headers))
    assert answer.status == 404


async def test_the_reference_of_the_operator_api_is_its_own(bank):
    page = await bank.api.get("/operator/docs")
    assert 'data-document="/operator/v1/openapi.json"' in page.text
    document = (await bank.api.get("/operator/v1/openapi.json")).json()
    assert all(path.startswith("/operator/") for path in document["paths"])
    assert not any(
        path.startswith("/operator/")
        for path in (await bank.api.get("/openapi.json")).json()["paths"]
    )


async def test_the_list_of_what_was_done_is_paged(bank):
    _, secret = await add_key(bank.db, "audit")
    async with operator_http(bank.db, secret) as api:
        answer = await api.get("/operator/v1/requests?limit=1")
        assert answer.json() == {"requests": [], "next": None}
        bad = await api.get("/operator/v1/requests?after=zzz")
        assert bad.json()["code"] == "bad_request.bad_param.after"
        assert (await send(api, "top-ups", {})).status_code == 403


LISTS = ["accounts", "users", "clients", "requests", "holds", "merchants", "audit/marks"]


@pytest.mark.parametrize("path", LISTS)
async def test_a_cursor_that_somebody_made_up_is_refused(bank, path):
    _, secret = await add_key(bank.db, *SCOPES)
    made_up = [2**63, -(2**64) + 1, "\0", "acc_\0", (0, "\0"), (2**63, ""), (2**63, "", ""), {}]
    async with operator_http(bank.db, secret) as api:
        for position in made_up:
            try:
                cursor = cursor_of(position)
            except OverflowError:
                continue
            answer = await api.get(f"/operator/v1/{path}?after={cursor}")
            assert answer.status_code == 400, (position, answer.text)
            assert answer.json()["code"] == "bad_request.bad_param.after"


async def test_the_reference_too_is_shown_to_operators_networks_alone(bank):
    settings = preset("sandbox", public_url=PUBLIC_URL, operator_networks=("10.0.0.0/8",))
    app = build_api(bank.db, Engine(bank.db), settings)
    for path in (b"/operator/docs", b"/operator/v1/openapi.json"):
        assert (await ask(app, RawRequest(path=path))).status == 404

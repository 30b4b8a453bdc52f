"""Limits on requests, one test for each way around them."""

import asyncio
from dataclasses import replace
from itertools import islice
from typing import Any

import httpx
import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from minibank.api import build_api
from minibank.oauth.revocation import revoke_user
from minibank.oauth.tokens import TokenRules
from minibank.payments.engine import Engine
from minibank.settings import preset
from tests.support.callers import PUBLIC_URL, SETTINGS, add_client, add_token
from tests.support.counting import CountingDatabase

ADDRESS = "192.0.2.1"


class Door:
    """One process of the bank with these limits, and requests from any address."""

    def __init__(self, db, **limits):
        self.api = build_api(db, Engine(db), replace(SETTINGS, **limits))

    @property
    def remembered(self):
        """How many addresses the process remembers."""
        addresses = self.api._limits.addresses
        assert addresses is not None
        return addresses.size

    def behind_proxy(self):
        """The same, with a proxy in front that is named in the settings."""
        app: Any = self.api
        return ProxyHeadersMiddleware(app, ["10.0.0.5"])

    async def ask(self, path="/ping", address=ADDRESS, token="", method="GET", app=None, **more):
        transport = httpx.ASGITransport(app or self.api, client=(address, 1234))
        headers = more.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
            return await http.request(method, path, headers=headers, **more)

    async def statuses(self, count, path="/ping", **more):
        return [(await self.ask(path, **more)).status_code for _ in range(count)]


async def test_too_many_requests_are_refused_as_documented(db, clock):
    door = Door(db, rate_address_per_minute=3)
    assert await door.statuses(3) == [200] * 3
    refused = await door.ask()
    assert refused.status_code == 429
    assert refused.json() == {
        "code": "rate_limited",
        "message": "Too many requests, please try again later",
        "params": {"policy": "address"},
        "retryable": {},
    }
    assert refused.headers["retry-after"] == "20"
    assert refused.headers["ratelimit-policy"] == '"address";q=3;w=60'
    assert refused.headers["ratelimit"] == '"address";r=0;t=60'
    clock.advance(20)
    assert (await door.ask()).status_code == 200


async def test_every_answer_says_where_its_sender_stands(bank):
    limits = {"rate_client_per_minute": 50, "rate_user_per_minute": 20}
    door = Door(bank.db, rate_address_per_minute=100, rate_token_address_per_minute=5, **limits)
    await door.ask("/ping/whoami", token=bank.token)
    answer = await door.ask("/ping/whoami", token=bank.token)
    assert answer.headers["ratelimit-policy"] == (
        '"address";q=100;w=60, "user";q=20;w=60, "client";q=50;w=60'
    )
    assert answer.headers["ratelimit"] == '"address";r=98;t=2, "user";r=18;t=6, "client";r=48;t=3'
    for path, method, status in [
        ("/nowhere", "GET", 404),
        ("/accounts", "GET", 401),
        ("/accounts", "PUT", 405),
        ("/accounts", "OPTIONS", 200),
    ]:
        answer = await door.ask(path, method=method)
        assert answer.status_code == status
        assert answer.headers["ratelimit"].startswith('"address";r=')
    answer = await door.ask("/oauth2/token", method="POST")
    assert answer.headers["ratelimit"].endswith('"token";r=4;t=12')


async def test_web_pages_may_read_the_standing(bank):
    door = Door(bank.db, rate_address_per_minute=1)
    await door.ask()
    answer = await door.ask(headers={"Origin": "https://app.example"})
    assert answer.status_code == 429
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} < set(exposed)


async def test_a_sandbox_has_no_limits_and_says_nothing_of_them(bank):
    assert preset("sandbox").rate_address_per_minute == 0
    answer = await bank.api.get("/accounts")
    assert not [name for name in answer.headers if name.startswith("ratelimit")]


def test_production_has_every_limit():
    settings = preset("production")
    assert settings.rate_address_per_minute > settings.rate_token_address_per_minute > 0
    assert settings.rate_client_per_minute > settings.rate_user_per_minute > 0
    assert settings.client_requests_max > 0


async def test_health_is_answered_in_any_flood(db):
    door = Door(db, rate_address_per_minute=1)
    await door.statuses(5)
    assert await door.statuses(5, "/healthz") == [200] * 5
    assert await door.statuses(5, "/readyz") == [200] * 5
    assert await door.statuses(2, f"{PUBLIC_URL}//healthz/") == [200] * 2


async def test_an_unauthenticated_flood_costs_no_statement_and_reads_no_body(db):
    counting = CountingDatabase(db)
    door = Door(counting, rate_address_per_minute=2)
    await door.statuses(2)
    body_was_read = False

    async def body():
        nonlocal body_was_read
        body_was_read = True
        yield b"x"

    for path in ("/accounts", "/transactions/tx_1", "/nowhere", "/oauth2/token"):
        answer = await door.ask(path, method="POST", content=body())
        assert answer.status_code == 429
    assert not body_was_read
    assert counting.statements == []


async def test_wrong_tokens_do_not_get_around_the_limit_of_an_address(bank):
    door = Door(bank.db, rate_address_per_minute=3, rate_client_per_minute=1000)
    tokens = ("garbage", "mb_at_x", bank.token, "")
    assert [(await door.ask("/accounts", token=token)).status_code for token in tokens] == [
        *(401, 401, 200, 429)
    ]


async def test_addresses_of_one_ipv6_network_share_a_limit(db):
    door = Door(db, rate_address_per_minute=3)
    statuses = [(await door.ask(address=f"2001:db8::{n:x}:{n:x}")).status_code for n in range(1, 6)]
    assert statuses == [200, 200, 200, 429, 429]
    assert (await door.ask(address="2001:db8:0:1::1")).status_code == 200


async def test_an_ipv4_address_is_the_same_in_ipv6_clothes(db):
    door = Door(db, rate_address_per_minute=1)
    assert (await door.ask(address="192.0.2.7")).status_code == 200
    assert (await door.ask(address="::ffff:192.0.2.7")).status_code == 429


async def test_rotating_addresses_do_not_help_who_has_a_token(bank):
    door = Door(bank.db, rate_address_per_minute=1, rate_user_per_minute=5)
    statuses = [
        (await door.ask("/accounts", address=f"198.51.100.{n}", token=bank.token)).status_code
        for n in range(8)
    ]
    assert statuses == [200] * 5 + [429] * 3


async def test_rotating_addresses_take_no_more_memory_than_is_set(db):
    door = Door(db, rate_address_per_minute=5, rate_subjects_max=100)
    assert door.remembered == 0
    for n in range(400):
        await door.ask(address=f"203.0.{n // 256}.{n % 256}")
    assert door.remembered == 100


async def test_headers_cannot_name_another_address(db):
    door = Door(db, rate_address_per_minute=2)
    spoofed = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "Client-IP")
    behind = door.behind_proxy()
    statuses = []
    for n in range(4):
        headers = dict.fromkeys(spoofed, f"for=198.51.100.{n}")
        headers["X-Forwarded-For"] = f"198.51.100.{n}"
        statuses.append((await door.ask(app=behind, headers=headers)).status_code)
    assert statuses == [200, 200, 429, 429]


async def test_behind_a_named_proxy_each_sender_has_a_limit_of_its_own(db):
    door = Door(db, rate_address_per_minute=1)
    behind = door.behind_proxy()
    statuses = []
    # The left of the list is what the sender said; the right is what the proxy saw.
    for seen in ("1.1.1.1, 198.51.100.1", "2.2.2.2, 198.51.100.1", "198.51.100.2"):
        headers = {"X-Forwarded-For": seen}
        answer = await door.ask(address="10.0.0.5", app=behind, headers=headers)
        statuses.append(answer.status_code)
    assert statuses == [200, 429, 200]


async def test_requests_for_tokens_have_a_stricter_limit(db):
    door = Door(db, rate_address_per_minute=10, rate_token_address_per_minute=2)
    asks = {"path": "/oauth2/token", "method": "POST", "data": {"grant_type": "password"}}
    assert await door.statuses(3, **asks) == [400, 400, 429]
    assert await door.statuses(2, **{**asks, "path": f"{PUBLIC_URL}//oauth2/%74oken/"}) == [
        429,
        429,
    ]
    refused = await door.ask(**asks)
    assert refused.json()["error"] == "temporarily_unavailable"
    assert refused.json()["params"] == {"policy": "token"}
    assert (await door.ask()).status_code == 200
    assert (await door.ask(**asks, address="192.0.2.9")).status_code == 400


async def test_a_client_over_its_limit_costs_no_statement(bank):
    counting = CountingDatabase(bank.db)
    door = Door(counting, rate_client_per_minute=2)
    assert await door.statuses(2, "/accounts", token=bank.token) == [200, 200]
    counting.statements.clear()
    for method, path in [("GET", "/accounts"), ("PATCH", "/transactions/tx_1")]:
        answer = await door.ask(path, method=method, token=bank.token)
        assert answer.json()["params"] == {"policy": "client"}
    assert counting.statements == []


async def test_the_limit_of_a_client_is_one_for_all_its_users(bank):
    door = Door(bank.db, rate_client_per_minute=4)
    brian = await add_token(bank.db, bank.app, bank.brian)
    statuses = [
        (await door.ask("/accounts", token=token)).status_code for token in (bank.token, brian) * 4
    ]
    assert statuses == [200] * 4 + [429] * 4


async def test_one_user_cannot_use_up_what_a_client_s_other_users_may_do(bank):
    door = Door(bank.db, rate_client_per_minute=10, rate_user_per_minute=3)
    assert await door.statuses(50, "/accounts", token=bank.token) == [200] * 3 + [429] * 47
    brian = await add_token(bank.db, bank.app, bank.brian)
    assert await door.statuses(3, "/accounts", token=brian) == [200] * 3


async def test_a_flood_through_one_client_leaves_the_same_user_s_other_clients_alone(bank):
    other = (await add_client(bank.db, "Another app")).client
    theirs = await add_token(bank.db, other, bank.ada)
    door = Door(bank.db, rate_client_per_minute=3, rate_user_per_minute=3)
    await door.statuses(10, "/accounts", token=bank.token)
    assert await door.statuses(3, "/accounts", token=theirs) == [200] * 3


async def test_new_tokens_do_not_bring_a_new_limit(bank):
    door = Door(bank.db, rate_user_per_minute=3)
    assert await door.statuses(3, "/accounts", token=bank.token) == [200] * 3
    newer = await add_token(bank.db, bank.app, bank.ada)
    # Its first request is let through and counted: nobody knew yet whose it is.
    assert await door.statuses(3, "/accounts", token=newer) == [200, 429, 429]


async def test_a_leaked_token_that_was_revoked_uses_up_nothing(bank):
    door = Door(bank.db, rate_client_per_minute=5)
    await door.ask("/accounts", token=bank.token)
    await bank.db.transact(lambda tx: revoke_user(tx, bank.ada.id, TokenRules()))
    assert await door.statuses(20, "/accounts", token=bank.token) == [401] * 20
    brian = await add_token(bank.db, bank.app, bank.brian)
    answer = await door.ask("/accounts", token=brian)
    assert answer.headers["ratelimit"].startswith('"client";r=2;')


async def test_what_is_refused_counts_for_the_caller_too(bank):
    door = Door(bank.db, rate_user_per_minute=3)
    asks = {"path": "/transactions/tx_none", "token": bank.token}
    assert await door.statuses(5, **asks) == [403] * 3 + [429] * 2


class HeldDatabase:
    """A database whose reads wait until they are let go; the rest is `db`'s."""

    def __init__(self, db):
        self._db = db
        self.clock, self.ids, self.engine = db.clock, db.ids, db.engine
        self.gate, self.third = asyncio.Event(), asyncio.Event()
        self.running = self.most = 0

    async def read(self, work):
        self.running += 1
        self.most = max(self.most, self.running)
        if self.running == 3:
            self.third.set()
        try:
            await self.gate.wait()
            return await self._db.read(work)
        finally:
            self.running -= 1


async def test_a_flood_of_one_client_leaves_room_for_a_quiet_one(bank):
    held = HeldDatabase(bank.db)
    door = Door(held, client_requests_max=2, client_waiting_max=50)
    other = (await add_client(bank.db, "A quiet app")).client
    quiet_token = await add_token(bank.db, other, bank.ada)
    held.gate.set()
    await door.ask("/accounts", token=bank.token)
    await door.ask("/accounts", token=quiet_token)
    held.gate.clear()
    held.most = 0
    flood = [asyncio.create_task(door.ask("/accounts", token=bank.token)) for _ in range(60)]
    async with asyncio.timeout(20):
        for finished in islice(asyncio.as_completed(flood), 8):
            await finished
        assert held.running == held.most == 2
        quiet = asyncio.create_task(door.ask("/accounts", token=quiet_token))
        await held.third.wait()
        held.gate.set()
        answers = await asyncio.gather(*flood)
    assert (await quiet).status_code == 200
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 8
    assert {answer.json()["code"] for answer in refused} == {"rate_limited.concurrency"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}


@pytest.mark.parametrize("token", ["", "garbage"])
async def test_without_a_token_nobody_takes_a_turn(bank, token):
    door = Door(bank.db, client_requests_max=1, client_waiting_max=0)
    answers = await asyncio.gather(*(door.ask("/accounts", token=token) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {401}


async def test_a_burst_with_a_token_nobody_knows_yet_takes_turns_by_its_address(bank):
    held = HeldDatabase(bank.db)
    door = Door(held, client_requests_max=2, client_waiting_max=50, rate_user_per_minute=5)
    burst = [asyncio.create_task(door.ask("/accounts", token=bank.token)) for _ in range(20)]
    await asyncio.sleep(0.2)
    assert held.most == 2
    held.gate.set()
    answers = await asyncio.gather(*burst)
    # Two were on their way when nobody knew whose they are: they are answered in any case.
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) in {5, 6}
    assert statuses.count(200) + statuses.count(429) == 20

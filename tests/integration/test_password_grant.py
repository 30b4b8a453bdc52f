"""The password grant: one live pair per client and person, and one answer for every wrong guess."""

import asyncio
import base64
import time

import pytest
from argon2 import PasswordHasher

from minibank.core.clock import FakeClock
from minibank.db import Database
from minibank.identity.store import find_login
from minibank.identity.users import set_password_hash
from minibank.oauth.records import ClientOptions
from minibank.oauth.revocation import revoke_user
from minibank.oauth.token_requests import TokenRequest, answer_token_request
from minibank.oauth.tokens import Answer, TokenRules
from tests.support.counting import CountingDatabase
from tests.support.people import (
    HOME,
    PASSWORD,
    RULES,
    App,
    UnclearCommits,
    caller_of,
    code_of,
    new_app,
    new_person,
    password_hash,
    refresh,
    refused,
    sign_in,
)

REFUSED = "bad_request.could_not_authenticate"


async def ask(
    db: Database, body: dict[str, str], authorization: str | None = None, **query: str
) -> Answer:
    return await answer_token_request(db, TokenRequest(body, query, authorization, HOME), RULES)


def body_of(app: App, **fields: str) -> dict[str, str]:
    filled = {"grant_type": "password", "username": "ada@example.com", "password": PASSWORD}
    return {name: value for name, value in (app.credentials() | filled | fields).items() if value}


async def test_email_and_password_give_a_pair_that_works(db):
    ada, app = await new_person(db), await new_app(db)
    answer = await sign_in(db, app, " ADA@Example.com ")
    assert set(answer) == {
        "access_token",
        "client_id",
        "expires_in",
        "refresh_token",
        "token_type",
        "user_id",
    }
    caller = await caller_of(db, answer["access_token"])
    assert (caller.client_id, caller.user_id) == (app.id, ada.id)
    assert caller.options == ClientOptions()
    assert (answer["client_id"], answer["user_id"]) == (app.id, ada.id)


async def test_a_caller_brings_the_options_of_its_client(db):
    await new_person(db)
    options = ClientOptions(settled_pending="null", default_page_limit=100)
    answer = await sign_in(db, await new_app(db, options=options))
    assert (await caller_of(db, answer["access_token"])).options == options


async def test_the_caller_of_a_good_token_is_found_in_one_query(db):
    await new_person(db)
    answer = await sign_in(db, await new_app(db))
    counting = CountingDatabase(db)
    await caller_of(counting, answer["access_token"])
    assert len(counting.statements) == 1


async def test_a_lifetime_that_the_operator_chose_is_told_and_kept(db, clock: FakeClock):
    await new_person(db)
    rules = TokenRules(access_token_seconds=60)
    answer = await sign_in(db, await new_app(db), rules=rules)
    assert answer["expires_in"] == 60
    clock.advance(59.999999)
    await caller_of(db, answer["access_token"])
    clock.advance(0.000001)
    with refused("unauthorized.bad_access_token.expired"):
        await caller_of(db, answer["access_token"])


async def test_a_new_pair_evicts_both_tokens_of_the_old_one(db):
    await new_person(db)
    app = await new_app(db)
    old, new = await sign_in(db, app), await sign_in(db, app)
    with refused("unauthorized.bad_access_token.evicted"):
        await caller_of(db, old["access_token"])
    with refused("unauthorized.bad_refresh_token.evicted"):
        await refresh(db, app, old["refresh_token"])
    assert (await caller_of(db, new["access_token"])).client_id == app.id
    assert await refresh(db, app, new["refresh_token"])


async def test_tokens_of_other_clients_and_other_people_stay(db):
    await new_person(db)
    await new_person(db, "eve@example.com")
    app, other = await new_app(db), await new_app(db)
    eves = await sign_in(db, app, "eve@example.com")
    others = await sign_in(db, other)
    await sign_in(db, app)
    for kept in (eves, others):
        await caller_of(db, kept["access_token"])
    assert await refresh(db, app, eves["refresh_token"])
    assert await refresh(db, other, others["refresh_token"])


async def test_concurrent_sign_ins_leave_exactly_one_live_pair(db):
    await new_person(db)
    app = await new_app(db)
    answers = await asyncio.gather(*(sign_in(db, app) for _ in range(6)))
    seen = await asyncio.gather(
        *(caller_of(db, answer["access_token"]) for answer in answers), return_exceptions=True
    )
    codes = sorted(map(code_of, seen))
    assert codes == ["ok"] + ["unauthorized.bad_access_token.evicted"] * 5
    live = answers[[code_of(one) for one in seen].index("ok")]
    for answer in answers:
        if answer is not live:
            with refused("unauthorized.bad_refresh_token.evicted"):
                await refresh(db, app, answer["refresh_token"])
    assert await refresh(db, app, live["refresh_token"])


async def test_a_sign_in_that_runs_again_after_an_unclear_commit_gives_a_pair_that_works(db):
    await new_person(db)
    app = await new_app(db)
    before = await sign_in(db, app)
    answer = await sign_in(UnclearCommits(db), app)
    await caller_of(db, answer["access_token"])
    with refused("unauthorized.bad_access_token.evicted"):
        await caller_of(db, before["access_token"])
    again = await refresh(db, app, answer["refresh_token"])
    await caller_of(db, again["access_token"])
    with refused("unauthorized.bad_access_token.evicted"):
        await caller_of(db, answer["access_token"])


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "wrong password"},
        {"password": PASSWORD + " "},
        {"password": PASSWORD.upper()},
        {"password": "x" * 200_000},
        {"username": "nobody@example.com"},
        {"username": "no address"},
        {"client_secret": "wrong"},
        {"client_secret": ""},
        {"client_id": "oauth2client_unknown"},
    ],
)
async def test_whatever_is_wrong_the_answer_is_the_same(db, fields):
    await new_person(db)
    app = await new_app(db)
    with refused(REFUSED) as refusal:
        await ask(db, body_of(app, **fields))
    assert refusal.value.status == 400
    assert refusal.value.message == "Could not authenticate"
    assert refusal.value.oauth_error == "invalid_request"
    assert refusal.value.params == {}


async def cpu_seconds(db: Database, body: dict[str, str]) -> float:
    """The least CPU time that a refused request took in a few tries."""
    taken = []
    for _ in range(4):
        before = time.process_time()
        with refused(REFUSED):
            await ask(db, body)
        taken.append(time.process_time() - before)
    return min(taken)


async def test_whatever_is_wrong_the_cost_is_the_same(db):
    await new_person(db)
    await new_person(db, "nopassword@example.com", password_hash=None)
    app = await new_app(db)
    wrong_password = await cpu_seconds(db, body_of(app, password="wrong password"))
    for fields in (
        {"username": "nobody@example.com"},
        {"username": "nopassword@example.com"},
        {"client_secret": "wrong"},
        {"client_id": "oauth2client_unknown"},
        {"password": "x" * 200_000},
    ):
        cost = await cpu_seconds(db, body_of(app, **fields))
        assert wrong_password / 3 < cost < wrong_password * 3, fields


async def test_whatever_is_wrong_the_statements_are_as_many(db):
    await new_person(db)
    app = await new_app(db)
    counts = set()
    for fields in (
        {"password": "wrong password"},
        {"username": "nobody@example.com"},
        {"client_secret": "wrong"},
        {"client_id": "oauth2client_unknown"},
    ):
        counting = CountingDatabase(db)
        with refused(REFUSED):
            await ask(counting, body_of(app, **fields))
        counts.add(len(counting.statements))
    assert len(counts) == 1


@pytest.mark.parametrize("name", ["grant_type", "username", "password", "client_id"])
async def test_a_missing_parameter_is_named(db, name):
    await new_person(db)
    app = await new_app(db)
    fields = {name: ""} | ({"client_secret": ""} if name == "client_id" else {})
    with refused(f"bad_request.missing_param.{name}") as refusal:
        await ask(db, body_of(app, **fields))
    assert refusal.value.oauth_error == "invalid_request"


@pytest.mark.parametrize("grant_type", ["client_credentials", "$refresh_token", "PASSWORD", "x"])
async def test_another_grant_type_is_unsupported(db, grant_type):
    app = await new_app(db)
    with refused("bad_request.bad_param.grant_type") as refusal:
        await ask(db, body_of(app, grant_type=grant_type))
    assert refusal.value.oauth_error == "unsupported_grant_type"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", PASSWORD),
        ("client_secret", "any"),
        ("username", "ada@example.com"),
        ("refresh_token", "any"),
        ("code", "any"),
    ],
)
async def test_a_credential_in_the_query_is_refused_although_the_body_is_right(db, name, value):
    await new_person(db)
    app = await new_app(db)
    with refused(f"bad_request.bad_param.{name}"):
        await ask(db, body_of(app), **{name: value})


async def test_credentials_in_the_query_alone_are_no_credentials(db):
    await new_person(db)
    app = await new_app(db)
    with pytest.raises(Exception, match="bad_request"):
        await ask(db, {}, **body_of(app))


async def test_a_persons_password_is_no_client_secret(db):
    """The quirk of an empty Basic password reads `username` and `password` as the client's: in the
    password grant they are the person's, and a client that is not authenticated gets nothing."""
    await new_person(db)
    app = await new_app(db)
    header = "Basic " + base64.b64encode(f"{app.id}:".encode()).decode()
    with refused(REFUSED):
        await ask(
            db, {"grant_type": "password", "username": app.id, "password": app.secret}, header
        )
    with refused(REFUSED):
        await ask(db, body_of(app, client_secret="", client_id=""), header)


async def test_basic_authenticates_the_client_of_a_password_grant(db):
    await new_person(db)
    app = await new_app(db)
    header = "Basic " + base64.b64encode(f"{app.id}:{app.secret}".encode()).decode()
    assert await ask(db, body_of(app, client_secret="", client_id=""), header)


async def test_a_client_without_the_grant_is_not_enabled(db):
    await new_person(db)
    app = await new_app(db, grants=["refresh_token", "authorization_code"])
    with refused("bad_request.client_not_enabled") as refusal:
        await sign_in(db, app)
    assert refusal.value.oauth_error == "unauthorized_client"


async def test_a_bank_without_the_grant_enables_no_client(db):
    await new_person(db)
    app = await new_app(db)
    with refused("bad_request.client_not_enabled"):
        await sign_in(db, app, rules=TokenRules(password_grant=False))


async def test_a_public_client_is_not_enabled(db):
    await new_person(db)
    with refused("bad_request.client_not_enabled"):
        await sign_in(db, await new_app(db, confidential=False))


async def test_a_public_client_with_its_own_option_signs_in_and_gets_no_refresh_token(db):
    await new_person(db)
    options = ClientOptions(password_without_secret=True)
    app = await new_app(db, confidential=False, grants=["password"], options=options)
    old, answer = await sign_in(db, app), await sign_in(db, app)
    assert set(answer) == {"access_token", "client_id", "expires_in", "token_type", "user_id"}
    await caller_of(db, answer["access_token"])
    with refused("unauthorized.bad_access_token.evicted"):
        await caller_of(db, old["access_token"])


async def test_a_code_that_nobody_gave_out_is_refused(db):
    app = await new_app(db)
    body = app.credentials() | {"grant_type": "authorization_code"}
    with refused("unauthorized.bad_authorization_code") as refusal:
        await ask(db, body | {"code": "x", "redirect_uri": ""})
    assert refusal.value.oauth_error == "invalid_grant"
    with refused("bad_request.missing_param.code"):
        await ask(db, body)


async def test_a_code_may_be_presented_with_id_and_secret_as_username_and_password(db):
    app = await new_app(db)
    header = "Basic " + base64.b64encode(f"{app.id}:".encode()).decode()
    fields = {"grant_type": "authorization_code", "code": "x", "username": app.id}
    with refused("unauthorized.bad_authorization_code"):
        await ask(db, fields | {"password": app.secret}, header)
    with refused(REFUSED):
        await ask(db, fields | {"password": "wrong"}, header)


async def test_a_hash_of_outdated_parameters_is_made_anew_at_sign_in(db):
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    await new_person(db, password_hash=weak)
    app = await new_app(db)
    await sign_in(UnclearCommits(db), app)
    login = await db.read(lambda tx: find_login(tx, "ada@example.com"))
    assert login.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await sign_in(db, app)


async def test_a_password_changed_between_verifying_and_issuing_gives_no_tokens(db):
    """The race is made certain: the change happens in the middle of every sign-in."""
    ada, app = await new_person(db), await new_app(db)

    class ChangesInBetween(CountingDatabase):
        units = 0

        async def transact(self, work):  # type: ignore[explicit-override] # typing has none yet
            self.units += 1
            if self.units == 2:
                await db.transact(lambda tx: set_password_hash(tx, ada.id, "changed"))
            return await db.transact(work)

    with refused(REFUSED):
        await sign_in(ChangesInBetween(db), app)


async def test_a_new_password_ends_all_tokens_of_the_person_and_nobody_elses(db):
    ada, _ = await new_person(db), await new_person(db, "eve@example.com")
    apps = [await new_app(db), await new_app(db)]
    adas = [await sign_in(db, app) for app in apps]
    eves = await sign_in(db, apps[0], "eve@example.com")

    async def change(tx):
        await set_password_hash(tx, ada.id, password_hash())
        return await revoke_user(tx, ada.id, RULES)

    assert await db.transact(change) == 2
    for app, pair in zip(apps, adas, strict=True):
        with refused("unauthorized.bad_access_token"):
            await caller_of(db, pair["access_token"])
        with refused("unauthorized.bad_refresh_token"):
            await refresh(db, app, pair["refresh_token"])
    await caller_of(db, eves["access_token"])


async def test_sign_ins_while_the_password_changes_leave_no_token_of_the_old_one(db):
    ada, app = await new_person(db), await new_app(db)

    async def change(tx):
        await set_password_hash(tx, ada.id, "changed")
        await revoke_user(tx, ada.id, RULES)

    answers = await asyncio.gather(
        *(sign_in(db, app) for _ in range(4)), db.transact(change), return_exceptions=True
    )
    for answer in answers:
        if isinstance(answer, dict):
            with pytest.raises(Exception, match="unauthorized"):
                await caller_of(db, answer["access_token"])


@pytest.mark.parametrize("token", ["", "garbage", "mb_at_" + "0" * 42, "\ud800", "x" * 10_000])
async def test_a_token_of_no_form_is_unknown_without_a_query(db, token):
    counting = CountingDatabase(db)
    with refused("unauthorized.bad_access_token") as refusal:
        await caller_of(counting, token)
    assert counting.statements == []
    assert refusal.value.oauth_error == "invalid_token"


async def test_a_refresh_token_is_no_access_token(db):
    await new_person(db)
    answer = await sign_in(db, await new_app(db))
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, answer["refresh_token"])


async def test_no_token_or_secret_or_password_is_stored(db):
    await new_person(db)
    app = await new_app(db)
    answers = [await sign_in(db, app), await sign_in(db, app)]
    answers.append(await refresh(db, app, answers[-1]["refresh_token"]))
    secrets = {
        str(answer[name]) for answer in answers for name in ("access_token", "refresh_token")
    }
    secrets |= {PASSWORD, app.secret}
    kept = ""
    for table in ("token_pairs", "former_tokens", "passwords", "oauth_clients"):
        rows = await db.read(lambda tx, name=table: tx.fetch(f"SELECT * FROM {name}"))
        kept += " ".join(str(list(row)) for row in rows)
    assert len(kept) > 500
    assert not [secret for secret in secrets if secret in kept]


async def test_a_sign_in_whose_commit_was_unclear_does_not_end_what_came_after_it(db):
    """Its pair was issued and replaced before it ran again: it must not come back."""
    await new_person(db)
    app = await new_app(db)
    later: list[Answer] = []

    class ReplacedInBetween(CountingDatabase):
        units = 0

        async def transact(self, work):  # type: ignore[explicit-override] # typing has none yet
            self.units += 1
            if self.units == 2:
                await db.transact(work)
                later.append(await sign_in(db, app))
            return await db.transact(work)

    earlier = await sign_in(ReplacedInBetween(db), app)
    with refused("unauthorized.bad_access_token.evicted"):
        await caller_of(db, earlier["access_token"])
    await caller_of(db, later[0]["access_token"])

"""Clients: registered, rotated, shut out."""

import asyncio

import pytest

from minibank.core.errors import BadParam, BadRequest
from minibank.core.ids import SeededIds
from minibank.db import Database, Tx
from minibank.oauth import store
from minibank.oauth.client_authentication import Presented, authenticate
from minibank.oauth.clients import NewClient, create_client, disable_client, rotate_secret
from minibank.oauth.records import ClientOptions
from minibank.oauth.secrets import is_client_secret, new_client_secret
from tests.support.counting import CountingDatabase
from tests.support.people import (
    App,
    UnclearCommits,
    caller_of,
    new_app,
    new_person,
    refresh,
    refused,
    sign_in,
)


async def is_let_in(db: Database, app: App, secret: str) -> bool:
    """Whether this secret is the client's."""
    presented = Presented(app.id, ((secret,),) if secret else ())
    try:
        return await db.read(lambda tx: authenticate(tx, presented)) == app.client
    except BadRequest as refusal:
        if refusal.code != "bad_request.could_not_authenticate":
            raise
        return False


async def rotate(db: Database, app: App, overlap_seconds: int = 60) -> str:
    return await db.transact(lambda tx: rotate_secret(tx, app.id, overlap_seconds))


async def test_a_client_is_stored_as_it_was_registered(db):
    options = ClientOptions(
        settled_pending="omit",
        token_extra_fields="scope",
        pots_require_account=False,
        default_page_limit=100,
    )
    uris = ["https://app.example/callback", "mondoapi://success"]
    app = await new_app(db, "Zoë's app", redirect_uris=uris, options=options)
    assert await db.read(lambda tx: store.find_client(tx, app.id)) == app.client
    assert app.client.redirect_uris == tuple(uris)
    assert app.client.options == options
    assert app.client.grants == ("password", "refresh_token", "authorization_code")
    assert app.client.created_at == db.clock.now()
    assert app.id.startswith("oauth2client_")


async def test_options_are_what_most_clients_need_unless_chosen(db):
    options = (await new_app(db)).client.options
    assert (options.settled_pending, options.token_extra_fields) == ("", "none")
    assert (options.pots_require_account, options.default_page_limit) == (True, 30)
    assert not options.password_without_secret


async def test_a_secret_is_shown_once_and_stored_as_a_digest(db):
    app = await new_app(db)
    assert is_client_secret(app.secret)
    _, digests = await db.read(lambda tx: store.find_client_with_digests(tx, app.id))
    assert len(digests) == 1
    assert app.secret.encode() not in digests[0]


async def test_a_public_client_has_no_secret_and_no_grant_that_needs_one(db):
    app = await new_app(db, confidential=False)
    assert app.secret == ""
    assert app.client.grants == ("authorization_code",)
    assert await is_let_in(db, app, "")
    assert not await is_let_in(db, app, "anything")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * 101},
        {"name": "a\x07b"},
        {"redirect_uris": ["http://evil.example/"]},
        {"grants": []},
        {"grants": ["client_credentials"]},
        {"confidential": False, "grants": ["refresh_token"]},
        {"confidential": False, "grants": ["password"]},
    ],
)
async def test_a_client_that_may_not_be_registered_is_refused(db, fields):
    with pytest.raises(BadParam):
        await new_app(db, **fields)
    assert await db.read(store.list_clients) == []


async def test_a_client_needs_a_name(db):
    with refused("bad_request.missing_param.name"):
        await new_app(db, "  ")


async def test_clients_are_listed_oldest_first(db, clock):
    apps = []
    for name in ("b", "a", "c"):
        apps.append(await new_app(db, name))
        clock.advance(1)
    assert [client.name for client in await db.read(store.list_clients)] == ["b", "a", "c"]
    assert apps[0].client == (await db.read(store.list_clients))[0]


async def test_an_unknown_client_is_none(db):
    assert await db.read(lambda tx: store.find_client(tx, "oauth2client_x")) is None


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_client_is_authenticated_in_one_query_known_or_not(db, is_known):
    app = await new_app(db)
    presented = Presented(app.id if is_known else "oauth2client_unknown", (("wrong",),))
    counting = CountingDatabase(db)
    with refused("bad_request.could_not_authenticate"):
        await counting.read(lambda tx: authenticate(tx, presented))
    assert len(counting.statements) == 1


async def test_after_a_rotation_both_secrets_work_until_the_overlap_is_over(db, clock):
    app = await new_app(db)
    present = await rotate(db, app, overlap_seconds=60)
    assert await is_let_in(db, app, app.secret)
    assert await is_let_in(db, app, present)
    clock.advance(59.999)
    assert await is_let_in(db, app, app.secret)
    clock.advance(0.001)
    assert not await is_let_in(db, app, app.secret)
    assert await is_let_in(db, app, present)


async def test_without_an_overlap_the_former_secret_ends_at_once(db):
    app = await new_app(db)
    present = await rotate(db, app, overlap_seconds=0)
    assert not await is_let_in(db, app, app.secret)
    assert await is_let_in(db, app, present)


async def test_two_secrets_at_most_are_live(db):
    app = await new_app(db)
    second = await rotate(db, app)
    third = await rotate(db, app)
    assert [await is_let_in(db, app, secret) for secret in (app.secret, second, third)] == [
        False,
        True,
        True,
    ]


async def test_concurrent_rotations_leave_two_live_secrets(db):
    app = await new_app(db)
    made = await asyncio.gather(*(rotate(db, app) for _ in range(5)))
    live = [await is_let_in(db, app, secret) for secret in (app.secret, *made)]
    assert live.count(True) == 2


async def test_a_rotation_that_runs_again_after_an_unclear_commit_rotates_once(db):
    app = await new_app(db)
    secret = new_client_secret(SeededIds("rotation"))
    again = UnclearCommits(db)
    rotated = await again.transact(lambda tx: rotate_secret(tx, app.id, 60, secret))
    assert rotated == secret
    assert await is_let_in(db, app, app.secret)
    assert await is_let_in(db, app, secret)


async def test_a_registration_that_runs_again_after_an_unclear_commit_registers_once(db):
    new = NewClient(name="Once", id=db.ids.new("oauth2client", 0, db.clock.now()))
    secret = new_client_secret(SeededIds("registration"))

    async def register(tx: Tx) -> App:
        client, given = await create_client(tx, new, secret)
        return App(client, given or "")

    app = await UnclearCommits(db).transact(register)
    assert await is_let_in(db, app, secret)
    assert len(await db.read(store.list_clients)) == 1


async def test_a_rotation_leaves_the_tokens_alone(db):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    present = App(app.client, await rotate(db, app, overlap_seconds=0))
    assert (await caller_of(db, pair["access_token"])).client_id == app.id
    assert await refresh(db, present, pair["refresh_token"])


async def test_a_public_client_and_an_unknown_one_have_nothing_to_rotate(db):
    with refused("bad_request.bad_param.client_id"):
        await rotate(db, await new_app(db, confidential=False))
    with refused("not_found.client"):
        await db.transact(lambda tx: rotate_secret(tx, "oauth2client_x", 60))


async def test_a_disabled_client_can_do_nothing_and_its_tokens_stop_at_once(db):
    await new_person(db)
    app, other = await new_app(db), await new_app(db)
    pair, kept = await sign_in(db, app), await sign_in(db, other)
    await db.transact(lambda tx: disable_client(tx, app.id))
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, pair["access_token"])
    with refused("bad_request.client_not_enabled"):
        await refresh(db, app, pair["refresh_token"])
    with refused("bad_request.client_not_enabled"):
        await sign_in(db, app)
    assert (await caller_of(db, kept["access_token"])).client_id == other.id


async def test_whoever_does_not_know_the_secret_does_not_learn_that_a_client_is_disabled(db):
    app = await new_app(db)
    await db.transact(lambda tx: disable_client(tx, app.id))
    with refused("bad_request.could_not_authenticate"):
        await refresh(db, App(app.client, "wrong"), "x")


async def test_a_client_is_disabled_once(db, clock):
    app = await new_app(db)
    await db.transact(lambda tx: disable_client(tx, app.id))
    first = (await db.read(lambda tx: store.find_client(tx, app.id))).disabled_at
    clock.advance(60)
    await db.transact(lambda tx: disable_client(tx, app.id))
    assert first == (await db.read(lambda tx: store.find_client(tx, app.id))).disabled_at
    with refused("not_found.client"):
        await db.transact(lambda tx: disable_client(tx, "oauth2client_x"))

"""Logging out, and what an operator ends in an emergency."""

import asyncio
from typing import Literal

import pytest

from minibank.db import Database
from minibank.oauth.revocation import logout, revoke_client_user, revoke_token, revoke_user
from tests.support.people import (
    RULES,
    UnclearCommits,
    caller_of,
    new_app,
    new_person,
    refresh,
    refused,
    sign_in,
)


async def log_out(db: Database, token: object) -> int:
    return await db.transact(lambda tx: logout(tx, str(token), RULES))


async def test_logging_out_ends_the_access_token_and_its_refresh_token(db):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    assert await log_out(db, pair["access_token"]) == 1
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, pair["access_token"])
    with refused("unauthorized.bad_refresh_token.evicted"):
        await refresh(db, app, pair["refresh_token"])


async def test_logging_out_leaves_other_clients_and_other_people_signed_in(db):
    await new_person(db)
    await new_person(db, "eve@example.com")
    app, other = await new_app(db), await new_app(db)
    pair = await sign_in(db, app)
    kept = [await sign_in(db, other), await sign_in(db, app, "eve@example.com")]
    await log_out(db, pair["access_token"])
    for answer in kept:
        await caller_of(db, answer["access_token"])


async def test_whoever_logged_out_can_sign_in_again(db):
    await new_person(db)
    app = await new_app(db)
    await log_out(db, (await sign_in(db, app))["access_token"])
    pair = await sign_in(db, app)
    await caller_of(db, pair["access_token"])
    assert await refresh(db, app, pair["refresh_token"])


async def test_a_token_that_ended_before_ends_nothing(db):
    await new_person(db)
    app = await new_app(db)
    old, pair = await sign_in(db, app), await sign_in(db, app)
    for token in (old["access_token"], "garbage", ""):
        assert await log_out(db, token) == 0
    await caller_of(db, pair["access_token"])
    with refused("unauthorized.bad_access_token.evicted"):
        await caller_of(db, old["access_token"])


async def test_logging_out_again_after_an_unclear_commit_changes_nothing_more(db):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    assert await log_out(UnclearCommits(db), pair["access_token"]) == 0
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, pair["access_token"])


async def test_logging_out_while_refreshing_leaves_what_one_of_them_left(db):
    await new_person(db)
    app = await new_app(db)
    for _ in range(3):
        pair = await sign_in(db, app)
        ended, answer = await asyncio.gather(
            log_out(db, pair["access_token"]),
            refresh(db, app, pair["refresh_token"]),
            return_exceptions=True,
        )
        assert (ended == 1) != isinstance(answer, dict)
        if isinstance(answer, dict):
            await caller_of(db, answer["access_token"])


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
async def test_an_operator_can_end_a_pair_by_either_of_its_tokens(
    db, name: Literal["access_token", "refresh_token"]
):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    assert await db.transact(lambda tx: revoke_token(tx, pair[name], RULES)) == 1
    assert await db.transact(lambda tx: revoke_token(tx, pair[name], RULES)) == 0
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, pair["access_token"])
    with refused("unauthorized.bad_refresh_token"):
        await refresh(db, app, pair["refresh_token"])


async def test_an_operator_can_end_what_one_client_holds_of_a_person(db):
    ada, _ = await new_person(db), await new_person(db, "eve@example.com")
    app, other = await new_app(db), await new_app(db)
    pair, kept = await sign_in(db, app), await sign_in(db, other)
    eves = await sign_in(db, app, "eve@example.com")
    assert await db.transact(lambda tx: revoke_client_user(tx, app.id, ada.id, RULES)) == 1
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, pair["access_token"])
    await caller_of(db, kept["access_token"])
    await caller_of(db, eves["access_token"])


async def test_an_operator_can_end_all_that_is_held_of_a_person(db):
    ada = await new_person(db)
    apps = [await new_app(db) for _ in range(3)]
    pairs = [await sign_in(db, app) for app in apps]
    assert await db.transact(lambda tx: revoke_user(tx, ada.id, RULES)) == 3
    assert await db.transact(lambda tx: revoke_user(tx, ada.id, RULES)) == 0
    for pair in pairs:
        with refused("unauthorized.bad_access_token"):
            await caller_of(db, pair["access_token"])


async def test_there_is_nothing_to_end_of_an_unknown_person(db):
    app = await new_app(db)
    for user_id in ("", "user_x", db.ids.new("user", 5, db.clock.now())):
        assert await db.transact(lambda tx, id_=user_id: revoke_user(tx, id_, RULES)) == 0
        ended = await db.transact(
            lambda tx, id_=user_id: revoke_client_user(tx, app.id, id_, RULES)
        )
        assert ended == 0


async def test_a_revoked_public_client_has_no_refresh_token_to_remember(db):
    ada = await new_person(db)
    app = await new_app(db)
    await sign_in(db, app)
    await db.transact(lambda tx: revoke_user(tx, ada.id, RULES))
    rows = await db.read(lambda tx: tx.fetch("SELECT kind, reason FROM former_tokens"))
    assert sorted((row["kind"], row["reason"]) for row in rows) == [
        ("access", "revoked"),
        ("refresh", "revoked"),
    ]

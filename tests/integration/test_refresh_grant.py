"""The refresh grant: once, and reuse is noticed."""

import asyncio
import base64
from typing import Any

import pytest

from minibank.core.clock import FakeClock
from minibank.core.ids import SeededIds
from minibank.core.secrets import digest
from minibank.db import Database, open_database
from minibank.oauth.secrets import new_token, parse_token
from minibank.oauth.token_requests import TokenRequest, answer_token_request
from minibank.oauth.tokens import TokenRules
from tests.support.counting import CountingDatabase
from tests.support.people import (
    RULES,
    App,
    UnclearCommits,
    caller_of,
    code_of,
    new_app,
    new_person,
    refresh,
    refused,
    sign_in,
)

SPENT = "unauthorized.bad_refresh_token"
EVICTED = "unauthorized.bad_refresh_token.evicted"
STRICT = TokenRules(revoke_on_refresh_reuse=True)


async def former(db: Database, token: Any) -> dict[str, Any]:
    """What is remembered of a token."""
    parsed = parse_token(token)
    assert parsed is not None
    row = await db.read(
        lambda tx: tx.fetch_one(
            "SELECT kind, reason, reused_at, reuse_count, successor_digest, ended_at, keep_until"
            " FROM former_tokens WHERE shard = $1 AND digest = $2",
            parsed.shard,
            parsed.digest,
        )
    )
    assert row is not None
    names = ("kind", "reason", "reused_at", "reuse_count", "successor_digest")
    return {name: row[name] for name in (*names, "ended_at", "keep_until")}


async def test_a_refresh_gives_a_new_pair_and_ends_the_old_one_at_once(db):
    await new_person(db)
    app = await new_app(db)
    old = await sign_in(db, app)
    new = await refresh(db, app, old["refresh_token"])
    assert set(new) == set(old)
    assert not {new["access_token"], new["refresh_token"]} & {
        old["access_token"],
        old["refresh_token"],
    }
    assert (new["client_id"], new["user_id"]) == (old["client_id"], old["user_id"])
    assert (await caller_of(db, new["access_token"])).user_id == new["user_id"]
    with refused("unauthorized.bad_access_token.evicted"):
        await caller_of(db, old["access_token"])


async def test_refreshes_go_on_one_after_the_other(db):
    await new_person(db)
    app = await new_app(db)
    pairs = [await sign_in(db, app)]
    for _ in range(5):
        pairs.append(await refresh(db, app, pairs[-1]["refresh_token"]))
    assert len({pair["refresh_token"] for pair in pairs}) == 6
    await caller_of(db, pairs[-1]["access_token"])
    for pair in pairs[:-1]:
        with refused(SPENT):
            await refresh(db, app, pair["refresh_token"])


async def test_a_spent_refresh_token_is_refused_recorded_and_harms_nothing(db, clock: FakeClock):
    await new_person(db)
    app = await new_app(db)
    old = await sign_in(db, app)
    new = await refresh(db, app, old["refresh_token"])
    remembered = await former(db, old["refresh_token"])
    assert (remembered["reason"], remembered["reuse_count"]) == ("spent", 0)
    for times in (1, 2):
        clock.advance(1)
        with refused(SPENT) as refusal:
            await refresh(db, app, old["refresh_token"])
        assert (refusal.value.status, refusal.value.oauth_error) == (401, "invalid_grant")
        remembered = await former(db, old["refresh_token"])
        assert remembered["reuse_count"] == times
        assert remembered["reused_at"] == clock.now()
    await caller_of(db, new["access_token"])
    assert await refresh(db, app, new["refresh_token"])


async def test_a_spent_refresh_token_ends_the_live_pair_where_the_rules_say_so(db):
    await new_person(db)
    app, other = await new_app(db), await new_app(db)
    old = await sign_in(db, app)
    new, kept = await refresh(db, app, old["refresh_token"]), await sign_in(db, other)
    with refused(SPENT):
        await refresh(db, app, old["refresh_token"], STRICT)
    assert (await former(db, old["refresh_token"]))["reuse_count"] == 1
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, new["access_token"])
    with refused(SPENT):
        await refresh(db, app, new["refresh_token"])
    assert (await former(db, new["refresh_token"]))["reason"] == "revoked"
    await caller_of(db, kept["access_token"])
    with refused(SPENT):
        await refresh(db, app, old["refresh_token"], STRICT)
    assert await sign_in(db, app)


async def test_the_first_of_a_long_line_of_refresh_tokens_still_betrays_a_thief(db):
    await new_person(db)
    app = await new_app(db)
    first = await sign_in(db, app)
    pair = first
    for _ in range(3):
        pair = await refresh(db, app, pair["refresh_token"], STRICT)
    with refused(SPENT):
        await refresh(db, app, first["refresh_token"], STRICT)
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, pair["access_token"])


@pytest.mark.parametrize("rules", [RULES, STRICT])
async def test_of_concurrent_refreshes_exactly_one_wins(db, rules):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    answers = await asyncio.gather(
        *(refresh(db, app, pair["refresh_token"], rules) for _ in range(6)), return_exceptions=True
    )
    assert sorted(map(code_of, answers)) == ["ok"] + [SPENT] * 5
    assert (await former(db, pair["refresh_token"]))["reuse_count"] == 5
    [winner] = [answer for answer in answers if isinstance(answer, dict)]
    if rules is STRICT:
        with refused("unauthorized.bad_access_token"):
            await caller_of(db, winner["access_token"])
    else:
        await caller_of(db, winner["access_token"])


async def test_of_concurrent_refreshes_by_two_processes_exactly_one_wins(
    db, database_url: str, clock: FakeClock
):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    other = await open_database(database_url, clock, SeededIds("another process"))
    answers = await asyncio.gather(
        *(refresh(one, app, pair["refresh_token"]) for one in (db, other) * 3),
        return_exceptions=True,
    )
    await other.close()
    assert sorted(map(code_of, answers)) == ["ok"] + [SPENT] * 5
    [winner] = [answer for answer in answers if isinstance(answer, dict)]
    await caller_of(db, winner["access_token"])


async def test_a_refresh_and_a_sign_in_at_once_leave_exactly_one_live_pair(db):
    await new_person(db)
    app = await new_app(db)
    for _ in range(3):
        pair = await sign_in(db, app)
        answers = await asyncio.gather(
            refresh(db, app, pair["refresh_token"]), sign_in(db, app), return_exceptions=True
        )
        assert code_of(answers[0]) in {"ok", EVICTED}
        given = [answer for answer in answers if isinstance(answer, dict)]
        seen = await asyncio.gather(
            *(caller_of(db, answer["access_token"]) for answer in given), return_exceptions=True
        )
        assert [code_of(one) for one in seen].count("ok") == 1


async def test_a_refresh_that_runs_again_after_an_unclear_commit_succeeds_once(db):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    new = await refresh(UnclearCommits(db), app, pair["refresh_token"], STRICT)
    assert (await former(db, pair["refresh_token"]))["reuse_count"] == 0
    assert new["user_id"] == pair["user_id"]
    await caller_of(db, new["access_token"])
    assert await refresh(db, app, new["refresh_token"])
    with refused(SPENT):
        await refresh(db, app, pair["refresh_token"])


async def test_a_spent_token_knows_its_successor(db):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    new = await refresh(db, app, pair["refresh_token"])
    remembered = await former(db, pair["refresh_token"])
    assert remembered["successor_digest"] == digest(str(new["refresh_token"]))


async def test_a_refresh_token_of_another_client_is_unknown_and_stays_unharmed(db):
    await new_person(db)
    app, thief = await new_app(db), await new_app(db)
    pair = await sign_in(db, app)
    with refused(SPENT):
        await refresh(db, thief, pair["refresh_token"], STRICT)
    await caller_of(db, pair["access_token"])
    new = await refresh(db, app, pair["refresh_token"], STRICT)
    with refused(SPENT):
        await refresh(db, thief, pair["refresh_token"], STRICT)
    assert (await former(db, pair["refresh_token"]))["reuse_count"] == 0
    await caller_of(db, new["access_token"])


async def test_an_evicted_refresh_token_of_another_client_is_unknown_too(db):
    await new_person(db)
    app, thief = await new_app(db), await new_app(db)
    pair = await sign_in(db, app)
    await sign_in(db, app)
    with refused(SPENT):
        await refresh(db, thief, pair["refresh_token"])
    with refused(EVICTED):
        await refresh(db, app, pair["refresh_token"])


@pytest.mark.parametrize("token", ["garbage", "mb_rt_" + "0" * 42, "\ud800", "x" * 10_000])
async def test_a_refresh_token_of_no_form_is_unknown_without_a_unit_of_work(db, token):
    app = await new_app(db)
    counting = CountingDatabase(db)
    with refused(SPENT):
        await refresh(counting, app, token)
    assert len(counting.statements) == 1, "the client alone is looked up"


async def test_a_refresh_token_that_was_never_issued_is_unknown(db):
    app = await new_app(db)
    with refused(SPENT):
        await refresh(db, app, new_token(SeededIds("elsewhere"), "refresh", 7))


async def test_an_access_token_is_no_refresh_token(db):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    with refused(SPENT):
        await refresh(db, app, pair["access_token"])


async def test_a_refresh_needs_a_refresh_token(db):
    app = await new_app(db)
    with refused("bad_request.missing_param.refresh_token"):
        await refresh(db, app, "")


async def test_an_expired_access_token_can_be_refreshed(db, clock: FakeClock):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    clock.advance(21_600)
    with refused("unauthorized.bad_access_token.expired"):
        await caller_of(db, pair["access_token"])
    new = await refresh(db, app, pair["refresh_token"])
    await caller_of(db, new["access_token"])
    with refused("unauthorized.bad_access_token.evicted"):
        await caller_of(db, pair["access_token"])


async def test_a_refresh_token_does_not_expire_unless_the_rules_say_so(db, clock: FakeClock):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    clock.advance(10 * 366 * 86_400)
    assert await refresh(db, app, pair["refresh_token"])


async def test_a_refresh_token_expires_where_the_rules_say_so(db, clock: FakeClock):
    await new_person(db)
    app, rules = await new_app(db), TokenRules(refresh_token_seconds=60)
    pair = await sign_in(db, app, rules=rules)
    clock.advance(59.999999)
    pair = await refresh(db, app, pair["refresh_token"], rules)
    clock.advance(60)
    with refused(SPENT):
        await refresh(db, app, pair["refresh_token"], rules)


async def test_a_client_without_the_grant_is_not_enabled(db):
    await new_person(db)
    app = await new_app(db, grants=["password"])
    pair = await sign_in(db, app)
    assert "refresh_token" in pair
    with refused("bad_request.client_not_enabled"):
        await refresh(db, app, pair["refresh_token"])


async def test_a_refresh_works_by_basic_alone_with_a_secret_however_encoded(db):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    header = "Basic " + base64.b64encode(f"{app.id}:{app.secret}".encode()).decode()
    body = {"grant_type": "refresh_token", "refresh_token": str(pair["refresh_token"])}
    assert await answer_token_request(db, TokenRequest(body, authorization=header), RULES)


async def test_a_stale_bearer_token_beside_a_refresh_does_not_matter(db):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    body = app.credentials() | {
        "grant_type": "refresh_token",
        "refresh_token": str(pair["refresh_token"]),
    }
    stale = f"Bearer {pair['access_token']}"
    assert await answer_token_request(db, TokenRequest(body, authorization=stale), RULES)


async def test_a_wrong_client_secret_spends_nothing(db):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    with refused("bad_request.could_not_authenticate"):
        await refresh(db, App(app.client, "wrong"), pair["refresh_token"])
    assert await refresh(db, app, pair["refresh_token"])


async def test_former_tokens_are_kept_for_as_long_as_the_rules_say(db, clock: FakeClock):
    await new_person(db)
    app = await new_app(db)
    pair = await sign_in(db, app)
    await refresh(db, app, pair["refresh_token"], TokenRules(former_token_seconds=60))
    for name in ("access_token", "refresh_token"):
        remembered = await former(db, pair[name])
        assert remembered["ended_at"] == clock.now()
        assert remembered["keep_until"] == clock.now() + 60_000_000

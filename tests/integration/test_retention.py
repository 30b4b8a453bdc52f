"""What nobody needs any more is removed when its time has come, by work written with its cause."""

import asyncio
from collections.abc import Sequence

import pytest

from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.ids import shard_of
from minibank.core.secrets import digest
from minibank.db import Database, Tx, open_database
from minibank.db.base import Value
from minibank.db.migrate import migrate, migrations
from minibank.due.sweeping import PAUSE_SECONDS, again_at
from minibank.feed.retention import SWEEPS as FEED_SWEEPS
from minibank.oauth.clients import rotate_secret
from minibank.oauth.grants import issue_pair
from minibank.oauth.records import FormerToken
from minibank.oauth.retention import sweeps
from minibank.oauth.retention.planning import LOOK_AGAIN_SECONDS, SWEEPS, remember
from minibank.oauth.tokens import MICROSECONDS, NewPair, TokenRules
from minibank.payments.engine import Engine
from minibank.worker.due import DueReport, run_due
from minibank.worker.kinds import kinds_of
from tests.support.counting import CountingDatabase
from tests.support.people import App, caller_of, new_app, new_person, refresh, refused, sign_in

DAY = 86_400
KEPT = TokenRules(former_token_seconds=DAY, access_token_seconds=3600)
ENDING = TokenRules(
    former_token_seconds=DAY, access_token_seconds=3600, refresh_token_seconds=2 * DAY
)
TABLES = ("former_tokens", "token_pairs", "password_failures", "oauth_client_secrets", "due_work")


async def count(db: Database, table: str) -> int:
    """How many rows a table has."""
    assert table in TABLES
    row = await db.read(lambda tx: tx.fetch_one(f"SELECT COUNT(*) AS rows FROM {table}"))
    assert row is not None
    return int(row["rows"])


async def planned(db: Database) -> dict[str, int]:
    """When each kind of work is due."""
    rows = await db.read(lambda tx: tx.fetch("SELECT kind, due_at FROM due_work"))
    return {row["kind"]: row["due_at"] for row in rows}


async def run(db: Database, rules: TokenRules = KEPT) -> DueReport:
    """Do what is due now."""
    return await run_due(db, Engine(db), kinds=kinds_of(rules))


def tokens(count: int) -> list[FormerToken]:
    return [
        FormerToken(digest(str(n)), "access", "evicted", "user_1", "oauth2client_1")
        for n in range(count)
    ]


async def test_an_ended_token_is_forgotten_when_it_was_kept_long_enough(
    db: Database, clock: FakeClock
):
    await new_person(db)
    app = await new_app(db)
    first = await sign_in(db, app, rules=KEPT)
    await sign_in(db, app, rules=KEPT)
    clock.advance(DAY - 1)
    await run(db)
    assert await count(db, "former_tokens") == 2
    with refused("unauthorized.bad_access_token.evicted"):
        await caller_of(db, first["access_token"])
    clock.advance(1)
    await run(db)
    assert await count(db, "former_tokens") == 0
    assert "former_tokens" not in await planned(db)
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, first["access_token"])


async def test_the_removal_of_tokens_plans_itself_again_for_the_next(
    db: Database, clock: FakeClock
):
    await new_person(db)
    app = await new_app(db)
    await sign_in(db, app, rules=KEPT)
    await sign_in(db, app, rules=KEPT)
    began = clock.now()
    clock.advance(DAY / 2)
    await sign_in(db, app, rules=KEPT)
    assert (await planned(db))["former_tokens"] == began + DAY * MICROSECONDS
    clock.advance(DAY / 2)
    await run(db)
    assert await count(db, "former_tokens") == 2
    assert (await planned(db))["former_tokens"] == began + DAY * MICROSECONDS * 3 // 2
    clock.advance(DAY / 2)
    await run(db)
    assert await count(db, "former_tokens") == 0


async def test_an_expired_pair_of_a_public_client_is_removed_and_told_as_expired_until_then(
    db: Database, clock: FakeClock
):
    person, app = await new_person(db), await new_app(db)
    public = await new_app(db, "A page", confidential=False)
    answer = await _issue(db, public, person.id)
    await sign_in(db, app, rules=KEPT)
    clock.advance(3600 + DAY - 1)
    await run(db)
    with refused("unauthorized.bad_access_token.expired"):
        await caller_of(db, answer)
    clock.advance(61)
    await run(db)
    assert await count(db, "token_pairs") == 1
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, answer)


async def _issue(db: Database, app: App, user_id: str) -> str:
    pair = NewPair.draw(db.ids, shard_of(user_id) or 0, app.client)
    await db.transact(lambda tx: issue_pair(tx, app.client, user_id, pair, KEPT))
    return pair.access


async def test_a_pair_that_can_be_refreshed_for_ever_stays(db: Database, clock: FakeClock):
    await new_person(db)
    app = await new_app(db)
    answer = await sign_in(db, app, rules=KEPT)
    clock.advance(400 * DAY)
    await run(db)
    assert await count(db, "token_pairs") == 1
    again_at = clock.now() + LOOK_AGAIN_SECONDS * MICROSECONDS
    assert (await planned(db))["token_pairs"] == again_at
    await refresh(db, app, answer["refresh_token"], KEPT)


async def test_a_pair_goes_when_an_operator_gives_refresh_tokens_an_end(
    db: Database, clock: FakeClock
):
    await new_person(db)
    app = await new_app(db)
    answer = await sign_in(db, app, rules=KEPT)
    clock.advance(LOOK_AGAIN_SECONDS)
    await run(db, ENDING)
    assert await count(db, "token_pairs") == 0
    assert "token_pairs" not in await planned(db)
    with refused("unauthorized.bad_refresh_token"):
        await refresh(db, app, answer["refresh_token"], ENDING)


async def test_a_pair_whose_refresh_token_is_live_stays_though_its_access_token_expired(
    db: Database, clock: FakeClock
):
    await new_person(db)
    app = await new_app(db)
    answer = await sign_in(db, app, rules=ENDING)
    clock.advance(2 * DAY - 1)
    await run(db, ENDING)
    await refresh(db, app, answer["refresh_token"], ENDING)
    clock.advance(3 * DAY)
    await run(db, ENDING)
    assert await count(db, "token_pairs") == 0


async def test_counts_of_guesses_go_when_their_window_is_over(db: Database, clock: FakeClock):
    await new_person(db)
    app = await new_app(db)
    with refused("bad_request.could_not_authenticate"):
        await sign_in(db, app, password="a wrong password", rules=KEPT)
    assert await count(db, "password_failures") == 2
    clock.advance(KEPT.password_failures_window_seconds - 1)
    await run(db)
    assert await count(db, "password_failures") == 2
    clock.advance(1)
    await run(db)
    assert await count(db, "password_failures") == 0
    assert "password_failures" not in await planned(db)


async def test_a_client_s_old_secret_goes_when_its_overlap_is_over(db: Database, clock: FakeClock):
    app = await new_app(db)
    await db.transact(lambda tx: rotate_secret(tx, app.id, 60))
    assert await count(db, "oauth_client_secrets") == 2
    clock.advance(60)
    await run(db)
    assert await count(db, "oauth_client_secrets") == 1
    assert await count(db, "due_work") == 0


async def test_a_long_list_is_removed_a_bounded_part_at_a_time_with_as_many_statements(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sweeps, "BATCH", 10)
    await db.transact(lambda tx: remember(tx, 7, tokens(25), KEPT))
    clock.advance(DAY)
    counting = CountingDatabase(db)
    costs = []
    for left in (15, 5, 0):
        counting.statements.clear()
        await counting.transact(lambda tx: sweeps.sweep_former_tokens(tx, 7))
        costs.append(len(counting.statements))
        assert await count(db, "former_tokens") == left
    assert costs == [2, 2, 2]
    await db.transact(lambda tx: remember(tx, 7, tokens(25), KEPT))
    clock.advance(DAY)
    assert (await run(db)).done == 3
    assert await count(db, "former_tokens") == 0


async def test_two_processes_at_once_remove_the_same_rows_once_and_leave_no_work(
    db: Database, database_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sweeps, "BATCH", 10)
    await db.transact(lambda tx: remember(tx, 7, tokens(40), KEPT))
    clock.advance(DAY)
    other = await open_database(database_url, clock, db.ids)
    reports = await asyncio.gather(run(db), run(other))
    await other.close()
    assert sum(report.put_off for report in reports) == 0
    assert await count(db, "former_tokens") == 0
    assert await count(db, "due_work") == 0


async def test_a_token_that_ends_while_the_last_are_removed_is_not_missed(
    database_url: str, db: Database, clock: FakeClock
):
    """Whoever plans waits for whoever lets go, and the reverse."""
    await db.transact(lambda tx: remember(tx, 7, tokens(3), KEPT))
    clock.advance(DAY)
    other = await open_database(database_url, clock, db.ids)
    late = [FormerToken(digest("late"), "access", "evicted", "user_1", "oauth2client_1")]

    async def end_one() -> None:
        await other.transact(lambda tx: remember(tx, 7, late, KEPT))

    for _ in range(5):
        await asyncio.gather(run(db), end_one())
        assert await count(db, "former_tokens") == 1
        assert (await planned(db))["former_tokens"] <= clock.now() + DAY * MICROSECONDS
        clock.advance(DAY)
        late = [FormerToken(digest(str(clock.now())), "access", "evicted", "user_1", "c_1")]
        await run(db)
    await other.close()


async def test_a_chore_that_fails_is_put_off_and_holds_nothing_else_up(
    db: Database, clock: FakeClock
):
    await db.transact(lambda tx: remember(tx, 7, tokens(3), KEPT))
    await new_person(db)
    app = await new_app(db)
    with refused("bad_request.could_not_authenticate"):
        await sign_in(db, app, password="a wrong password", rules=KEPT)
    clock.advance(2 * DAY)
    kinds = kinds_of(KEPT)

    async def fail(tx, row):
        raise ValueError("a fault")

    broken = type(kinds)(kinds.commands, {**kinds.chores, "former_tokens": fail})
    report = await run_due(db, Engine(db), kinds=broken)
    assert report.put_off == 1
    assert (await count(db, "former_tokens"), await count(db, "password_failures")) == (3, 0)
    clock.advance(61)
    await run(db)
    assert await count(db, "former_tokens") == 0


async def test_nothing_is_read_but_by_index(db: Database, clock: FakeClock):
    await db.transact(lambda tx: remember(tx, 7, tokens(2000), KEPT))
    counting = CountingDatabase(db)
    for sweep in (
        lambda tx: sweeps.sweep_former_tokens(tx, 7),
        lambda tx: sweeps.sweep_pairs(tx, 7, ENDING),
        lambda tx: sweeps.sweep_guesses(tx, 7),
    ):
        await counting.transact(sweep)
    deletions = [sql for sql in counting.statements if sql.startswith("DELETE")]
    assert len(deletions) == 4
    for sql in deletions:
        places = max(int(part[0]) for part in sql.split("$")[1:])
        plan = await _plan(db, sql, [7, *[0] * (places - 2), 10])
        assert "Seq Scan" not in plan, plan
        assert "SCAN" not in plan, plan


async def _plan(db: Database, sql: str, values: Sequence[Value]) -> str:
    async def work(tx: Tx) -> str:
        if db.engine == "postgres":
            await tx.execute("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if db.engine == "sqlite" else "EXPLAIN (COSTS OFF)"
        return "\n".join(str(list(row)) for row in await tx.fetch(f"{explain} {sql}", *values))

    return await db.transact(work)


async def test_the_audit_names_work_about_nothing_and_rows_that_nothing_removes(
    db: Database, clock: FakeClock
):
    await new_person(db)
    app = await new_app(db)
    await sign_in(db, app, rules=KEPT)
    await sign_in(db, app, rules=KEPT)
    await db.transact(lambda tx: rotate_secret(tx, app.id, 60))
    clock.advance(40 * DAY)
    assert (await audit(db)).clean

    async def lose(tx: Tx) -> None:
        await tx.execute("DELETE FROM due_work")
        columns = ("shard", "kind", "subject", "account_id", "due_at", "claimed_until")
        kinds = (*SWEEPS, *FEED_SWEEPS, "client_secrets", "erasure")
        strays = [(1, kind, "nothing", "", 0, 0) for kind in kinds]
        await tx.insert_rows("due_work", columns, strays)

    await db.transact(lose)
    found = {(one.code, one.subject) for one in (await audit(db)).findings}
    assert found == {
        ("due_work.stray", "nothing"),
        ("retention.unplanned", "former_tokens"),
        ("retention.unplanned", "token_pairs"),
        ("retention.unplanned", "password_failures"),
        ("retention.unplanned", app.id),
    }


async def test_a_bank_of_the_former_schema_cleans_up_what_it_has(
    empty_database_url: str, clock: FakeClock, ids
):
    db = await open_database(empty_database_url, clock=clock, ids=ids)
    await migrate(db, 2)
    now = clock.now()

    async def fill(tx: Tx) -> None:
        names = ("shard", "id", "email", "name", "preferred_first_name", "created_at")
        await tx.insert_rows("users", names, [(5, "user_1", "a@example.com", "A", "A", now)])
        await tx.insert_rows(
            "token_pairs",
            ("shard", "user_id", "client_id", "access_digest", "access_expires_at", "issued_at"),
            [(5, "user_1", "oauth2client_1", b"1", now, now)],
        )
        await tx.insert_rows(
            "former_tokens",
            ("shard", "digest", "kind", "reason", "user_id", "client_id", "ended_at", "keep_until"),
            [(5, b"2", "access", "evicted", "user_1", "oauth2client_1", now, now + 1)],
        )
        await tx.insert_rows(
            "password_failures",
            ("shard", "subject", "failures", "window_ends_at"),
            [(9, b"3", 1, now + 1)],
        )
        await tx.execute(
            "INSERT INTO oauth_clients (id, name, confidential, redirect_uris, grants, options,"
            " created_at) VALUES ('oauth2client_1', 'App', 1, '[]', '[]', '{}', 0)"
        )
        await tx.insert_rows(
            "oauth_client_secrets",
            ("client_id", "digest", "created_at", "expires_at"),
            [("oauth2client_1", b"4", now, now + 1), ("oauth2client_1", b"5", now, None)],
        )

    await db.transact(fill)
    assert [step.version for step in await migrate(db)] == [
        step.version for step in migrations() if step.version > 2
    ]
    assert set(await planned(db)) == {*SWEEPS, "client_secrets"}
    clock.advance(2 * DAY)
    await run(db)
    left = [await count(db, table) for table in TABLES]
    assert left == [0, 0, 0, 1, 0]
    assert (await audit(db)).clean
    await db.close()


def test_the_next_look_is_never_at_once_unless_there_is_more():
    assert again_at(100, 50, has_more=True) == 100
    assert again_at(100, 50, has_more=False) == 100 + PAUSE_SECONDS * MICROSECONDS
    assert again_at(100, 10**12, has_more=False) == 10**12
    assert again_at(100, None, has_more=False) is None

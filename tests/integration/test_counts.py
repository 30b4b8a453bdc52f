"""What the parts of the bank count, each where it happens."""

import asyncio
from dataclasses import replace

import pytest

from minibank.api import Watch, build_api
from minibank.core.clock import FakeClock
from minibank.core.errors import BankError, RateLimited, Timeout, Unavailable
from minibank.db import BadData, Database, DatabaseUnavailable, LostRace, open_database
from minibank.db.metrics import DatabaseMetrics
from minibank.db.retry import ATTEMPTS_MAX, with_retries
from minibank.metrics.instruments import AnyInstrument
from minibank.oauth.metrics import TokenMetrics
from minibank.oauth.token_requests import TokenRequest, answer_token_request
from minibank.oauth.tokens import TokenRules
from minibank.payments.engine import Engine, EngineSettings
from minibank.payments.metrics import EngineMetrics
from minibank.worker.due import DueWork
from minibank.worker.metrics import DueMetrics
from tests.support.asgi import RawRequest, ask
from tests.support.banking import Orders, open_holder
from tests.support.callers import SETTINGS
from tests.support.failing import AwayDatabase, GatedDatabase
from tests.support.people import HOME, PASSWORD, new_app, new_person


def counts(instrument: AnyInstrument) -> dict[str, float]:
    """The series that are not zero."""
    return {" ".join(one.labels): one.value for one in instrument.samples() if one.value}


async def test_commands_are_counted_by_what_came_of_them(db: Database):
    metrics, orders, away = EngineMetrics(), Orders(), AwayDatabase(db)
    ada = await open_holder(db, 100)
    engine = Engine(away, metrics=metrics)
    await engine.execute_many(
        [
            orders.top_up(ada, 1, id="1"),
            orders.top_up(ada, 2, id="1"),
            orders.authorise(ada, 10_000),
            orders.send(ada, 10_000),
        ]
    )
    away.error = DatabaseUnavailable("away")
    with pytest.raises(Unavailable):
        await engine.execute(orders.top_up(ada, 1))
    assert counts(metrics.commands) == {
        "top_up done": 1,
        "top_up conflict": 1,
        "authorise_card declined": 1,
        "send_transfer refused": 1,
        "top_up failed": 1,
    }
    assert counts(metrics.commits) == {"": 1}
    assert metrics.batch_size.total() == 4
    [seconds] = metrics.batch_seconds.samples()
    assert sum(seconds.counts) == 1


async def test_commands_that_are_not_begun_are_counted_by_their_cause(
    db: Database, clock: FakeClock
):
    metrics, orders, gate = EngineMetrics(), Orders(), GatedDatabase(db)
    ada = await open_holder(db)
    engine = Engine(gate, EngineSettings(queue_max=1, queue_wait_seconds=5), metrics)
    calls = [asyncio.create_task(engine.execute(orders.top_up(ada, 1)))]
    await gate.until_waiting()
    calls.append(asyncio.create_task(engine.execute(orders.top_up(ada, 1))))
    await asyncio.sleep(0)
    assert counts(metrics.queue_length) == {"": 1}
    with pytest.raises(RateLimited):
        await engine.execute(orders.top_up(ada, 1))
    clock.advance(6)
    gate.open()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers[1], Timeout)
    await engine.drain()
    with pytest.raises(Unavailable):
        await engine.execute(orders.top_up(ada, 1))
    assert counts(metrics.turned_away) == {"queue_full": 1, "late": 1, "shutting_down": 1}
    assert counts(metrics.queue_length) == {}


async def test_repeats_and_failures_of_units_of_work_are_counted_by_kind():
    metrics = DatabaseMetrics()

    async def lose() -> None:
        raise LostRace("busy")

    async def refuse() -> None:
        raise BadData("no")

    for work, error in ((lose, LostRace), (refuse, BadData)):
        with pytest.raises(error):
            await with_retries(work, metrics)
    assert counts(metrics.repeats) == {"lost_race": ATTEMPTS_MAX - 1}
    assert counts(metrics.errors) == {"lost_race": 1, "bad_data": 1}


async def test_a_database_says_how_many_of_its_connections_are_in_use(database_url: str):
    metrics = DatabaseMetrics()
    db = await open_database(database_url, connections_max=1, metrics=metrics)
    assert counts(metrics.connections_max) == {"": 1}
    assert counts(metrics.connections_in_use) == {}
    ada = await open_holder(db)
    engines = [Engine(db), Engine(db)]
    calls = [
        asyncio.create_task(one.execute(Orders(str(n)).top_up(ada, 1)))
        for n, one in enumerate(engines)
    ]
    in_use: set[tuple[str, float]] = set()
    waiting: set[tuple[str, float]] = set()
    while not all(call.done() for call in calls):
        await asyncio.sleep(0)
        in_use |= counts(metrics.connections_in_use).items()
        waiting |= counts(metrics.waiting).items()
    assert (in_use, waiting) == ({("", 1)}, {("", 1)})
    assert counts(metrics.connections_in_use) == counts(metrics.waiting) == {}
    with pytest.raises(BadData):
        await db.transact(
            lambda tx: tx.execute("UPDATE balances SET booked = NULL WHERE shard >= 0")
        )
    await db.close()
    assert counts(metrics.errors) == {"bad_data": 1}


async def test_due_work_is_counted_and_how_late_it_is(db: Database, clock: FakeClock):
    metrics, orders = DueMetrics(), Orders()
    ada = await open_holder(db, 100)
    away = AwayDatabase(db)
    engine = Engine(away)
    await engine.execute(orders.authorise(ada, 10, hold_seconds=60))
    due = DueWork(db, engine, metrics=metrics)
    slices = range(16)
    clock.advance(100)
    away.error = DatabaseUnavailable("away")
    for number in slices:
        await due.run_slice(number)
    assert counts(metrics.put_off) == {"authorisation_expiry": 1}
    assert counts(metrics.overdue) == {"": 1}
    assert counts(metrics.oldest_seconds) == {"": pytest.approx(40, abs=0.001)}
    clock.advance(100)
    assert counts(metrics.oldest_seconds) == {"": pytest.approx(140, abs=0.001)}
    away.error = None
    for number in slices:
        await due.run_slice(number)
    assert counts(metrics.done) == {"authorisation_expiry": 1}
    assert counts(metrics.overdue) == counts(metrics.oldest_seconds) == {}
    assert metrics.looks.total() == 2 * len(slices) + 2


async def test_token_requests_are_counted_by_grant_and_no_grant_is_a_word_of_a_client(db: Database):
    metrics, rules = TokenMetrics(), TokenRules(password_failures_max=1)
    app, _ = await new_app(db), await new_person(db)

    async def ask_for(grant: str, **fields: str) -> dict[str, object]:
        body = app.credentials() | {"grant_type": grant} | fields
        try:
            answer = await answer_token_request(
                db, TokenRequest(body, address=HOME), rules, metrics
            )
        except BankError:
            return {}
        return dict(answer)

    ada = {"username": "ada@example.com"}
    pair = await ask_for("password", password=PASSWORD, **ada)
    spent = str(pair["refresh_token"])
    await ask_for("refresh_token", refresh_token=spent)
    await ask_for("refresh_token", refresh_token=spent)
    for _ in range(3):
        await ask_for("password", password="wrong", **ada)
    await ask_for("made up")
    assert counts(metrics.issued) == {"password": 1, "refresh_token": 1}
    assert counts(metrics.refused) == {"password": 3, "refresh_token": 1, "other": 1}
    assert counts(metrics.reuses) == {"": 1}
    assert counts(metrics.throttled) == {"": 2}


async def test_requests_beyond_a_limit_are_counted_by_the_limit(db: Database):
    watch = Watch()
    settings = replace(SETTINGS, rate_address_per_minute=1)
    api = build_api(db, Engine(db), settings, watch)
    statuses = [(await ask(api, RawRequest(path=b"/ping"))).status for _ in range(3)]
    assert statuses == [200, 429, 429]
    assert counts(watch.metrics.refused) == {"address": 2}
    assert counts(watch.metrics.requests) == {"/ping GET 200": 1, "unknown GET 429": 2}


async def test_a_process_that_drains_is_not_ready_and_is_alive(db: Database):
    watch = Watch(draining=True)
    api = build_api(db, Engine(db), SETTINGS, watch)
    ready = await ask(api, RawRequest(path=b"/readyz"))
    assert (ready.status, ready.json()["code"]) == (503, "unavailable.shutting_down")
    assert (await ask(api, RawRequest(path=b"/healthz"))).status == 200

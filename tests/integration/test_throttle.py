"""Guesses at passwords are limited, whichever process they reach, and nobody can tell."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from minibank.core.clock import FakeClock
from minibank.core.ids import SeededIds
from minibank.db import Database, open_database
from minibank.oauth.throttle import count_guess, guess_of
from minibank.oauth.tokens import TokenRules
from tests.support.counting import CountingDatabase
from tests.support.people import (
    HOME,
    PASSWORD,
    App,
    code_of,
    new_app,
    new_person,
    refused,
    sign_in,
)

REFUSED = "bad_request.could_not_authenticate"
WRONG = "a wrong password"
ELSEWHERE = "198.51.100.7"
THREE = TokenRules(
    password_failures_max=3, password_failures_address_max=5, password_failures_window_seconds=60
)


@pytest.fixture
async def app(db: Database) -> App:
    await new_person(db)
    return await new_app(db)


@pytest.fixture
async def other_process(database_url: str, clock: FakeClock) -> AsyncIterator[Database]:
    other = await open_database(database_url, clock, SeededIds("another process"))
    yield other
    await other.close()


async def guess(
    db: Database,
    app: App,
    times: int = 1,
    email: str = "ada@example.com",
    address: str | None = HOME,
) -> None:
    """Guess wrong so many times."""
    for _ in range(times):
        with refused(REFUSED):
            await sign_in(db, app, email, WRONG, THREE, address)


async def is_let_in(
    db: Database, app: App, email: str = "ada@example.com", address: str | None = HOME
) -> bool:
    """Whether the right password is accepted."""
    [answer] = await asyncio.gather(
        sign_in(db, app, email, PASSWORD, THREE, address), return_exceptions=True
    )
    assert code_of(answer) in {"ok", REFUSED}
    return code_of(answer) == "ok"


async def test_below_the_limit_the_right_password_is_accepted(db, app):
    await guess(db, app, 2)
    assert await is_let_in(db, app)


async def test_over_the_limit_the_right_password_is_answered_like_a_wrong_one(db, app):
    await guess(db, app, 3)
    with refused(REFUSED) as throttled:
        await sign_in(db, app, rules=THREE, address=ELSEWHERE)
    with refused(REFUSED) as wrong:
        await sign_in(db, app, "nobody@example.com", address="203.0.113.9")
    assert str(throttled.value) == str(wrong.value)
    assert vars(throttled.value) == vars(wrong.value)


async def test_over_the_limit_a_guess_costs_what_it_costs_below(db, app):
    async def cost(rules: TokenRules) -> float:
        taken = []
        for _ in range(4):
            before = time.process_time()
            with refused(REFUSED):
                await sign_in(db, app, password=WRONG, rules=rules)
            taken.append(time.process_time() - before)
        return min(taken)

    below = await cost(TokenRules())
    over = await cost(TokenRules(password_failures_max=1))
    assert below / 3 < over < below * 3


async def test_over_the_limit_a_guess_runs_the_same_statements_as_below(db, app):
    seen = []
    for rules in (TokenRules(), TokenRules(password_failures_max=1)):
        counting = CountingDatabase(db)
        with refused(REFUSED):
            await sign_in(counting, app, password=WRONG, rules=rules)
        seen.append(counting.statements)
    assert seen[0] == seen[1]


async def test_the_window_ends_and_guesses_are_judged_again(db, app, clock: FakeClock):
    await guess(db, app, 3)
    clock.advance(59.999999)
    assert not await is_let_in(db, app)
    clock.advance(0.000001)
    assert await is_let_in(db, app)


async def test_guesses_over_the_limit_do_not_prolong_the_window(db, app, clock: FakeClock):
    await guess(db, app, 3)
    clock.advance(50)
    await guess(db, app, 3, address=ELSEWHERE)
    clock.advance(10)
    assert await is_let_in(db, app)


async def test_a_right_password_lets_a_person_start_afresh(db, app):
    for _ in range(2):
        await guess(db, app, 2, address=None)
        assert await is_let_in(db, app, address=None)
    await guess(db, app, 3, address=None)
    assert not await is_let_in(db, app, address=None)


async def test_a_right_password_does_not_forgive_its_address(db, app):
    """Whoever owns an account must not use it to go on guessing at others."""
    await new_person(db, "eve@example.com")
    for n in range(5):
        await guess(db, app, 1, f"victim{n}@example.com")
        if n < 4:
            assert await is_let_in(db, app, "eve@example.com")
    assert not await is_let_in(db, app)
    assert await is_let_in(db, app, address=ELSEWHERE)


async def test_right_passwords_never_use_up_an_address(db, app):
    for _ in range(THREE.password_failures_address_max + 2):
        assert await is_let_in(db, app)


async def test_guesses_at_one_person_through_one_client_leave_others_alone(db, app):
    other = await new_app(db)
    await new_person(db, "eve@example.com")
    await guess(db, app, 3)
    assert not await is_let_in(db, app, address=ELSEWHERE)
    assert await is_let_in(db, other, address=ELSEWHERE)
    assert await is_let_in(db, app, "eve@example.com", address=ELSEWHERE)


async def test_another_writing_of_an_address_is_no_way_around_the_limit(db, app):
    for email in ("ada@example.com", "ADA@example.com", " Ada@Example.com"):
        await guess(db, app, 1, email)
    assert not await is_let_in(db, app, address=ELSEWHERE)


async def test_a_network_address_is_limited_whomever_it_guesses_at(db, app):
    for n in range(5):
        await guess(db, app, 1, f"{n}@example.com")
    assert not await is_let_in(db, app)
    assert await is_let_in(db, app, address=ELSEWHERE)


async def test_a_neighbouring_ipv6_address_is_no_way_around_the_limit(db, app):
    for n in range(5):
        await guess(db, app, 1, f"{n}@example.com", f"2001:db8::{n}")
    assert not await is_let_in(db, app, address="2001:db8::abcd")
    assert await is_let_in(db, app, address="2001:db8:0:1::1")


async def test_guesses_at_nobody_are_limited_alike(db, app):
    await guess(db, app, 3, "nobody@example.com")
    await new_person(db, "nobody@example.com")
    assert not await is_let_in(db, app, "nobody@example.com", address=ELSEWHERE)


async def test_a_limit_reached_in_one_process_holds_in_another(db, app, other_process):
    await guess(db, app, 2)
    await guess(other_process, app, 1)
    for one in (db, other_process):
        assert not await is_let_in(one, app, address=ELSEWHERE)


async def test_of_guesses_that_arrive_at_once_in_two_processes_the_limit_is_judged(
    db, app, other_process
):
    guessed = guess_of(app.id, "ada@example.com", None)
    judged = await asyncio.gather(
        *(
            one.transact(lambda tx: count_guess(tx, guessed, THREE))
            for one in (db, other_process) * 4
        )
    )
    assert judged.count(True) == 3
    assert judged.count(False) == 5


async def test_guesses_that_arrive_at_once_are_all_counted(db, app, other_process):
    answers = await asyncio.gather(
        *(
            sign_in(one, app, password=WRONG, rules=THREE, address=None)
            for one in (db, other_process) * 4
        ),
        return_exceptions=True,
    )
    assert {code_of(answer) for answer in answers} == {REFUSED}
    rows = await db.read(lambda tx: tx.fetch("SELECT failures FROM password_failures"))
    assert [row["failures"] for row in rows] == [8]


async def test_a_client_that_does_not_prove_itself_cannot_lock_a_person_out(db, app):
    await guess(db, App(app.client, "wrong secret"), 4)
    assert await is_let_in(db, app)


async def test_a_client_that_does_not_prove_itself_uses_up_its_address(db, app):
    await guess(db, App(app.client, "wrong secret"), 5)
    assert not await is_let_in(db, app)

"""Due work: claimed with a lease, executed as a command, done once whoever does it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import pytest
from typing_extensions import override

from minibank.accounts.opening import issue_card
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.ids import SHARDS
from minibank.db import Database, DatabaseUnavailable
from minibank.payments.commands import AuthoriseCard, ReverseAuthorisation, TopUp
from minibank.payments.engine import Engine
from minibank.worker import store
from minibank.worker.due import RETRY_SECONDS, SLICES, DueWork, run_due
from tests.support.callers import add_account, add_user

HOLD_SECONDS = 3600
HOLD_ENDS = HOLD_SECONDS + 0.000_001
"""The payment is a microsecond after the top-up of the same instant."""
LEASE_SECONDS = 60


@dataclass
class Held:
    """An account with an open hold on it."""

    account_id: str
    authorisation_id: str


async def hold(db: Database, engine: Engine, name: str, amount: int = 700) -> Held:
    """A new customer with 10.00 on the account, of which `amount` is held."""
    user = await add_user(db, f"{name}@example.com", name)
    account = await add_account(db, user)
    card = await db.transact(lambda tx: issue_card(tx, account.id, user.id))
    await engine.execute(TopUp(issuer="test", account_id=account.id, id=name, amount=1000))
    outcome = await engine.execute(
        AuthoriseCard(
            issuer="scheme",
            account_id=account.id,
            id=f"{name}-auth",
            card_id=card.id,
            amount=amount,
            description="SHOP",
            hold_seconds=HOLD_SECONDS,
        )
    )
    assert outcome.authorisation_id
    return Held(account.id, outcome.authorisation_id)


async def held(db: Database, one: Held) -> int:
    async def work(tx):
        return await tx.fetch_one(
            "SELECT held FROM balances WHERE shard >= 0 AND account_id = $1", one.account_id
        )

    amount: int = (await db.read(work))["held"]
    return amount


async def due_rows(db: Database) -> list[dict[str, object]]:
    async def work(tx):
        return await tx.fetch(
            "SELECT kind, subject, claimed_until FROM due_work WHERE shard >= 0 ORDER BY subject"
        )

    return [
        {key: row[key] for key in ("kind", "subject", "claimed_until")}
        for row in await db.read(work)
    ]


async def add_work(db: Database, kind: str, subject: str, account_id: str) -> None:
    async def work(tx):
        await tx.insert_rows(
            "due_work",
            ("shard", "kind", "subject", "account_id", "due_at", "claimed_until"),
            [(1, kind, subject, account_id, 0, 0)],
        )

    await db.transact(work)


async def test_a_hold_is_given_back_once_its_time_has_come_and_not_before(
    db: Database, clock: FakeClock
):
    engine = Engine(db)
    one = await hold(db, engine, "ada")
    clock.advance(HOLD_SECONDS)
    assert (await run_due(db, engine)).done == 0
    assert await held(db, one) == 700
    clock.advance(0.000_001)
    assert (await run_due(db, engine)).done == 1
    assert await held(db, one) == 0
    assert await due_rows(db) == []
    assert (await run_due(db, engine)).done == 0
    assert (await audit(db)).clean


async def test_holds_of_many_customers_in_many_shards_are_all_found(db: Database, clock: FakeClock):
    engine = Engine(db)
    holds = [await hold(db, engine, f"person{number}") for number in range(12)]
    clock.advance(HOLD_ENDS)
    assert (await run_due(db, engine)).done == 12
    assert [await held(db, one) for one in holds] == [0] * 12


def test_the_slices_cover_every_shard_once():
    covered = [
        shard
        for number in range(SLICES)
        for shard in range(number * SHARDS // SLICES, (number + 1) * SHARDS // SLICES)
    ]
    assert covered == list(range(SHARDS))


async def test_several_workers_at_once_do_each_piece_once(db: Database, clock: FakeClock):
    engines = [Engine(db) for _ in range(3)]
    holds = [await hold(db, engines[0], f"person{number}") for number in range(8)]
    clock.advance(HOLD_ENDS)
    reports = await asyncio.gather(*(run_due(db, engine) for engine in engines))
    assert sum(report.done for report in reports) == 8
    assert sum(report.put_off for report in reports) == 0
    assert [await held(db, one) for one in holds] == [0] * 8
    assert (await audit(db)).clean


async def test_claimed_work_is_its_claimants_until_the_lease_lapses(db: Database, clock: FakeClock):
    engine = Engine(db)
    one = await hold(db, engine, "ada")
    clock.advance(HOLD_ENDS)
    now = clock.now()
    shards = list(range(SHARDS))
    lease_ends = now + LEASE_SECONDS * 1_000_000
    # A worker that claims and then dies.
    claimed = await db.transact(
        lambda tx: store.claim_due(tx, shards, ["authorisation_expiry"], now, lease_ends)
    )
    assert [row.subject for row in claimed] == [one.authorisation_id]
    assert (await run_due(db, engine)).done == 0
    clock.advance(LEASE_SECONDS - 1)
    assert (await run_due(db, engine)).done == 0
    clock.advance(1)
    assert (await run_due(db, engine)).done == 1
    assert await held(db, one) == 0


async def test_leases_are_kept_in_real_time_whatever_the_banks_clock_says(
    db: Database, clock: FakeClock
):
    engine = Engine(db)
    one = await hold(db, engine, "ada")
    clock.advance(HOLD_ENDS)
    real = FakeClock(5_000_000)
    until = real.now() + LEASE_SECONDS * 1_000_000
    claim = store.claim_due
    shards, kinds = list(range(SHARDS)), ["authorisation_expiry"]
    await db.transact(lambda tx: claim(tx, shards, kinds, real.now(), until))
    clock.advance(10 * LEASE_SECONDS)
    assert (await run_due(db, engine, clock=real)).done == 0
    real.advance(LEASE_SECONDS)
    assert (await run_due(db, engine, clock=real)).done == 1
    assert await held(db, one) == 0


async def test_work_that_fails_is_put_off_and_holds_nothing_else_up(db: Database, clock: FakeClock):
    engine = Engine(db)
    one = await hold(db, engine, "ada")
    await add_work(db, "authorisation_expiry", "auth_of_nobody", one.account_id)
    clock.advance(HOLD_ENDS)
    report = await run_due(db, engine)
    assert (report.done, report.put_off) == (1, 1)
    assert await held(db, one) == 0
    [row] = await due_rows(db)
    assert row["claimed_until"] == clock.now() + RETRY_SECONDS * 1_000_000
    assert (await run_due(db, engine)).put_off == 0
    clock.advance(RETRY_SECONDS)
    assert (await run_due(db, engine)).put_off == 1


async def test_kinds_that_this_version_does_not_know_are_left_alone(db: Database, clock: FakeClock):
    engine = Engine(db)
    one = await hold(db, engine, "ada")
    await add_work(db, "from_the_future", "something", one.account_id)
    report = await run_due(db, engine)
    assert (report.done, report.put_off) == (0, 0)
    [unknown] = [row for row in await due_rows(db) if row["kind"] == "from_the_future"]
    assert unknown["claimed_until"] == 0


async def test_a_hold_that_ended_while_it_was_claimed_is_no_trouble(db: Database, clock: FakeClock):
    engine = Engine(db)
    one = await hold(db, engine, "ada")
    clock.advance(HOLD_ENDS)
    shards, kinds, now = list(range(SHARDS)), ["authorisation_expiry"], clock.now()
    await db.transact(lambda tx: store.claim_due(tx, shards, kinds, now, now + 1))
    reversal = ReverseAuthorisation(
        issuer="scheme",
        account_id=one.account_id,
        id="reversal",
        authorisation_id=one.authorisation_id,
    )
    await engine.execute(reversal)
    clock.advance(1)
    assert (await run_due(db, engine)).done == 0
    assert await due_rows(db) == []
    assert (await audit(db)).clean


class Stumbling(DueWork):
    """Due work whose first rounds find no database."""

    stumbles = 3

    @override
    async def run_slice(self, number):
        if self.stumbles:
            self.stumbles -= 1
            raise DatabaseUnavailable("gone") if self.stumbles % 2 else ValueError("a fault")
        return await super().run_slice(number)


@pytest.mark.parametrize("kind", [DueWork, Stumbling])
async def test_a_worker_keeps_looking_whatever_goes_wrong(
    db: Database, clock: FakeClock, kind: type[DueWork]
):
    engine = Engine(db)
    one = await hold(db, engine, "ada")
    clock.advance(HOLD_ENDS)
    running = asyncio.create_task(kind(db, engine).run_forever(0.02))
    async with asyncio.timeout(20):
        while await held(db, one):  # noqa: ASYNC110 - another task, as another process would be
            await asyncio.sleep(0.02)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert (await audit(db)).clean

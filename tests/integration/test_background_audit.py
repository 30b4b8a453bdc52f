"""The audit in the background: when it is due, by one process at a time, in its turn."""

import asyncio

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from minibank.app.bank import open_bank
from minibank.audit import AuditReport
from minibank.audit.marks.marks import UNSEALED
from minibank.core.clock import FakeClock
from minibank.core.ids import SHARDS
from minibank.db import Database, open_database
from minibank.db.base import SnapshotWork, T
from minibank.payments.engine import Engine
from minibank.settings import preset
from minibank.worker import store
from minibank.worker.audits import (
    LEASE_SECONDS,
    AuditSettings,
    AuditStatus,
    BackgroundAudit,
    LeaseLost,
    Sleep,
    in_turn,
)
from tests.conftest import NOON
from tests.support.banking import Orders, open_holder, open_holders
from tests.support.counting import CountingDatabase
from tests.support.saboteur import Saboteur

INTERVAL, DAYS = 3600, 30
DAY = 24 * 3600 * 1_000_000


async def at_once(_: float) -> None:
    """No pause."""


def background(db: Database, clock: FakeClock, sleep: Sleep = at_once) -> BackgroundAudit:
    """An audit that covers one account in each snapshot."""
    settings = AuditSettings(interval_seconds=INTERVAL, full_days=DAYS, accounts_max=1)
    return BackgroundAudit(db, UNSEALED, settings, clock, sleep)


async def test_a_round_is_due_once_in_every_interval_whoever_runs_it(
    db: Database, clock: FakeClock
) -> None:
    holder = await open_holder(db, 100)
    one, other = background(db, clock), background(db, clock)
    first = await one.run_round()
    assert first is not None
    assert (first.clean, first.accounts, first.accounts_in_full) == (True, 1, 1)
    clock.advance(INTERVAL - 1)
    assert [await one.run_round(), await other.run_round()] == [None, None]
    clock.advance(1)
    await Engine(db).execute(Orders("later").top_up(holder, 1))
    second = await other.run_round()
    assert second is not None
    assert (second.accounts_in_full, second.entry_sets_now) == (0, 1)
    assert await one.run_round() is None


async def test_of_many_who_would_run_a_round_one_does(db: Database, clock: FakeClock) -> None:
    await open_holders(db, 3)
    rounds = await asyncio.gather(*(background(db, clock).run_round() for _ in range(6)))
    assert len([report for report in rounds if report is not None]) == 1


async def test_everybody_knows_what_the_last_round_came_to(db: Database, clock: FakeClock) -> None:
    await open_holder(db, 100)
    one, other = background(db, clock), background(db, clock)
    await other.look()
    assert other.status == AuditStatus()
    await one.run_round()
    await other.look()
    assert other.status == AuditStatus(
        started_at=NOON,
        finished_at=NOON,
        accounts=1,
        accounts_in_full=1,
        entry_sets=1,
        findings=0,
        milliseconds=0,
    )


async def test_findings_are_logged_without_what_they_tell_and_the_bank_goes_on(
    db: Database, clock: FakeClock, database_url: str
) -> None:
    holder = await open_holder(db, 98_765)
    saboteur = await Saboteur.connect(database_url)
    row = await saboteur.pick("balances")
    await saboteur.update("balances", row, {"booked": 98_764})
    await saboteur.leave(undo=False)
    background_audit = background(db, clock)
    with capture_logs() as logs:
        report = await background_audit.run_round()
    assert report is not None
    await background_audit.look()
    assert background_audit.status.findings == report.findings_count == 1
    [told] = [line for line in logs if line["event"] == "the books do not prove"]
    assert told == {
        "event": "the books do not prove",
        "log_level": "error",
        "code": "balance.booked",
        "account": holder.account_id,
        "subject": holder.account_id,
    }


async def test_a_round_keeps_its_lease_for_as_long_as_it_takes(
    db: Database, clock: FakeClock
) -> None:
    await open_holders(db, 4)
    other = background(db, clock)
    others: list[AuditReport | None] = []

    async def pause(_: float) -> None:
        clock.advance(LEASE_SECONDS / 2)
        others.append(await other.run_round())

    report = await background(db, clock, pause).run_round()
    assert report is not None
    assert report.accounts == 4
    assert others == [None] * 8


async def test_a_round_works_a_fifth_of_the_time_and_pauses_for_the_rest(
    db: Database, clock: FakeClock
) -> None:
    await open_holders(db, 3)
    pauses = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    class Slow(CountingDatabase):
        """A database in which a snapshot takes two seconds."""

        @override
        async def snapshot(self, work: SnapshotWork[T]) -> T:
            clock.advance(2)
            return await super().snapshot(work)

    await background(Slow(db), clock, pause).run_round()
    # The part about due work takes three snapshots, those about attempts and files one each.
    assert pauses == [*([8.0] * 4), 24.0, 8.0, 8.0]


async def test_a_round_that_was_killed_is_gone_on_with_when_its_lease_lapses(
    db: Database, clock: FakeClock
) -> None:
    await open_holders(db, 4)
    pauses = []

    async def die_after_two(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await background(db, clock, die_after_two).run_round()
    other = background(db, clock)
    assert await other.run_round() is None
    clock.advance(LEASE_SECONDS)
    report = await other.run_round()
    assert report is not None
    assert (report.accounts, report.accounts_in_full) == (4, 2)


async def test_who_lost_the_lease_stops(db: Database, clock: FakeClock) -> None:
    await open_holders(db, 4)
    others: list[AuditReport | None] = []

    async def pause(_: float) -> None:
        clock.advance(LEASE_SECONDS + 1)
        others.append(await background(db, clock).run_round())

    with pytest.raises(LeaseLost):
        await background(db, clock, pause).run_round()
    [taken_over] = others
    assert taken_over is not None
    assert taken_over.accounts == 4


async def test_every_account_is_proved_from_its_beginning_once_in_so_many_days(
    db: Database, clock: FakeClock
) -> None:
    holders = await open_holders(db, 40)
    rounds = background(db, clock)
    await rounds.run_round()
    in_full = []
    for _ in range(2 * DAYS):
        clock.advance(24 * 3600)
        report = await rounds.run_round()
        assert report is not None
        in_full.append(report.accounts_in_full)
    assert sum(in_full) == 2 * len(holders)
    assert max(in_full) < len(holders) / 2


@pytest.mark.parametrize("shard", [0, 1, 2048, SHARDS - 1])
def test_a_shard_has_one_moment_in_every_period(shard: int) -> None:
    moment = NOON // (DAYS * DAY) * DAYS * DAY + shard * DAYS * DAY // SHARDS
    is_its_turn = in_turn(DAYS, moment)
    assert is_its_turn(shard, moment - 1)
    assert not is_its_turn(shard, moment)
    assert not in_turn(DAYS, moment - 1)(shard, moment - DAYS * DAY)
    assert in_turn(DAYS, moment + DAYS * DAY)(shard, moment)


async def test_a_bank_that_serves_audits_itself(database_url: str) -> None:
    settings = preset("sandbox", database=database_url, audit_interval_seconds=1)
    async with open_bank(settings) as bank:
        assert bank.audits is not None
        await open_holder(bank.db, 100)
        for _ in range(600):
            await asyncio.sleep(0.05)
            if bank.audits.status.accounts:
                break
        assert bank.audits.status.accounts == 1
    off = preset("sandbox", database=database_url, audit_interval_seconds=0)
    async with open_bank(off) as bank:
        assert bank.audits is None


async def test_an_audit_that_fails_is_tried_again(
    database_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = await open_database(database_url, clock=clock)
    rounds = background(db, clock)
    tried: list[str] = []

    async def fail() -> None:
        tried.append("round")
        if len(tried) == 3:
            raise asyncio.CancelledError
        raise RuntimeError

    monkeypatch.setattr(rounds, "run_round", fail)
    with pytest.raises(asyncio.CancelledError):
        await rounds.run_forever()
    assert len(tried) == 3
    assert await db.read(store.find_round) is None
    await db.close()

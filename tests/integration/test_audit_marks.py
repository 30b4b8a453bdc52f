"""Marks: an audit goes on from where the last one ended, and believes only marks that agree."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from minibank.audit import AuditReport, Plan, audit
from minibank.audit.marks.marks import Seal, StoredMark
from minibank.audit.marks.store import list_marks
from minibank.audit.plan import never
from minibank.core.clock import FakeClock
from minibank.core.keys import ServerKeys
from minibank.db import Database, open_database
from minibank.payments.engine import Engine
from tests.conftest import NOON
from tests.integration.test_checkpoint import drop_last_top_up, forge_last_top_up
from tests.support.banking import Holder, Orders, open_holder, open_holders
from tests.support.counting import CountingDatabase
from tests.support.saboteur import Saboteur
from tests.support.teller import Teller

HOUR = 3600
KEYS = ServerKeys(bytes(range(32)))
SEAL = Seal(1_700_000_000_000_000, KEYS)
FUNDS, MORE = 1000, 234
NEWS = Plan(starts_over=never, leaves_marks=True)
FULL = Plan(leaves_marks=True, replaces_marks=True)
SEALED_NEWS = Plan(starts_over=never, leaves_marks=True, seal=SEAL)
SEALED_FULL = Plan(leaves_marks=True, replaces_marks=True, seal=SEAL)


@pytest.fixture
async def holder(db: Database, clock: FakeClock) -> Holder:
    """Somebody with two top-ups and nothing else, verified an hour later."""
    holder = await open_holder(db, FUNDS)
    await Engine(db).execute(Orders().top_up(holder, MORE))
    clock.advance(HOUR)
    assert (await audit(db, SEALED_NEWS)).clean
    clock.advance(HOUR)
    return holder


@pytest.fixture
async def saboteur(database_url: str, holder: Holder) -> AsyncIterator[Saboteur]:
    """Somebody who knows how the books are kept."""
    saboteur = await Saboteur.connect(database_url)
    yield saboteur
    await saboteur.leave(undo=False)


def codes(report: AuditReport) -> set[str]:
    return {finding.code for finding in report.findings}


async def read_marks(db: Database, *holders: Holder) -> dict[str, StoredMark]:
    keys = [holder.shard for holder in holders], [holder.account_id for holder in holders]
    return await db.read(lambda tx: list_marks(tx, keys))


async def forge_mark(saboteur: Saboteur, **changes: object) -> None:
    await saboteur.update("audit_marks", await saboteur.pick("audit_marks"), changes)


async def test_an_audit_verifies_each_entry_set_once_and_counts_them_all(
    db: Database, clock: FakeClock
) -> None:
    ada, orders = await open_holder(db), Orders()
    engine = Engine(db)
    await engine.execute_many([orders.top_up(ada, 1) for _ in range(7)])
    first = await audit(db, NEWS)
    assert (first.accounts_in_full, first.entry_sets, first.entry_sets_now) == (1, 7, 7)
    clock.advance(HOUR)
    await engine.execute_many([orders.top_up(ada, 1) for _ in range(3)])
    second = await audit(db, NEWS)
    assert second.clean
    assert (second.accounts, second.accounts_in_full) == (1, 0)
    assert (second.entry_sets, second.entry_sets_now, second.transactions) == (10, 3, 10)
    assert second.positions == (await audit(db)).positions
    again = await audit(db, NEWS)
    assert (again.entry_sets, again.entry_sets_now, again.transactions) == (10, 0, 10)


async def test_a_full_audit_starts_over(db: Database, holder: Holder) -> None:
    report = await audit(db, SEALED_FULL)
    assert report.clean
    assert (report.accounts_in_full, report.entry_sets_now) == (1, 2)


async def cost(db: Database) -> tuple[int, int, int]:
    """How many statements an audit of news takes, how many rows they read, what it verified."""
    counting = CountingDatabase(db)
    report = await audit(counting, NEWS)
    assert report.clean
    return len(counting.statements), counting.rows, report.entry_sets_now


async def test_what_an_audit_of_an_unchanged_bank_costs_does_not_depend_on_its_history(
    db: Database, clock: FakeClock
) -> None:
    holders, orders, engine = await open_holders(db, 3), Orders(), Engine(db)
    costs = []
    for length in (2, 400):
        for holder in holders:
            await engine.execute_many([orders.top_up(holder, 1) for _ in range(length)])
            await engine.execute(orders.present(holder, 1))
        clock.advance(HOUR)
        await audit(db, NEWS)
        costs.append(await cost(db))
    assert costs[0] == costs[1]
    assert costs[0][2] == 0


async def test_a_hold_from_before_the_mark_may_end_after_it_in_every_way(
    db: Database, clock: FakeClock
) -> None:
    ada, orders, engine = await open_holder(db, 10_000), Orders(), Engine(db)
    holds = []
    for amount in (100, 200, 300, 400, 500, 0, 0, 0):
        outcome = await engine.execute(orders.authorise(ada, amount))
        assert outcome.authorisation_id
        holds.append(outcome.authorisation_id)
    late = holds[4]
    await engine.execute(orders.expire(ada, late))
    clock.advance(HOUR)
    assert (await audit(db, NEWS)).clean
    clock.advance(HOUR)
    endings = [
        orders.present(ada, 120, holds[0]),
        orders.reverse(ada, holds[1], 50),
        orders.increment(ada, holds[2], 30),
        orders.reverse(ada, holds[3]),
        orders.present(ada, 480, late),
        orders.present(ada, 0, holds[5]),
        orders.expire(ada, holds[6]),
        orders.present(ada, 70, holds[7]),
    ]
    for command in endings:
        await engine.execute(command)
        report = await audit(db, NEWS)
        assert report.findings == []
        assert report.accounts_in_full == 0
        clock.advance(HOUR)
    assert (await audit(db)).findings == []


async def test_an_account_whose_news_raise_a_doubt_is_proved_from_its_beginning(
    db: Database, database_url: str, holder: Holder
) -> None:
    # A machine whose clock is far behind answers at an instant at which nobody looks any more.
    behind = await open_database(database_url, clock=FakeClock(NOON - HOUR * 1_000_000))
    await Engine(behind).execute(Orders("late").top_up(holder, 1))
    await behind.close()
    report = await audit(db, SEALED_NEWS)
    assert report.findings == []
    assert report.accounts_in_full == 1


async def test_history_rewritten_with_all_its_hashes_contradicts_its_mark(
    db: Database, saboteur: Saboteur
) -> None:
    await forge_last_top_up(saboteur, 1_000_000)
    for plan in (SEALED_NEWS, SEALED_NEWS, SEALED_FULL):
        assert codes(await audit(db, plan)) == {"mark.chain"}
    assert (await audit(db, SEALED_NEWS)).clean


async def test_a_tail_cut_off_without_a_trace_contradicts_its_mark(
    db: Database, saboteur: Saboteur
) -> None:
    await drop_last_top_up(saboteur)
    assert codes(await audit(db, SEALED_NEWS)) == {"mark.chain", "mark.transactions"}


async def test_forged_history_whose_mark_is_gone_proves(db: Database, saboteur: Saboteur) -> None:
    await forge_last_top_up(saboteur, 1_000_000)
    await saboteur.delete("audit_marks", await saboteur.pick("audit_marks"))
    assert (await audit(db, SEALED_NEWS)).clean


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_length": 1},
        {"chain_head": bytes(32)},
        {"transactions": 3},
        {"last_created_at": 1},
        {"main": 1},
        {"held": 1},
        {"explained": 1},
        {"positions": "[]"},
        {"positions": "{"},
        {"verified_at": 1},
        {"proved_at": 1},
        {"seal": bytes(32)},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_forged_mark_is_named_until_a_full_audit_replaces_it(
    db: Database, saboteur: Saboteur, changes: dict[str, object]
) -> None:
    await forge_mark(saboteur, **changes)
    for plan in (SEALED_NEWS, SEALED_NEWS, SEALED_FULL):
        assert codes(await audit(db, plan)) == {"mark.seal"}
    assert (await audit(db, SEALED_NEWS)).clean


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_head": bytes(32)}, "mark.chain"),
        ({"chain_length": 1}, "mark.chain"),
        ({"main": FUNDS}, "mark.sums"),
        ({"held": 1}, "mark.sums"),
        ({"transactions": 1}, "mark.transactions"),
    ],
)
async def test_without_a_key_a_mark_that_does_not_agree_is_named_in_full(
    db: Database, saboteur: Saboteur, changes: dict[str, object], code: str
) -> None:
    await forge_mark(saboteur, seal=b"", **changes)
    assert code in codes(await audit(db, FULL))
    assert (await audit(db, NEWS)).clean


async def test_a_mark_without_a_seal_is_not_gone_on_from_where_there_is_a_key(
    db: Database, holder: Holder, saboteur: Saboteur
) -> None:
    await forge_mark(saboteur, seal=b"")
    report = await audit(db, SEALED_NEWS)
    assert (report.clean, report.accounts_in_full) == (True, 1)
    assert (await read_marks(db, holder))[holder.account_id].seal != b""


async def test_a_mark_cannot_be_moved_to_another_account_or_bank(
    db: Database, holder: Holder
) -> None:
    [(account_id, stored)] = (await read_marks(db, holder)).items()
    assert SEAL.believes(account_id, stored)
    assert not SEAL.believes("acc_other", stored)
    assert not Seal(1, KEYS).believes(account_id, stored)


async def test_marks_are_sealed_anew_after_the_key_was_rotated(
    db: Database, holder: Holder
) -> None:
    second = Seal(SEAL.bank_created_at, ServerKeys(bytes(32), KEYS.current))
    third = Seal(SEAL.bank_created_at, ServerKeys(b"3" * 32, bytes(32)))
    for seal in (second, third):
        report = await audit(db, Plan(starts_over=never, leaves_marks=True, seal=seal))
        assert (report.clean, report.accounts_in_full) == (True, 0)


async def test_an_account_that_does_not_prove_gets_no_mark(
    db: Database, holder: Holder, saboteur: Saboteur
) -> None:
    before = await read_marks(db, holder)
    await Engine(db).execute(Orders("later").top_up(holder, 1))
    entry = await saboteur.pick("entries", "sequence = 3")
    await saboteur.update("entries", entry, {"amount": 77})
    assert not (await audit(db, SEALED_NEWS)).clean
    assert not (await audit(db, SEALED_FULL)).clean
    assert await read_marks(db, holder) == before


async def test_two_audits_at_once_both_prove_and_leave_the_same_marks(
    db: Database, clock: FakeClock
) -> None:
    teller = await Teller.open(db)
    await teller.do_everything()
    clock.advance(HOUR)
    reports = await asyncio.gather(*(audit(db, NEWS) for _ in range(4)))
    assert [report.findings for report in reports] == [[]] * 4
    assert len(await read_marks(db, *teller.holders)) == len(teller.holders)


class Killed(Exception):
    """What happens to an audit half-way."""


async def test_an_audit_that_was_cut_short_leaves_the_less_to_the_next(
    db: Database, clock: FakeClock
) -> None:
    orders = Orders()
    holders = await open_holders(db, 5)
    await Engine(db).execute_many([orders.top_up(one, 1) for one in holders])
    seen: list[AuditReport] = []

    async def die_after_two(part: AuditReport) -> None:
        seen.append(part)
        if len(seen) == 2:
            raise Killed

    cut_short = Plan(starts_over=never, leaves_marks=True, accounts_max=1, after_each=die_after_two)
    with pytest.raises(Killed):
        await audit(db, cut_short)
    report = await audit(db, NEWS)
    assert (report.clean, report.accounts, report.accounts_in_full) == (True, 5, 3)

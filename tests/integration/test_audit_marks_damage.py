"""Damage rows of a bank with marks: what the next audit sees, and what only a full one does."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from minibank.audit import Plan, audit
from minibank.audit.plan import never
from minibank.core.clock import FakeClock
from minibank.core.ids import SeededIds
from minibank.db import Database, open_database
from tests.support.damage import DAMAGES, do_damage, expected, label, new_rows
from tests.support.damage_found import FOUND_ONLY_IN_FULL, UNNAMED, guide_table
from tests.support.damaging import NOON, Damage
from tests.support.databases import Databases, in_thread
from tests.support.saboteur import Saboteur
from tests.support.teller import Teller

HOUR = 3600
TO_NEW_ROWS = [one for one in DAMAGES if one.where != "sequence = 1" and label(one) != UNNAMED]
MARKS = Plan(leaves_marks=True)
NEWS = Plan(starts_over=never)
"""As `minibank audit`, but leaving the marks as they are for the next test."""


async def fill_verified(url: str) -> None:
    """A bank in which everything happened, and was verified an hour later."""
    clock = FakeClock(NOON)
    db = await open_database(url, clock=clock, ids=SeededIds("damage"))
    await (await Teller.open(db)).do_everything()
    clock.advance(HOUR)
    assert (await audit(db, MARKS)).clean
    await db.close()


async def fill_anew(url: str) -> None:
    """A bank that was verified early on, and in which everything has happened since."""
    clock = FakeClock(NOON - HOUR * 1_000_000)
    db = await open_database(url, clock=clock, ids=SeededIds("damage"))
    teller = await Teller.open(db)
    await teller.begin()
    assert (await audit(db, MARKS)).clean
    clock.advance(HOUR)
    await teller.do_everything()
    report = await audit(db, NEWS)
    assert report.findings == []
    # Those that were opened since, and no other, are verified from their beginning.
    assert report.accounts_in_full == report.accounts - len(teller.holders)
    await db.close()


@pytest.fixture(scope="module")
def banks(databases: Databases) -> Iterator[Callable[[str, str], str]]:
    """The address of each engine's bank of each kind, made when it is first needed."""
    urls: dict[tuple[str, str], str] = {}
    fills = {"verified": fill_verified, "anew": fill_anew}

    def url_of(engine: str, kind: str) -> str:
        if (engine, kind) not in urls:
            urls[engine, kind] = databases.new(engine)
            in_thread(fills[kind](urls[engine, kind]))
        return urls[engine, kind]

    yield url_of
    for url in urls.values():
        databases.discard(url)


@pytest.fixture
def kind() -> str:
    """Which bank is damaged."""
    return "verified"


@pytest.fixture
def bank_url(engine: str, kind: str, banks: Callable[[str, str], str]) -> str:
    """The address of the bank that is damaged."""
    return banks(engine, kind)


@pytest.fixture
async def bank(bank_url: str) -> AsyncIterator[Database]:
    """The bank that is damaged, open an hour after everything happened."""
    db = await open_database(bank_url, clock=FakeClock(NOON + HOUR * 1_000_000))
    yield db
    await db.close()


@pytest.fixture
async def saboteur(bank_url: str, bank: Database) -> AsyncIterator[Saboteur]:
    """The saboteur, whose damage is undone afterwards."""
    came = await Saboteur.connect(bank_url)
    yield came
    await came.leave()


async def findings(db: Database, plan: Plan) -> set[tuple[str, str]]:
    return {(one.code, one.subject) for one in (await audit(db, plan)).findings}


@pytest.mark.parametrize("kind", ["anew"])
@pytest.mark.parametrize("damage", TO_NEW_ROWS, ids=label)
async def test_damage_to_a_new_row_is_named_by_the_next_audit(
    bank: Database, saboteur: Saboteur, damage: Damage, kind: str
) -> None:
    row = await saboteur.pick(damage.table, f"{damage.where} AND {new_rows(damage.table)}")
    named = await expected(saboteur, damage, row)
    await do_damage(saboteur, damage, row)
    assert named in await findings(bank, NEWS)


@pytest.mark.parametrize("damage", DAMAGES, ids=label)
async def test_damage_to_a_verified_row_is_named_in_full_and_at_once_unless_it_is_of_the_past(
    bank: Database, saboteur: Saboteur, damage: Damage
) -> None:
    row = await saboteur.pick(damage.table, damage.where)
    named = await expected(saboteur, damage, row)
    await do_damage(saboteur, damage, row)
    assert named in await findings(bank, Plan())
    at_once = named in await findings(bank, NEWS)
    assert at_once == (label(damage) not in FOUND_ONLY_IN_FULL)


async def test_the_amount_of_a_verified_entry_is_looked_at_in_full_only(
    bank: Database, saboteur: Saboteur
) -> None:
    row = await saboteur.pick("entries", "sequence = 1 AND ordinal = 1")
    await saboteur.update("entries", row, {"amount": 12_345})
    assert "entry_set.hash" in {code for code, _ in await findings(bank, Plan())}
    assert await findings(bank, NEWS) == set()


def test_the_guide_says_what_the_next_audit_finds_and_what_only_a_full_one() -> None:
    guide = Path("docs/guides/how-the-ledger-works.md").read_text()
    assert "\n".join(guide_table()) in guide

"""Balances at past instants against a list of all entries, whatever is in the subtotals already.

MINIBANK_EXAMPLES=1000 looks longer than the usual runs do.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minibank.core.clock import FakeClock
from minibank.core.ids import SeededIds
from minibank.db import Database, open_database
from minibank.journal.balances import (
    Instants,
    read_account_balances,
    read_address_balance,
    read_trial_balance,
)
from minibank.journal.subtotals.rolling import add_part
from minibank.ledger.entries import (
    CARD_SETTLEMENT,
    TRANSFER_SETTLEMENT,
    Entry,
    EntrySet,
    held,
    main,
)
from tests.conftest import NOON
from tests.support.banking import Holder, open_holders
from tests.support.databases import Databases
from tests.support.ledgers import Chain, Posting

EXAMPLES = int(os.environ.get("MINIBANK_EXAMPLES", "25"))
HOUR = 3_600_000_000
BLOCK = 3
PEOPLE = 3

INSTANTS = st.builds(
    lambda hours, more: NOON + hours * HOUR + more,
    st.integers(-14, 14),
    st.integers(-1, 1),
)
BOUNDS = st.one_of(st.just(2**62), INSTANTS)


@dataclass(frozen=True, slots=True)
class Write:
    """Entry sets of one account, each (booked, happened, from, to, amount)."""

    who: int
    sets: list[tuple[int, int, int, int, int]]


@dataclass(frozen=True, slots=True)
class RollUp:
    """Bring so many entry sets of these accounts into the subtotals."""

    who: list[int]
    sets_max: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for every balance there is at these instants."""

    instants: Instants


SETS = st.tuples(INSTANTS, INSTANTS, st.integers(0, 4), st.integers(0, 4), st.integers(-500, 500))
ASKED = st.builds(Instants, BOUNDS, BOUNDS)
STEPS = st.one_of(
    st.builds(Write, st.integers(0, PEOPLE - 1), st.lists(SETS, min_size=1, max_size=7)),
    st.builds(
        RollUp,
        st.lists(st.integers(0, PEOPLE - 1), min_size=1, unique=True),
        st.integers(1, 10),
    ),
    st.builds(Ask, ASKED),
)


@dataclass(slots=True)
class Model:
    """All entries, and what they add up to when they are simply added up."""

    chains: list[Chain]

    def addresses(self, who: int) -> list[str]:
        """Where the money of one of them may lie, the bank's own addresses included."""
        holder = self.chains[who].holder
        pot = holder.account_id.replace("acc_", "pot_")
        own = [main(holder.account_id), held(holder.account_id), f"pot:{pot}"]
        return [*own, CARD_SETTLEMENT, TRANSFER_SETTLEMENT]

    def posting(self, who: int, made: tuple[int, int, int, int, int]) -> Posting:
        """The entries of one set; what moves nothing moves a penny there and back."""
        booked_at, happened_at, source, target, amount = made
        addresses, amount = self.addresses(who), amount or 1
        entries = (
            Entry(addresses[source], -amount, "GBP"),
            Entry(addresses[target], amount, "GBP"),
        )
        return booked_at, happened_at, entries

    def sums(self, sets: Sequence[EntrySet], instants: Instants) -> dict[str, int]:
        """By address, what those of these sets add up to that count."""
        found: defaultdict[str, int] = defaultdict(int)
        for one in sets:
            counts = one.booked_at <= instants.booked_by and one.happened_at <= instants.happened_by
            for entry in one.entries if counts else ():
                found[entry.address] += entry.amount
        return dict(found)

    async def compare(self, db: Database, instants: Instants) -> None:
        """Ask the bank for everything."""
        everything = [one for chain in self.chains for one in chain.written]
        whole = self.sums(everything, instants)
        for who, chain in enumerate(self.chains):
            found = await read_account_balances(db, chain.holder.account_id, instants)
            assert {one.address: one.amount for one in found} == self.sums(chain.written, instants)
            for address in self.addresses(who):
                sums = await read_address_balance(db, address, instants)
                assert [one.amount for one in sums] == (
                    [whole[address]] if address in whole else []
                ), address
        trial = await read_trial_balance(db, instants)
        assert trial.off == {}
        assert {one.address: one.amount for one in trial.bank} == {
            address: amount for address, amount in whole.items() if address.startswith("scheme:")
        }
        assert sum(one.amount for one in trial.customers) == -sum(one.amount for one in trial.bank)


async def replay(
    url: str, steps: Sequence[Write | RollUp | Ask], asked: Sequence[Instants]
) -> None:
    """Do all this in a bank of its own people, and compare whenever it is asked and at the end."""
    db = await open_database(url, clock=FakeClock(NOON), ids=SeededIds("instants"))
    try:
        holders: list[Holder] = await open_holders(db, PEOPLE)
        model = Model([Chain(holder) for holder in holders])
        everything = RollUp(list(range(PEOPLE)), 1000)
        for step in (*steps, everything, *map(Ask, asked), Ask(Instants())):
            if isinstance(step, Write):
                postings = [model.posting(step.who, one) for one in step.sets]
                await model.chains[step.who].write(db, postings)
            elif isinstance(step, RollUp):
                accounts = [(holders[who].shard, holders[who].account_id) for who in step.who]
                part = partial(add_part, accounts=accounts, sets_max=step.sets_max, block=BLOCK)
                await db.transact(part)
            else:
                await model.compare(db, step.instants)
    finally:
        await db.close()


def test_a_balance_at_an_instant_is_what_the_entries_of_its_past_add_up_to(
    engine: str, databases: Databases
) -> None:
    @settings(
        max_examples=EXAMPLES,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(st.lists(STEPS, min_size=1, max_size=12), st.lists(ASKED, min_size=3, max_size=3))
    def look(steps: list[Write | RollUp | Ask], asked: list[Instants]) -> None:
        url = databases.new(engine)
        try:
            asyncio.run(replay(url, steps, asked))
        finally:
            databases.discard(url)

    look()

"""The journal's export: whole and in order, whatever is written while somebody reads it."""

import hashlib
from typing import Any

import msgspec

from minibank.db import Database
from minibank.journal.entry_sets.export import BEGINNING, PAGE, Export
from minibank.journal.entry_sets.store import Position
from minibank.ledger.entries import CARD_SETTLEMENT, Entry, main
from tests.conftest import NOON
from tests.support.banking import open_holders
from tests.support.counting import CountingDatabase
from tests.support.ledgers import Chain


def pennies(chain: Chain, booked_at: list[int]) -> list[Any]:
    """An entry set of a penny for each of these instants."""
    entries = (
        Entry(main(chain.holder.account_id), 1, "GBP"),
        Entry(CARD_SETTLEMENT, -1, "GBP"),
    )
    return [(instant, instant, entries) for instant in booked_at]


async def chains(db: Database, count: int) -> list[Chain]:
    """So many accounts, in the order of the journal."""
    holders = await open_holders(db, count)
    return [Chain(one) for one in sorted(holders, key=lambda one: (one.shard, one.account_id))]


async def lines_of(export: Export) -> list[dict[str, Any]]:
    """Everything that an export says."""
    return [
        msgspec.json.decode(line) async for part in export.lines() for line in part.splitlines()
    ]


def sets_in(lines: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Which entry sets there are."""
    return [(one["account_id"], one["sequence"]) for one in lines if one["type"] == "entry_set"]


def everything(made: list[Chain]) -> list[tuple[str, int]]:
    """All entry sets that there are, in the order of the journal."""
    return [
        (chain.holder.account_id, number)
        for chain in made
        for number in range(1, len(chain.written) + 1)
    ]


async def test_a_journal_of_many_pages_has_every_entry_set_once(db: Database) -> None:
    made = await chains(db, 4)
    for chain, count in zip(made, (PAGE + 1, 0, PAGE - 1, 3), strict=True):
        await chain.write(db, pennies(chain, [NOON] * count))
    lines = await lines_of(Export(db, NOON))
    assert sets_in(lines) == everything(made)
    ends = [one for one in lines if one["type"] == "account"]
    assert [one["sequence"] for one in ends] == [PAGE + 1, PAGE - 1, 3]
    assert lines[-1]["entry_sets"] == 2 * PAGE + 3


async def test_an_export_ends_and_has_no_gap_while_the_bank_goes_on(db: Database) -> None:
    made = await chains(db, 3)
    for chain in made:
        await chain.write(db, pennies(chain, [NOON] * PAGE))
    before = everything(made)
    found = []
    async for part in Export(db, NOON).lines():
        found += [msgspec.json.decode(line) for line in part.splitlines()]
        for chain in made:  # somebody pays on every account while the reader is slow
            await chain.write(db, pennies(chain, [NOON + 1] * 7))
    assert sets_in(found) == before
    assert found[-1]["type"] == "complete"


async def test_what_was_booked_later_is_left_out_with_all_that_follows_it(db: Database) -> None:
    made = await chains(db, 2)
    # Another server's clock was ahead for a moment.
    await made[0].write(db, pennies(made[0], [NOON, NOON + 5, NOON - 1]))
    await made[1].write(db, pennies(made[1], [NOON]))
    lines = await lines_of(Export(db, NOON))
    first, second = (chain.holder.account_id for chain in made)
    assert sets_in(lines) == [(first, 1), (second, 1)]


async def test_an_export_goes_on_behind_any_entry_set(db: Database) -> None:
    made = await chains(db, 2)
    for chain in made:
        await chain.write(db, pennies(chain, [NOON] * 4))
    whole = everything(made)
    for number, (account_id, sequence) in enumerate(whole, 1):
        shard = next(one.holder.shard for one in made if one.holder.account_id == account_id)
        position: Position = (shard, account_id, sequence)
        lines = await lines_of(Export(db, NOON, position))
        assert sets_in(lines) == whole[number:]
        # The end of the account that it goes on in is said again, or for the first time.
        assert next(one for one in lines if one["type"] == "account")["account_id"] == account_id


async def test_a_bank_without_entries_has_a_journal_that_says_so(db: Database) -> None:
    await chains(db, 1)
    first, last = await lines_of(Export(db, NOON))
    assert first["type"] == "journal"
    assert (last["type"], last["accounts"], last["entry_sets"]) == ("complete", 0, 0)


async def test_a_page_of_the_export_costs_two_statements_and_bounded_memory(db: Database) -> None:
    (chain,) = await chains(db, 1)
    await chain.write(db, pennies(chain, [NOON] * (3 * PAGE)))
    counting = CountingDatabase(db)
    digest = hashlib.sha256()
    parts: list[bytes] = []
    async for part in Export(counting, NOON, BEGINNING).lines():
        digest.update(b"".join(parts[-1:]))
        parts.append(part)
    # The end of an earlier part is looked for, then three pages, then one that is empty.
    assert len(counting.statements) == 2 + 3 * 2 + 1
    assert max(len(part.splitlines()) for part in parts) == PAGE
    assert msgspec.json.decode(parts[-1])["sha256"] == digest.hexdigest()

"""Bring entries into the subtotals, a bounded part in each unit of work.

Payments know nothing of it: what they wrote is found by comparing the length of an account's chain
with how far its subtotals go.
"""

from collections.abc import Sequence
from functools import partial

from minibank.core.errors import Unavailable
from minibank.core.ids import SHARDS, shard_of
from minibank.db import Database, Tx
from minibank.journal.subtotals import store
from minibank.journal.subtotals.store import BLOCK, Part

PART_SETS = 2_000
"""How many entry sets one unit of work adds, some tens of milliseconds."""
PART_ACCOUNTS = 500
UNADDED_SETS_MAX = 1_000
"""How many entry sets of one account a question adds up itself."""
UNADDED_SETS_MAX_IN_BANK = 20_000
"""The same for a question about all accounts."""
PARTS_MAX = 250
"""How many parts somebody who asks waits for."""

EVERYWHERE = tuple(range(SHARDS))


async def add_part(
    tx: Tx, accounts: Sequence[tuple[int, str]], sets_max: int = PART_SETS, block: int = BLOCK
) -> int:
    """Add what is missing of these accounts, `sets_max` entry sets at most; how many it was.

    A `block` other than the bank's own is for tests: an audit does not expect it.
    """
    left = sets_max
    parts: list[Part] = []
    for row in await store.lock_progress(tx, accounts):
        until = min(row["chain_length"], row["sequence"] + left)
        if until > row["sequence"]:
            parts.append(Part(row["shard"], row["account_id"], row["sequence"], until))
            left -= until - row["sequence"]
    if parts:
        await store.add_parts(tx, parts, block)
    return sets_max - left


async def roll_up(db: Database, shards: Sequence[int], parts_max: int | None = None) -> bool:
    """Add all that is missing in these shards, or so many parts of it; whether nothing is left."""
    parts = 0
    while behind := await db.read(partial(store.list_behind, shards=shards, limit=PART_ACCOUNTS)):
        if parts == parts_max:
            return False
        accounts = [(row["shard"], row["account_id"]) for row in behind]
        await db.transact(partial(add_part, accounts=accounts))
        parts += 1
    return True


async def start_over(tx: Tx, account_id: str | None = None) -> None:
    """Forget the subtotals of one account, or of all; they are made again of the entries."""
    await store.delete_subtotals(tx, shard_of(account_id) if account_id else None, account_id or "")


async def catch_up(db: Database, shard: int, account_id: str) -> None:
    """Add what is missing of one account, if it is more than a question adds up itself.

    Raises `Unavailable` when it is more than one can wait for.
    """
    count = partial(store.count_missing_of, shard=shard, account_id=account_id)
    for _ in range(PARTS_MAX):
        if await db.read(count) <= UNADDED_SETS_MAX:
            return
        await db.transact(partial(add_part, accounts=[(shard, account_id)]))
    raise _too_much()


async def catch_up_shards(db: Database, shards: Sequence[int]) -> None:
    """The same for all accounts of these shards."""
    missing = await db.read(partial(store.count_missing, shards=shards))
    if missing > UNADDED_SETS_MAX_IN_BANK and not await roll_up(db, shards, PARTS_MAX):
        raise _too_much()


def _too_much() -> Unavailable:
    return Unavailable(
        "unavailable.adding_up", "The entries are still being added up: ask again in a while"
    )

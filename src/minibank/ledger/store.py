"""Rows of the ledger."""

from collections.abc import Sequence

import msgspec

from minibank.db import Tx
from minibank.ledger.entries import EntrySet

_SET_COLUMNS = (
    "shard",
    "account_id",
    "sequence",
    "id",
    "code",
    "transaction_id",
    "forced",
    "happened_at",
    "booked_at",
    "previous_hash",
    "hash",
)
_ENTRY_COLUMNS = ("shard", "account_id", "sequence", "ordinal", "address", "amount", "currency")


class ChainedSet(msgspec.Struct, frozen=True):
    """An entry set in its place in the account's chain."""

    shard: int
    sequence: int
    previous_hash: bytes
    hash: bytes
    entry_set: EntrySet


async def insert_entry_sets(tx: Tx, chained: Sequence[ChainedSet]) -> None:
    """Store entry sets and their entries."""
    sets = [
        (
            link.shard,
            link.entry_set.account_id,
            link.sequence,
            link.entry_set.id,
            link.entry_set.code,
            link.entry_set.transaction_id,
            int(link.entry_set.forced),
            link.entry_set.happened_at,
            link.entry_set.booked_at,
            link.previous_hash,
            link.hash,
        )
        for link in chained
    ]
    entries = [
        (
            link.shard,
            link.entry_set.account_id,
            link.sequence,
            ordinal,
            entry.address,
            entry.amount,
            entry.currency,
        )
        for link in chained
        for ordinal, entry in enumerate(link.entry_set.entries, 1)
    ]
    await tx.insert_rows("entry_sets", _SET_COLUMNS, sets)
    await tx.insert_rows("entries", _ENTRY_COLUMNS, entries)

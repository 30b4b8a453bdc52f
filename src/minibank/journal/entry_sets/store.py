"""Entry sets as they are stored, with their entries."""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx, Row
from minibank.ledger.entries import Entry

Position = tuple[int, str, int]
"""A place in the journal: a shard, an account and a number in its chain. The journal is in the
order of these."""


class ReadSet(msgspec.Struct, kw_only=True):
    """An entry set and its entries; instants in microseconds."""

    shard: int
    account_id: str
    sequence: int
    id: str
    code: str
    transaction_id: str
    forced: bool
    happened_at: int
    booked_at: int
    previous_hash: bytes
    hash: bytes
    entries: list[Entry] = []

    @property
    def position(self) -> Position:
        """Where it stands in the journal."""
        return self.shard, self.account_id, self.sequence


async def list_sets(
    tx: ReadTx, shard: int, account_id: str, after: int, limit: int
) -> list[ReadSet]:
    """An account's entry sets beyond a number, in the order of its chain."""
    sets = await tx.fetch(
        """
        SELECT shard, account_id, sequence, id, code, transaction_id, forced, happened_at,
               booked_at, previous_hash, hash
        FROM entry_sets WHERE shard = $1 AND account_id = $2 AND sequence > $3
        ORDER BY sequence LIMIT $4
        """,
        shard,
        account_id,
        after,
        limit,
    )
    return await _with_entries(tx, shard, account_id, sets)


async def find_set(tx: ReadTx, shard: int, account_id: str, sequence: int) -> ReadSet | None:
    """The entry set of a number in an account's chain."""
    found = await list_sets(tx, shard, account_id, sequence - 1, 1)
    return found[0] if found and found[0].sequence == sequence else None


async def list_sets_of_transaction(
    tx: ReadTx, shard: int, transaction_id: str, after: int, limit: int
) -> list[ReadSet]:
    """A transaction's entry sets beyond a number of its account's chain, in order."""
    sets = await tx.fetch(
        """
        SELECT shard, account_id, sequence, id, code, transaction_id, forced, happened_at,
               booked_at, previous_hash, hash
        FROM entry_sets WHERE shard = $1 AND transaction_id = $2 AND sequence > $3
        ORDER BY sequence LIMIT $4
        """,
        shard,
        transaction_id,
        after,
        limit,
    )
    # A transaction is of one account.
    return await _with_entries(tx, shard, sets[0]["account_id"] if sets else "", sets)


async def _with_entries(
    tx: ReadTx, shard: int, account_id: str, sets: Sequence[Row]
) -> list[ReadSet]:
    rows = await tx.fetch(
        """
        SELECT shard, account_id, sequence, address, amount, currency
        FROM entries WHERE shard = $1 AND account_id = $2 AND sequence = ANY($3)
        ORDER BY sequence, ordinal
        """,
        shard,
        account_id,
        [row["sequence"] for row in sets],
    )
    return _joined(sets, rows)


async def walk_journal(tx: ReadTx, after: Position, limit: int) -> list[ReadSet]:
    """The next entry sets of the whole bank, in the order of the journal."""
    sets = await tx.fetch(
        """
        SELECT shard, account_id, sequence, id, code, transaction_id, forced, happened_at,
               booked_at, previous_hash, hash
        FROM entry_sets WHERE shard >= $1 AND (shard, account_id, sequence) > ($1, $2, $3)
        ORDER BY shard, account_id, sequence LIMIT $4
        """,
        *after,
        limit,
    )
    if not sets:
        return []
    rows = await tx.fetch(
        """
        SELECT shard, account_id, sequence, address, amount, currency
        FROM entries
        WHERE shard >= $1 AND (shard, account_id, sequence) >= ($1, $2, $3)
          AND shard <= $4 AND (shard, account_id, sequence) <= ($4, $5, $6)
        ORDER BY shard, account_id, sequence, ordinal
        """,
        *_position(sets[0]),
        *_position(sets[-1]),
    )
    return _joined(sets, rows)


def _position(row: Row) -> Position:
    return row["shard"], row["account_id"], row["sequence"]


def _joined(sets: Sequence[Row], entries: Sequence[Row]) -> list[ReadSet]:
    found = {}
    for row in sets:
        one = ReadSet(**dict(zip(_FIELDS, row, strict=True)))
        one.forced, one.entries = bool(one.forced), []
        found[one.position] = one
    for shard, account_id, sequence, *entry in entries:
        owner = found.get((shard, account_id, sequence))
        if owner is not None:
            owner.entries.append(Entry(*entry))
    return list(found.values())


_FIELDS = ReadSet.__struct_fields__[:-1]

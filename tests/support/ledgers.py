"""Entry sets written as they are asked for, whatever their instants: ledgers without payments."""

import itertools
from collections.abc import Sequence

from minibank.db import Database, Tx
from minibank.ledger.chain import GENESIS, next_hash
from minibank.ledger.entries import Entry, EntrySet
from minibank.ledger.store import ChainedSet, insert_entry_sets
from tests.support.banking import Holder

_numbers = itertools.count(1)

Posting = tuple[int, int, tuple[Entry, ...]]
"""When it was booked, when it happened, and balanced entries."""


class Chain:
    """The chain of one account, and all that was written to it."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.written: list[EntrySet] = []
        self._head = GENESIS

    async def write(self, db: Database, postings: Sequence[Posting]) -> None:
        """Write these in order, and where the chain ends then."""
        links = []
        for booked_at, happened_at, entries in postings:
            entry_set = EntrySet(
                id=f"entryset_{next(_numbers)}",
                account_id=self.holder.account_id,
                code="test",
                transaction_id="tx_none",
                forced=False,
                happened_at=happened_at,
                booked_at=booked_at,
                entries=entries,
            )
            self.written.append(entry_set)
            previous, sequence = self._head, len(self.written)
            self._head = next_hash(previous, sequence, entry_set)
            shard = self.holder.shard
            links.append(ChainedSet(shard, sequence, previous, self._head, entry_set))

        async def work(tx: Tx) -> None:
            await insert_entry_sets(tx, links)
            await tx.execute(
                "UPDATE balances SET chain_length = $3, chain_head = $4"
                " WHERE shard = $1 AND account_id = $2",
                self.holder.shard,
                self.holder.account_id,
                len(self.written),
                self._head,
            )

        await db.transact(work)

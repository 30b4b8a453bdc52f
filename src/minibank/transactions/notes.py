"""The note that all readers of a transaction share, and the history of its changes.

Whoever may see a transaction may rewrite its note, each through any client. So every change keeps
who made it, when, and what stood there before; the newest of them stay.
"""

from dataclasses import dataclass

from minibank.db import ReadTx, Tx
from minibank.transactions import store
from minibank.transactions.records import NoteChange, VersionedTransaction

CHANGES_MAX = 100
"""How many changes of one transaction's note are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class NoteVersion:
    """What somebody made of a note: `before` became `after`."""

    change: NoteChange
    after: str

    @property
    def before(self) -> str:
        """What the note said until then; empty when there was none."""
        return self.change.notes_before


async def change_notes(
    tx: Tx, transaction: VersionedTransaction, notes: str, user_id: str, client_id: str
) -> None:
    """Give a transaction another note and keep the one it had.

    It was read under its lock and says something else. `updated` becomes this instant, or stays
    where it is if it is already later.
    """
    shard, transaction_id = transaction.shard, transaction.id
    updated_at = max(tx.now, transaction.updated_at)
    await store.put_notes(tx, shard, transaction_id, notes, updated_at)
    change = NoteChange(
        shard=shard,
        transaction_id=transaction_id,
        version=transaction.version + 1,
        user_id=user_id,
        client_id=client_id,
        changed_at=tx.now,
        notes_before=transaction.notes,
    )
    await store.insert_note_change(tx, change)
    await store.drop_old_note_changes(tx, shard, transaction_id, CHANGES_MAX)


async def read_note_history(tx: ReadTx, shard: int, transaction_id: str) -> list[NoteVersion]:
    """The changes of a transaction's note that are kept, newest first.

    Ask for it in one snapshot: the note that stands and the change that made it are two reads.
    Whether the reader may see the transaction is the caller's question.
    """
    after = await store.find_notes(tx, shard, transaction_id)
    if after is None:
        return []
    history = []
    for change in await store.list_note_changes(tx, shard, transaction_id):
        history.append(NoteVersion(change, after))
        after = change.notes_before
    return history

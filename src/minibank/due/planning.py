"""Plan work that falls due, in the unit of work that causes it.

Much of it is of one kind for a whole shard (remove what nobody needs any more): the first cause
writes its row, later ones find it, and whoever executes it plans it again or lets it go. That
decision and a new cause must not miss each other, so both hold the row until they commit.
"""

from collections.abc import Iterable

from minibank.db import Tx
from minibank.due import store
from minibank.due.store import Planned


async def plan(tx: Tx, works: Iterable[Planned]) -> None:
    """Have this done; what is planned already is done at the earlier of the two times."""
    earliest: dict[tuple[int, str, str], Planned] = {}
    # Sorted downwards, so that of several times for one piece the earliest stays.
    for one in sorted(works, reverse=True):
        earliest[one.shard, one.kind, one.subject] = one
    if earliest:
        await store.put_work(tx, sorted(earliest.values()))


async def take_back(tx: Tx, shard: int, kind: str, subject: str) -> None:
    """Have this not be done: what it is about goes in this unit of work. Waits for whoever does it
    at the moment."""
    await store.delete_work(tx, shard, kind, subject)

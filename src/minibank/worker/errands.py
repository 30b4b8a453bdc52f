"""Due work outside of the database: what it does cannot be undone, so it is done between two units
of work, and harmless when it is done twice."""

from minibank.attachments.retention import CONTENTS, forget_content
from minibank.core.clock import MICROSECONDS, Clock
from minibank.db import Database, Tx
from minibank.files import Files, FilesUnavailable
from minibank.files.metrics import FileMetrics
from minibank.worker.kinds import Errand
from minibank.worker.store import DueRow, claim_due, delete_due, lock_due

LEASE_SECONDS = 60


def remove_contents(files: Files, metrics: FileMetrics | None = None) -> dict[str, Errand]:
    """The errand that removes the bytes of files that nothing leads to any more."""
    counts = metrics or FileMetrics()

    async def run(db: Database, row: DueRow) -> None:
        try:
            await files.remove(row.subject)
        except FilesUnavailable:
            counts.failures.add("remove")
            raise

        async def forget(tx: Tx) -> None:
            if await lock_due(tx, row) is not None:
                await forget_content(tx, row.shard, row.subject)
                await delete_due(tx, row)

        await db.transact(forget)
        counts.removed.add()

    return {CONTENTS: run}


async def remove_contents_now(db: Database, files: Files, shard: int, clock: Clock) -> None:
    """Remove what nothing leads to any more in a shard, now and not when a worker comes by.

    `clock` is real time. Raises `FilesUnavailable`; what is left then is a worker's.
    """
    [(kind, errand)] = remove_contents(files).items()
    now = clock.now()
    until = now + LEASE_SECONDS * MICROSECONDS
    while rows := await db.transact(lambda tx: claim_due(tx, [shard], [kind], now, until)):
        for row in rows:
            await errand(db, row)

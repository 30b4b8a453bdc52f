"""Due work outside of the database: what it does cannot be undone, so it is done between two units
of work, and harmless when it is done twice."""

from minibank.attachments.retention import CONTENTS, forget_content
from minibank.db import Database, Tx
from minibank.files import Files, FilesUnavailable
from minibank.files.metrics import FileMetrics
from minibank.worker.kinds import Errand
from minibank.worker.store import DueRow, delete_due, lock_due


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

"""Remove files that nobody attached to anything, as due work.

What goes first is the row of the upload; bytes go when no other row of their shard leads to them.
They are marked in that unit of work, removed outside of any, and forgotten in one more: whoever
brings the same bytes meanwhile finds the mark and keeps them elsewhere.
"""

from minibank.attachments import store
from minibank.attachments.records import Upload
from minibank.core.clock import MICROSECONDS
from minibank.db import Tx
from minibank.due.planning import plan
from minibank.due.store import Planned

UPLOADS = "upload"
"""The due work that looks whether an upload is attached to something."""
CONTENTS = "file_content"
"""The due work that removes bytes; its subject is the name they are kept under."""
UNUSED_SECONDS = 24 * 3600
"""How long a file may be here without an attachment."""


async def plan_removal(tx: Tx, shard: int, upload_id: str) -> None:
    """Plan that an upload goes if nothing leads to it after a day."""
    due_at = tx.now + UNUSED_SECONDS * MICROSECONDS
    await plan(tx, [Planned(shard=shard, kind=UPLOADS, subject=upload_id, due_at=due_at)])


async def remove_unused(tx: Tx, shard: int, upload_id: str) -> None:
    """Remove an upload that nothing leads to; its due work is over in any case."""
    upload = await store.lock_upload(tx, shard, upload_id)
    if upload is not None and not upload.uses:
        await remove(tx, upload)


async def remove(tx: Tx, upload: Upload) -> None:
    """Remove an upload that is held, and have its bytes go if nobody else has them."""
    await store.delete_upload(tx, upload.shard, upload.id)
    if upload.content_digest is None:
        return
    # Held before anybody is asked for: who claims the same bytes holds the row as well.
    await store.lock_content(tx, upload.shard, upload.content_digest)
    name = await store.let_content_go(tx, upload.shard, upload.content_digest)
    if name is not None:
        await plan(tx, [Planned(shard=upload.shard, kind=CONTENTS, subject=name, due_at=tx.now)])


async def forget_content(tx: Tx, shard: int, name: str) -> None:
    """Forget bytes that are gone."""
    await store.delete_content(tx, shard, name, digest_in(name))


def digest_in(name: str) -> bytes:
    """SHA-256 of what is kept under this name; ValueError when the bank gives no such name."""
    digest = bytes.fromhex(name.rpartition("/")[2].partition("-")[0])
    if len(digest) != 32:
        raise ValueError(name)
    return digest

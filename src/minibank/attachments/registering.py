"""Attach files to transactions, and take them off.

That a transaction has one more is the transaction's own row, which the caller holds and counts
first: the order of locks is the transaction, then the upload.
"""

from minibank.attachments import store
from minibank.attachments.names import FilePath
from minibank.attachments.records import Attachment
from minibank.attachments.retention import UPLOADS, plan_removal
from minibank.core.errors import BadParam, NotFound
from minibank.core.ids import shard_of
from minibank.db import ReadTx, Tx
from minibank.due.planning import take_back


def no_such_attachment() -> NotFound:
    """The one answer for an attachment that is not there and for one that is not the caller's."""
    return NotFound("attachment", "There is no such attachment")


async def require_own_upload(tx: ReadTx, path: FilePath, user_id: str) -> str:
    """The upload that an address of the bank leads to; `BadParam` unless it is this user's."""
    shard = path.shard
    found = None
    if shard is not None and path.user_id == user_id:
        found = await store.find_upload_named(tx, shard, path.digest)
    if found is None:
        raise BadParam("file_url", "leads to no file of yours: it may have been removed")
    return found


async def attach(tx: Tx, attachment: Attachment) -> None:
    """Store an attachment and, if it leads to a file of the bank, have that stay.

    Raises `BadParam` when that file has just been removed.
    """
    if attachment.upload_id is not None:
        shard = shard_of(attachment.upload_id)
        assert shard is not None, "an upload's id says where it lives"
        if await store.lock_upload(tx, shard, attachment.upload_id) is None:
            raise BadParam("file_url", "leads to no file of yours: it may have been removed")
        await store.add_uses(tx, shard, attachment.upload_id, 1)
    await store.insert_attachment(tx, attachment)


async def detach(tx: Tx, shard: int, attachment_id: str, upload_id: str | None) -> None:
    """Remove an attachment; `NotFound` when somebody just did. A file of the bank that nothing
    leads to any more goes after a day."""
    if not await store.delete_attachment(tx, shard, attachment_id):
        raise no_such_attachment()
    if upload_id is not None:
        await _let_go(tx, upload_id)


async def _let_go(tx: Tx, upload_id: str) -> None:
    shard = shard_of(upload_id)
    assert shard is not None, "an upload's id says where it lives"
    upload = await store.lock_upload(tx, shard, upload_id)
    if upload is None:
        return
    await store.add_uses(tx, shard, upload_id, -1)
    if upload.uses == 1:
        # Planned when the address was given out, and perhaps not done yet: of two times the earlier
        # would stand.
        await take_back(tx, shard, UPLOADS, upload_id)
        await plan_removal(tx, shard, upload_id)

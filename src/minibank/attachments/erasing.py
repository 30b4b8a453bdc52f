"""Remove what a person who is erased attached and sent."""

from minibank.attachments import store
from minibank.attachments.registering import detach
from minibank.attachments.retention import remove
from minibank.core.ids import shard_of
from minibank.db import ReadTx, Tx


async def list_erasable(
    tx: ReadTx, shard: int, account_id: str, user_id: str, limit: int
) -> list[tuple[str, str, str | None]]:
    """Some attachments of an account, of a user or of all if that is empty: each one's id, its
    transaction's, and its upload's."""
    rows = await store.list_attachments_of(tx, shard, account_id, user_id, limit)
    return [(row["id"], row["transaction_id"], row["upload_id"]) for row in rows]


async def erase_attachment(tx: Tx, shard: int, attachment: tuple[str, str, str | None]) -> None:
    """Remove one of these; its transaction counts one less already, and is held."""
    attachment_id, _, upload_id = attachment
    await detach(tx, shard, attachment_id, upload_id)


async def erase_uploads(tx: Tx, user_id: str, limit: int) -> bool:
    """Remove some of what a user sent, and have the bytes go; whether there may be more."""
    shard = shard_of(user_id)
    assert shard is not None, "the user exists"
    for one in await store.list_uploads(tx, shard, user_id, "", limit):
        upload = await store.lock_upload(tx, shard, one.id)
        if upload is not None:
            await remove(tx, upload)
    if await store.list_uploads(tx, shard, user_id, "", 1):
        return True
    await store.delete_day(tx, shard, user_id)
    return False

"""Rows of uploads, of what was sent on a day, of contents and of attachments."""

from collections.abc import Sequence

import msgspec

from minibank.attachments.records import (
    Arrived,
    Attachment,
    Content,
    StoredFile,
    Upload,
    UploadDay,
)
from minibank.db import ReadTx, Row, Tx

# Uploads, with their users.


async def insert_upload(tx: Tx, upload: Upload) -> None:
    """Store a file that may be sent."""
    row = msgspec.structs.astuple(upload)
    await tx.insert_rows("uploads", Upload.__struct_fields__, [row])


def _upload(row: Row) -> Upload:
    return Upload(**{name: row[name] for name in Upload.__struct_fields__})


async def find_upload(tx: ReadTx, shard: int, upload_id: str) -> Upload | None:
    """A file that may be sent, or was."""
    row = await tx.fetch_one(
        """
        SELECT shard, id, user_id, client_id, name_digest, file_name, file_type, declared_size,
               created_at, content_digest, size, media_type, stored_at, uses
        FROM uploads WHERE shard = $1 AND id = $2
        """,
        shard,
        upload_id,
    )
    return _upload(row) if row else None


async def lock_upload(tx: Tx, shard: int, upload_id: str) -> Upload | None:
    """The same, held until the unit of work ends."""
    await tx.fetch_one(
        "SELECT id FROM uploads WHERE shard = $1 AND id = $2 FOR NO KEY UPDATE", shard, upload_id
    )
    return await find_upload(tx, shard, upload_id)


async def find_upload_named(tx: ReadTx, shard: int, name_digest: bytes) -> str | None:
    """The id of the upload whose file's address has this digest."""
    row = await tx.fetch_one(
        "SELECT id FROM uploads WHERE shard = $1 AND name_digest = $2", shard, name_digest
    )
    return row["id"] if row else None


async def find_file(tx: ReadTx, shard: int, name_digest: bytes, user_id: str) -> StoredFile | None:
    """The file of a user whose address has this digest, once it is here."""
    row = await tx.fetch_one(
        """
        SELECT u.file_name, u.media_type, u.size, u.content_digest, u.stored_at, c.name
        FROM uploads u
        JOIN file_contents c ON c.shard = u.shard AND c.digest = u.content_digest
        WHERE u.shard = $1 AND u.name_digest = $2 AND u.user_id = $3 AND u.stored_at IS NOT NULL
        """,
        shard,
        name_digest,
        user_id,
    )
    if row is None:
        return None
    return StoredFile(
        file_name=row["file_name"],
        media_type=row["media_type"],
        size=row["size"],
        digest=row["content_digest"],
        stored_at=row["stored_at"],
        kept_as=row["name"],
    )


async def put_arrived(tx: Tx, shard: int, upload_id: str, arrived: Arrived) -> None:
    """Store what came for an upload, before its bytes are kept."""
    await tx.execute(
        "UPDATE uploads SET content_digest = $3, size = $4, media_type = $5"
        " WHERE shard = $1 AND id = $2",
        shard,
        upload_id,
        arrived.digest,
        arrived.size,
        arrived.media_type,
    )


async def put_stored(tx: Tx, shard: int, upload_id: str, digest: bytes) -> bool:
    """Store that an upload's bytes are safe; False when it is gone."""
    changed = await tx.execute(
        "UPDATE uploads SET stored_at = COALESCE(stored_at, $4)"
        " WHERE shard = $1 AND id = $2 AND content_digest = $3",
        shard,
        upload_id,
        digest,
        tx.now,
    )
    return changed == 1


async def add_uses(tx: Tx, shard: int, upload_id: str, number: int) -> None:
    """Count so many attachments more, or fewer, that lead to an upload."""
    await tx.execute(
        "UPDATE uploads SET uses = uses + $3 WHERE shard = $1 AND id = $2",
        shard,
        upload_id,
        number,
    )


async def delete_upload(tx: Tx, shard: int, upload_id: str) -> None:
    """Forget an upload."""
    await tx.execute("DELETE FROM uploads WHERE shard = $1 AND id = $2", shard, upload_id)


async def list_uploads(
    tx: ReadTx, shard: int, user_id: str, after: str, limit: int
) -> list[Upload]:
    """The next uploads of a user, in the order of their ids."""
    rows = await tx.fetch(
        """
        SELECT shard, id, user_id, client_id, name_digest, file_name, file_type, declared_size,
               created_at, content_digest, size, media_type, stored_at, uses
        FROM uploads WHERE shard = $1 AND user_id = $2 AND id > $3 ORDER BY id LIMIT $4
        """,
        shard,
        user_id,
        after,
        limit,
    )
    return [_upload(row) for row in rows]


async def lock_day(tx: Tx, shard: int, user_id: str) -> UploadDay:
    """What a user has sent on the last day on which anything was, held until the unit of work
    ends."""
    await tx.execute(
        "INSERT INTO upload_days (shard, user_id, day, files, bytes) VALUES ($1, $2, 0, 0, 0)"
        " ON CONFLICT (shard, user_id) DO NOTHING",
        shard,
        user_id,
    )
    row = await tx.fetch_one(
        "SELECT day, files, bytes FROM upload_days"
        " WHERE shard = $1 AND user_id = $2 FOR NO KEY UPDATE",
        shard,
        user_id,
    )
    assert row is not None, "it was just made"
    return UploadDay(day=row["day"], files=row["files"], bytes=row["bytes"])


async def put_day(tx: Tx, shard: int, user_id: str, day: UploadDay) -> None:
    """Store what a user has sent on a day."""
    await tx.execute(
        "UPDATE upload_days SET day = $3, files = $4, bytes = $5 WHERE shard = $1 AND user_id = $2",
        shard,
        user_id,
        day.day,
        day.files,
        day.bytes,
    )


async def delete_day(tx: Tx, shard: int, user_id: str) -> None:
    """Forget what a user has sent on a day."""
    await tx.execute("DELETE FROM upload_days WHERE shard = $1 AND user_id = $2", shard, user_id)


# Contents, with the uploads that lead to them.


async def lock_content(tx: Tx, shard: int, digest: bytes) -> tuple[str, bool] | None:
    """Where bytes are kept and whether they are about to go, held until the unit of work ends."""
    row = await tx.fetch_one(
        "SELECT name, going FROM file_contents WHERE shard = $1 AND digest = $2 FOR NO KEY UPDATE",
        shard,
        digest,
    )
    return (row["name"], row["going"] == 1) if row else None


async def insert_content(tx: Tx, shard: int, digest: bytes, name: str, size: int) -> None:
    """Store where bytes are to be kept, unless somebody has just done that."""
    await tx.execute(
        "INSERT INTO file_contents (shard, digest, name, size, created_at, going)"
        " VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (shard, digest) DO NOTHING",
        shard,
        digest,
        name,
        size,
        tx.now,
    )


async def put_content_anew(tx: Tx, shard: int, digest: bytes, name: str) -> None:
    """Store that bytes which are about to go are to be kept elsewhere."""
    await tx.execute(
        "UPDATE file_contents SET name = $3, going = 0, created_at = $4"
        " WHERE shard = $1 AND digest = $2",
        shard,
        digest,
        name,
        tx.now,
    )


async def let_content_go(tx: Tx, shard: int, digest: bytes) -> str | None:
    """Have bytes that are held go, unless an upload leads to them; where they are kept if so."""
    row = await tx.fetch_one(
        """
        UPDATE file_contents SET going = 1
        WHERE shard = $1 AND digest = $2 AND going = 0
          AND NOT EXISTS (SELECT 1 FROM uploads WHERE shard = $1 AND content_digest = $2)
        RETURNING name
        """,
        shard,
        digest,
    )
    return row["name"] if row else None


async def delete_content(tx: Tx, shard: int, name: str, digest: bytes) -> None:
    """Forget where bytes were kept that are gone."""
    await tx.execute(
        "DELETE FROM file_contents WHERE shard = $1 AND digest = $2 AND name = $3 AND going = 1",
        shard,
        digest,
        name,
    )


async def list_contents(tx: ReadTx, after: tuple[int, bytes], limit: int) -> list[Content]:
    """The next bytes that are kept and not about to go, in the order of shards and digests."""
    rows = await tx.fetch(
        """
        SELECT c.shard, c.digest, c.name, c.size,
               EXISTS (SELECT 1 FROM uploads u WHERE u.shard = c.shard
                       AND u.content_digest = c.digest AND u.stored_at IS NOT NULL) AS is_stored
        FROM file_contents c
        WHERE (c.shard, c.digest) > ($1, $2) AND c.going = 0
        ORDER BY c.shard, c.digest LIMIT $3
        """,
        *after,
        limit,
    )
    return [_content(row) for row in rows]


async def find_content(tx: ReadTx, shard: int, digest: bytes) -> Content | None:
    """Bytes that are kept and not about to go."""
    row = await tx.fetch_one(
        """
        SELECT c.shard, c.digest, c.name, c.size,
               EXISTS (SELECT 1 FROM uploads u WHERE u.shard = c.shard
                       AND u.content_digest = c.digest AND u.stored_at IS NOT NULL) AS is_stored
        FROM file_contents c WHERE c.shard = $1 AND c.digest = $2 AND c.going = 0
        """,
        shard,
        digest,
    )
    return _content(row) if row else None


def _content(row: Row) -> Content:
    return Content(
        shard=row["shard"],
        digest=row["digest"],
        name=row["name"],
        size=row["size"],
        is_stored=bool(row["is_stored"]),
    )


async def list_kept(tx: ReadTx, shard: int, user_id: str) -> Sequence[Row]:
    """What a user sent that is here: the upload, how it is called and where its bytes are."""
    return await tx.fetch(
        """
        SELECT u.id, u.file_name, u.size, c.name
        FROM uploads u
        JOIN file_contents c ON c.shard = u.shard AND c.digest = u.content_digest
        WHERE u.shard = $1 AND u.user_id = $2 AND u.stored_at IS NOT NULL ORDER BY u.id
        """,
        shard,
        user_id,
    )


# Attachments, with their accounts.


async def insert_attachment(tx: Tx, attachment: Attachment) -> None:
    """Store a new attachment."""
    row = msgspec.structs.astuple(attachment)
    await tx.insert_rows("attachments", Attachment.__struct_fields__, [row])


async def find_attachment(tx: ReadTx, shard: int, attachment_id: str) -> Row | None:
    """An attachment."""
    return await tx.fetch_one(
        "SELECT shard, id, account_id, transaction_id, user_id, client_id, file_url, file_type,"
        " created_at, upload_id FROM attachments WHERE shard = $1 AND id = $2",
        shard,
        attachment_id,
    )


async def list_attachments(tx: ReadTx, shard: int, transaction_ids: Sequence[str]) -> Sequence[Row]:
    """The attachments of these transactions, each one's in the order in which they came."""
    return await tx.fetch(
        "SELECT shard, id, account_id, transaction_id, user_id, client_id, file_url, file_type,"
        " created_at, upload_id FROM attachments"
        " WHERE shard = $1 AND transaction_id = ANY($2) ORDER BY transaction_id, created_at, id",
        shard,
        transaction_ids,
    )


async def delete_attachment(tx: Tx, shard: int, attachment_id: str) -> bool:
    """Remove an attachment; False when it was gone."""
    return bool(
        await tx.execute(
            "DELETE FROM attachments WHERE shard = $1 AND id = $2", shard, attachment_id
        )
    )


async def list_attachments_of(
    tx: ReadTx, shard: int, account_id: str, user_id: str, limit: int
) -> Sequence[Row]:
    """Some attachments of an account: of one user, or of all if it is empty."""
    return await tx.fetch(
        "SELECT shard, id, account_id, transaction_id, user_id, client_id, file_url, file_type,"
        " created_at, upload_id FROM attachments"
        " WHERE shard = $1 AND account_id = $2 AND ($3 = '' OR user_id = $3)"
        " ORDER BY id LIMIT $4",
        shard,
        account_id,
        user_id,
        limit,
    )

"""What does not fit among attachments, uploads and contents; none is written."""

from collections.abc import Sequence

from minibank.db import ReadTx, Row


async def list_miscounted_transactions(tx: ReadTx) -> Sequence[Row]:
    """Attachments of what is no transaction of their account, and transactions that count others
    than they have."""
    return await tx.fetch(
        """
        SELECT a.account_id, a.transaction_id AS id, COUNT(*) AS found,
               MAX(t.attachments) AS counted
        FROM attachments a
        LEFT JOIN transactions t ON t.shard = a.shard AND t.id = a.transaction_id
             AND t.account_id = a.account_id
        WHERE a.shard >= $1
        GROUP BY a.shard, a.account_id, a.transaction_id
        HAVING MAX(t.attachments) IS NULL OR MAX(t.attachments) <> COUNT(*)
        UNION ALL
        SELECT t.account_id, t.id, 0 AS found, t.attachments AS counted
        FROM transactions t
        WHERE t.shard >= $1 AND t.attachments > 0
          AND NOT EXISTS (SELECT 1 FROM attachments a
                          WHERE a.shard = t.shard AND a.transaction_id = t.id)
        """,
        0,
    )


async def list_uses(tx: ReadTx) -> Sequence[Row]:
    """How many attachments lead to each upload that some lead to."""
    return await tx.fetch(
        "SELECT upload_id, COUNT(*) AS found FROM attachments"
        " WHERE shard >= $1 AND upload_id IS NOT NULL GROUP BY upload_id",
        0,
    )


async def list_uploads(tx: ReadTx) -> Sequence[Row]:
    """Every upload: how many attachments it counts, whether its bytes have a place, and whether
    somebody looks later if it is used."""
    return await tx.fetch(
        """
        SELECT u.shard, u.id, u.uses, u.content_digest IS NULL AS has_come_to_nothing,
               c.going, c.size AS kept_size, u.size, d.subject IS NOT NULL AS is_planned
        FROM uploads u
        LEFT JOIN file_contents c ON c.shard = u.shard AND c.digest = u.content_digest
        LEFT JOIN due_work d ON d.shard = u.shard AND d.kind = 'upload' AND d.subject = u.id
        WHERE u.shard >= $1
        """,
        0,
    )


async def list_stray_contents(tx: ReadTx) -> Sequence[Row]:
    """Bytes that nothing leads to and that nobody removes."""
    return await tx.fetch(
        """
        SELECT c.name
        FROM file_contents c
        LEFT JOIN due_work d ON d.shard = c.shard AND d.kind = 'file_content'
             AND d.subject = c.name
        WHERE c.shard >= $1 AND d.subject IS NULL
          AND NOT EXISTS (SELECT 1 FROM uploads u
                          WHERE u.shard = c.shard AND u.content_digest = c.digest)
        """,
        0,
    )

"""Rows of feed items, of who made how many, of idempotency keys and dismissals.

A transaction is its own feed item, so a page reads the places of transactions as well.
"""

from collections.abc import Sequence

import msgspec

from minibank.core.pages import Position
from minibank.db import ReadTx, Row, Tx
from minibank.feed.records import Content, FeedItem, FeedWriter, KnownKey


class Reader(msgspec.Struct, frozen=True):
    """Whose view of which feed: an app acting for an owner of the account."""

    shard: int
    account_id: str
    client_id: str
    user_id: str


def _item(row: Row) -> FeedItem:
    return FeedItem(
        shard=row["shard"],
        id=row["id"],
        account_id=row["account_id"],
        client_id=row["client_id"],
        user_id=row["user_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        content=Content(
            params=msgspec.json.decode(row["params"]),
            url=row["url"],
            expires_at=row["expires_at"],
        ),
    )


async def list_page(
    tx: ReadTx, reader: Reader, after: Position, until: Position, limit: int
) -> list[FeedItem | str]:
    """One page of a feed, newest first: the reader's items, and ids of transactions.

    What the user dismissed and what has expired is left out.
    """
    rows = await tx.fetch(
        """
        SELECT place, shard, id, account_id, client_id, user_id, created_at, updated_at, version,
               params, url, expires_at
        FROM (
            SELECT place, shard, id, account_id, client_id, user_id, created_at, updated_at,
                   version, params, url, expires_at
            FROM (
                SELECT t.id AS place, CAST(NULL AS BIGINT) AS shard, CAST(NULL AS TEXT) AS id,
                       CAST(NULL AS TEXT) AS account_id, CAST(NULL AS TEXT) AS client_id,
                       CAST(NULL AS TEXT) AS user_id, t.created_at,
                       CAST(NULL AS BIGINT) AS updated_at, CAST(NULL AS BIGINT) AS version,
                       CAST(NULL AS TEXT) AS params, CAST(NULL AS TEXT) AS url,
                       CAST(NULL AS BIGINT) AS expires_at
                FROM transactions t
                WHERE t.shard = $1 AND t.account_id = $2
                  AND (t.created_at, t.id) > ($5, $6) AND (t.created_at, t.id) < ($7, $8)
                  AND NOT EXISTS (SELECT 1 FROM feed_dismissals d WHERE d.shard = t.shard
                                  AND d.subject = t.id AND d.user_id = $4)
                ORDER BY t.created_at DESC, t.id DESC LIMIT $9
            ) AS own
            UNION ALL
            SELECT place, shard, id, account_id, client_id, user_id, created_at, updated_at,
                   version, params, url, expires_at
            FROM (
                SELECT i.id AS place, i.shard, i.id, i.account_id, i.client_id, i.user_id,
                       i.created_at, i.updated_at, i.version, i.params, i.url, i.expires_at
                FROM feed_items i
                WHERE i.shard = $1 AND i.account_id = $2 AND i.client_id = $3
                  AND (i.created_at, i.id) > ($5, $6) AND (i.created_at, i.id) < ($7, $8)
                  AND (i.expires_at IS NULL OR i.expires_at > $10)
                  AND NOT EXISTS (SELECT 1 FROM feed_dismissals d WHERE d.shard = i.shard
                                  AND d.subject = i.id AND d.user_id = $4)
                ORDER BY i.created_at DESC, i.id DESC LIMIT $9
            ) AS made
        ) AS page
        ORDER BY created_at DESC, place DESC LIMIT $9
        """,
        *(reader.shard, reader.account_id, reader.client_id, reader.user_id),
        *(after.created_at, after.id, until.created_at, until.id),
        limit,
        tx.now,
    )
    return [row["place"] if row["id"] is None else _item(row) for row in rows]


async def list_places(tx: ReadTx, reader: Reader, ids: Sequence[str]) -> dict[str, Position]:
    """Where these stand on the reader's feed, by row id; what is not on it is left out."""
    rows = await tx.fetch(
        """
        SELECT t.id, t.created_at FROM transactions t
        WHERE t.shard = $1 AND t.account_id = $2 AND t.id = ANY($4)
        UNION ALL
        SELECT i.id, i.created_at FROM feed_items i
        WHERE i.shard = $1 AND i.account_id = $2 AND i.client_id = $3 AND i.id = ANY($4)
        """,
        reader.shard,
        reader.account_id,
        reader.client_id,
        ids,
    )
    return {row["id"]: Position(row["created_at"], row["id"]) for row in rows}


async def find_item(tx: ReadTx, shard: int, item_id: str, client_id: str) -> FeedItem | None:
    """An item of this app that has not expired."""
    row = await tx.fetch_one(
        """
        SELECT shard, id, account_id, client_id, user_id, created_at, updated_at, version, params,
               url, expires_at
        FROM feed_items
        WHERE shard = $1 AND id = $2 AND client_id = $3
          AND (expires_at IS NULL OR expires_at > $4)
        """,
        shard,
        item_id,
        client_id,
        tx.now,
    )
    return None if row is None else _item(row)


async def find_account_of(tx: ReadTx, shard: int, subject: str) -> str | None:
    """The account on whose feed a transaction or an app's item is; None when there is neither."""
    row = await tx.fetch_one(
        """
        SELECT account_id FROM transactions WHERE shard = $1 AND id = $2
        UNION ALL
        SELECT account_id FROM feed_items WHERE shard = $1 AND id = $2
        """,
        shard,
        subject,
    )
    return None if row is None else row["account_id"]


async def lock_writer(tx: Tx, reader: Reader) -> FeedWriter:
    """Hold an app's row of an account's feed until the unit of work ends, and read it.

    It is a row of its own, so that an app that writes much keeps no payment waiting.
    """
    await tx.execute(
        """
        INSERT INTO feed_writers
            (shard, account_id, client_id, day, created_on_day, last_created_at)
        VALUES ($1, $2, $3, 0, 0, 0) ON CONFLICT (shard, account_id, client_id) DO NOTHING
        """,
        reader.shard,
        reader.account_id,
        reader.client_id,
    )
    row = await tx.fetch_one(
        """
        SELECT day, created_on_day, last_created_at FROM feed_writers
        WHERE shard = $1 AND account_id = $2 AND client_id = $3 FOR NO KEY UPDATE
        """,
        reader.shard,
        reader.account_id,
        reader.client_id,
    )
    assert row is not None, "it was just made"
    return FeedWriter(**{name: row[name] for name in FeedWriter.__struct_fields__})


async def put_writer(tx: Tx, reader: Reader, writer: FeedWriter) -> None:
    """Store what an app has put on an account's feed."""
    await tx.update_rows(
        "feed_writers",
        ("shard", "account_id", "client_id"),
        ("day", "created_on_day", "last_created_at"),
        [
            (
                *(reader.shard, reader.account_id, reader.client_id),
                *(writer.day, writer.created_on_day, writer.last_created_at),
            )
        ],
    )


async def lock_item(tx: Tx, shard: int, item_id: str) -> None:
    """Hold an item until the unit of work ends."""
    await tx.fetch_one(
        "SELECT id FROM feed_items WHERE shard = $1 AND id = $2 FOR NO KEY UPDATE", shard, item_id
    )


async def insert_item(tx: Tx, item: FeedItem) -> None:
    """Store a new item."""
    content = item.content
    await tx.insert_rows(
        "feed_items",
        (
            *("shard", "id", "account_id", "client_id", "user_id", "created_at", "updated_at"),
            *("version", "params", "url", "expires_at"),
        ),
        [
            (
                *(item.shard, item.id, item.account_id, item.client_id, item.user_id),
                *(item.created_at, item.updated_at, item.version),
                *(_json(content.params), content.url, content.expires_at),
            )
        ],
    )


async def update_item(tx: Tx, item: FeedItem) -> None:
    """Store what an app now says in an item."""
    content = item.content
    await tx.update_rows(
        "feed_items",
        ("shard", "id"),
        ("updated_at", "version", "params", "url", "expires_at"),
        [
            (
                *(item.shard, item.id, item.updated_at, item.version),
                *(_json(content.params), content.url, content.expires_at),
            )
        ],
    )


async def delete_expired(tx: Tx, shard: int, limit: int) -> int:
    """Remove up to `limit` items of this shard that have expired, and their dismissals; how many.

    Waits for nobody: what somebody else holds is passed over.
    """
    rows = await tx.fetch(
        "SELECT id FROM feed_items WHERE shard = $1 AND expires_at <= $2"
        " ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED",
        shard,
        tx.now,
        limit,
    )
    if ids := [row["id"] for row in rows]:
        await delete_items(tx, shard, ids)
    return len(ids)


async def delete_items(tx: Tx, shard: int, ids: Sequence[str]) -> None:
    """Remove these items and their dismissals."""
    await tx.execute("DELETE FROM feed_items WHERE shard = $1 AND id = ANY($2)", shard, ids)
    await tx.execute(
        "DELETE FROM feed_dismissals WHERE shard = $1 AND subject = ANY($2)", shard, ids
    )


async def next_expiry(tx: ReadTx, shard: int) -> int | None:
    """When the next item of this shard expires; None when none does."""
    row = await tx.fetch_one(
        "SELECT MIN(expires_at) AS expires_at FROM feed_items"
        " WHERE shard = $1 AND expires_at IS NOT NULL",
        shard,
    )
    return row["expires_at"] if row else None


async def delete_kept_keys(tx: Tx, shard: int, limit: int) -> int:
    """Forget up to `limit` keys of this shard that were kept long enough; how many.

    Waits for nobody: what somebody else holds is passed over.
    """
    return await tx.execute(
        "DELETE FROM feed_keys WHERE shard = $1 AND (account_id, client_id, user_id, key) IN"
        " (SELECT account_id, client_id, user_id, key FROM feed_keys"
        " WHERE shard = $1 AND keep_until <= $2"
        " ORDER BY keep_until LIMIT $3 FOR UPDATE SKIP LOCKED)",
        shard,
        tx.now,
        limit,
    )


async def next_key(tx: ReadTx, shard: int) -> int | None:
    """Until when the next key of this shard is kept; None when there is none."""
    row = await tx.fetch_one(
        "SELECT MIN(keep_until) AS keep_until FROM feed_keys WHERE shard = $1", shard
    )
    return row["keep_until"] if row else None


async def delete_dismissals(tx: Tx, shard: int, account_id: str, user_id: str, limit: int) -> int:
    """Remove up to `limit` dismissals of a user, or of all if it is empty; how many."""
    return await tx.execute(
        "DELETE FROM feed_dismissals WHERE shard = $1 AND (subject, user_id) IN"
        " (SELECT subject, user_id FROM feed_dismissals"
        " WHERE shard = $1 AND account_id = $2 AND ($3 = '' OR user_id = $3)"
        " ORDER BY dismissed_at LIMIT $4)",
        shard,
        account_id,
        user_id,
        limit,
    )


async def delete_keys(tx: Tx, shard: int, account_id: str, user_id: str, limit: int) -> int:
    """Forget up to `limit` keys of a user, or of all if it is empty; how many."""
    return await tx.execute(
        "DELETE FROM feed_keys WHERE shard = $1 AND account_id = $2"
        " AND (client_id, user_id, key) IN (SELECT client_id, user_id, key FROM feed_keys"
        " WHERE shard = $1 AND account_id = $2 AND ($3 = '' OR user_id = $3)"
        " ORDER BY client_id, user_id, key LIMIT $4)",
        shard,
        account_id,
        user_id,
        limit,
    )


async def delete_items_of(tx: Tx, shard: int, account_id: str, limit: int) -> int:
    """Remove up to `limit` items of an account; how many."""
    return await tx.execute(
        "DELETE FROM feed_items WHERE shard = $1 AND id IN (SELECT id FROM feed_items"
        " WHERE shard = $1 AND account_id = $2 ORDER BY client_id, created_at, id LIMIT $3)",
        shard,
        account_id,
        limit,
    )


async def delete_writers(tx: Tx, shard: int, account_id: str, limit: int) -> int:
    """Forget up to `limit` apps that put something on an account's feed; how many."""
    return await tx.execute(
        "DELETE FROM feed_writers WHERE shard = $1 AND account_id = $2 AND client_id IN"
        " (SELECT client_id FROM feed_writers WHERE shard = $1 AND account_id = $2"
        " ORDER BY client_id LIMIT $3)",
        shard,
        account_id,
        limit,
    )


async def find_key(tx: ReadTx, reader: Reader, key: str) -> KnownKey | None:
    """An idempotency key of this app and user that was used on this account, kept or not."""
    row = await tx.fetch_one(
        """
        SELECT digest, item_id, keep_until FROM feed_keys
        WHERE shard = $1 AND account_id = $2 AND client_id = $3 AND user_id = $4 AND key = $5
        """,
        reader.shard,
        reader.account_id,
        reader.client_id,
        reader.user_id,
        key,
    )
    if row is None:
        return None
    return KnownKey(digest=row["digest"], item_id=row["item_id"], keep_until=row["keep_until"])


async def put_key(tx: Tx, reader: Reader, key: str, known: KnownKey) -> None:
    """Keep an idempotency key, also one that was used in a time that is not kept any longer."""
    await tx.execute(
        """
        INSERT INTO feed_keys
            (shard, account_id, client_id, user_id, key, digest, item_id, keep_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (shard, account_id, client_id, user_id, key)
        DO UPDATE SET digest = excluded.digest, item_id = excluded.item_id,
            keep_until = excluded.keep_until
        """,
        *(reader.shard, reader.account_id, reader.client_id, reader.user_id),
        *(key, known.digest, known.item_id, known.keep_until),
    )


async def insert_dismissal(tx: Tx, shard: int, subject: str, user_id: str, account_id: str) -> None:
    """Keep that a user does not want this on the feed any longer."""
    await tx.execute(
        """
        INSERT INTO feed_dismissals (shard, subject, user_id, account_id, dismissed_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (shard, subject, user_id) DO NOTHING
        """,
        shard,
        subject,
        user_id,
        account_id,
        tx.now,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

"""Rows of transactions, annotations and merchants."""

from collections.abc import Sequence

import msgspec

from minibank.core.pages import Position
from minibank.db import ReadTx, Row, Tx
from minibank.transactions.records import (
    CHANGING,
    COLUMNS,
    AnnotatedTransaction,
    Annotation,
    MerchantRecord,
    NoteChange,
    TransactionRecord,
    VersionedTransaction,
)
from minibank.transactions.windows import Span


async def insert_transactions(tx: Tx, records: Sequence[TransactionRecord]) -> None:
    """Store new transactions."""
    rows = [msgspec.structs.astuple(record) for record in records]
    await tx.insert_rows("transactions", COLUMNS, rows)


async def update_transactions(tx: Tx, records: Sequence[TransactionRecord]) -> None:
    """Store what later events changed in these transactions, each as its next version.

    The records were read under the lock of `lock_transactions`, so nobody else made that version.
    """
    changed = [msgspec.structs.replace(one, version=one.version + 1) for one in records]
    columns = ("shard", "id", *CHANGING)
    rows = [[getattr(record, column) for column in columns] for record in changed]
    await tx.update_rows("transactions", ("shard", "id"), CHANGING, rows)


async def list_records(
    tx: ReadTx, shards: Sequence[int], ids: Sequence[str]
) -> list[TransactionRecord]:
    """The transactions with these ids, for the engine."""
    rows = await tx.fetch(
        """
        SELECT t.shard, t.id, t.account_id, t.created_at, t.updated_at, t.settled_at, t.kind,
               t.amount, t.currency, t.local_amount, t.local_currency, t.account_balance,
               t.description, t.merchant_id, t.category, t.notes, t.metadata, t.counterparty,
               t.scheme, t.dedupe_id, t.user_id, t.is_load, t.originator, t.include_in_spending,
               t.amount_is_pending, t.decline_reason, t.version, t.attachments
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN transactions t ON t.shard = k.shard AND t.id = k.id
        """,
        shards,
        ids,
    )
    return [msgspec.convert(dict(row), TransactionRecord, strict=False) for row in rows]


async def list_page(
    tx: ReadTx, shard: int, account_id: str, client_id: str, span: Span
) -> list[AnnotatedTransaction]:
    """One page of an account's history, oldest first, each with this client's annotation."""
    return await tx.fetch_as(
        AnnotatedTransaction,
        """
        SELECT t.shard, t.id, t.account_id, t.created_at, t.updated_at, t.settled_at, t.amount,
               t.currency, t.local_amount, t.local_currency, t.account_balance, t.description,
               t.merchant_id, t.category, t.notes, t.metadata, t.counterparty, t.scheme,
               t.dedupe_id, t.user_id, t.is_load, t.originator, t.include_in_spending,
               t.amount_is_pending, t.decline_reason, t.attachments,
               n.metadata AS annotations, n.updated_at AS annotated_at
        FROM transactions t
        LEFT JOIN annotations n
          ON n.shard = t.shard AND n.transaction_id = t.id AND n.client_id = $3
        WHERE t.shard = $1 AND t.account_id = $2
          AND (t.created_at, t.id) > ($4, $5) AND (t.created_at, t.id) < ($6, $7)
        ORDER BY t.created_at, t.id
        LIMIT $8
        """,
        shard,
        account_id,
        client_id,
        span.after.created_at,
        span.after.id,
        span.until.created_at,
        span.until.id,
        span.limit,
    )


async def find_transaction(
    tx: ReadTx, shard: int, transaction_id: str, client_id: str
) -> VersionedTransaction | None:
    """One transaction with this client's annotation."""
    found = await tx.fetch_as(
        VersionedTransaction,
        """
        SELECT t.shard, t.id, t.account_id, t.created_at, t.updated_at, t.settled_at, t.amount,
               t.currency, t.local_amount, t.local_currency, t.account_balance, t.description,
               t.merchant_id, t.category, t.notes, t.metadata, t.counterparty, t.scheme,
               t.dedupe_id, t.user_id, t.is_load, t.originator, t.include_in_spending,
               t.amount_is_pending, t.decline_reason, t.attachments,
               n.metadata AS annotations, n.updated_at AS annotated_at,
               t.version, n.version AS annotation_version
        FROM transactions t
        LEFT JOIN annotations n
          ON n.shard = t.shard AND n.transaction_id = t.id AND n.client_id = $3
        WHERE t.shard = $1 AND t.id = $2
        """,
        shard,
        transaction_id,
        client_id,
    )
    return found[0] if found else None


async def list_chosen(
    tx: ReadTx, shard: int, ids: Sequence[str], client_id: str
) -> list[AnnotatedTransaction]:
    """The transactions with these ids, each with this client's annotation, in no order."""
    return await tx.fetch_as(
        AnnotatedTransaction,
        """
        SELECT t.shard, t.id, t.account_id, t.created_at, t.updated_at, t.settled_at, t.amount,
               t.currency, t.local_amount, t.local_currency, t.account_balance, t.description,
               t.merchant_id, t.category, t.notes, t.metadata, t.counterparty, t.scheme,
               t.dedupe_id, t.user_id, t.is_load, t.originator, t.include_in_spending,
               t.amount_is_pending, t.decline_reason, t.attachments,
               n.metadata AS annotations, n.updated_at AS annotated_at
        FROM transactions t
        LEFT JOIN annotations n
          ON n.shard = t.shard AND n.transaction_id = t.id AND n.client_id = $3
        WHERE t.shard = $1 AND t.id = ANY($2)
        """,
        shard,
        ids,
        client_id,
    )


async def list_positions(
    tx: ReadTx, shard: int, account_id: str, ids: Sequence[str]
) -> dict[str, Position]:
    """Where these transactions stand in the account's history; other ids are left out."""
    rows = await tx.fetch(
        "SELECT id, created_at FROM transactions"
        " WHERE shard = $1 AND account_id = $2 AND id = ANY($3)",
        shard,
        account_id,
        ids,
    )
    return {row["id"]: Position(row["created_at"], row["id"]) for row in rows}


async def read_spending(tx: ReadTx, shard: int, account_id: str, since: int) -> int:
    """The sum of the debits since an instant that count as spending: zero or negative."""
    row = await tx.fetch_one(
        """
        SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS spent
        FROM transactions
        WHERE shard = $1 AND account_id = $2 AND created_at >= $3
          AND amount < 0 AND include_in_spending = 1 AND decline_reason IS NULL
        """,
        shard,
        account_id,
        since,
    )
    assert row is not None, "a sum always has a row"
    spent: int = row["spent"]
    return spent


async def lock_transactions(tx: Tx, shards: Sequence[int], ids: Sequence[str]) -> None:
    """Hold these transactions' rows until the unit of work ends, in one order for everybody."""
    await tx.fetch(
        """
        SELECT 1
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN transactions t ON t.shard = k.shard AND t.id = k.id
        ORDER BY t.shard, t.id
        FOR NO KEY UPDATE OF t
        """,
        shards,
        ids,
    )


async def put_notes(tx: Tx, shard: int, transaction_id: str, notes: str, updated_at: int) -> None:
    """Store the note that all of a transaction's readers share, as the row's next version."""
    await tx.execute(
        "UPDATE transactions SET notes = $3, updated_at = $4, version = version + 1"
        " WHERE shard = $1 AND id = $2",
        shard,
        transaction_id,
        notes,
        updated_at,
    )


async def add_attachments(tx: Tx, shard: int, transaction_id: str, number: int, most: int) -> bool:
    """Count so many attachments more, or fewer, as the row's next version; False, and nothing
    changed, when that would be more than `most`. Holds the row until the unit of work ends."""
    return bool(
        await tx.execute(
            """
            UPDATE transactions
            SET attachments = attachments + $3, version = version + 1,
                updated_at = CASE WHEN updated_at > $4 THEN updated_at ELSE $4 END
            WHERE shard = $1 AND id = $2 AND attachments + $3 <= $5
            """,
            shard,
            transaction_id,
            number,
            tx.now,
            most,
        )
    )


async def find_notes(tx: ReadTx, shard: int, transaction_id: str) -> str | None:
    """The note that stands on a transaction; None when there is no such transaction."""
    row = await tx.fetch_one(
        "SELECT notes FROM transactions WHERE shard = $1 AND id = $2", shard, transaction_id
    )
    return None if row is None else row["notes"]


async def insert_note_change(tx: Tx, change: NoteChange) -> None:
    """Store who changed a note, and what it said before."""
    row = msgspec.structs.astuple(change)
    await tx.insert_rows("note_changes", NoteChange.__struct_fields__, [row])


async def drop_old_note_changes(tx: Tx, shard: int, transaction_id: str, keep: int) -> None:
    """Forget all changes of a note but the newest `keep`."""
    await tx.execute(
        """
        DELETE FROM note_changes
        WHERE shard = $1 AND transaction_id = $2
          AND version <= (SELECT version FROM note_changes
                          WHERE shard = $1 AND transaction_id = $2
                          ORDER BY version DESC LIMIT 1 OFFSET $3)
        """,
        shard,
        transaction_id,
        keep,
    )


async def list_note_changes(tx: ReadTx, shard: int, transaction_id: str) -> list[NoteChange]:
    """The changes of a transaction's note that are kept, newest first."""
    rows = await tx.fetch(
        """
        SELECT shard, transaction_id, version, user_id, client_id, changed_at, notes_before
        FROM note_changes
        WHERE shard = $1 AND transaction_id = $2
        ORDER BY version DESC
        """,
        shard,
        transaction_id,
    )
    return [NoteChange(**row) for row in rows]


async def put_annotation(tx: Tx, annotation: Annotation) -> None:
    """Store what a client now says about a transaction, whole, as the row's next version."""
    await tx.execute(
        """
        INSERT INTO annotations (shard, transaction_id, client_id, metadata, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, 1)
        ON CONFLICT (shard, transaction_id, client_id)
        DO UPDATE SET metadata = excluded.metadata, updated_at = excluded.updated_at,
                      version = annotations.version + 1
        """,
        annotation.shard,
        annotation.transaction_id,
        annotation.client_id,
        annotation.metadata,
        annotation.updated_at,
    )


async def list_places(
    tx: ReadTx, shard: int, account_id: str, after: Position, limit: int
) -> list[Position]:
    """Where the next transactions of an account stand, oldest first."""
    rows = await tx.fetch(
        "SELECT created_at, id FROM transactions"
        " WHERE shard = $1 AND account_id = $2 AND (created_at, id) > ($3, $4)"
        " ORDER BY created_at, id LIMIT $5",
        shard,
        account_id,
        after.created_at,
        after.id,
        limit,
    )
    return [Position(row["created_at"], row["id"]) for row in rows]


async def blank_transactions(tx: Tx, shard: int, ids: Sequence[str]) -> None:
    """Take what people wrote off these transactions, and what anybody wrote beside them.

    What a merchant's terminal said of a card payment stays: it says where, not who.
    """
    await tx.execute(
        """
        UPDATE transactions
        SET description = CASE WHEN kind IN ('card', 'refund') THEN description ELSE '' END,
            notes = '', metadata = '{}', counterparty = '{}',
            updated_at = CASE WHEN updated_at > $3 THEN updated_at ELSE $3 END,
            version = version + 1
        WHERE shard = $1 AND id = ANY($2)
        """,
        shard,
        ids,
        tx.now,
    )
    await tx.execute(
        "DELETE FROM annotations WHERE shard = $1 AND transaction_id = ANY($2)", shard, ids
    )
    await tx.execute(
        "DELETE FROM note_changes WHERE shard = $1 AND transaction_id = ANY($2)", shard, ids
    )


async def put_other_sides(tx: Tx, records: Sequence[TransactionRecord]) -> None:
    """Store what these transactions now say of their other side, each as its next version."""
    await tx.update_rows(
        "transactions",
        ("shard", "id"),
        ("description", "counterparty", "updated_at", "version"),
        [
            (
                one.shard,
                one.id,
                one.description,
                one.counterparty,
                max(one.updated_at, tx.now),
                one.version + 1,
            )
            for one in records
        ],
    )


async def list_merchants(tx: ReadTx, ids: Sequence[str]) -> Sequence[Row]:
    """The merchants with these ids."""
    return await tx.fetch(
        "SELECT id, group_id, name, logo, emoji, category, online, atm, postal_address, metadata,"
        " created_at, updated_at FROM merchants WHERE id = ANY($1)",
        ids,
    )


async def lock_merchant(tx: Tx, merchant_id: str) -> None:
    """Hold what is said of a merchant until the unit of work ends, if there is one."""
    await tx.fetch("SELECT id FROM merchants WHERE id = $1 FOR NO KEY UPDATE", merchant_id)


async def insert_merchants(tx: Tx, records: Sequence[MerchantRecord]) -> None:
    """Store new merchants."""
    rows = [msgspec.structs.astuple(record) for record in records]
    await tx.insert_rows("merchants", MerchantRecord.__struct_fields__, rows)


async def update_merchant(tx: Tx, record: MerchantRecord) -> None:
    """Store what is said of a merchant now."""
    await tx.execute(
        "UPDATE merchants SET group_id = $2, name = $3, logo = $4, emoji = $5, category = $6,"
        " online = $7, atm = $8, postal_address = $9, metadata = $10, updated_at = $11"
        " WHERE id = $1",
        record.id,
        record.group_id,
        record.name,
        record.logo,
        record.emoji,
        record.category,
        int(record.online),
        int(record.atm),
        record.postal_address,
        record.metadata,
        record.updated_at,
    )


async def list_merchants_after(tx: ReadTx, after: str, limit: int) -> Sequence[Row]:
    """The merchants behind an id, in order of their ids."""
    return await tx.fetch(
        "SELECT id, group_id, name, logo, emoji, category, online, atm, postal_address, metadata,"
        " created_at, updated_at FROM merchants WHERE id > $1 ORDER BY id LIMIT $2",
        after,
        limit,
    )

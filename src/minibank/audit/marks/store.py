"""Rows of marks, and which accounts have news beyond theirs."""

from collections.abc import Mapping, Sequence

import msgspec

from minibank.audit.marks.marks import Position, StoredMark, Sums, VerifiedMark
from minibank.db import ReadTx, Row, Tx

Keys = tuple[list[int], list[str]]

_COLUMNS = (
    *("shard", "account_id", "chain_length", "chain_head", "transactions", "last_created_at"),
    *("main", "held", "explained", "positions", "verified_at", "proved_at", "seal"),
)


async def list_marks(tx: ReadTx, accounts: Keys) -> dict[str, StoredMark]:
    """The marks of these accounts, by account; one that cannot be read is an empty one."""
    rows = await tx.fetch(
        """
        SELECT m.account_id, m.chain_length, m.chain_head, m.transactions, m.last_created_at,
               m.main, m.held, m.explained, m.positions, m.verified_at, m.proved_at, m.seal
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN audit_marks m ON m.shard = k.shard AND m.account_id = k.account_id
        """,
        *accounts,
    )
    return {row["account_id"]: _stored_mark(row) for row in rows}


def _stored_mark(row: Row) -> StoredMark:
    positions = _positions(row["positions"])
    mark = VerifiedMark(
        chain_length=row["chain_length"],
        chain_head=bytes(row["chain_head"]),
        transactions=row["transactions"],
        last_created_at=row["last_created_at"],
        sums=Sums(row["main"], row["held"], row["explained"], positions),
        verified_at=row["verified_at"],
        proved_at=row["proved_at"],
    )
    return StoredMark(mark, bytes(row["seal"]))


def _positions(text: str) -> tuple[Position, ...]:
    try:
        return msgspec.json.decode(text, type=tuple[Position, ...])
    except msgspec.MsgspecError:
        # As good as any other wrong sum: the walk from the beginning says so.
        return (("", "", 0),)


async def put_marks(tx: Tx, marks: Mapping[tuple[int, str], StoredMark]) -> None:
    """Store these accounts' marks, in place of what there was."""
    known = await tx.fetch(
        """
        SELECT m.shard, m.account_id
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN audit_marks m ON m.shard = k.shard AND m.account_id = k.account_id
        ORDER BY m.shard, m.account_id
        FOR NO KEY UPDATE OF m
        """,
        [shard for shard, _ in marks],
        [account_id for _, account_id in marks],
    )
    there = {(row["shard"], row["account_id"]) for row in known}
    rows = {key: (*key, *_values(stored)) for key, stored in marks.items()}
    news = [row for key, row in rows.items() if key not in there]
    olds = [row for key, row in rows.items() if key in there]
    await tx.insert_rows("audit_marks", _COLUMNS, news)
    await tx.update_rows("audit_marks", ("shard", "account_id"), _COLUMNS[2:], olds)


def _values(stored: StoredMark) -> Sequence[int | str | bytes]:
    mark, sums = stored.mark, stored.mark.sums
    return (
        *(mark.chain_length, mark.chain_head, mark.transactions, mark.last_created_at),
        *(sums.main, sums.held, sums.explained, msgspec.json.encode(sums.positions).decode()),
        *(mark.verified_at, mark.proved_at, stored.seal),
    )


async def list_moved(tx: ReadTx, accounts: Keys, marks: Sequence[VerifiedMark]) -> set[str]:
    """Those of these accounts in whose history there is something beyond their marks."""
    rows = await tx.fetch(
        """
        SELECT k.account_id
        FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
             AS k(shard, account_id, sequence, created_at, decided_at)
        WHERE EXISTS (SELECT 1 FROM entry_sets s
                      WHERE s.shard = k.shard AND s.account_id = k.account_id
                        AND s.sequence > k.sequence)
           OR EXISTS (SELECT 1 FROM transactions t
                      WHERE t.shard = k.shard AND t.account_id = k.account_id
                        AND t.created_at > k.created_at)
           OR EXISTS (SELECT 1 FROM outcomes o
                      WHERE o.shard = k.shard AND o.account_id = k.account_id
                        AND o.decided_at >= k.decided_at)
        """,
        *accounts,
        [mark.sets_after for mark in marks],
        [mark.created_after for mark in marks],
        [mark.decided_from for mark in marks],
    )
    return {row["account_id"] for row in rows}


async def list_progress(tx: ReadTx, after: tuple[int, str], limit: int) -> Sequence[Row]:
    """How far each account was verified, and when, beyond an account and in the audit's order."""
    return await tx.fetch(
        """
        SELECT b.shard, b.account_id, b.chain_length, COALESCE(m.chain_length, 0) AS verified,
               COALESCE(m.verified_at, 0) AS verified_at, COALESCE(m.proved_at, 0) AS proved_at
        FROM balances b
        LEFT JOIN audit_marks m ON m.shard = b.shard AND m.account_id = b.account_id
        WHERE b.shard >= $1 AND (b.shard, b.account_id) > ($1, $2)
        ORDER BY b.shard, b.account_id LIMIT $3
        """,
        *after,
        limit,
    )


async def delete_marks(tx: Tx) -> None:
    """Remove every mark."""
    await tx.execute("DELETE FROM audit_marks WHERE shard >= $1", 0)

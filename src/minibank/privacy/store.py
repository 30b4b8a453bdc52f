"""Rows about one person, read for an export, and how far an erasure has come."""

from collections.abc import Sequence

import msgspec

from minibank.core.ids import shard_of
from minibank.db import ReadTx, Row, Tx
from minibank.payments.store import Keys


class Part(msgspec.Struct, frozen=True):
    """A part of an erasure; `position` is how far it has come, as JSON, or empty."""

    part: str
    account_id: str
    position: str = ""


# Erasing.


async def insert_parts(tx: Tx, user_id: str, parts: Sequence[Part]) -> None:
    """Store what there is to do."""
    await tx.insert_rows(
        "erasure_parts",
        ("shard", "user_id", "part", "account_id", "position"),
        [(shard_of(user_id), user_id, one.part, one.account_id, one.position) for one in parts],
    )


async def find_part(tx: ReadTx, user_id: str) -> Part | None:
    """What is to be done next; None when all is done."""
    row = await tx.fetch_one(
        "SELECT part, account_id, position FROM erasure_parts"
        " WHERE shard = $1 AND user_id = $2 ORDER BY part, account_id LIMIT 1",
        shard_of(user_id),
        user_id,
    )
    return Part(row["part"], row["account_id"], row["position"]) if row else None


async def move_part(tx: Tx, user_id: str, part: Part, position: str) -> None:
    """Remember how far a part has come."""
    await tx.execute(
        "UPDATE erasure_parts SET position = $5"
        " WHERE shard = $1 AND user_id = $2 AND part = $3 AND account_id = $4",
        shard_of(user_id),
        user_id,
        part.part,
        part.account_id,
        position,
    )


async def delete_part(tx: Tx, user_id: str, part: Part) -> None:
    """A part is done."""
    await tx.execute(
        "DELETE FROM erasure_parts"
        " WHERE shard = $1 AND user_id = $2 AND part = $3 AND account_id = $4",
        shard_of(user_id),
        user_id,
        part.part,
        part.account_id,
    )


async def insert_erasure(tx: Tx, erasure_id: str, began_at: int) -> None:
    """Record that there was an erasure, which ends now; not whose."""
    await tx.insert_rows(
        "erasures",
        ("shard", "id", "began_at", "ended_at"),
        [(shard_of(erasure_id), erasure_id, began_at, tx.now)],
    )


async def list_erasures(tx: ReadTx, limit: int) -> Sequence[Row]:
    """When people were erased, the latest first."""
    return await tx.fetch(
        "SELECT id, began_at, ended_at FROM erasures WHERE shard >= $1"
        " ORDER BY ended_at DESC, id LIMIT $2",
        0,
        limit,
    )


async def list_staying(tx: ReadTx, user_ids: Sequence[str]) -> set[str]:
    """Those of these users whom nobody has begun to erase."""
    rows = await tx.fetch(
        "SELECT id FROM users WHERE shard = ANY($1) AND id = ANY($2) AND erasure_began_at IS NULL",
        sorted({shard for shard in map(shard_of, user_ids) if shard is not None}),
        list(user_ids),
    )
    return {row["id"] for row in rows}


async def list_places_of(tx: ReadTx, keys: Keys) -> Sequence[Row]:
    """Which account each of these transactions is of."""
    return await tx.fetch(
        """
        SELECT t.shard, t.id, t.account_id
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN transactions t ON t.shard = k.shard AND t.id = k.id
        """,
        *keys,
    )


# Counting, and exporting.


async def count_open_authorisations(tx: ReadTx, accounts: Keys) -> dict[str, int]:
    """How many card payments of each account are not over, by account."""
    rows = await tx.fetch(
        """
        SELECT a.account_id, COUNT(*) AS payments
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN authorisations a ON a.shard = k.shard AND a.account_id = k.account_id
             AND a.state = 'open'
        GROUP BY a.account_id
        """,
        *accounts,
    )
    return {row["account_id"]: row["payments"] for row in rows}


async def count_rows(tx: ReadTx, user_id: str, accounts: Keys) -> dict[str, int]:
    """How much there is about a person and their accounts."""
    row = await tx.fetch_one(
        """
        SELECT (SELECT COUNT(*) FROM token_pairs WHERE shard = $1 AND user_id = $2) AS token_pairs,
               (SELECT COUNT(*) FROM former_tokens WHERE shard = $1 AND user_id = $2)
                   AS former_tokens,
               (SELECT COUNT(*) FROM receipts WHERE shard = $1 AND user_id = $2) AS receipts,
               (SELECT COUNT(*) FROM unnest($3::bigint[], $4::text[]) AS k(shard, account_id)
                JOIN cards c ON c.shard = k.shard AND c.account_id = k.account_id
                     AND c.user_id = $2) AS cards,
               (SELECT COUNT(*) FROM unnest($3::bigint[], $4::text[]) AS k(shard, account_id)
                JOIN pots p ON p.shard = k.shard AND p.account_id = k.account_id) AS pots,
               (SELECT COUNT(*) FROM unnest($3::bigint[], $4::text[]) AS k(shard, account_id)
                JOIN transactions t ON t.shard = k.shard AND t.account_id = k.account_id)
                   AS transactions,
               (SELECT COUNT(*) FROM unnest($3::bigint[], $4::text[]) AS k(shard, account_id)
                JOIN transactions t ON t.shard = k.shard AND t.account_id = k.account_id
                JOIN annotations n ON n.shard = t.shard AND n.transaction_id = t.id)
                   AS annotations,
               (SELECT COUNT(*) FROM unnest($3::bigint[], $4::text[]) AS k(shard, account_id)
                JOIN transactions t ON t.shard = k.shard AND t.account_id = k.account_id
                JOIN note_changes n ON n.shard = t.shard AND n.transaction_id = t.id)
                   AS note_changes,
               (SELECT COUNT(*) FROM unnest($3::bigint[], $4::text[]) AS k(shard, account_id)
                JOIN feed_items f ON f.shard = k.shard AND f.account_id = k.account_id)
                   AS feed_items,
               (SELECT COUNT(*) FROM unnest($3::bigint[], $4::text[]) AS k(shard, account_id)
                JOIN attachments a ON a.shard = k.shard AND a.account_id = k.account_id)
                   AS attachments,
               (SELECT COUNT(*) FROM uploads WHERE shard = $1 AND user_id = $2) AS uploads,
               (SELECT COUNT(*) FROM unnest($3::bigint[], $4::text[]) AS k(shard, account_id)
                JOIN deliveries d ON d.shard = k.shard AND d.account_id = k.account_id)
                   AS deliveries,
               (SELECT COUNT(*) FROM unnest($3::bigint[], $4::text[]) AS k(shard, account_id)
                JOIN deliveries d ON d.shard = k.shard AND d.account_id = k.account_id
                JOIN delivery_attempts a ON a.shard = d.shard AND a.webhook_id = d.webhook_id
                     AND a.sequence = d.sequence) AS delivery_attempts
        """,
        shard_of(user_id),
        user_id,
        *accounts,
    )
    assert row is not None, "a statement without a table always has a row"
    return {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row's keys are its names


async def find_claimed_at(tx: ReadTx, shard: int, email_key: str) -> int | None:
    """Since when an address is claimed."""
    row = await tx.fetch_one(
        "SELECT claimed_at FROM email_claims WHERE shard = $1 AND email_key = $2",
        shard,
        email_key,
    )
    return row["claimed_at"] if row else None


async def find_password_changed_at(tx: ReadTx, user_id: str) -> int | None:
    """When a person's password was last changed; None when they have none."""
    row = await tx.fetch_one(
        "SELECT changed_at FROM passwords WHERE shard = $1 AND user_id = $2",
        shard_of(user_id),
        user_id,
    )
    return row["changed_at"] if row else None


async def list_pairs(tx: ReadTx, user_id: str) -> Sequence[Row]:
    """The programs that hold a person's tokens."""
    return await tx.fetch(
        "SELECT p.client_id, c.name AS client_name, p.issued_at, p.access_expires_at,"
        " p.refresh_digest IS NOT NULL AS can_refresh"
        " FROM token_pairs p JOIN oauth_clients c ON c.id = p.client_id"
        " WHERE p.shard = $1 AND p.user_id = $2 ORDER BY p.client_id",
        shard_of(user_id),
        user_id,
    )


async def list_former_tokens(tx: ReadTx, user_id: str, after: bytes, limit: int) -> Sequence[Row]:
    """The next ended tokens of a person, in the order of their digests."""
    return await tx.fetch(
        "SELECT digest, kind, reason, client_id, ended_at, keep_until, reused_at, reuse_count"
        " FROM former_tokens WHERE shard = $1 AND user_id = $2 AND digest > $3"
        " ORDER BY digest LIMIT $4",
        shard_of(user_id),
        user_id,
        after,
        limit,
    )


async def find_guesses(tx: ReadTx, shard: int, subject: bytes) -> Row | None:
    """How often somebody guessed at what this is the digest of."""
    return await tx.fetch_one(
        "SELECT failures, window_ends_at FROM password_failures WHERE shard = $1 AND subject = $2",
        shard,
        subject,
    )


async def find_balance(tx: ReadTx, shard: int, account_id: str) -> Row | None:
    """An account's balance row."""
    return await tx.fetch_one(
        "SELECT booked, held, overdraft_limit, chain_length, payment_max, card_daily_max,"
        " transfer_daily_max, balance_max, spending_day, card_spent, transfer_spent FROM balances"
        " WHERE shard = $1 AND account_id = $2",
        shard,
        account_id,
    )


async def list_annotations(tx: ReadTx, shard: int, ids: Sequence[str]) -> Sequence[Row]:
    """What programs keep on these transactions."""
    return await tx.fetch(
        "SELECT transaction_id, client_id, metadata, updated_at FROM annotations"
        " WHERE shard = $1 AND transaction_id = ANY($2) ORDER BY transaction_id, client_id",
        shard,
        ids,
    )


async def list_note_changes(tx: ReadTx, shard: int, ids: Sequence[str]) -> Sequence[Row]:
    """How the notes of these transactions changed."""
    return await tx.fetch(
        "SELECT transaction_id, version, user_id, client_id, changed_at, notes_before"
        " FROM note_changes WHERE shard = $1 AND transaction_id = ANY($2)"
        " ORDER BY transaction_id, version",
        shard,
        ids,
    )


async def list_authorisations(
    tx: ReadTx, shard: int, account_id: str, after: str, limit: int
) -> Sequence[Row]:
    """The next authorisations of an account, in the order of their ids."""
    return await tx.fetch(
        "SELECT id, card_id, transaction_id, state, held, expires_at FROM authorisations"
        " WHERE shard = $1 AND account_id = $2 AND id > $3 ORDER BY id LIMIT $4",
        shard,
        account_id,
        after,
        limit,
    )


async def list_entries(
    tx: ReadTx, shard: int, account_id: str, after: int, limit: int
) -> Sequence[Row]:
    """The entries of the next `limit` entry sets of an account, with their set."""
    return await tx.fetch(
        """
        SELECT s.sequence, s.id, s.code, s.transaction_id, s.happened_at, s.booked_at,
               e.address, e.amount, e.currency
        FROM entry_sets s
        LEFT JOIN entries e ON e.shard = s.shard AND e.account_id = s.account_id
             AND e.sequence = s.sequence
        WHERE s.shard = $1 AND s.account_id = $2 AND s.sequence > $3 AND s.sequence <= $4
        ORDER BY s.sequence, e.ordinal
        """,
        shard,
        account_id,
        after,
        after + limit,
    )


async def list_outcomes(
    tx: ReadTx, shard: int, account_id: str, after: tuple[str, str], limit: int
) -> Sequence[Row]:
    """The next answers to commands about an account."""
    return await tx.fetch(
        "SELECT issuer, command_id, command, outcome, decided_at FROM outcomes"
        " WHERE shard = $1 AND account_id = $2 AND (issuer, command_id) > ($3, $4)"
        " ORDER BY issuer, command_id LIMIT $5",
        shard,
        account_id,
        *after,
        limit,
    )


async def list_own(
    tx: ReadTx, shard: int, account_id: str, transaction_ids: Sequence[str]
) -> set[str]:
    """Those of these transactions that are the account's own."""
    rows = await tx.fetch(
        "SELECT id FROM transactions WHERE shard = $1 AND id = ANY($2) AND account_id = $3",
        shard,
        list(transaction_ids),
        account_id,
    )
    return {row["id"] for row in rows}


async def list_due(tx: ReadTx, shard: int, account_id: str) -> Sequence[Row]:
    """The work that falls due about an account."""
    return await tx.fetch(
        "SELECT kind, subject, due_at FROM due_work WHERE shard = $1 AND account_id = $2"
        " ORDER BY due_at, kind, subject",
        shard,
        account_id,
    )

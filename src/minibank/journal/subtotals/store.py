"""Rows of subtotals, and how far each account is in them."""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx, Row, Tx

BLOCK = 500
"""How many entry sets of one chain share a row at most: that many are read where an instant falls
between those of a row."""


class Part(msgspec.Struct, frozen=True):
    """The entry sets of one account from beyond `done` up to `until`."""

    shard: int
    account_id: str
    done: int
    until: int


async def list_behind(tx: ReadTx, shards: Sequence[int], limit: int) -> Sequence[Row]:
    """Accounts of these shards of which entry sets are in no subtotal, with how many; in order."""
    return await tx.fetch(
        """
        SELECT b.shard, b.account_id, b.chain_length - COALESCE(p.sequence, 0) AS missing
        FROM balances b
        LEFT JOIN subtotal_progress p ON p.shard = b.shard AND p.account_id = b.account_id
        WHERE b.shard = ANY($1) AND b.chain_length > COALESCE(p.sequence, 0)
        ORDER BY b.shard, b.account_id LIMIT $2
        """,
        shards,
        limit,
    )


async def count_missing(tx: ReadTx, shards: Sequence[int]) -> int:
    """How many entry sets of these shards are in no subtotal."""
    row = await tx.fetch_one(
        """
        SELECT CAST(COALESCE(SUM(b.chain_length - COALESCE(p.sequence, 0)), 0) AS BIGINT) AS missing
        FROM balances b
        LEFT JOIN subtotal_progress p ON p.shard = b.shard AND p.account_id = b.account_id
        WHERE b.shard = ANY($1) AND b.chain_length > COALESCE(p.sequence, 0)
        """,
        shards,
    )
    return int(row["missing"]) if row else 0


async def count_missing_of(tx: ReadTx, shard: int, account_id: str) -> int:
    """How many entry sets of one account are in no subtotal."""
    row = await tx.fetch_one(
        """
        SELECT b.chain_length - COALESCE(p.sequence, 0) AS missing
        FROM balances b
        LEFT JOIN subtotal_progress p ON p.shard = b.shard AND p.account_id = b.account_id
        WHERE b.shard = $1 AND b.account_id = $2
        """,
        shard,
        account_id,
    )
    return int(row["missing"]) if row else 0


async def lock_progress(tx: Tx, accounts: Sequence[tuple[int, str]]) -> Sequence[Row]:
    """Hold these accounts' progress until the unit of work ends, in one order for everybody.

    Gives how far each is (`sequence`) and how long its chain was at least (`chain_length`).
    """
    keys = [shard for shard, _ in accounts], [account_id for _, account_id in accounts]
    await tx.execute(
        """
        INSERT INTO subtotal_progress (shard, account_id, sequence)
        SELECT k.shard, k.account_id, 0
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        WHERE k.shard >= 0
        ORDER BY k.shard, k.account_id
        ON CONFLICT (shard, account_id) DO NOTHING
        """,
        *keys,
    )
    return await tx.fetch(
        """
        SELECT p.shard, p.account_id, p.sequence, b.chain_length
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN subtotal_progress p ON p.shard = k.shard AND p.account_id = k.account_id
        JOIN balances b ON b.shard = k.shard AND b.account_id = k.account_id
        ORDER BY p.shard, p.account_id
        FOR NO KEY UPDATE OF p
        """,
        *keys,
    )


async def add_parts(tx: Tx, parts: Sequence[Part], block: int) -> None:
    """Add the entries of these parts to the subtotals, in rows of `block` entry sets at most, and
    say so in the accounts' progress."""
    await tx.execute(
        """
        INSERT INTO subtotals (shard, account_id, address, currency, booked_day, happened_day,
                               block, amount, entry_count, first_sequence, last_sequence,
                               booked_from, booked_to, happened_from, happened_to)
        SELECT e.shard, e.account_id, e.address, e.currency, s.booked_at / 86400000000,
               s.happened_at / 86400000000, (s.sequence - 1) / $5,
               SUM(e.amount), COUNT(*), MIN(s.sequence), MAX(s.sequence),
               MIN(s.booked_at), MAX(s.booked_at), MIN(s.happened_at), MAX(s.happened_at)
        FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
             AS k(shard, account_id, done, until)
        JOIN entry_sets s ON s.shard = k.shard AND s.account_id = k.account_id
             AND s.sequence > k.done AND s.sequence <= k.until
        JOIN entries e ON e.shard = s.shard AND e.account_id = s.account_id
             AND e.sequence = s.sequence
        WHERE k.shard >= 0
        GROUP BY 1, 2, 3, 4, 5, 6, 7
        ORDER BY 1, 2, 3, 4, 5, 6, 7
        ON CONFLICT (shard, account_id, address, currency, booked_day, happened_day, block)
        DO UPDATE SET
            amount = subtotals.amount + excluded.amount,
            entry_count = subtotals.entry_count + excluded.entry_count,
            last_sequence = excluded.last_sequence,
            booked_from = CASE WHEN excluded.booked_from < subtotals.booked_from
                THEN excluded.booked_from ELSE subtotals.booked_from END,
            booked_to = CASE WHEN excluded.booked_to > subtotals.booked_to
                THEN excluded.booked_to ELSE subtotals.booked_to END,
            happened_from = CASE WHEN excluded.happened_from < subtotals.happened_from
                THEN excluded.happened_from ELSE subtotals.happened_from END,
            happened_to = CASE WHEN excluded.happened_to > subtotals.happened_to
                THEN excluded.happened_to ELSE subtotals.happened_to END
        """,
        [part.shard for part in parts],
        [part.account_id for part in parts],
        [part.done for part in parts],
        [part.until for part in parts],
        block,
    )
    await tx.update_rows(
        "subtotal_progress",
        ("shard", "account_id"),
        ("sequence",),
        [(part.shard, part.account_id, part.until) for part in parts],
    )


async def delete_subtotals(tx: Tx, shard: int | None, account_id: str) -> None:
    """Forget the subtotals of one account; of all accounts without a shard."""
    first, last = (0, 2**62) if shard is None else (shard, shard)
    for_all = 1 if shard is None else 0
    # Their progress first: whoever brings entries in holds it, and has then committed its rows.
    await tx.execute(
        "DELETE FROM subtotal_progress"
        " WHERE shard >= $1 AND shard <= $2 AND ($3 = 1 OR account_id = $4)",
        first,
        last,
        for_all,
        account_id,
    )
    await tx.execute(
        "DELETE FROM subtotals WHERE shard >= $1 AND shard <= $2 AND ($3 = 1 OR account_id = $4)",
        first,
        last,
        for_all,
        account_id,
    )

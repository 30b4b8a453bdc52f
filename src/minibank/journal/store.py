"""What is read of the journal: sums at an instant, from subtotals and what is in none yet.

Each of these is one statement, so that it sees one snapshot: what is brought into the subtotals
meanwhile is counted once. Its three parts are the subtotals that are wholly before the instants,
the entries of those that an instant falls into, and the entries that are in no subtotal yet.
"""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx, Row


class Sum(msgspec.Struct, frozen=True):
    """What the entries of one address add up to (minor units)."""

    address: str
    currency: str
    amount: int


def _sums(rows: Sequence[Row]) -> list[Sum]:
    return [Sum(*row) for row in rows]


async def sum_of_account(
    tx: ReadTx, shard: int, account_id: str, booked_by: int, happened_by: int
) -> list[Sum]:
    """By address, what an account's chain says that was booked and happened by these instants."""
    rows = await tx.fetch(
        """
        SELECT u.address, u.currency, CAST(SUM(u.amount) AS BIGINT) AS amount
        FROM (
            SELECT t.address, t.currency, t.amount
            FROM subtotals t
            WHERE t.shard = $1 AND t.account_id = $2
              AND t.booked_to <= $3 AND t.happened_to <= $4
            UNION ALL
            SELECT e.address, e.currency, e.amount
            FROM subtotals t
            JOIN entry_sets s ON s.shard = t.shard AND s.account_id = t.account_id
                 AND s.sequence >= t.first_sequence AND s.sequence <= t.last_sequence
                 AND s.booked_at >= t.booked_from AND s.booked_at <= t.booked_to
                 AND s.happened_at >= t.happened_from AND s.happened_at <= t.happened_to
            JOIN entries e ON e.shard = s.shard AND e.account_id = s.account_id
                 AND e.sequence = s.sequence AND e.address = t.address
                 AND e.currency = t.currency
            WHERE t.shard = $1 AND t.account_id = $2
              AND t.booked_from <= $3 AND t.happened_from <= $4
              AND (t.booked_to > $3 OR t.happened_to > $4)
              AND s.booked_at <= $3 AND s.happened_at <= $4
            UNION ALL
            SELECT e.address, e.currency, e.amount
            FROM balances b
            LEFT JOIN subtotal_progress p ON p.shard = b.shard AND p.account_id = b.account_id
            JOIN entry_sets s ON s.shard = b.shard AND s.account_id = b.account_id
                 AND s.sequence > COALESCE(p.sequence, 0)
            JOIN entries e ON e.shard = s.shard AND e.account_id = s.account_id
                 AND e.sequence = s.sequence
            WHERE b.shard = $1 AND b.account_id = $2
              AND s.booked_at <= $3 AND s.happened_at <= $4
        ) AS u
        GROUP BY u.address, u.currency ORDER BY u.address, u.currency
        """,
        shard,
        account_id,
        booked_by,
        happened_by,
    )
    return _sums(rows)


async def sum_of_address(
    tx: ReadTx, shards: Sequence[int], address: str, booked_by: int, happened_by: int
) -> list[Sum]:
    """By currency, what these shards' chains say of one address, by these instants."""
    rows = await tx.fetch(
        """
        SELECT u.address, u.currency, CAST(SUM(u.amount) AS BIGINT) AS amount
        FROM (
            SELECT t.address, t.currency, t.amount
            FROM subtotals t
            WHERE t.shard = ANY($1) AND t.address = $2
              AND t.booked_to <= $3 AND t.happened_to <= $4
            UNION ALL
            SELECT e.address, e.currency, e.amount
            FROM subtotals t
            JOIN entry_sets s ON s.shard = t.shard AND s.account_id = t.account_id
                 AND s.sequence >= t.first_sequence AND s.sequence <= t.last_sequence
                 AND s.booked_at >= t.booked_from AND s.booked_at <= t.booked_to
                 AND s.happened_at >= t.happened_from AND s.happened_at <= t.happened_to
            JOIN entries e ON e.shard = s.shard AND e.account_id = s.account_id
                 AND e.sequence = s.sequence AND e.address = t.address
                 AND e.currency = t.currency
            WHERE t.shard = ANY($1) AND t.address = $2
              AND t.booked_from <= $3 AND t.happened_from <= $4
              AND (t.booked_to > $3 OR t.happened_to > $4)
              AND s.booked_at <= $3 AND s.happened_at <= $4
            UNION ALL
            SELECT e.address, e.currency, e.amount
            FROM balances b
            LEFT JOIN subtotal_progress p ON p.shard = b.shard AND p.account_id = b.account_id
            JOIN entry_sets s ON s.shard = b.shard AND s.account_id = b.account_id
                 AND s.sequence > COALESCE(p.sequence, 0)
            JOIN entries e ON e.shard = s.shard AND e.account_id = s.account_id
                 AND e.sequence = s.sequence AND e.address = $2
            WHERE b.shard = ANY($1) AND b.chain_length > COALESCE(p.sequence, 0)
              AND s.booked_at <= $3 AND s.happened_at <= $4
        ) AS u
        GROUP BY u.address, u.currency ORDER BY u.currency
        """,
        shards,
        address,
        booked_by,
        happened_by,
    )
    return _sums(rows)


async def sum_of_shards(
    tx: ReadTx, shards: Sequence[int], booked_by: int, happened_by: int
) -> list[Sum]:
    """By address of the bank's own, and by kind of customers' addresses, what these shards' chains
    say by these instants."""
    rows = await tx.fetch(
        """
        SELECT CASE WHEN u.address LIKE 'account:main:%' THEN 'account:main'
                    WHEN u.address LIKE 'account:held:%' THEN 'account:held'
                    WHEN u.address LIKE 'pot:%' THEN 'pot'
                    ELSE u.address END AS kind,
               u.currency, CAST(SUM(u.amount) AS BIGINT) AS amount
        FROM (
            SELECT t.address, t.currency, t.amount
            FROM subtotals t
            WHERE t.shard = ANY($1) AND t.booked_to <= $2 AND t.happened_to <= $3
            UNION ALL
            SELECT e.address, e.currency, e.amount
            FROM subtotals t
            JOIN entry_sets s ON s.shard = t.shard AND s.account_id = t.account_id
                 AND s.sequence >= t.first_sequence AND s.sequence <= t.last_sequence
                 AND s.booked_at >= t.booked_from AND s.booked_at <= t.booked_to
                 AND s.happened_at >= t.happened_from AND s.happened_at <= t.happened_to
            JOIN entries e ON e.shard = s.shard AND e.account_id = s.account_id
                 AND e.sequence = s.sequence AND e.address = t.address
                 AND e.currency = t.currency
            WHERE t.shard = ANY($1) AND t.booked_from <= $2 AND t.happened_from <= $3
              AND (t.booked_to > $2 OR t.happened_to > $3)
              AND s.booked_at <= $2 AND s.happened_at <= $3
            UNION ALL
            SELECT e.address, e.currency, e.amount
            FROM balances b
            LEFT JOIN subtotal_progress p ON p.shard = b.shard AND p.account_id = b.account_id
            JOIN entry_sets s ON s.shard = b.shard AND s.account_id = b.account_id
                 AND s.sequence > COALESCE(p.sequence, 0)
            JOIN entries e ON e.shard = s.shard AND e.account_id = s.account_id
                 AND e.sequence = s.sequence
            WHERE b.shard = ANY($1) AND b.chain_length > COALESCE(p.sequence, 0)
              AND s.booked_at <= $2 AND s.happened_at <= $3
        ) AS u
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        shards,
        booked_by,
        happened_by,
    )
    return _sums(rows)


async def find_account(tx: ReadTx, shard: int, account_id: str) -> Row | None:
    """An account's currency and the end of its chain."""
    return await tx.fetch_one(
        """
        SELECT a.currency, b.chain_length, b.chain_head
        FROM accounts a JOIN balances b ON b.shard = a.shard AND b.account_id = a.id
        WHERE a.shard = $1 AND a.id = $2
        """,
        shard,
        account_id,
    )

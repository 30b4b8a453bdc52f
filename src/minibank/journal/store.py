"""What is read of the journal: sums at an instant, from subtotals and what is in none yet.

Each sum has three parts: the subtotals that are wholly before the instants, the entries of those
that an instant falls into, and the entries that are in no subtotal yet. All must be read of one
snapshot, or what is brought into the subtotals meanwhile is counted twice or not at all.

Entries are found by number within an inner select and their entry set by its key, so that no plan
can begin with all of a history.
"""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx, Row

Tail = tuple[int, str, int]
"""A shard, an account and a number in its chain: the entries beyond it are in no subtotal."""


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
            WHERE t.shard = $1 AND t.account_id = $2 AND t.booked_to <= $3 AND t.happened_to <= $4
            UNION ALL
            SELECT t.address, t.currency,
                   (SELECT SUM(e.amount) FROM entries e
                    WHERE e.shard = t.shard AND e.account_id = t.account_id
                      AND e.sequence >= t.first_sequence AND e.sequence <= t.last_sequence
                      AND e.address = t.address AND e.currency = t.currency
                      AND (SELECT CASE WHEN s.booked_at <= $3 AND s.happened_at <= $4
                            AND s.booked_at >= t.booked_from AND s.booked_at <= t.booked_to
                            AND s.happened_at >= t.happened_from AND s.happened_at <= t.happened_to
                            THEN 1 ELSE 0 END
                       FROM entry_sets s
                       WHERE s.shard = e.shard AND s.account_id = e.account_id
                         AND s.sequence = e.sequence) = 1) AS amount
            FROM subtotals t
            WHERE t.shard = $1 AND t.account_id = $2
              AND t.booked_from <= $3 AND t.happened_from <= $4
              AND (t.booked_to > $3 OR t.happened_to > $4)
            UNION ALL
            SELECT e.address, e.currency, e.amount
            FROM entries e
            WHERE e.shard = $1 AND e.account_id = $2
              AND e.sequence > (SELECT COALESCE(MAX(p.sequence), 0) FROM subtotal_progress p
                                WHERE p.shard = $1 AND p.account_id = $2)
              AND (SELECT CASE WHEN s.booked_at <= $3 AND s.happened_at <= $4
                            THEN 1 ELSE 0 END
                       FROM entry_sets s
                       WHERE s.shard = e.shard AND s.account_id = e.account_id
                         AND s.sequence = e.sequence) = 1
        ) AS u
        WHERE u.amount IS NOT NULL
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
            WHERE t.shard = ANY($1) AND t.address = $2 AND t.booked_to <= $3 AND t.happened_to <= $4
            UNION ALL
            SELECT t.address, t.currency,
                   (SELECT SUM(e.amount) FROM entries e
                    WHERE e.shard = t.shard AND e.account_id = t.account_id
                      AND e.sequence >= t.first_sequence AND e.sequence <= t.last_sequence
                      AND e.address = t.address AND e.currency = t.currency
                      AND (SELECT CASE WHEN s.booked_at <= $3 AND s.happened_at <= $4
                            AND s.booked_at >= t.booked_from AND s.booked_at <= t.booked_to
                            AND s.happened_at >= t.happened_from AND s.happened_at <= t.happened_to
                            THEN 1 ELSE 0 END
                       FROM entry_sets s WHERE s.shard = e.shard
                         AND s.account_id = e.account_id AND s.sequence = e.sequence) = 1) AS amount
            FROM subtotals t
            WHERE t.shard = ANY($1) AND t.address = $2
              AND t.booked_from <= $3 AND t.happened_from <= $4
              AND (t.booked_to > $3 OR t.happened_to > $4)
            UNION ALL
            SELECT $2 AS address, a.currency,
                   (SELECT SUM(e.amount) FROM entries e
                    WHERE e.shard = b.shard AND e.account_id = b.account_id
                      AND e.sequence > COALESCE(p.sequence, 0) AND e.address = $2
                      AND e.currency = a.currency
                      AND (SELECT CASE WHEN s.booked_at <= $3 AND s.happened_at <= $4
                            THEN 1 ELSE 0 END
                       FROM entry_sets s WHERE s.shard = e.shard
                         AND s.account_id = e.account_id AND s.sequence = e.sequence) = 1) AS amount
            FROM balances b
            JOIN accounts a ON a.shard = b.shard AND a.id = b.account_id
            LEFT JOIN subtotal_progress p ON p.shard = b.shard AND p.account_id = b.account_id
            WHERE b.shard = ANY($1) AND b.chain_length > COALESCE(p.sequence, 0)
        ) AS u
        WHERE u.amount IS NOT NULL
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
    """By address of the bank's own, and by kind of customers' addresses, what these shards'
    subtotals say by these instants; `sum_of_tails` are the entries that are in none."""
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
            SELECT t.address, t.currency,
                   (SELECT SUM(e.amount) FROM entries e
                    WHERE e.shard = t.shard AND e.account_id = t.account_id
                      AND e.sequence >= t.first_sequence AND e.sequence <= t.last_sequence
                      AND e.address = t.address AND e.currency = t.currency
                      AND (SELECT CASE WHEN s.booked_at <= $2 AND s.happened_at <= $3
                            AND s.booked_at >= t.booked_from AND s.booked_at <= t.booked_to
                            AND s.happened_at >= t.happened_from AND s.happened_at <= t.happened_to
                            THEN 1 ELSE 0 END
                       FROM entry_sets s
                       WHERE s.shard = e.shard AND s.account_id = e.account_id
                         AND s.sequence = e.sequence) = 1) AS amount
            FROM subtotals t
            WHERE t.shard = ANY($1) AND t.booked_from <= $2 AND t.happened_from <= $3
              AND (t.booked_to > $2 OR t.happened_to > $3)
        ) AS u
        WHERE u.amount IS NOT NULL
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        shards,
        booked_by,
        happened_by,
    )
    return _sums(rows)


async def sum_of_tails(
    tx: ReadTx, tails: Sequence[Tail], booked_by: int, happened_by: int
) -> list[Sum]:
    """By the same addresses and kinds, what the entries of these accounts beyond a number say."""
    rows = await tx.fetch(
        """
        SELECT CASE WHEN e.address LIKE 'account:main:%' THEN 'account:main'
                    WHEN e.address LIKE 'account:held:%' THEN 'account:held'
                    WHEN e.address LIKE 'pot:%' THEN 'pot'
                    ELSE e.address END AS kind,
               e.currency, CAST(SUM(e.amount) AS BIGINT) AS amount
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, account_id, sequence)
        JOIN entries e ON e.shard = k.shard AND e.account_id = k.account_id
             AND e.sequence > k.sequence
        WHERE (SELECT CASE WHEN s.booked_at <= $4 AND s.happened_at <= $5
                     THEN 1 ELSE 0 END
                FROM entry_sets s
                WHERE s.shard = e.shard AND s.account_id = e.account_id
                  AND s.sequence = e.sequence) = 1
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        [shard for shard, _, _ in tails],
        [account_id for _, account_id, _ in tails],
        [sequence for _, _, sequence in tails],
        booked_by,
        happened_by,
    )
    return _sums(rows)


async def list_tails(tx: ReadTx, shards: Sequence[int]) -> list[Tail]:
    """The accounts of these shards that have entries in no subtotal, and up to where they are."""
    rows = await tx.fetch(
        """
        SELECT b.shard, b.account_id, COALESCE(p.sequence, 0) AS sequence
        FROM balances b
        LEFT JOIN subtotal_progress p ON p.shard = b.shard AND p.account_id = b.account_id
        WHERE b.shard = ANY($1) AND b.chain_length > COALESCE(p.sequence, 0)
        """,
        shards,
    )
    return [(row["shard"], row["account_id"], row["sequence"]) for row in rows]


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

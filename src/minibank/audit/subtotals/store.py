"""Subtotals and what they should be, as an audit reads them."""

from collections.abc import Sequence

from minibank.db import ReadTx, Row
from minibank.journal.subtotals.store import BLOCK

Keys = tuple[list[int], list[str]]


async def list_wrong(tx: ReadTx, accounts: Keys, blocks: Sequence[int]) -> Sequence[Row]:
    """From a block of each account on: the addresses whose subtotals are not what entries say.

    What is stored and what should be are put together: a row that is in both is there twice.
    """
    return await tx.fetch(
        """
        SELECT DISTINCT u.account_id, u.address
        FROM (
            SELECT t.account_id, t.address, t.currency, t.booked_day, t.happened_day, t.block,
                   t.amount, t.entry_count, t.first_sequence, t.last_sequence,
                   t.booked_from, t.booked_to, t.happened_from, t.happened_to
            FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, account_id, block)
            JOIN subtotals t ON t.shard = k.shard AND t.account_id = k.account_id
                 AND t.block >= k.block
            UNION ALL
            SELECT e.account_id, e.address, e.currency, s.booked_at / 86400000000,
                   s.happened_at / 86400000000, (s.sequence - 1) / $4,
                   SUM(e.amount), COUNT(*), MIN(s.sequence), MAX(s.sequence),
                   MIN(s.booked_at), MAX(s.booked_at), MIN(s.happened_at), MAX(s.happened_at)
            FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, account_id, block)
            JOIN subtotal_progress p ON p.shard = k.shard AND p.account_id = k.account_id
            JOIN entry_sets s ON s.shard = k.shard AND s.account_id = k.account_id
                 AND s.sequence > k.block * $4 AND s.sequence <= p.sequence
            JOIN entries e ON e.shard = s.shard AND e.account_id = s.account_id
                 AND e.sequence = s.sequence
            GROUP BY e.account_id, e.address, e.currency, s.booked_at / 86400000000,
                     s.happened_at / 86400000000, (s.sequence - 1) / $4
        ) AS u
        GROUP BY u.account_id, u.address, u.currency, u.booked_day, u.happened_day, u.block,
                 u.amount, u.entry_count, u.first_sequence, u.last_sequence,
                 u.booked_from, u.booked_to, u.happened_from, u.happened_to
        HAVING COUNT(*) <> 2
        ORDER BY u.account_id, u.address
        """,
        *accounts,
        blocks,
        BLOCK,
    )


async def list_beyond(tx: ReadTx, accounts: Keys) -> Sequence[Row]:
    """Accounts whose subtotals go further than their chains, with how far each is."""
    return await tx.fetch(
        """
        SELECT p.account_id, p.sequence, COALESCE(b.chain_length, 0) AS chain_length
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN subtotal_progress p ON p.shard = k.shard AND p.account_id = k.account_id
        LEFT JOIN balances b ON b.shard = k.shard AND b.account_id = k.account_id
        WHERE p.sequence < 0 OR p.sequence > COALESCE(b.chain_length, 0)
        """,
        *accounts,
    )

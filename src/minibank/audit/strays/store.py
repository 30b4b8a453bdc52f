"""Looks for rows between the accounts that there are: one step into an index for each table."""

from collections.abc import Sequence

from minibank.db import ReadTx, Row


async def list_between(
    tx: ReadTx, shards: Sequence[int], after: Sequence[str], until: Sequence[str]
) -> Sequence[Row]:
    """The first stray of each table, in each gap between two account ids; authorisations: open."""
    return await tx.fetch(
        """
        SELECT (SELECT t.account_id FROM balances t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS balances,
               (SELECT t.account_id FROM owners t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS owners,
               (SELECT t.account_id FROM cards t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS cards,
               (SELECT t.account_id FROM pots t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS pots,
               (SELECT t.account_id FROM entry_sets t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS entry_sets,
               (SELECT t.account_id FROM entries t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS entries,
               (SELECT t.account_id FROM transactions t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS transactions,
               (SELECT t.account_id FROM outcomes t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS outcomes,
               (SELECT t.account_id FROM audit_marks t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS audit_marks,
               (SELECT t.account_id FROM subtotals t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS subtotals,
               (SELECT t.account_id FROM subtotal_progress t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS subtotal_progress,
               (SELECT t.account_id FROM corrections t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS corrections,
               (SELECT t.account_id FROM authorisations t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                  AND t.state = 'open'
                ORDER BY t.account_id LIMIT 1) AS authorisations
        FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(shard, after_id, until_id)
        """,
        *(shards, after, until),
    )


async def list_in_shards(tx: ReadTx, above: Sequence[int], below: Sequence[int]) -> Sequence[Row]:
    """As `list_between`, in ranges of shards, their ends excluded, that have no account: the first
    stray of each table in each range."""
    return await tx.fetch(
        """
        SELECT (SELECT t.account_id FROM balances t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS balances,
               (SELECT t.account_id FROM owners t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS owners,
               (SELECT t.account_id FROM cards t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS cards,
               (SELECT t.account_id FROM pots t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS pots,
               (SELECT t.account_id FROM entry_sets t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS entry_sets,
               (SELECT t.account_id FROM entries t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS entries,
               (SELECT t.account_id FROM transactions t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS transactions,
               (SELECT t.account_id FROM outcomes t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS outcomes,
               (SELECT t.account_id FROM audit_marks t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS audit_marks,
               (SELECT t.account_id FROM subtotals t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS subtotals,
               (SELECT t.account_id FROM subtotal_progress t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS subtotal_progress,
               (SELECT t.account_id FROM corrections t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS corrections,
               (SELECT t.account_id FROM authorisations t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below AND t.state = 'open'
                ORDER BY t.shard LIMIT 1) AS authorisations
        FROM unnest($1::bigint[], $2::bigint[]) AS k(shard_above, shard_below)
        """,
        above,
        below,
    )


async def list_messages_between(
    tx: ReadTx, shards: Sequence[int], after: Sequence[str], until: Sequence[str]
) -> Sequence[Row]:
    """As `list_between`, what apps put on feeds and are to be told, and refunds."""
    return await tx.fetch(
        """
        SELECT (SELECT t.account_id FROM feed_items t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS feed_items,
               (SELECT t.account_id FROM feed_writers t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS feed_writers,
               (SELECT t.account_id FROM feed_keys t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS feed_keys,
               (SELECT t.account_id FROM feed_dismissals t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS feed_dismissals,
               (SELECT t.account_id FROM webhooks t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS webhooks,
               (SELECT t.account_id FROM deliveries t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS deliveries,
               (SELECT t.account_id FROM refunds t
                WHERE t.shard = k.shard AND t.account_id > k.after_id AND t.account_id < k.until_id
                ORDER BY t.account_id LIMIT 1) AS refunds
        FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(shard, after_id, until_id)
        """,
        shards,
        after,
        until,
    )


async def list_messages_in_shards(
    tx: ReadTx, above: Sequence[int], below: Sequence[int]
) -> Sequence[Row]:
    """As `list_in_shards`, what apps put on feeds and are to be told, and refunds."""
    return await tx.fetch(
        """
        SELECT (SELECT t.account_id FROM feed_items t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS feed_items,
               (SELECT t.account_id FROM feed_writers t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS feed_writers,
               (SELECT t.account_id FROM feed_keys t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS feed_keys,
               (SELECT t.account_id FROM feed_dismissals t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS feed_dismissals,
               (SELECT t.account_id FROM webhooks t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS webhooks,
               (SELECT t.account_id FROM deliveries t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS deliveries,
               (SELECT t.account_id FROM refunds t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS refunds
        FROM unnest($1::bigint[], $2::bigint[]) AS k(shard_above, shard_below)
        """,
        above,
        below,
    )


async def list_authorisations(
    tx: ReadTx, after: tuple[int, str], until: tuple[int, str]
) -> Sequence[Row]:
    """Accounts between two keys that have authorisations of any state and are not there."""
    return await tx.fetch(
        """
        SELECT DISTINCT t.account_id AS authorisations
        FROM authorisations t LEFT JOIN accounts a ON a.shard = t.shard AND a.id = t.account_id
        WHERE t.shard >= $1 AND (t.shard, t.account_id) > ($1, $2)
          AND t.shard <= $3 AND (t.shard, t.account_id) <= ($3, $4) AND a.id IS NULL
        """,
        *after,
        *until,
    )


async def list_webhook_keys(tx: ReadTx, after: tuple[int, str], limit: int) -> Sequence[Row]:
    """The next webhooks, in order."""
    return await tx.fetch(
        """
        SELECT shard, id FROM webhooks
        WHERE shard >= $1 AND (shard, id) > ($1, $2) ORDER BY shard, id LIMIT $3
        """,
        *after,
        limit,
    )


async def list_attempts_between(
    tx: ReadTx, shards: Sequence[int], after: Sequence[str], until: Sequence[str]
) -> Sequence[Row]:
    """For each gap between two webhooks of a shard: the first that has attempts; None without."""
    return await tx.fetch(
        """
        SELECT (SELECT t.webhook_id FROM delivery_attempts t
                WHERE t.shard = k.shard AND t.webhook_id > k.after_id AND t.webhook_id < k.until_id
                ORDER BY t.webhook_id LIMIT 1) AS webhook_id
        FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(shard, after_id, until_id)
        """,
        shards,
        after,
        until,
    )


async def list_attempts_in_shards(
    tx: ReadTx, above: Sequence[int], below: Sequence[int]
) -> Sequence[Row]:
    """As `list_attempts_between`, in ranges of shards, their ends excluded, without a webhook."""
    return await tx.fetch(
        """
        SELECT (SELECT t.webhook_id FROM delivery_attempts t
                WHERE t.shard > k.shard_above AND t.shard < k.shard_below
                ORDER BY t.shard LIMIT 1) AS webhook_id
        FROM unnest($1::bigint[], $2::bigint[]) AS k(shard_above, shard_below)
        """,
        above,
        below,
    )

"""The rows of corrections that an audit reads; it writes none."""

from collections.abc import Sequence
from dataclasses import dataclass

from minibank.audit.store import Keys
from minibank.db import ReadTx
from minibank.payments.effects import SUSPENSE_RETURN


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """What followed a transaction, as stored; of kind `refund`, a row of refunds.

    `due_at` is when the work that sends it back falls due, None when none is planned.
    """

    account_id: str
    transaction_id: str
    kind: str
    state: str
    amount: int
    correction_id: str | None
    return_at: int | None
    due_at: int | None

    @property
    def names(self) -> tuple[str, ...]:
        """The transactions that it is about."""
        return (self.transaction_id, *([self.correction_id] if self.correction_id else []))


async def list_corrections(
    tx: ReadTx, accounts: Keys, changed_from: Sequence[int]
) -> list[CorrectionRow]:
    """Of each account those that are open, those changed from an instant on, and its refunds."""
    rows = await tx.fetch(
        """
        SELECT c.account_id, c.transaction_id, c.kind, c.state, c.amount, c.correction_id,
               c.return_at, d.due_at
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, account_id, changed_from)
        JOIN corrections c ON c.shard = k.shard AND c.account_id = k.account_id
             AND (c.state = 'open' OR c.changed_at >= k.changed_from)
        LEFT JOIN due_work d ON d.shard = c.shard AND d.kind = $4 AND d.subject = c.transaction_id
             AND d.account_id = c.account_id
        UNION ALL
        SELECT r.account_id, r.transaction_id, 'refund', 'done', r.amount, r.refund_id,
               CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, account_id, changed_from)
        JOIN refunds r ON r.shard = k.shard AND r.account_id = k.account_id
             AND r.booked_at >= k.changed_from
        ORDER BY 1, 2, 3, 6
        """,
        *accounts,
        list(changed_from),
        SUSPENSE_RETURN,
    )
    return [CorrectionRow(**row) for row in rows]

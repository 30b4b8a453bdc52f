"""Holds that are open, and answers to commands, as operators look for them."""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx, Row
from minibank.payments.commands import Outcome

HoldPosition = tuple[int, str, str]
"""A shard, an account and an authorisation: open holds are listed in the order of these."""


class Hold(msgspec.Struct, frozen=True):
    """An authorisation that is open; instants in microseconds, what it holds in minor units."""

    shard: int
    account_id: str
    id: str
    card_id: str
    transaction_id: str
    held: int
    expires_at: int
    created_at: int
    currency: str
    description: str


class Answered(msgspec.Struct, frozen=True):
    """What was answered to a command, and when (microseconds)."""

    account_id: str
    issuer: str
    command_id: str
    command: str
    outcome: Outcome
    decided_at: int


async def list_holds(tx: ReadTx, after: HoldPosition, limit: int) -> list[Hold]:
    """Open holds of the whole bank."""
    rows = await tx.fetch(
        """
        SELECT a.shard, a.account_id, a.id, a.card_id, a.transaction_id, a.held, a.expires_at,
               t.created_at, t.currency, t.description
        FROM authorisations a
        JOIN transactions t ON t.shard = a.shard AND t.id = a.transaction_id
        WHERE a.shard >= $1 AND (a.shard, a.account_id) >= ($1, $2) AND a.state = 'open'
          AND (a.shard, a.account_id, a.id) > ($1, $2, $3)
        ORDER BY a.shard, a.account_id, a.id LIMIT $4
        """,
        *after,
        limit,
    )
    return [Hold(*row) for row in rows]


async def list_holds_of(
    tx: ReadTx, shard: int, account_id: str, after: str, limit: int
) -> list[Hold]:
    """Open holds of one account, beyond an authorisation."""
    rows = await tx.fetch(
        """
        SELECT a.shard, a.account_id, a.id, a.card_id, a.transaction_id, a.held, a.expires_at,
               t.created_at, t.currency, t.description
        FROM authorisations a
        JOIN transactions t ON t.shard = a.shard AND t.id = a.transaction_id
        WHERE a.shard = $1 AND a.account_id = $2 AND a.state = 'open' AND a.id > $3
        ORDER BY a.id LIMIT $4
        """,
        shard,
        account_id,
        after,
        limit,
    )
    return [Hold(*row) for row in rows]


async def find_answer(
    tx: ReadTx, shard: int, account_id: str, issuer: str, command_id: str
) -> Answered | None:
    """What was answered to one command; None when it was never decided, or refused."""
    row = await tx.fetch_one(
        """
        SELECT account_id, issuer, command_id, command, outcome, decided_at
        FROM outcomes
        WHERE shard = $1 AND account_id = $2 AND issuer = $3 AND command_id = $4
        """,
        shard,
        account_id,
        issuer,
        command_id,
    )
    return _answered(row) if row else None


async def list_answers_at(
    tx: ReadTx, shard: int, account_id: str, instants: Sequence[int], since: int, until: int
) -> list[Answered]:
    """What was answered to an account's commands at these instants, and between two (included);
    oldest first."""
    rows = await tx.fetch(
        """
        SELECT account_id, issuer, command_id, command, outcome, decided_at
        FROM outcomes
        WHERE shard = $1 AND decided_at = ANY($3) AND account_id = $2
        UNION
        SELECT account_id, issuer, command_id, command, outcome, decided_at
        FROM outcomes
        WHERE shard = $1 AND decided_at >= $4 AND decided_at <= $5 AND account_id = $2
        ORDER BY decided_at, issuer, command_id
        """,
        shard,
        account_id,
        instants,
        since,
        until,
    )
    return [_answered(row) for row in rows]


async def find_origin(tx: ReadTx, shard: int, transaction_id: str) -> Row | None:
    """The account of a transaction and when it was created."""
    return await tx.fetch_one(
        "SELECT account_id, created_at FROM transactions WHERE shard = $1 AND id = $2",
        shard,
        transaction_id,
    )


def _answered(row: Row) -> Answered:
    outcome = msgspec.json.decode(row["outcome"], type=Outcome)
    return Answered(
        account_id=row["account_id"],
        issuer=row["issuer"],
        command_id=row["command_id"],
        command=row["command"],
        outcome=outcome,
        decided_at=row["decided_at"],
    )

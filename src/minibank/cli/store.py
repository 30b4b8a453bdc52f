"""What an operator lists across all customers: reads that walk the shards."""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx
from minibank.identity.store import User


class Funds(msgspec.Struct, frozen=True):
    """What is booked, held and allowed to be overdrawn on an account, in minor units."""

    booked: int
    held: int
    overdraft_limit: int


async def list_users(tx: ReadTx, limit: int) -> list[User]:
    """Up to `limit` people, shard by shard."""
    rows = await tx.fetch(
        "SELECT id, email, name, preferred_first_name, created_at FROM users"
        " WHERE shard >= $1 AND erasure_began_at IS NULL ORDER BY shard, id LIMIT $2",
        0,
        limit,
    )
    return [
        User(
            id=row["id"],
            email=row["email"],
            name=row["name"],
            preferred_first_name=row["preferred_first_name"],
            created_at=row["created_at"],
        )
        for row in rows
    ]


async def list_account_ids(tx: ReadTx, limit: int) -> list[str]:
    """Up to `limit` accounts, shard by shard."""
    rows = await tx.fetch(
        "SELECT id FROM accounts WHERE shard >= $1 ORDER BY shard, id LIMIT $2", 0, limit
    )
    return [row["id"] for row in rows]


async def list_funds(
    tx: ReadTx, shards: Sequence[int], account_ids: Sequence[str]
) -> dict[str, Funds]:
    """The funds of these accounts, by account."""
    rows = await tx.fetch(
        "SELECT account_id, booked, held, overdraft_limit FROM balances"
        " WHERE shard = ANY($1) AND account_id = ANY($2)",
        shards,
        account_ids,
    )
    return {
        row["account_id"]: Funds(row["booked"], row["held"], row["overdraft_limit"]) for row in rows
    }

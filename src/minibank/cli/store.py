"""What an operator lists across all customers: reads that walk the shards."""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx
from minibank.identity.store import User


class Funds(msgspec.Struct, frozen=True):
    """What is booked and held on an account, and its limits, in minor units; None for no limit."""

    booked: int
    held: int
    overdraft_limit: int
    payment_max: int | None
    card_daily_max: int | None
    transfer_daily_max: int | None
    balance_max: int | None


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


async def list_open_account_ids(tx: ReadTx, limit: int) -> list[str]:
    """Up to `limit` accounts that are open, shard by shard."""
    rows = await tx.fetch(
        "SELECT id FROM accounts WHERE shard >= $1 AND state = 'open' ORDER BY shard, id LIMIT $2",
        0,
        limit,
    )
    return [row["id"] for row in rows]


async def list_funds(
    tx: ReadTx, shards: Sequence[int], account_ids: Sequence[str]
) -> dict[str, Funds]:
    """The funds of these accounts, by account."""
    rows = await tx.fetch(
        "SELECT account_id, booked, held, overdraft_limit, payment_max, card_daily_max,"
        " transfer_daily_max, balance_max FROM balances"
        " WHERE shard = ANY($1) AND account_id = ANY($2)",
        shards,
        account_ids,
    )
    names = Funds.__struct_fields__
    return {row["account_id"]: Funds(*(row[name] for name in names)) for row in rows}


class Hold(msgspec.Struct, frozen=True):
    """An authorisation: what it holds, in minor units, and whether it is `open`."""

    id: str
    account_id: str
    transaction_id: str
    state: str
    held: int


async def find_hold(tx: ReadTx, shard: int, which: str) -> Hold | None:
    """The authorisation with this id, or that of the transaction with this id."""
    row = await tx.fetch_one(
        "SELECT id, account_id, transaction_id, state, held FROM authorisations"
        " WHERE shard = $1 AND (id = $2 OR transaction_id = $2)",
        shard,
        which,
    )
    return Hold(**row) if row else None

"""What operators list across all customers: reads that walk the shards, a page at a time."""

from collections.abc import Sequence

import msgspec

from minibank.accounts.records import BANK_TYPES, Limits, Spent
from minibank.core.ids import shard_of
from minibank.db import ReadTx
from minibank.identity.store import User
from minibank.oauth.records import Client
from minibank.oauth.store import client_of

Place = tuple[int, str]
"""Where a page ended: a shard and an id there, or an instant and an id."""

BEGINNING: Place = (-1, "")


class Holdings(msgspec.Struct, frozen=True):
    """What is on an account and what it may be used for, in minor units."""

    booked: int
    held: int
    in_pots: int
    limits: Limits
    spent: Spent


class Erasure(msgspec.Struct, frozen=True):
    """Since when a person is being erased, and when that was over (microseconds)."""

    began_at: int | None
    ended_at: int | None


async def list_users(tx: ReadTx, after: Place, limit: int) -> list[User]:
    """The next people, in the order of shards and ids; nobody who is being erased."""
    return [
        User(*row)
        for row in await tx.fetch(
            "SELECT id, email, name, preferred_first_name, created_at FROM users"
            " WHERE shard >= $1 AND (shard, id) > ($1, $2) AND erasure_began_at IS NULL"
            " ORDER BY shard, id LIMIT $3",
            *after,
            limit,
        )
    ]


async def list_account_ids(tx: ReadTx, after: Place, limit: int) -> list[str]:
    """The next accounts of customers, in the order of shards and ids."""
    rows = await tx.fetch(
        "SELECT id FROM accounts WHERE shard >= $1 AND (shard, id) > ($1, $2)"
        " AND NOT (type = ANY($4)) ORDER BY shard, id LIMIT $3",
        *after,
        limit,
        list(BANK_TYPES),
    )
    return [row["id"] for row in rows]


async def list_holdings(tx: ReadTx, account_ids: Sequence[str]) -> dict[str, Holdings]:
    """What is on these accounts, by account: one statement."""
    shards = sorted({shard for shard in map(shard_of, account_ids) if shard is not None})
    rows = await tx.fetch(
        """
        SELECT b.account_id, b.booked, b.held, b.overdraft_limit, b.payment_max, b.card_daily_max,
               b.transfer_daily_max, b.balance_max, b.spending_day, b.card_spent, b.transfer_spent,
               CAST(COALESCE((SELECT SUM(p.balance) FROM pots p
                              WHERE p.shard = b.shard AND p.account_id = b.account_id), 0)
                    AS BIGINT) AS in_pots
        FROM balances b WHERE b.shard = ANY($1) AND b.account_id = ANY($2)
        """,
        shards,
        list(account_ids),
    )
    return {
        row["account_id"]: Holdings(
            booked=row["booked"],
            held=row["held"],
            in_pots=row["in_pots"],
            limits=Limits(**{name: row[name] for name in Limits.__struct_fields__}),
            spent=Spent(
                day=row["spending_day"], card=row["card_spent"], transfer=row["transfer_spent"]
            ),
        )
        for row in rows
    }


async def list_clients(tx: ReadTx, after: Place, limit: int) -> list[Client]:
    """The next clients, the oldest first."""
    rows = await tx.fetch(
        "SELECT id, name, confidential, redirect_uris, grants, options, created_at, disabled_at"
        " FROM oauth_clients WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3",
        *after,
        limit,
    )
    return [client_of(row) for row in rows]


async def find_erasure(tx: ReadTx, user_id: str) -> Erasure | None:
    """How far the erasure of a person is; None for nobody."""
    shard = shard_of(user_id)
    row = await tx.fetch_one(
        "SELECT erasure_began_at, erased_at FROM users WHERE shard = $1 AND id = $2",
        -1 if shard is None else shard,
        user_id,
    )
    return None if row is None else Erasure(row["erasure_began_at"], row["erased_at"])

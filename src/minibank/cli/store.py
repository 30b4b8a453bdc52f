"""What an operator lists across all customers: reads that walk the shards."""

from collections.abc import Sequence

import msgspec

from minibank.db import ReadTx
from minibank.identity.store import User


class AccountLine(msgspec.Struct, frozen=True):
    """An account as an operator lists it; amounts are in minor units of its currency."""

    id: str
    type: str
    state: str
    currency: str
    sort_code: str
    account_number: str
    iban: str
    created_at: int
    booked: int
    held: int
    overdraft_limit: int
    owners: list[str]


class CardLine(msgspec.Struct, frozen=True):
    """A card as an operator lists it."""

    id: str
    account_id: str
    user_id: str
    state: str
    last_four: str
    expires_at: int


async def list_users(tx: ReadTx, limit: int) -> list[User]:
    """Up to `limit` people, shard by shard."""
    rows = await tx.fetch(
        "SELECT id, email, name, preferred_first_name, created_at FROM users"
        " WHERE shard >= 0 ORDER BY shard, id LIMIT $1",
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


async def list_all_accounts(tx: ReadTx, limit: int) -> list[AccountLine]:
    """Up to `limit` accounts, shard by shard."""
    rows = await tx.fetch(
        "SELECT shard, id FROM accounts WHERE shard >= 0 ORDER BY shard, id LIMIT $1", limit
    )
    return await list_accounts(tx, [row["shard"] for row in rows], [row["id"] for row in rows])


async def list_accounts(
    tx: ReadTx, shards: Sequence[int], account_ids: Sequence[str]
) -> list[AccountLine]:
    """These accounts, with their balances and the ids of their owners."""
    owners = await tx.fetch(
        "SELECT account_id, user_id FROM owners"
        " WHERE shard = ANY($1) AND account_id = ANY($2) ORDER BY position, user_id",
        shards,
        account_ids,
    )
    owned: dict[str, list[str]] = {}
    for owner in owners:
        owned.setdefault(owner["account_id"], []).append(owner["user_id"])
    rows = await tx.fetch(
        "SELECT a.id, a.type, a.state, a.currency, a.sort_code, a.account_number, a.iban,"
        " a.created_at, b.booked, b.held, b.overdraft_limit"
        " FROM accounts a JOIN balances b ON b.shard = a.shard AND b.account_id = a.id"
        " WHERE a.shard = ANY($1) AND a.id = ANY($2) ORDER BY a.shard, a.id",
        shards,
        account_ids,
    )
    return [
        AccountLine(
            id=row["id"],
            type=row["type"],
            state=row["state"],
            currency=row["currency"],
            sort_code=row["sort_code"],
            account_number=row["account_number"],
            iban=row["iban"],
            created_at=row["created_at"],
            booked=row["booked"],
            held=row["held"],
            overdraft_limit=row["overdraft_limit"],
            owners=owned.get(row["id"], []),
        )
        for row in rows
    ]


async def list_cards(tx: ReadTx, shard: int, account_id: str) -> list[CardLine]:
    """The cards of an account."""
    rows = await tx.fetch(
        "SELECT id, account_id, user_id, state, last_four, expires_at FROM cards"
        " WHERE shard = $1 AND account_id = $2 ORDER BY created_at, id",
        shard,
        account_id,
    )
    return [
        CardLine(
            id=row["id"],
            account_id=row["account_id"],
            user_id=row["user_id"],
            state=row["state"],
            last_four=row["last_four"],
            expires_at=row["expires_at"],
        )
        for row in rows
    ]

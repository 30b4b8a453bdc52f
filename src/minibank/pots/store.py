"""Rows of pots."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from minibank.accounts.records import BANK_TYPES
from minibank.core.ids import shard_of
from minibank.core.pages import Position
from minibank.db import ReadTx, Row, Tx
from minibank.pots.records import COLUMNS, Pot

Keys = tuple[list[int], list[str]]


class OwnPot(msgspec.Struct, frozen=True):
    """A pot and its account's currency."""

    pot: Pot
    currency: str


def _own_pot(row: Row) -> OwnPot:
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    return OwnPot(Pot(**values), row["currency"])


async def lock_account(tx: Tx, shard: int, account_id: str) -> bool:
    """Hold the row that every decision about an account begins with; False when there is none."""
    row = await tx.fetch_one(
        "SELECT account_id FROM balances WHERE shard = $1 AND account_id = $2 FOR NO KEY UPDATE",
        shard,
        account_id,
    )
    return row is not None


async def find_account(tx: ReadTx, shard: int, account_id: str) -> tuple[str, str] | None:
    """The state and the currency of a customer's account."""
    row = await tx.fetch_one(
        "SELECT state, currency FROM accounts"
        " WHERE shard = $1 AND id = $2 AND NOT (type = ANY($3))",
        shard,
        account_id,
        list(BANK_TYPES),
    )
    return (row["state"], row["currency"]) if row else None


async def list_pots(tx: ReadTx, pots: Keys) -> dict[str, Pot]:
    """The pots with these shards and ids, by id."""
    rows = await tx.fetch(
        """
        SELECT p.shard, p.id, p.account_id, p.name, p.style, p.goal_amount, p.balance, p.lock_type,
               p.locked_until, p.created_at, p.updated_at, p.deleted_at
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN pots p ON p.shard = k.shard AND p.id = k.id
        """,
        *pots,
    )
    return {row["id"]: Pot(**row) for row in rows}


async def find_pot(tx: ReadTx, shard: int, pot_id: str) -> OwnPot | None:
    """The pot with this id, whosever it is."""
    row = await tx.fetch_one(
        """
        SELECT p.shard, p.id, p.account_id, p.name, p.style, p.goal_amount, p.balance, p.lock_type,
               p.locked_until, p.created_at, p.updated_at, p.deleted_at, a.currency
        FROM pots p JOIN accounts a ON a.shard = p.shard AND a.id = p.account_id
        WHERE p.shard = $1 AND p.id = $2
        """,
        shard,
        pot_id,
    )
    return _own_pot(row) if row else None


async def find_owned_pot(tx: ReadTx, shard: int, pot_id: str, user_id: str) -> OwnPot | None:
    """The pot with this id, if this user owns its account."""
    row = await tx.fetch_one(
        """
        SELECT p.shard, p.id, p.account_id, p.name, p.style, p.goal_amount, p.balance, p.lock_type,
               p.locked_until, p.created_at, p.updated_at, p.deleted_at, a.currency
        FROM pots p
        JOIN accounts a ON a.shard = p.shard AND a.id = p.account_id
        JOIN owners o ON o.shard = p.shard AND o.account_id = p.account_id AND o.user_id = $3
        WHERE p.shard = $1 AND p.id = $2
        """,
        shard,
        pot_id,
        user_id,
    )
    return _own_pot(row) if row else None


async def list_pots_of(tx: ReadTx, accounts: Keys) -> list[OwnPot]:
    """All pots of these accounts, deleted ones too, as they were created."""
    rows = await tx.fetch(
        """
        SELECT p.shard, p.id, p.account_id, p.name, p.style, p.goal_amount, p.balance, p.lock_type,
               p.locked_until, p.created_at, p.updated_at, p.deleted_at, a.currency
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN pots p ON p.shard = k.shard AND p.account_id = k.account_id
        JOIN accounts a ON a.shard = k.shard AND a.id = k.account_id
        ORDER BY p.created_at, p.id
        """,
        *accounts,
    )
    return [_own_pot(row) for row in rows]


async def list_page(
    tx: ReadTx, shard: int, account_id: str, after: Position, limit: int
) -> list[OwnPot]:
    """The next pots of an account, deleted ones too, as they were created."""
    rows = await tx.fetch(
        """
        SELECT p.shard, p.id, p.account_id, p.name, p.style, p.goal_amount, p.balance, p.lock_type,
               p.locked_until, p.created_at, p.updated_at, p.deleted_at, a.currency
        FROM pots p JOIN accounts a ON a.shard = p.shard AND a.id = p.account_id
        WHERE p.shard = $1 AND p.account_id = $2 AND (p.created_at, p.id) > ($3, $4)
        ORDER BY p.created_at, p.id LIMIT $5
        """,
        shard,
        account_id,
        after.created_at,
        after.id,
        limit,
    )
    return [_own_pot(row) for row in rows]


async def list_pots_of_user(tx: ReadTx, user_shard: int, user_id: str) -> list[OwnPot]:
    """All pots of all accounts of a user, as they were created: two statements.

    `owners` is the authority: a membership that it does not know of shows nothing.
    """
    memberships = await tx.fetch(
        "SELECT account_id FROM memberships WHERE shard = $1 AND user_id = $2", user_shard, user_id
    )
    ids = [row["account_id"] for row in memberships]
    accounts = [(shard, one) for one in ids if (shard := shard_of(one)) is not None]
    rows = await tx.fetch(
        """
        SELECT p.shard, p.id, p.account_id, p.name, p.style, p.goal_amount, p.balance, p.lock_type,
               p.locked_until, p.created_at, p.updated_at, p.deleted_at, a.currency
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN owners o ON o.shard = k.shard AND o.account_id = k.account_id AND o.user_id = $3
        JOIN pots p ON p.shard = k.shard AND p.account_id = k.account_id
        JOIN accounts a ON a.shard = k.shard AND a.id = k.account_id
        ORDER BY p.created_at, p.id
        """,
        [shard for shard, _ in accounts],
        [account_id for _, account_id in accounts],
        user_id,
    )
    return [_own_pot(row) for row in rows]


async def count_pots(tx: ReadTx, shard: int, account_id: str) -> tuple[int, int]:
    """How many pots an account has, and how many it ever had."""
    row = await tx.fetch_one(
        """
        SELECT COUNT(*) AS ever, COUNT(deleted_at) AS deleted
        FROM pots WHERE shard = $1 AND account_id = $2
        """,
        shard,
        account_id,
    )
    assert row is not None, "a count always has a row"
    return row["ever"] - row["deleted"], row["ever"]


async def insert_pot(tx: Tx, pot: Pot) -> None:
    """Store a new pot."""
    await tx.insert_rows("pots", COLUMNS, [msgspec.structs.astuple(pot)])


async def update_pots(tx: Tx, pots: Collection[Pot]) -> None:
    """Store what pots have become, but for their account and when they were created."""
    await tx.update_rows("pots", ("shard", "id"), _CHANGING, [_changed(pot) for pot in pots])


_CHANGING = (
    *("name", "style", "goal_amount", "balance", "lock_type", "locked_until", "updated_at"),
    "deleted_at",
)


def _changed(pot: Pot) -> Sequence[Any]:
    return (pot.shard, pot.id, *(getattr(pot, name) for name in _CHANGING))


async def blank_pots(tx: Tx, shard: int, account_id: str) -> None:
    """Take what a customer wrote off the pots of an account: names, styles and goals."""
    await tx.execute(
        "UPDATE pots SET name = '', style = '', goal_amount = NULL"
        " WHERE shard = $1 AND account_id = $2",
        shard,
        account_id,
    )

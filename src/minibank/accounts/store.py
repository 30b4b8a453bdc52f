"""Rows of accounts, owners, memberships, balances and cards."""

from collections.abc import Sequence

import msgspec

from minibank.accounts.records import (
    ACCOUNT_COLUMNS,
    Account,
    AccountState,
    AccountType,
    Card,
    CardState,
    Limits,
    Owner,
    Spent,
    in_listing_order,
)
from minibank.core.ids import shard_of, shard_of_text
from minibank.db import ReadTx, Tx


class OwnedBalance(msgspec.Struct, frozen=True):
    """What is booked, held and set aside in pots on an account, in minor units of its currency."""

    booked: int
    held: int
    currency: str
    in_pots: int


def _shards(ids: Sequence[str]) -> list[int]:
    return sorted({shard for shard in map(shard_of, ids) if shard is not None})


async def read_accounts(tx: ReadTx, account_ids: Sequence[str]) -> list[Account]:
    """Those of these accounts that exist, with owners, in no particular order: two queries."""
    shards, ids = _shards(account_ids), list(account_ids)
    rows = await tx.fetch(
        "SELECT id, type, state, currency, sort_code, account_number, iban, created_at, closed_at"
        " FROM accounts WHERE shard = ANY($1) AND id = ANY($2)",
        shards,
        ids,
    )
    owner_rows = await tx.fetch(
        "SELECT account_id, user_id, name, preferred_first_name"
        " FROM owners WHERE shard = ANY($1) AND account_id = ANY($2)"
        " ORDER BY account_id, position",
        shards,
        ids,
    )
    owners: dict[str, list[Owner]] = {row["id"]: [] for row in rows}
    for row in owner_rows:
        owner = Owner(row["user_id"], row["name"], row["preferred_first_name"])
        owners[row["account_id"]].append(owner)
    return [Account(**row, owners=tuple(owners[row["id"]])) for row in rows]


async def find_account(tx: ReadTx, account_id: str) -> Account | None:
    """The account with this id."""
    found = [] if shard_of(account_id) is None else await read_accounts(tx, [account_id])
    return found[0] if found else None


async def list_account_ids(tx: ReadTx, user_id: str) -> list[str]:
    """The accounts that a user may own: where to look, not whether it is so."""
    shard = shard_of(user_id)
    if shard is None:
        return []
    rows = await tx.fetch(
        "SELECT account_id FROM memberships WHERE shard = $1 AND user_id = $2", shard, user_id
    )
    return [row["account_id"] for row in rows]


async def list_accounts(tx: ReadTx, user_id: str) -> list[Account]:
    """A user's accounts, the main one first: three queries, however many there are.

    `owners` is the authority: a membership that it does not know of shows nothing.
    """
    account_ids = await list_account_ids(tx, user_id)
    if not account_ids:
        return []
    found = await read_accounts(tx, account_ids)
    return in_listing_order(
        account for account in found if any(owner.user_id == user_id for owner in account.owners)
    )


async def is_owner(tx: ReadTx, shard: int, account_id: str, user_id: str) -> bool:
    """Whether a user owns an account of this shard: the authority for every request."""
    row = await tx.fetch_one(
        "SELECT user_id FROM owners WHERE shard = $1 AND account_id = $2 AND user_id = $3",
        shard,
        account_id,
        user_id,
    )
    return row is not None


async def claim_account_number(
    tx: Tx, sort_code: str, account_number: str, account_id: str
) -> bool:
    """Claim a number, under the shard of the number itself; False when it is taken."""
    claimed = await tx.execute(
        "INSERT INTO account_number_claims"
        " (shard, sort_code, account_number, account_id, claimed_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (shard, sort_code, account_number) DO NOTHING",
        shard_of_text(sort_code + account_number),
        sort_code,
        account_number,
        account_id,
        tx.now,
    )
    return claimed == 1


async def insert_account(
    tx: Tx, shard: int, account: Account, overdraft_limit: int, chain_head: bytes
) -> None:
    """Store a new account with its owners, its empty balance, and each owner's membership."""
    await tx.insert_rows(
        "accounts",
        ("shard", *ACCOUNT_COLUMNS),
        [(shard, *(getattr(account, column) for column in ACCOUNT_COLUMNS))],
    )
    await tx.insert_rows(
        "owners",
        ("shard", "account_id", "user_id", "position", "name", "preferred_first_name"),
        [
            (shard, account.id, owner.user_id, position, owner.name, owner.preferred_first_name)
            for position, owner in enumerate(account.owners)
        ],
    )
    await tx.insert_rows(
        "balances",
        (
            *("shard", "account_id", "booked", "held", "overdraft_limit", "last_created_at"),
            *("chain_length", "chain_head"),
        ),
        [(shard, account.id, 0, 0, overdraft_limit, 0, 0, chain_head)],
    )
    await tx.insert_rows(
        "memberships",
        ("shard", "user_id", "account_id", "created_at"),
        [
            (shard_of(owner.user_id), owner.user_id, account.id, account.created_at)
            for owner in account.owners
        ],
    )


async def lock_balance(tx: Tx, shard: int, account_id: str) -> bool:
    """Hold the row that every decision about an account begins with; False when there is none."""
    row = await tx.fetch_one(
        "SELECT account_id FROM balances WHERE shard = $1 AND account_id = $2 FOR NO KEY UPDATE",
        shard,
        account_id,
    )
    return row is not None


async def read_funds(tx: ReadTx, shard: int, account_id: str) -> tuple[int, int]:
    """What is booked and what is held on an account that exists, in minor units."""
    row = await tx.fetch_one(
        "SELECT booked, held FROM balances WHERE shard = $1 AND account_id = $2", shard, account_id
    )
    assert row is not None, "every account has a balance"
    return row["booked"], row["held"]


async def read_in_pots(tx: ReadTx, shard: int, account_id: str) -> int:
    """What is set aside in the pots of an account, in minor units."""
    row = await tx.fetch_one(
        "SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) AS in_pots FROM pots"
        " WHERE shard = $1 AND account_id = $2",
        shard,
        account_id,
    )
    assert row is not None, "a sum always has a row"
    return int(row["in_pots"])


async def find_owned_balance(
    tx: ReadTx, shard: int, account_id: str, user_id: str
) -> OwnedBalance | None:
    """What an account has; None when it is not this user's."""
    row = await tx.fetch_one(
        """
        SELECT b.booked, b.held, a.currency,
               (SELECT CAST(COALESCE(SUM(p.balance), 0) AS BIGINT) FROM pots p
                WHERE p.shard = o.shard AND p.account_id = o.account_id) AS in_pots
        FROM owners o
        JOIN balances b ON b.shard = o.shard AND b.account_id = o.account_id
        JOIN accounts a ON a.shard = o.shard AND a.id = o.account_id
        WHERE o.shard = $1 AND o.account_id = $2 AND o.user_id = $3
        """,
        shard,
        account_id,
        user_id,
    )
    return OwnedBalance(**row) if row else None


async def read_limits(tx: ReadTx, shard: int, account_id: str) -> Limits:
    """The limits of an account that exists."""
    row = await tx.fetch_one(
        "SELECT overdraft_limit, payment_max, card_daily_max, transfer_daily_max, balance_max"
        " FROM balances WHERE shard = $1 AND account_id = $2",
        shard,
        account_id,
    )
    assert row is not None, "every account has a balance"
    return Limits(**row)


async def read_spent(tx: ReadTx, shard: int, account_id: str, day: int) -> Spent:
    """What card payments and transfers out took that were made since the day began."""
    row = await tx.fetch_one(
        """
        SELECT CAST(COALESCE(SUM(CASE WHEN kind = 'card' THEN -amount END), 0) AS BIGINT) AS card,
               CAST(COALESCE(SUM(CASE WHEN kind = 'transfer_out' THEN -amount END), 0) AS BIGINT)
                   AS transfer
        FROM transactions
        WHERE shard = $1 AND account_id = $2 AND created_at >= $3 AND decline_reason IS NULL
        """,
        shard,
        account_id,
        day,
    )
    assert row is not None, "a sum always has a row"
    return Spent(day=day, card=row["card"], transfer=row["transfer"])


async def update_limits(
    tx: Tx, shard: int, account_id: str, limits: Limits, spent: Spent | None = None
) -> None:
    """Store other limits, and what was spent of the day where counting begins."""
    columns = Limits.__struct_fields__
    values = msgspec.structs.astuple(limits)
    if spent is not None:
        columns += ("spending_day", "card_spent", "transfer_spent")
        values += msgspec.structs.astuple(spent)
    await tx.update_rows(
        "balances", ("shard", "account_id"), columns, [(shard, account_id, *values)]
    )


async def update_account_state(
    tx: Tx, shard: int, account_id: str, state: AccountState, closed_at: int | None
) -> None:
    """Store another state."""
    await tx.execute(
        "UPDATE accounts SET state = $3, closed_at = $4 WHERE shard = $1 AND id = $2",
        shard,
        account_id,
        state,
        closed_at,
    )


async def update_account_type(tx: Tx, shard: int, account_id: str, type_: AccountType) -> None:
    """Store another type."""
    await tx.execute(
        "UPDATE accounts SET type = $3 WHERE shard = $1 AND id = $2", shard, account_id, type_
    )


async def insert_owner(tx: Tx, shard: int, account: Account, owner: Owner) -> None:
    """Store one more owner, the last of them, with a membership."""
    await tx.insert_rows(
        "owners",
        ("shard", "account_id", "user_id", "position", "name", "preferred_first_name"),
        [(shard, account.id, owner.user_id, len(account.owners), *_names(owner))],
    )
    await tx.execute(
        "INSERT INTO memberships (shard, user_id, account_id, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (shard, user_id, account_id) DO NOTHING",
        shard_of(owner.user_id),
        owner.user_id,
        account.id,
        tx.now,
    )


def _names(owner: Owner) -> tuple[str, str]:
    return owner.name, owner.preferred_first_name


async def delete_owner(tx: Tx, shard: int, account_id: str, user_id: str) -> None:
    """Remove an owner; those behind move up.

    The membership stays: an erasure finds by it what the person left there.
    """
    await tx.execute(
        "UPDATE owners SET position = position - 1 WHERE shard = $1 AND account_id = $2"
        " AND position > (SELECT o.position FROM owners o"
        " WHERE o.shard = $1 AND o.account_id = $2 AND o.user_id = $3)",
        shard,
        account_id,
        user_id,
    )
    await tx.execute(
        "DELETE FROM owners WHERE shard = $1 AND account_id = $2 AND user_id = $3",
        shard,
        account_id,
        user_id,
    )


async def rename_owner(tx: Tx, shard: int, account_ids: Sequence[str], owner: Owner) -> None:
    """Give an owner of these accounts of one shard another name."""
    await tx.execute(
        "UPDATE owners SET name = $4, preferred_first_name = $5"
        " WHERE shard = $1 AND account_id = ANY($2) AND user_id = $3",
        shard,
        list(account_ids),
        owner.user_id,
        owner.name,
        owner.preferred_first_name,
    )


async def block_cards(tx: Tx, shard: int, account_id: str, user_id: str = "") -> None:
    """Block the cards of an account, all of them or one person's."""
    await tx.execute(
        "UPDATE cards SET state = 'blocked'"
        " WHERE shard = $1 AND account_id = $2 AND ($3 = '' OR user_id = $3)",
        shard,
        account_id,
        user_id,
    )


async def insert_card(tx: Tx, shard: int, card: Card) -> None:
    """Store a new card."""
    await tx.insert_rows(
        "cards",
        ("shard", *Card.__struct_fields__),
        [(shard, *msgspec.structs.astuple(card))],
    )


async def find_card(tx: ReadTx, card_id: str) -> Card | None:
    """The card with this id."""
    shard = shard_of(card_id)
    if shard is None:
        return None
    row = await tx.fetch_one(
        "SELECT id, account_id, user_id, state, last_four, expires_at, created_at"
        " FROM cards WHERE shard = $1 AND id = $2",
        shard,
        card_id,
    )
    return Card(**row) if row else None


async def list_cards(
    tx: ReadTx, account_id: str, after: str = "", limit: int = 2**31
) -> list[Card]:
    """The cards of an account after the card of this id, oldest first; without a limit all."""
    shard = shard_of(account_id)
    if shard is None:
        return []
    rows = await tx.fetch(
        "SELECT id, account_id, user_id, state, last_four, expires_at, created_at"
        " FROM cards WHERE shard = $1 AND account_id = $2 AND id > $3 ORDER BY id LIMIT $4",
        shard,
        account_id,
        after,
        limit,
    )
    return [Card(**row) for row in rows]


async def update_card_state(tx: Tx, shard: int, card_id: str, state: CardState) -> None:
    """Store another state of a card."""
    await tx.execute(
        "UPDATE cards SET state = $3 WHERE shard = $1 AND id = $2", shard, card_id, state
    )


async def blank_owner(tx: Tx, shard: int, account_id: str, user_id: str) -> None:
    """Take an owner's name off an account, and the digits off the cards they have with it."""
    await tx.execute(
        "UPDATE owners SET name = '', preferred_first_name = ''"
        " WHERE shard = $1 AND account_id = $2 AND user_id = $3",
        shard,
        account_id,
        user_id,
    )
    await tx.execute(
        "UPDATE cards SET last_four = '', state = 'blocked'"
        " WHERE shard = $1 AND account_id = $2 AND user_id = $3",
        shard,
        account_id,
        user_id,
    )

"""The rows an audit reads; it writes none."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import msgspec

from minibank.core.ids import shard_of
from minibank.db import ReadTx, Row
from minibank.ledger.entries import Entry
from minibank.payments.commands import Outcome
from minibank.payments.effects import EXPIRY

Keys = tuple[list[int], list[str]]
AccountKey = tuple[int, str]
"""The shard and the id of an account: accounts are audited in this order."""

PAGE = 2000
"""How many rows of one kind are read at a time."""


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """An account with its cached balance; None where the balance row is missing."""

    shard: int
    account_id: str
    type: str
    currency: str
    booked: int | None
    held: int | None
    overdraft_limit: int | None
    last_created_at: int | None
    chain_length: int | None
    chain_head: bytes | None


@dataclass(slots=True)
class SetRow:
    """An entry set as stored, with its entries as stored."""

    account_id: str
    sequence: int
    id: str
    code: str
    transaction_id: str
    forced: int
    happened_at: int
    booked_at: int
    previous_hash: bytes
    hash: bytes
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """What an audit needs of a transaction."""

    account_id: str
    id: str
    created_at: int
    settled_at: int | None
    kind: str
    amount: int
    currency: str
    local_amount: int
    local_currency: str
    account_balance: int
    dedupe_id: str
    include_in_spending: int
    amount_is_pending: int
    decline_reason: str | None


@dataclass(frozen=True, slots=True)
class AuthorisationRow:
    """An authorisation; `due_at` is when its expiry falls due, None when none is planned.

    `has_card` says whether its card is one of the account's.
    """

    account_id: str
    id: str
    transaction_id: str
    state: str
    held: int
    expires_at: int
    due_at: int | None
    has_card: bool


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What was answered to a command and when; `outcome` is None when it cannot be read."""

    command_id: str
    command: str
    outcome: Outcome | None
    decided_at: int


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """One owner of an account."""

    account_id: str
    user_id: str
    position: int


async def list_account_keys(tx: ReadTx, after: AccountKey) -> Sequence[Row]:
    """The next accounts in key order, each with the length of its chain."""
    return await tx.fetch(
        """
        SELECT a.shard, a.id, COALESCE(b.chain_length, 0) AS chain_length
        FROM accounts a LEFT JOIN balances b ON b.shard = a.shard AND b.account_id = a.id
        WHERE (a.shard, a.id) > ($1, $2)
        ORDER BY a.shard, a.id LIMIT 500
        """,
        *after,
    )


async def count_accounts(tx: ReadTx) -> int:
    """How many accounts there are."""
    row = await tx.fetch_one("SELECT COUNT(*) AS accounts FROM accounts WHERE shard >= $1", 0)
    return int(row["accounts"]) if row else 0


async def list_balances(tx: ReadTx, accounts: Keys) -> list[BalanceRow]:
    """The accounts with their cached balances."""
    rows = await tx.fetch(
        """
        SELECT a.shard, a.id, a.type, a.currency, b.booked, b.held, b.overdraft_limit,
               b.last_created_at, b.chain_length, b.chain_head
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN accounts a ON a.shard = k.shard AND a.id = k.id
        LEFT JOIN balances b ON b.shard = k.shard AND b.account_id = k.id
        """,
        *accounts,
    )
    return [BalanceRow(*(row[n] for n in range(10))) for row in rows]


async def walk_entry_sets(tx: ReadTx, shard: int, account_id: str) -> AsyncIterator[SetRow]:
    """The account's entry sets in the order of its chain, each with its entries."""
    sequence = -(2**62)
    while True:
        sets = await tx.fetch(
            """
            SELECT account_id, sequence, id, code, transaction_id, forced, happened_at, booked_at,
                   previous_hash, hash
            FROM entry_sets WHERE shard = $1 AND account_id = $2 AND sequence > $3
            ORDER BY sequence LIMIT $4
            """,
            shard,
            account_id,
            sequence,
            PAGE,
        )
        if not sets:
            return
        page = {row["sequence"]: SetRow(*(row[n] for n in range(10))) for row in sets}
        entries = await tx.fetch(
            """
            SELECT sequence, address, amount, currency
            FROM entries WHERE shard = $1 AND account_id = $2 AND sequence >= $3 AND sequence <= $4
            ORDER BY sequence, ordinal
            """,
            shard,
            account_id,
            sets[0]["sequence"],
            sets[-1]["sequence"],
        )
        for row in entries:
            if row["sequence"] in page:
                entry = Entry(row["address"], row["amount"], row["currency"])
                page[row["sequence"]].entries.append(entry)
        for one in page.values():
            yield one
        if len(sets) < PAGE:
            return
        sequence = sets[-1]["sequence"]


async def list_stray_entries(tx: ReadTx, accounts: Keys) -> Sequence[Row]:
    """Entries that belong to no entry set."""
    return await tx.fetch(
        """
        SELECT e.account_id, e.sequence
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN entries e ON e.shard = k.shard AND e.account_id = k.account_id
        LEFT JOIN entry_sets s ON s.shard = e.shard AND s.account_id = e.account_id
             AND s.sequence = e.sequence
        WHERE s.sequence IS NULL
        """,
        *accounts,
    )


async def walk_transactions(
    tx: ReadTx, shard: int, account_id: str
) -> AsyncIterator[TransactionRow]:
    """The account's transactions, oldest first."""
    after = (-(2**62), "")
    while True:
        rows = await tx.fetch(
            """
            SELECT account_id, id, created_at, settled_at, kind, amount, currency, local_amount,
                   local_currency, account_balance, dedupe_id, include_in_spending,
                   amount_is_pending, decline_reason
            FROM transactions
            WHERE shard = $1 AND account_id = $2 AND (created_at, id) > ($3, $4)
            ORDER BY created_at, id LIMIT $5
            """,
            shard,
            account_id,
            *after,
            PAGE,
        )
        for row in rows:
            yield TransactionRow(*(row[n] for n in range(14)))
        if len(rows) < PAGE:
            return
        after = (rows[-1]["created_at"], rows[-1]["id"])


async def list_authorisations(tx: ReadTx, accounts: Keys) -> list[AuthorisationRow]:
    """The accounts' authorisations with the due work of their expiry."""
    rows = await tx.fetch(
        """
        SELECT a.account_id, a.id, a.transaction_id, a.state, a.held, a.expires_at, d.due_at,
               c.id IS NOT NULL
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN authorisations a ON a.shard = k.shard AND a.account_id = k.account_id
        LEFT JOIN due_work d ON d.shard = a.shard AND d.kind = $3 AND d.subject = a.id
             AND d.account_id = a.account_id
        LEFT JOIN cards c ON c.shard = a.shard AND c.id = a.card_id
             AND c.account_id = a.account_id
        """,
        *accounts,
        EXPIRY,
    )
    return [AuthorisationRow(*(row[n] for n in range(8))) for row in rows]


async def list_owners(tx: ReadTx, accounts: Keys) -> list[OwnerRow]:
    """The owners of the accounts."""
    rows = await tx.fetch(
        """
        SELECT o.account_id, o.user_id, o.position
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN owners o ON o.shard = k.shard AND o.account_id = k.account_id
        """,
        *accounts,
    )
    return [OwnerRow(*(row[n] for n in range(3))) for row in rows]


async def list_memberships(tx: ReadTx, owners: Sequence[OwnerRow]) -> set[tuple[str, str]]:
    """Which of these ownerships the users' own rows know of, as (user, account)."""
    known = [(shard, one) for one in owners if (shard := shard_of(one.user_id)) is not None]
    rows = await tx.fetch(
        """
        SELECT m.user_id, m.account_id
        FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(shard, user_id, account_id)
        JOIN memberships m ON m.shard = k.shard AND m.user_id = k.user_id
             AND m.account_id = k.account_id
        """,
        [shard for shard, _ in known],
        [one.user_id for _, one in known],
        [one.account_id for _, one in known],
    )
    return {(row["user_id"], row["account_id"]) for row in rows}


async def list_strays(tx: ReadTx, after: AccountKey, until: AccountKey) -> Sequence[Row]:
    """Accounts that have rows somewhere and are not there themselves, between two keys."""
    return await tx.fetch(
        """
        SELECT k.place, k.account_id FROM (
            SELECT 'balances' AS place, shard, account_id FROM balances
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'owners', shard, account_id FROM owners
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'cards', shard, account_id FROM cards
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'entry_sets', shard, account_id FROM entry_sets
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'entries', shard, account_id FROM entries
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'transactions', shard, account_id FROM transactions
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'authorisations', shard, account_id FROM authorisations
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'outcomes', shard, account_id FROM outcomes
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'feed_items', shard, account_id FROM feed_items
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'feed_writers', shard, account_id FROM feed_writers
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'feed_keys', shard, account_id FROM feed_keys
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'feed_dismissals', shard, account_id FROM feed_dismissals
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'webhooks', shard, account_id FROM webhooks
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
            UNION SELECT 'deliveries', shard, account_id FROM deliveries
            WHERE (shard, account_id) > ($1, $2) AND (shard, account_id) <= ($3, $4)
        ) AS k LEFT JOIN accounts a ON a.shard = k.shard AND a.id = k.account_id
        WHERE k.shard >= $1 AND a.id IS NULL
        """,
        *after,
        *until,
    )


async def list_stray_work(tx: ReadTx) -> Sequence[Row]:
    """Expiries of authorisations that do not exist, in the whole bank."""
    return await tx.fetch(
        """
        SELECT d.account_id, d.subject
        FROM due_work d LEFT JOIN authorisations a ON a.shard = d.shard AND a.id = d.subject
             AND a.account_id = d.account_id
        WHERE d.shard >= $1 AND d.kind = $2 AND a.id IS NULL
        """,
        0,
        EXPIRY,
    )


async def walk_outcomes(tx: ReadTx, shard: int, account_id: str) -> AsyncIterator[OutcomeRow]:
    """What was answered to the account's commands."""
    after = ("", "")
    while True:
        rows = await tx.fetch(
            """
            SELECT issuer, command_id, command, outcome, decided_at FROM outcomes
            WHERE shard = $1 AND account_id = $2 AND (issuer, command_id) > ($3, $4)
            ORDER BY issuer, command_id LIMIT $5
            """,
            shard,
            account_id,
            *after,
            PAGE,
        )
        for row in rows:
            outcome = _outcome(row["outcome"])
            yield OutcomeRow(row["command_id"], row["command"], outcome, row["decided_at"])
        if len(rows) < PAGE:
            return
        after = (rows[-1]["issuer"], rows[-1]["command_id"])


def _outcome(text: str) -> Outcome | None:
    try:
        return msgspec.json.decode(text, type=Outcome)
    except msgspec.MsgspecError:
        return None


async def list_amounts(tx: ReadTx, transactions: Keys) -> dict[str, int]:
    """The amounts of these transactions, by id; an id without a row is not there."""
    rows = await tx.fetch(
        """
        SELECT t.id, t.amount
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN transactions t ON t.shard = k.shard AND t.id = k.id
        """,
        *transactions,
    )
    return {row["id"]: row["amount"] for row in rows}

"""The rows an audit reads; it writes none of them."""

from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec

from minibank.audit.rows import (
    AuthorisationRow,
    BalanceRow,
    OutcomeRow,
    OwnerRow,
    SetRow,
    TransactionRow,
)
from minibank.core.ids import shard_of
from minibank.db import ReadTx, Row
from minibank.ledger.entries import Entry
from minibank.payments.commands import Outcome
from minibank.payments.effects import EXPIRY

Keys = tuple[list[int], list[str]]
AccountKey = tuple[int, str]
"""The shard and the id of an account: accounts are audited in this order."""

PAGE = 500
"""How many rows of one kind are read at a time: on PostgreSQL a page holds up the event loop."""


_LAST_ID = "\U0010ffff"
"""After every id."""


async def list_account_keys(tx: ReadTx, after: AccountKey) -> Sequence[Row]:
    """The next accounts in key order, each with the length of its chain and what was verified."""
    return await tx.fetch(
        """
        SELECT a.shard, a.id, COALESCE(b.chain_length, 0) AS chain_length,
               COALESCE(m.chain_length, 0) AS verified, COALESCE(m.proved_at, 0) AS proved_at
        FROM accounts a
        LEFT JOIN balances b ON b.shard = a.shard AND b.account_id = a.id
        LEFT JOIN audit_marks m ON m.shard = a.shard AND m.account_id = a.id
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
        SELECT a.shard, a.id AS account_id, a.type, a.currency, b.booked, b.held,
               b.overdraft_limit, b.last_created_at, b.chain_length, b.chain_head
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN accounts a ON a.shard = k.shard AND a.id = k.id
        LEFT JOIN balances b ON b.shard = k.shard AND b.account_id = k.id
        """,
        *accounts,
    )
    return [BalanceRow(*row) for row in rows]


async def walk_entry_sets(
    tx: ReadTx, shard: int, account_id: str, after: int
) -> AsyncIterator[SetRow]:
    """The account's entry sets beyond a sequence in the order of its chain, with their entries."""
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
            after,
            PAGE,
        )
        if not sets:
            return
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
        for one in _with_entries(sets, entries):
            yield one
        if len(sets) < PAGE:
            return
        after = sets[-1]["sequence"]


def _with_entries(sets: Sequence[Row], entries: Sequence[Row]) -> Iterable[SetRow]:
    found = {row["sequence"]: SetRow(*row) for row in sets}
    for sequence, address, amount, currency in entries:
        if sequence in found:
            found[sequence].entries.append(Entry(address, amount, currency))
    return found.values()


async def list_earlier_sets(
    tx: ReadTx, shard: int, account_id: str, transactions: Sequence[str], until: int
) -> Iterable[SetRow]:
    """The entry sets of these transactions up to a sequence, oldest first, with their entries."""
    sets = await tx.fetch(
        """
        SELECT account_id, sequence, id, code, transaction_id, forced, happened_at, booked_at,
               previous_hash, hash
        FROM entry_sets
        WHERE shard = $1 AND transaction_id = ANY($2) AND account_id = $3 AND sequence <= $4
        ORDER BY sequence
        """,
        shard,
        transactions,
        account_id,
        until,
    )
    entries = await tx.fetch(
        """
        SELECT sequence, address, amount, currency
        FROM entries WHERE shard = $1 AND account_id = $2 AND sequence = ANY($3)
        ORDER BY sequence, ordinal
        """,
        shard,
        account_id,
        [row["sequence"] for row in sets],
    )
    return _with_entries(sets, entries)


async def list_stray_entries(tx: ReadTx, accounts: Keys, after: Sequence[int]) -> Sequence[Row]:
    """Entries beyond a sequence of each account that belong to no entry set."""
    return await tx.fetch(
        """
        SELECT e.account_id, e.sequence
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS k(shard, account_id, sequence)
        JOIN entries e ON e.shard = k.shard AND e.account_id = k.account_id
             AND e.sequence > k.sequence
        LEFT JOIN entry_sets s ON s.shard = e.shard AND s.account_id = e.account_id
             AND s.sequence = e.sequence
        WHERE s.sequence IS NULL
        """,
        *accounts,
        after,
    )


async def walk_transactions(
    tx: ReadTx, shard: int, account_id: str, created_after: int
) -> AsyncIterator[TransactionRow]:
    """The account's transactions that were created later, oldest first."""
    after = (created_after, _LAST_ID)
    while True:
        rows = await tx.fetch(
            """
            SELECT account_id, id, created_at, settled_at, kind, amount, currency, local_amount,
                   local_currency, account_balance, dedupe_id, include_in_spending,
                   amount_is_pending, decline_reason,
                   CASE WHEN kind = 'refund' THEN metadata ELSE '' END
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
            yield TransactionRow(*row)
        if len(rows) < PAGE:
            return
        after = (rows[-1]["created_at"], rows[-1]["id"])


async def list_transactions(
    tx: ReadTx, shard: int, account_id: str, ids: Sequence[str]
) -> list[TransactionRow]:
    """Those of the account's transactions that have one of these ids."""
    rows = await tx.fetch(
        """
        SELECT account_id, id, created_at, settled_at, kind, amount, currency, local_amount,
               local_currency, account_balance, dedupe_id, include_in_spending,
               amount_is_pending, decline_reason,
               CASE WHEN kind = 'refund' THEN metadata ELSE '' END
        FROM transactions WHERE shard = $1 AND id = ANY($2) AND account_id = $3
        """,
        shard,
        ids,
        account_id,
    )
    return [TransactionRow(*row) for row in rows]


async def list_authorisations(tx: ReadTx, accounts: Keys) -> list[AuthorisationRow]:
    """The accounts' authorisations with the due work of their expiry."""
    rows = await tx.fetch(
        """
        SELECT a.account_id, a.id, a.transaction_id, a.state, a.held, a.expires_at, d.due_at,
               c.id IS NOT NULL AS has_card
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
    return [AuthorisationRow(*row) for row in rows]


async def list_open_authorisations(tx: ReadTx, accounts: Keys) -> list[AuthorisationRow]:
    """As `list_authorisations`, those that are open."""
    rows = await tx.fetch(
        """
        SELECT a.account_id, a.id, a.transaction_id, a.state, a.held, a.expires_at, d.due_at,
               c.id IS NOT NULL
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN authorisations a ON a.shard = k.shard AND a.account_id = k.account_id
             AND a.state = 'open'
        LEFT JOIN due_work d ON d.shard = a.shard AND d.kind = $3 AND d.subject = a.id
             AND d.account_id = a.account_id
        LEFT JOIN cards c ON c.shard = a.shard AND c.id = a.card_id
             AND c.account_id = a.account_id
        """,
        *accounts,
        EXPIRY,
    )
    return [AuthorisationRow(*row) for row in rows]


async def list_named_authorisations(
    tx: ReadTx, shard: int, account_id: str, ids: Sequence[str]
) -> list[AuthorisationRow]:
    """As `list_authorisations`, those of one account that have one of these ids."""
    rows = await tx.fetch(
        """
        SELECT a.account_id, a.id, a.transaction_id, a.state, a.held, a.expires_at, d.due_at,
               c.id IS NOT NULL
        FROM authorisations a
        LEFT JOIN due_work d ON d.shard = a.shard AND d.kind = $4 AND d.subject = a.id
             AND d.account_id = a.account_id
        LEFT JOIN cards c ON c.shard = a.shard AND c.id = a.card_id
             AND c.account_id = a.account_id
        WHERE a.shard = $1 AND a.id = ANY($2) AND a.account_id = $3
        """,
        shard,
        ids,
        account_id,
        EXPIRY,
    )
    return [AuthorisationRow(*row) for row in rows]


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
    return [OwnerRow(*row) for row in rows]


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


async def walk_outcomes(tx: ReadTx, shard: int, account_id: str) -> AsyncIterator[list[OutcomeRow]]:
    """All that was answered to the account's commands, some at a time."""
    after = ("", "")
    while True:
        rows = await tx.fetch(
            """
            SELECT decided_at, issuer, command_id, command, outcome FROM outcomes
            WHERE shard = $1 AND account_id = $2 AND (issuer, command_id) > ($3, $4)
            ORDER BY issuer, command_id LIMIT $5
            """,
            shard,
            account_id,
            *after,
            PAGE,
        )
        if rows:
            yield [_outcome_row(row) for row in rows]
        if len(rows) < PAGE:
            return
        after = (rows[-1]["issuer"], rows[-1]["command_id"])


async def walk_outcomes_since(
    tx: ReadTx, shard: int, account_id: str, decided_from: int
) -> AsyncIterator[list[OutcomeRow]]:
    """What was answered to the account's commands from an instant on, some at a time."""
    after = (decided_from, "", "")
    while True:
        rows = await tx.fetch(
            """
            SELECT decided_at, issuer, command_id, command, outcome FROM outcomes
            WHERE shard = $1 AND account_id = $2 AND decided_at >= $3
              AND (decided_at, issuer, command_id) > ($3, $4, $5)
            ORDER BY decided_at, issuer, command_id LIMIT $6
            """,
            shard,
            account_id,
            *after,
            PAGE,
        )
        if rows:
            yield [_outcome_row(row) for row in rows]
        if len(rows) < PAGE:
            return
        last = rows[-1]
        after = (last["decided_at"], last["issuer"], last["command_id"])


def _outcome_row(row: Row) -> OutcomeRow:
    outcome = _outcome(row["outcome"])
    return OutcomeRow(row["command_id"], row["command"], outcome, row["decided_at"])


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

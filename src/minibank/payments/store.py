"""What the engine gathers and writes: one statement per kind of row, however large the batch."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import msgspec

from minibank.core.ids import shard_of
from minibank.db import ReadTx, Tx
from minibank.oauth.records import options_from_json
from minibank.payments.commands import Command, Outcome
from minibank.payments.effects import EXPIRY, SUSPENSE_RETURN, Authorisation, Correction, Refund
from minibank.payments.picture import Account, Card, Owner, Recorded, Webhook
from minibank.webhooks.events import events_from_json
from minibank.webhooks.records import STREAM

Keys = tuple[list[int], list[str]]

_DUE_WORK = ("shard", "kind", "subject", "account_id", "due_at", "claimed_until")
_account = itemgetter(*Account.__struct_fields__)


@dataclass(slots=True)
class Facts:
    """What is known of accounts, and by account its owners, the first one first."""

    accounts: dict[str, Account] = field(default_factory=dict)
    owners: dict[str, list[Owner]] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)


def keys_of(ids: Collection[str]) -> Keys:
    """Ids with their shards, in order; those from which no shard can be read are left out."""
    pairs = sorted((shard, one) for one in set(ids) if (shard := shard_of(one)) is not None)
    return [shard for shard, _ in pairs], [one for _, one in pairs]


async def lock_accounts(tx: Tx, accounts: Keys) -> None:
    """Hold the accounts' balance rows until the unit of work ends, in one order for everybody."""
    await tx.fetch(
        """
        SELECT 1
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN balances b ON b.shard = k.shard AND b.account_id = k.account_id
        ORDER BY b.shard, b.account_id
        FOR NO KEY UPDATE OF b
        """,
        *accounts,
    )


async def list_facts(tx: ReadTx, accounts: Keys) -> Facts:
    """The accounts with their balances, owners and cards: a row for each owner and card."""
    rows = await tx.fetch(
        """
        SELECT a.shard, a.id, a.state, a.currency, a.sort_code, a.account_number, b.booked, b.held,
               b.overdraft_limit, b.last_created_at, b.chain_length, b.chain_head,
               b.payment_max, b.card_daily_max, b.transfer_daily_max, b.balance_max,
               b.spending_day, b.card_spent, b.transfer_spent,
               EXISTS (SELECT 1 FROM webhooks w WHERE w.shard = a.shard AND w.account_id = a.id
                       AND w.removed_at IS NULL) AS has_webhooks,
               a.type, a.created_at AS opened_at,
               CASE WHEN b.balance_max IS NULL THEN 0
                    ELSE (SELECT CAST(COALESCE(SUM(p.balance), 0) AS BIGINT) FROM pots p
                          WHERE p.shard = a.shard AND p.account_id = a.id) END AS in_pots,
               o.user_id AS owner_id, o.name AS owner_name,
               c.id AS card_id, c.user_id AS card_user_id, c.state AS card_state,
               c.expires_at AS card_expires_at
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN accounts a ON a.shard = k.shard AND a.id = k.id
        JOIN balances b ON b.shard = k.shard AND b.account_id = k.id
        LEFT JOIN owners o ON o.shard = k.shard AND o.account_id = k.id
        LEFT JOIN cards c ON c.shard = k.shard AND c.account_id = k.id
        ORDER BY a.shard, a.id, o.position
        """,
        *accounts,
    )
    facts = Facts()
    for row in rows:
        account_id, card_id = row["id"], row["card_id"]
        if account_id not in facts.accounts:
            facts.accounts[account_id] = Account(*_account(row))
        owners = facts.owners.setdefault(account_id, [])
        owner = Owner(row["owner_id"], row["owner_name"])
        if owner.user_id is not None and owner not in owners:
            owners.append(owner)
        if card_id is not None:
            card = (row["card_user_id"], row["card_state"], row["card_expires_at"])
            facts.cards[card_id] = Card(card_id, account_id, *card)
    return facts


async def list_webhooks(tx: ReadTx, accounts: Keys) -> dict[str, list[Webhook]]:
    """The webhooks of the accounts by account, oldest first."""
    rows = await tx.fetch(
        """
        SELECT w.shard, w.id, w.account_id, w.events, w.next_sequence, w.target,
               w.disabled_at IS NULL AND w.url <> $3 AS is_sent, c.options
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)
        JOIN webhooks w ON w.shard = k.shard AND w.account_id = k.account_id
        JOIN oauth_clients c ON c.id = w.client_id
        WHERE w.removed_at IS NULL
        ORDER BY w.account_id, w.created_at, w.id
        """,
        *accounts,
        STREAM,
    )
    webhooks: dict[str, list[Webhook]] = {}
    for row in rows:
        webhook = Webhook(
            shard=row["shard"],
            id=row["id"],
            account_id=row["account_id"],
            events=events_from_json(row["events"]),
            settled_pending=options_from_json(row["options"]).settled_pending,
            next_sequence=row["next_sequence"],
            target=row["target"],
            is_sent=bool(row["is_sent"]),
        )
        webhooks.setdefault(webhook.account_id, []).append(webhook)
    return webhooks


async def list_merchant_categories(tx: ReadTx, ids: Collection[str]) -> dict[str, str]:
    """The category of each merchant that exists, by id."""
    rows = await tx.fetch("SELECT id, category FROM merchants WHERE id = ANY($1)", sorted(set(ids)))
    return {row["id"]: row["category"] for row in rows}


async def has_open_dispute(tx: ReadTx, shard: int, account_id: str) -> bool:
    """Whether a dispute about a card payment of the account is not decided yet."""
    row = await tx.fetch_one(
        "SELECT 1 AS one FROM corrections"
        " WHERE shard = $1 AND account_id = $2 AND state = 'open' AND kind = 'chargeback' LIMIT 1",
        shard,
        account_id,
    )
    return row is not None


async def list_authorisations(tx: ReadTx, authorisations: Keys) -> dict[str, Authorisation]:
    """The authorisations with these ids."""
    rows = await tx.fetch(
        """
        SELECT a.shard, a.id, a.account_id, a.card_id, a.transaction_id, a.state, a.held,
               a.expires_at
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN authorisations a ON a.shard = k.shard AND a.id = k.id
        """,
        *authorisations,
    )
    return {row["id"]: Authorisation(**row) for row in rows}


async def list_corrections(tx: ReadTx, transactions: Keys) -> dict[str, Correction]:
    """What followed these transactions, by the transaction that it is about."""
    rows = await tx.fetch(
        """
        SELECT c.shard, c.transaction_id, c.account_id, c.kind, c.state, c.amount, c.correction_id,
               c.changed_at, c.return_at
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN corrections c ON c.shard = k.shard AND c.transaction_id = k.id
        """,
        *transactions,
    )
    return {row["transaction_id"]: Correction(**row) for row in rows}


async def list_refunded(tx: ReadTx, transactions: Keys) -> dict[str, int]:
    """What was given back of each of these payments, of those that have refunds."""
    rows = await tx.fetch(
        """
        SELECT r.transaction_id, CAST(SUM(r.amount) AS BIGINT) AS amount
        FROM unnest($1::bigint[], $2::text[]) AS k(shard, id)
        JOIN refunds r ON r.shard = k.shard AND r.transaction_id = k.id
        GROUP BY r.transaction_id
        """,
        *transactions,
    )
    return {row["transaction_id"]: row["amount"] for row in rows}


def identities_of(commands: Iterable[Command]) -> list[tuple[int, str, str, str]]:
    """Commands by (shard, account, issuer, id), but those of accounts that can be in no shard."""
    return [
        (shard, command.account_id, command.issuer, command.id)
        for command in commands
        if (shard := shard_of(command.account_id)) is not None
    ]


async def list_recorded(tx: ReadTx, keys: Sequence[tuple[int, str, str, str]]) -> list[Recorded]:
    """What was answered to commands with these (shard, account, issuer, id)."""
    columns = [list(column) for column in zip(*keys, strict=True)]
    rows = await tx.fetch(
        """
        SELECT o.account_id, o.issuer, o.command_id, o.command, o.digest, o.outcome
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])
             AS k(shard, account_id, issuer, command_id)
        JOIN outcomes o ON o.shard = k.shard AND o.account_id = k.account_id
             AND o.issuer = k.issuer AND o.command_id = k.command_id
        """,
        *columns,
    )
    return [
        Recorded(
            row["account_id"],
            row["issuer"],
            row["command_id"],
            row["command"],
            row["digest"],
            msgspec.json.decode(row["outcome"], type=Outcome),
        )
        for row in rows
    ]


async def list_transfers(
    tx: ReadTx, shard: int, account_id: str, after: tuple[str, str], limit: int
) -> tuple[list[Outcome], tuple[str, str] | None]:
    """What was answered to transfers within the bank, among the next `limit` outcomes; the last.

    None for the last when there are no more.
    """
    rows = await tx.fetch(
        """
        SELECT issuer, command_id, command, outcome FROM outcomes
        WHERE shard = $1 AND account_id = $2 AND (issuer, command_id) > ($3, $4)
        ORDER BY issuer, command_id LIMIT $5
        """,
        shard,
        account_id,
        *after,
        limit,
    )
    transfers = [
        msgspec.json.decode(row["outcome"], type=Outcome)
        for row in rows
        if row["command"] == "transfer_between"
    ]
    last = (rows[-1]["issuer"], rows[-1]["command_id"]) if len(rows) == limit else None
    return transfers, last


async def insert_outcomes(tx: Tx, recorded: Sequence[Recorded], shards: dict[str, Account]) -> None:
    """Keep what was answered."""
    await tx.insert_rows(
        "outcomes",
        (
            "shard",
            "account_id",
            "issuer",
            "command_id",
            "command",
            "digest",
            "outcome",
            "decided_at",
        ),
        [
            (
                shards[one.account_id].shard,
                one.account_id,
                one.issuer,
                one.command_id,
                one.command,
                one.digest,
                msgspec.json.encode(one.outcome).decode(),
                tx.now,
            )
            for one in recorded
        ],
    )


async def update_balances(tx: Tx, accounts: Collection[Account]) -> None:
    """Write the accounts' new balances and the ends of their chains."""
    await tx.update_rows(
        "balances",
        ("shard", "account_id"),
        ("booked", "held", "last_created_at", "chain_length", "chain_head"),
        [
            (
                account.shard,
                account.id,
                account.booked,
                account.held,
                account.last_created_at,
                account.chain_length,
                account.chain_head,
            )
            for account in accounts
        ],
    )


async def update_spending(tx: Tx, accounts: Collection[Account]) -> None:
    """Write what was spent on the accounts on their present day."""
    await tx.update_rows(
        "balances",
        ("shard", "account_id"),
        ("spending_day", "card_spent", "transfer_spent"),
        [
            (one.shard, one.id, one.spending_day, one.card_spent, one.transfer_spent)
            for one in accounts
        ],
    )


async def insert_authorisations(tx: Tx, authorisations: Collection[Authorisation]) -> None:
    """Store new authorisations, and with each open one the work of its expiry."""
    await tx.insert_rows(
        "authorisations",
        Authorisation.__struct_fields__,
        [msgspec.structs.astuple(one) for one in authorisations],
    )
    await tx.insert_rows(
        "due_work",
        _DUE_WORK,
        [
            (one.shard, EXPIRY, one.id, one.account_id, one.expires_at, 0)
            for one in authorisations
            if one.state == "open"
        ],
    )


async def update_authorisations(tx: Tx, authorisations: Collection[Authorisation]) -> None:
    """Store the new state of authorisations; the expiry of those that ended falls away."""
    await tx.update_rows(
        "authorisations",
        ("shard", "id"),
        ("state", "held"),
        [(one.shard, one.id, one.state, one.held) for one in authorisations],
    )
    ended = [(one.shard, EXPIRY, one.id) for one in authorisations if one.state != "open"]
    await tx.delete_rows("due_work", ("shard", "kind", "subject"), ended)


async def insert_corrections(tx: Tx, corrections: Collection[Correction]) -> None:
    """Store what followed transactions, and with what is to go back by itself the work of that."""
    await tx.insert_rows(
        "corrections",
        Correction.__struct_fields__,
        [msgspec.structs.astuple(one) for one in corrections],
    )
    await tx.insert_rows(
        "due_work",
        _DUE_WORK,
        [
            (one.shard, SUSPENSE_RETURN, one.transaction_id, one.account_id, one.return_at, 0)
            for one in corrections
            if one.state == "open" and one.return_at is not None
        ],
    )


async def update_corrections(tx: Tx, corrections: Collection[Correction]) -> None:
    """Store how disputes and suspense ended; what was to go back by itself does so no more."""
    await tx.update_rows(
        "corrections",
        ("shard", "transaction_id"),
        ("state", "correction_id", "changed_at"),
        [
            (one.shard, one.transaction_id, one.state, one.correction_id, one.changed_at)
            for one in corrections
        ],
    )
    ended = [
        (one.shard, SUSPENSE_RETURN, one.transaction_id)
        for one in corrections
        if one.return_at is not None
    ]
    await tx.delete_rows("due_work", ("shard", "kind", "subject"), ended)


async def insert_refunds(tx: Tx, refunds: Collection[Refund]) -> None:
    """Store which payments refunds gave back."""
    await tx.insert_rows(
        "refunds",
        Refund.__struct_fields__,
        [msgspec.structs.astuple(one) for one in refunds],
    )

"""One batch: gather, decide, write, in one unit of work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minibank.db import Tx
from minibank.ledger.store import insert_entry_sets
from minibank.payments import store
from minibank.payments.commands import Command, OpenChargeback, RefundCard
from minibank.payments.decide import decide_all
from minibank.payments.picture import Answer, Picture, Written
from minibank.payments.prepared import Prepared
from minibank.pots.store import list_pots, update_pots
from minibank.transactions.store import (
    insert_transactions,
    list_merchants,
    list_records,
    lock_transactions,
    update_transactions,
)
from minibank.transactions.wire import show_merchants
from minibank.webhooks.store import insert_deliveries, update_sequences


@dataclass(frozen=True, slots=True)
class Rules:
    """What a bank decides by.

    `hold_seconds` is the life of an authorisation. What came for a closed account goes back after
    `suspense_return_days`, with 0 never. `public_url` is what absolute URLs begin with in what
    webhooks are told.
    """

    hold_seconds: int = 7 * 24 * 3600
    suspense_return_days: int = 1
    public_url: str = ""


async def run_batch(tx: Tx, prepared: Sequence[Prepared], rules: Rules) -> list[Answer]:
    """Execute commands that arrived together; one answer for each, in order."""
    commands = [one.command for one in prepared]
    picture = await gather(tx, commands, rules)
    answers = decide_all(prepared, picture, tx.ids)
    await write(tx, picture)
    return answers


async def preview_batch(
    tx: Tx, prepared: Sequence[Prepared], rules: Rules
) -> tuple[list[Answer], Written]:
    """What `run_batch` would answer and write, without writing it."""
    if not prepared:
        return [], Written()
    picture = await gather(tx, [one.command for one in prepared], rules)
    return decide_all(prepared, picture, tx.ids), picture.written


async def gather(tx: Tx, commands: Sequence[Command], rules: Rules) -> Picture:
    """Lock the accounts, then read everything that decisions depend on.

    The lock comes first and alone: on PostgreSQL each later statement then sees what the last
    holder of the lock committed.
    """
    accounts = store.keys_of(_accounts(commands))
    await store.lock_accounts(tx, accounts)
    facts = await store.list_facts(tx, accounts)
    picture = Picture(tx.now, rules.hold_seconds, facts.accounts, facts.owners, facts.cards)
    picture.suspense_return_days = rules.suspense_return_days
    for known in await store.list_recorded(tx, store.identities_of(commands)):
        picture.recorded[known.account_id, known.issuer, known.command_id] = known
    if any(account.has_webhooks for account in picture.accounts.values()):
        picture.webhooks = await store.list_webhooks(tx, accounts)
    if authorisations := _named(commands, "authorisation_id"):
        keys = store.keys_of(authorisations)
        picture.authorisations = await store.list_authorisations(tx, keys)
    if pots := _named(commands, "pot_id"):
        picture.pots = await list_pots(tx, store.keys_of(pots))
    await _gather_transactions(tx, picture, commands)
    # A second presentment is a payment of its own at the merchant of the first.
    merchants = {one.merchant_id for one in picture.transactions.values() if one.merchant_id}
    if merchants := merchants | _named(commands, "merchant_id"):
        await _gather_merchants(tx, picture, merchants, rules.public_url)
    return picture


async def _gather_transactions(tx: Tx, picture: Picture, commands: Sequence[Command]) -> None:
    """Those that commands change, name or correct, and what has followed the last."""
    if transactions := _transactions(commands, picture):
        keys = store.keys_of(transactions)
        # Whoever writes a note holds the transaction alone, without its account.
        await lock_transactions(tx, *keys)
        for record in await list_records(tx, *keys):
            picture.transactions[record.id] = record
    if corrected := _named(commands, "original_transaction_id"):
        picture.corrections = await store.list_corrections(tx, store.keys_of(corrected))
    if refunded := _named(
        (one for one in commands if isinstance(one, RefundCard | OpenChargeback)),
        "original_transaction_id",
    ):
        picture.refunded = await store.list_refunded(tx, store.keys_of(refunded))


async def _gather_merchants(tx: Tx, picture: Picture, merchants: set[str], public_url: str) -> None:
    if not picture.webhooks:
        picture.merchants = await store.list_merchant_categories(tx, merchants)
        return
    rows = await list_merchants(tx, sorted(merchants))
    picture.merchants = {row["id"]: row["category"] for row in rows}
    picture.shown_merchants = show_merchants(rows, public_url)


def _accounts(commands: Sequence[Command]) -> set[str]:
    accounts = {command.account_id for command in commands}
    return accounts | _named(commands, "payee_account_id")


def _transactions(commands: Iterable[Command], picture: Picture) -> set[str]:
    """Those that the commands change or name."""
    named = _named(commands, "original_transaction_id")
    return named | {one.transaction_id for one in picture.authorisations.values()}


def _named(commands: Iterable[Command], field: str) -> set[str]:
    return {value for command in commands if (value := getattr(command, field, None))}


async def write(tx: Tx, picture: Picture) -> None:
    """Write what the batch decided, one statement per kind of row."""
    written = picture.written
    await store.update_balances(tx, written.accounts.values())
    if written.spending:
        await store.update_spending(tx, written.spending.values())
    await insert_entry_sets(tx, written.entry_sets)
    await insert_transactions(tx, list(written.new_transactions.values()))
    await update_transactions(tx, list(written.changed_transactions.values()))
    await store.insert_authorisations(tx, written.new_authorisations.values())
    await store.update_authorisations(tx, written.changed_authorisations.values())
    if written.pots:
        await update_pots(tx, written.pots.values())
    if written.new_corrections or written.changed_corrections:
        await store.insert_corrections(tx, written.new_corrections.values())
        await store.update_corrections(tx, written.changed_corrections.values())
    if written.refunds:
        await store.insert_refunds(tx, written.refunds)
    await store.insert_outcomes(tx, written.outcomes, picture.accounts)
    if written.deliveries:
        told = written.webhooks.values()
        await update_sequences(tx, [(one.shard, one.id, one.next_sequence) for one in told])
        await insert_deliveries(tx, written.deliveries)

"""What all of `minibank trigger` shares: flags, which card, and saying what became of it."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer

from minibank.accounts.records import Card
from minibank.accounts.store import find_account, list_cards
from minibank.app.bank import build_engine
from minibank.cli.common import (
    FAILED,
    CommandFailed,
    console,
    harmless,
    in_books,
    print_json,
)
from minibank.cli.merchants import find_merchant
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.core.money import format_amount
from minibank.db import Database, ReadTx
from minibank.payments.commands import Command, Outcome
from minibank.settings import Loaded
from minibank.transactions.records import TransactionRecord
from minibank.transactions.store import list_records

AccountFlag = Annotated[str, typer.Option("--account", metavar="ACCOUNT", help="An account's id.")]
OutFlag = Annotated[
    int,
    typer.Option(
        "--amount", metavar="MINOR", help="In minor units; -535 and 535 both take 5.35 out."
    ),
]
InFlag = Annotated[
    int, typer.Option("--amount", metavar="MINOR", min=1, help="In minor units, above zero.")
]
MerchantFlag = Annotated[
    str | None,
    typer.Option(
        "--merchant", metavar="NAME|ID", help="A merchant's id, or its name if no other has it."
    ),
]
DescriptionFlag = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="What the transaction says.")
]
CardFlag = Annotated[
    str | None,
    typer.Option(
        "--card", metavar="CARD", help="A card's id. Default: the oldest that may be used."
    ),
]
LocalAmountFlag = Annotated[
    int | None,
    typer.Option(
        "--local-amount", metavar="MINOR", help="What the merchant charged, in its currency."
    ),
]
LocalCurrencyFlag = Annotated[
    str | None,
    typer.Option("--local-currency", metavar="CODE", help="The merchant's currency (ISO 4217)."),
]
IdFlag = Annotated[
    str,
    typer.Option("--id", help="The same id again does nothing more: for scripts that retry."),
]

Make = Callable[[ReadTx, str], Coroutine[Any, Any, Command]]
"""Makes a command with an id, from what the bank knows."""


def execute(loaded: Loaded, make: Make, *, command_id: str = "", as_json: bool) -> Outcome:
    """Make a command, execute it, and say what became of it."""
    if loaded.settings.mode != "sandbox":
        raise CommandFailed("things happen on request only in a sandbox bank", FAILED)

    async def work(db: Database) -> tuple[Outcome, TransactionRecord]:
        number = command_id or db.ids.secret(12).hex()
        command = await db.snapshot(lambda tx: make(tx, number))
        outcome = await build_engine(db, loaded.settings).execute(command)
        return outcome, await db.read(lambda tx: require_record(tx, outcome.transaction_id or ""))

    outcome, record = in_books(loaded, work)
    if as_json:
        print_json(outcome)
    else:
        _tell(outcome, record)
    return outcome


def _tell(outcome: Outcome, record: TransactionRecord) -> None:
    amount = format_amount(record.amount, record.currency)
    balance = format_amount(outcome.balance, record.currency)
    declined = f", declined: {outcome.decline_reason}" if outcome.decline_reason else ""
    out = console()
    out.print(
        f"{record.id}: {amount}, {harmless(record.description)}{declined};"
        f" {balance} are available now.",
        soft_wrap=True,
    )
    if outcome.authorisation_id and record.amount_is_pending:
        out.print(f"{outcome.authorisation_id} holds the money until it settles.", soft_wrap=True)


async def require_record(tx: ReadTx, transaction_id: str) -> TransactionRecord:
    shard = shard_of(transaction_id)
    found = [] if shard is None else await list_records(tx, [shard], [transaction_id])
    if not found:
        raise NotFound("transaction", f"there is no transaction {transaction_id}")
    return found[0]


async def find_card(tx: ReadTx, account_id: str, card_id: str | None, *states: str) -> Card:
    """The named card of an account, or else its oldest that is in one of these states."""
    if await find_account(tx, account_id) is None:
        raise NotFound("account", f"there is no account {account_id}")
    cards = await list_cards(tx, account_id)
    if card_id is not None:
        found = [one for one in cards if one.id == card_id]
        if not found:
            raise NotFound("card", f"{account_id} has no card {card_id}")
    else:
        found = [one for one in cards if one.state in states and one.expires_at > tx.now]
        if not found:
            raise CommandFailed(
                f"{account_id} has no card that is {' or '.join(states)}:"
                " `minibank card issue` or `card set-state` makes it one"
            )
    return found[0]


async def read_bought(
    tx: ReadTx, merchant: str | None, description: str | None
) -> tuple[str | None, str]:
    """The merchant's id, and what the transaction says."""
    if merchant is None:
        return None, description or "CARD PAYMENT"
    merchant_id, name = await find_merchant(tx, merchant)
    return merchant_id, description or name.upper()

"""`minibank transaction`: what became of one transaction."""

from typing import Annotated

import typer

from minibank.cli.common import (
    JsonFlag,
    day,
    for_a_bank,
    harmless,
    in_books,
    print_json,
    print_table,
)
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.core.instants import format_instant
from minibank.db import Database, ReadTx
from minibank.settings import Loaded
from minibank.transactions.notes import NoteVersion, read_note_history
from minibank.transactions.store import find_notes

app = typer.Typer(help="Transactions: the history of their notes.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="TX", help="A transaction's id.")]


@app.command("notes")
@for_a_bank
def notes(loaded: Loaded, transaction: Which, as_json: JsonFlag = False) -> None:
    """Show who changed the note of a transaction, newest first, and what it said before.

    All clients and all owners of the account share one note; the last 100 changes are kept.

    Examples:

      minibank transaction notes tx_0000BBSdksRf5r3sp0eJnF
    """

    async def work(db: Database) -> list[NoteVersion]:
        return await db.snapshot(lambda tx: _read(tx, transaction))

    history = in_books(loaded, work)
    if as_json:
        print_json([_shown(version) for version in history])
        return
    rows = [
        (
            day(one.change.changed_at),
            one.change.user_id,
            one.change.client_id,
            harmless(one.before),
            harmless(one.after),
        )
        for one in history
    ]
    print_table(
        ("when", "user", "client", "before", "after"), rows, "Nobody has changed this note."
    )


async def _read(tx: ReadTx, transaction_id: str) -> list[NoteVersion]:
    shard = shard_of(transaction_id)
    if shard is None or await find_notes(tx, shard, transaction_id) is None:
        raise NotFound("transaction", f"There is no transaction {transaction_id}")
    return await read_note_history(tx, shard, transaction_id)


def _shown(version: NoteVersion) -> dict[str, str]:
    change = version.change
    return {
        "changed": format_instant(change.changed_at),
        "user_id": change.user_id,
        "client_id": change.client_id,
        "before": version.before,
        "after": version.after,
    }

"""`minibank card`: payment cards and their state."""

from typing import Annotated, cast

import typer

from minibank.accounts.opening import issue_card, set_card_state
from minibank.accounts.records import Card, CardState
from minibank.accounts.store import find_account, list_cards
from minibank.cli.common import (
    FAILED,
    CommandFailed,
    JsonFlag,
    console,
    day,
    for_a_bank,
    in_books,
    print_facts,
    print_json,
    print_table,
)
from minibank.cli.users import find_person
from minibank.core.ids import shard_of
from minibank.db import Database, ReadTx
from minibank.settings import Loaded

app = typer.Typer(help="Cards: issue, list, set a state.", no_args_is_help=True)


@app.command("issue")
@for_a_bank
def issue(
    loaded: Loaded,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's id.")],
    user: Annotated[
        str,
        typer.Option(
            "--user",
            metavar="USER",
            help="Which owner it is for: id or e-mail. Default: the only one.",
            show_default=False,
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Issue a card to an owner of an account."""

    async def work(db: Database) -> Card:
        user_id = await db.read(find_owner)
        shard = shard_of(account)
        # Drawn here, so that a unit of work that runs again finds its own card.
        card_id = "" if shard is None else db.ids.new("card", shard, db.clock.now())
        return await db.transact(lambda tx: issue_card(tx, account, user_id, card_id))

    async def find_owner(tx: ReadTx) -> str:
        if user:
            return (await find_person(tx, user)).id
        found = await find_account(tx, account)
        owners = found.owner_ids if found else ()
        if len(owners) > 1:
            raise CommandFailed("--user must say which of the owners it is for", FAILED)
        return owners[0] if owners else ""

    card = in_books(loaded, work)
    if as_json:
        print_json(card)
        return
    print_facts(
        {
            "id": card.id,
            "account": card.account_id,
            "user": card.user_id,
            "state": card.state,
            "last four": card.last_four,
            "expires": day(card.expires_at),
        }
    )


@app.command("list")
@for_a_bank
def list_(
    loaded: Loaded,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's id.")],
    as_json: JsonFlag = False,
) -> None:
    """List the cards of an account."""
    cards = in_books(loaded, lambda db: db.read(lambda tx: list_cards(tx, account)))
    if as_json:
        print_json(cards)
        return
    rows = [(card.id, card.state, f"**** {card.last_four}", day(card.expires_at)) for card in cards]
    print_table(("id", "state", "number", "expires"), rows, "There are none.")


@app.command("set-state")
@for_a_bank
def set_state(
    loaded: Loaded,
    card: Annotated[str, typer.Argument(metavar="CARD", help="A card's id.")],
    state: Annotated[str, typer.Argument(help="active, inactive or blocked.")],
) -> None:
    """Activate, deactivate or block a card. The next payment is judged by it.

    Examples:

      minibank card set-state card_0000... blocked
    """
    wanted = cast(CardState, state)
    changed = in_books(loaded, lambda db: db.transact(lambda tx: set_card_state(tx, card, wanted)))
    console().print(f"{changed.id} is {changed.state}.")

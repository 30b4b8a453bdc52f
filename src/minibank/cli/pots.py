"""`minibank pot`: money that customers set aside within an account."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from minibank.app.bank import build_engine
from minibank.cli.accounts import ISSUER
from minibank.cli.common import (
    FAILED,
    CommandFailed,
    JsonFlag,
    console,
    day,
    for_a_bank,
    harmless,
    in_books,
    print_facts,
    print_json,
    print_table,
)
from minibank.core.ids import shard_of
from minibank.core.instants import parse_instant
from minibank.core.money import format_amount
from minibank.db import Database, ReadTx, Tx
from minibank.payments.commands import Command, DeletePot, DepositIntoPot, Outcome, WithdrawFromPot
from minibank.pots import changes, store
from minibank.pots.changes import NewPot, no_such_pot
from minibank.pots.store import OwnPot
from minibank.pots.wire import show_pot
from minibank.settings import Loaded

app = typer.Typer(
    help="Pots: create, list, rename, lock, delete, and move money into and out of them.",
    no_args_is_help=True,
)

Which = Annotated[str, typer.Argument(metavar="POT", help="A pot's id.")]
Amount = Annotated[int, typer.Argument(metavar="MINOR", help="How much, in pence.")]
IdFlag = Annotated[
    str, typer.Option("--id", help="The same id again does nothing more: for scripts that retry.")
]
NameFlag = Annotated[str | None, typer.Option("--name", help="Another name.")]
StyleFlag = Annotated[
    str | None, typer.Option("--style", help="How apps picture it, in a word of their own.")
]

EMPTY = "The account has no pots."


@app.command("create")
@for_a_bank
def create(
    loaded: Loaded,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's id.")],
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    style: StyleFlag = None,
    goal: Annotated[
        int | None,
        typer.Option("--goal", metavar="MINOR", help="What it is to hold one day, in pence."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Open an empty pot in an account.

    Examples:

      minibank pot create acc_0000... --name Holiday --goal 200000
    """

    async def work(db: Database) -> OwnPot:
        shard = shard_of(account)
        new = NewPot(
            account_id=account,
            name=name,
            style=style or "",
            goal_amount=goal,
            # Drawn here, so that a unit of work that runs again finds its own pot.
            id="" if shard is None else db.ids.new("pot", shard, db.clock.now()),
        )
        return await db.transact(lambda tx: changes.create_pot(tx, new, loaded.settings.pots_max))

    _print(loaded, work, as_json=as_json)


@app.command("list")
@for_a_bank
def list_(
    loaded: Loaded,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's id.")],
    all_: Annotated[bool, typer.Option("--all", help="Also those that are deleted.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the pots of an account, as they were created."""

    async def work(tx: ReadTx) -> tuple[list[OwnPot], int]:
        shard = shard_of(account)
        keys = ([], []) if shard is None else ([shard], [account])
        found = await store.list_pots_of(tx, keys)
        return [own for own in found if all_ or own.pot.deleted_at is None], tx.now

    pots, now = in_books(loaded, lambda db: db.read(work))
    if as_json:
        print_json([show_pot(own.pot, own.currency, now) for own in pots])
        return
    rows = [
        (own.pot.id, harmless(own.pot.name), _state(own, now), _amount(own, own.pot.balance))
        for own in pots
    ]
    print_table(("id", "name", "state", "balance"), rows, EMPTY)


@app.command("show")
@for_a_bank
def show(loaded: Loaded, pot: Which, as_json: JsonFlag = False) -> None:
    """Show one pot."""
    _print(loaded, lambda db: db.read(lambda tx: _require(tx, pot)), as_json=as_json)


@app.command("rename")
@for_a_bank
def rename(
    loaded: Loaded,
    pot: Which,
    name: NameFlag = None,
    style: StyleFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a pot another name, another style, or both.

    Examples:

      minibank pot rename pot_0000... --name "Summer holiday"
    """
    if name is None and style is None:
        raise CommandFailed("say --name, --style or both", FAILED)
    _change(loaded, lambda tx: changes.restyle_pot(tx, pot, name=name, style=style), as_json)


@app.command("goal")
@for_a_bank
def goal(
    loaded: Loaded,
    pot: Which,
    amount: Annotated[
        int | None,
        typer.Argument(metavar="MINOR", help="In pence; without it there is no goal any more."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how much a pot is to hold one day."""
    _change(loaded, lambda tx: changes.set_goal(tx, pot, amount), as_json)


@app.command("lock")
@for_a_bank
def lock(
    loaded: Loaded,
    pot: Which,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="WHEN", help="A date or timestamp; else until `unlock`."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Let nothing out of a pot: until an instant, or until it is unlocked (added security).

    Examples:

      minibank pot lock pot_0000... --until 2027-01-01
    """
    at = None
    if until is not None:
        try:
            at = parse_instant(until)
        except ValueError:
            raise CommandFailed("--until must be a timestamp such as 2027-01-01", FAILED) from None
    _change(loaded, lambda tx: changes.lock_pot(tx, pot, at), as_json)


@app.command("unlock")
@for_a_bank
def unlock(loaded: Loaded, pot: Which, as_json: JsonFlag = False) -> None:
    """Take the lock off a pot, before its time if it has one."""
    _change(loaded, lambda tx: changes.unlock_pot(tx, pot), as_json)


@app.command("delete")
@for_a_bank
def delete(loaded: Loaded, pot: Which, command_id: IdFlag = "", as_json: JsonFlag = False) -> None:
    """Delete a pot for good; what it holds goes back to its account first."""

    def make(own: OwnPot, number: str) -> Command:
        return DeletePot(issuer=ISSUER, account_id=own.pot.account_id, id=number, pot_id=own.pot.id)

    _move(loaded, pot, command_id, make, as_json)


@app.command("deposit")
@for_a_bank
def deposit(
    loaded: Loaded, pot: Which, amount: Amount, command_id: IdFlag = "", as_json: JsonFlag = False
) -> None:
    """Put money of the account into a pot. An overdraft feeds no pot.

    Examples:

      minibank pot deposit pot_0000... 2000
    """

    def make(own: OwnPot, number: str) -> Command:
        pot_id, account_id = own.pot.id, own.pot.account_id
        return DepositIntoPot(
            issuer=ISSUER, account_id=account_id, id=number, pot_id=pot_id, amount=amount
        )

    _move(loaded, pot, command_id, make, as_json)


@app.command("withdraw")
@for_a_bank
def withdraw(
    loaded: Loaded, pot: Which, amount: Amount, command_id: IdFlag = "", as_json: JsonFlag = False
) -> None:
    """Take money out of a pot, back to its account.

    Examples:

      minibank pot withdraw pot_0000... 500
    """

    def make(own: OwnPot, number: str) -> Command:
        pot_id, account_id = own.pot.id, own.pot.account_id
        return WithdrawFromPot(
            issuer=ISSUER, account_id=account_id, id=number, pot_id=pot_id, amount=amount
        )

    _move(loaded, pot, command_id, make, as_json)


async def _require(tx: ReadTx, pot_id: str) -> OwnPot:
    shard = shard_of(pot_id)
    found = None if shard is None else await store.find_pot(tx, shard, pot_id)
    if found is None:
        raise no_such_pot()
    return found


def _print(loaded: Loaded, work: Callable[[Database], Awaitable[OwnPot]], *, as_json: bool) -> None:
    async def find(db: Database) -> tuple[OwnPot, int]:
        return await work(db), db.clock.now()

    own, now = in_books(loaded, find)
    if as_json:
        print_json(show_pot(own.pot, own.currency, now))
        return
    pot = own.pot
    goal_amount = "" if pot.goal_amount is None else _amount(own, pot.goal_amount)
    print_facts(
        {
            "id": pot.id,
            "account": pot.account_id,
            "name": harmless(pot.name),
            "style": harmless(pot.style),
            "balance": _amount(own, pot.balance),
            "goal": goal_amount,
            "state": _state(own, now),
            "created": day(pot.created_at),
            "updated": day(pot.updated_at),
        }
    )


def _change(loaded: Loaded, change: Callable[[Tx], Awaitable[OwnPot]], as_json: bool) -> None:
    async def work(tx: Tx) -> OwnPot:
        return await change(tx)

    _print(loaded, lambda db: db.transact(work), as_json=as_json)


def _move(
    loaded: Loaded,
    pot_id: str,
    command_id: str,
    make: Callable[[OwnPot, str], Command],
    as_json: bool,
) -> None:
    """Have the engine execute a command about a pot, and say what came of it."""

    async def work(db: Database) -> tuple[Outcome, OwnPot]:
        own = await db.read(lambda tx: _require(tx, pot_id))
        command = make(own, command_id or db.ids.secret(12).hex())
        outcome = await build_engine(db, loaded.settings).execute(command)
        return outcome, await db.read(lambda tx: _require(tx, pot_id))

    outcome, own = in_books(loaded, work)
    if as_json:
        print_json(outcome)
        return
    held, left = _amount(own, own.pot.balance), _amount(own, outcome.balance)
    state = "is deleted" if own.pot.deleted_at is not None else f"holds {held} now"
    made = f"{outcome.transaction_id}: " if outcome.transaction_id else ""
    console().print(f"{made}{pot_id} {state}, {left} are available.", soft_wrap=True)


def _amount(own: OwnPot, amount: int) -> str:
    return format_amount(amount, own.currency)


def _state(own: OwnPot, now: int) -> str:
    pot = own.pot
    if pot.deleted_at is not None:
        return "deleted"
    if not pot.is_locked(now):
        return "open"
    return f"locked until {day(pot.locked_until)}" if pot.locked_until else "locked"

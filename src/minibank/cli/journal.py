"""`minibank journal`: the books themselves, read from the bank's database."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from minibank.app.books import open_books
from minibank.cli.common import (
    FAILED,
    LIMIT,
    CommandFailed,
    JsonFlag,
    LimitFlag,
    console,
    errors_console,
    for_a_bank,
    in_books,
    print_json,
    print_listing,
    print_table,
)
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.core.instants import format_instant, parse_instant
from minibank.core.money import format_amount
from minibank.db import Database, DatabaseError, ReadTx
from minibank.journal.balances import (
    NO_BOUND,
    Instants,
    TrialBalance,
    read_address_balance,
    read_trial_balance,
)
from minibank.journal.entry_sets.export import BEGINNING, Export
from minibank.journal.entry_sets.store import Position, ReadSet, list_sets
from minibank.journal.entry_sets.wire import show_entry_set
from minibank.journal.store import Sum, find_account
from minibank.journal.subtotals.rolling import EVERYWHERE, roll_up, start_over
from minibank.settings import Loaded

app = typer.Typer(
    help="The books themselves: entry sets, balances at any instant, the whole journal.",
    no_args_is_help=True,
)

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's id.")]
AtFlag = Annotated[
    str | None,
    typer.Option("--at", metavar="WHEN", help="An instant: 2026-03-10T12:00:00Z. Default: now."),
]
AxisFlag = Annotated[
    str,
    typer.Option(
        "--axis",
        metavar="AXIS",
        help="What --at means: booked (what the books said then) or happened (what was true then,"
        " as far as is known).",
    ),
]
KnownFlag = Annotated[
    str | None,
    typer.Option(
        "--known-at", metavar="WHEN", help="With --axis happened: as far as was known then."
    ),
]


def _instant(flag: str, text: str | None) -> int:
    """The end of the millisecond that is named; no bound without one."""
    if text is None:
        return NO_BOUND
    try:
        return parse_instant(text) // 1000 * 1000 + 999
    except ValueError as error:
        raise CommandFailed(f"{flag} {text}: write it as 2026-03-10T12:00:00Z", FAILED) from error


def _instants(at: str | None, axis: str, known_at: str | None) -> Instants:
    if axis not in ("booked", "happened"):
        raise CommandFailed("--axis: booked or happened", FAILED)
    if known_at is not None and axis != "happened":
        raise CommandFailed("--known-at goes with --axis happened", FAILED)
    bound = _instant("--at", at)
    if axis == "booked":
        return Instants(booked_by=bound)
    return Instants(booked_by=_instant("--known-at", known_at), happened_by=bound)


@app.command("show")
@for_a_bank
def show(
    loaded: Loaded,
    account: Account,
    after: Annotated[int, typer.Option(min=0, help="Only beyond this number.")] = 0,
    limit: LimitFlag = LIMIT,
    as_json: JsonFlag = False,
) -> None:
    """List an account's entry sets in the order of its chain, with their entries.

    Examples:

      minibank journal show acc_0000BBSdksRf5r3sp0eJnF

      minibank journal show acc_0000BBSdksRf5r3sp0eJnF --after 1000 --json
    """

    async def work(tx: ReadTx) -> list[ReadSet]:
        shard = shard_of(account)
        if shard is None or await find_account(tx, shard, account) is None:
            raise NotFound("account", f"There is no account {account}")
        return await list_sets(tx, shard, account, after, limit)

    found = in_books(loaded, lambda db: db.snapshot(work))
    headings = ("number", "booked", "happened", "code", "transaction", "address", "amount")
    things = [show_entry_set(one) for one in found]
    rows = [row for one in found for row in _rows(one)]
    print_listing(headings, rows, things, limit, as_json=as_json)


def _rows(one: ReadSet) -> Sequence[Sequence[str]]:
    """A row for each entry, of which the first says what they have in common."""
    code = f"{one.code} (forced)" if one.forced else one.code
    shared = (
        *(str(one.sequence), format_instant(one.booked_at), format_instant(one.happened_at)),
        *(code, one.transaction_id),
    )
    blank = ("",) * len(shared)
    return [
        (*(blank if number else shared), entry.address, format_amount(entry.amount, entry.currency))
        for number, entry in enumerate(one.entries)
    ]


@app.command("balance")
@for_a_bank
def balance(
    loaded: Loaded,
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="[ADDRESS]",
            help="account:main:acc_..., pot:pot_..., scheme:card:settlement; without one, the"
            " trial balance of the whole bank.",
        ),
    ] = None,
    at: AtFlag = None,
    axis: AxisFlag = "booked",
    known_at: KnownFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the balance of any address, now or at an instant. Without an address, the trial balance.

    Examples:

      minibank journal balance account:main:acc_0000BBSdksRf5r3sp0eJnF --at 2026-03-01T00:00:00Z

      minibank journal balance scheme:card:settlement --at 2026-03-01T00:00:00Z --axis happened

      minibank journal balance
    """
    instants = _instants(at, axis, known_at)
    if address is None:
        _print_trial_balance(
            in_books(loaded, lambda db: read_trial_balance(db, instants)), as_json=as_json
        )
        return
    found = in_books(loaded, lambda db: read_address_balance(db, address, instants))
    if as_json:
        print_json(found)
    else:
        print_table(("address", "balance"), _amounts(found), "Nothing was posted there.")


def _amounts(sums: Sequence[Sum]) -> list[tuple[str, str]]:
    return [(one.address, format_amount(one.amount, one.currency)) for one in sums]


def _print_trial_balance(trial: TrialBalance, *, as_json: bool) -> None:
    if as_json:
        print_json(trial)
    else:
        print_table(("customers", "balance"), _amounts(trial.customers), "There are no customers.")
        print_table(("bank", "balance"), _amounts(trial.bank), "Nothing was posted yet.")
        off = [f"{amount} {currency}" for currency, amount in trial.off.items()]
        console().print(f"off by {', '.join(off)}" if off else "It all adds up to zero.")
    if trial.off:
        raise typer.Exit(1)


@app.command("export")
@for_a_bank
def export(
    loaded: Loaded,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ACCOUNT", help="Only this account's.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            "--after", metavar="ACCOUNT:NUMBER", help="Go on after this entry set of this account."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Default: standard output.")
    ] = None,
) -> None:
    """Write the journal as lines of JSON: every entry set, account by account.

    The last line, of the type `complete`, has counts and the SHA-256 of all lines before it. An
    export without that line was cut short; `--after` goes on with it.

    Examples:

      minibank journal export --output journal.jsonl

      minibank journal export --account acc_0000BBSdksRf5r3sp0eJnF
    """
    counts = asyncio.run(_export(loaded, account, after, output))
    if output:
        errors_console().print(f"{counts.entry_sets:,} entry sets are in {output}.")


async def _export(
    loaded: Loaded, account: str | None, after: str | None, output: Path | None
) -> Export:
    async with open_books(loaded.settings) as db:
        position = await _position(db, account, after)
        run = Export(db, db.clock.now(), position, account)
        try:
            with _opened(output) as write:
                async for part in run.lines():
                    write(part)
        except OSError as error:
            raise CommandFailed(f"the journal cannot be written: {error.strerror}") from error
        except DatabaseError as error:
            raise CommandFailed(f"the export was cut short: {error}", FAILED) from error
    return run


@contextmanager
def _opened(output: Path | None) -> Iterator[Callable[[bytes], object]]:
    """What writes to the file, which is for its owner's eyes, or to standard output."""
    if output is None:
        yield lambda part: sys.stdout.write(part.decode())
        return
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    with os.fdopen(os.open(output, flags, 0o600), "wb") as file:
        yield file.write


async def _position(db: Database, account: str | None, after: str | None) -> Position:
    if account is None and after is None:
        return BEGINNING
    which, _, number = (after or f"{account}:0").rpartition(":")
    shard = shard_of(which)
    if shard is None or not (number.isascii() and number.isdecimal()):
        raise CommandFailed("--after: write it as ACCOUNT:NUMBER", FAILED)
    if account is not None and which != account:
        raise CommandFailed("--after is of another account", FAILED)
    if await db.read(lambda tx: find_account(tx, shard, which)) is None:
        raise NotFound("account", f"There is no account {which}")
    return shard, which, int(number)


@app.command("rebuild")
@for_a_bank
def rebuild(
    loaded: Loaded,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ACCOUNT", help="Only this account's.")
    ] = None,
) -> None:
    """Throw the subtotals away and add all entries up again, for balances at past instants.

    They follow from the entries. When `minibank audit` says that they do not, find out why before
    you do this.
    """

    async def work(db: Database) -> None:
        if account is not None and shard_of(account) is None:
            raise NotFound("account", f"There is no account {account}")
        await db.transact(lambda tx: start_over(tx, account))
        await roll_up(db, EVERYWHERE)

    in_books(loaded, work)
    console().print("The entries are added up anew.")

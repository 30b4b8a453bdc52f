"""`minibank audit`: prove the books."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from minibank.app.books import open_books, read_seal
from minibank.app.server_keys import find_keys, recognise_keys
from minibank.audit import AuditReport, Plan, audit
from minibank.audit.checkpoint import (
    CheckpointError,
    compare,
    read_checkpoint,
    write_checkpoint,
)
from minibank.audit.plan import always, never
from minibank.cli.common import (
    REFUSED,
    CommandFailed,
    JsonFlag,
    console,
    errors_console,
    for_a_bank,
    print_json,
    print_table,
)
from minibank.core.keys import ServerKeys
from minibank.core.money import format_amount
from minibank.db import Database
from minibank.settings import Loaded

SHOWN_MAX = 100


@for_a_bank
def audit_bank(
    loaded: Loaded,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Start over: verify every account from its first entry set, and leave new marks.",
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print findings only.")] = False,
    as_json: JsonFlag = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Hold the books against the signed checkpoint in FILE, if there is one, and write"
            " a new one there if everything proves. Needs the setting server_key_file.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Hold the books against the checkpoint in FILE; write nothing."
        ),
    ] = None,
) -> None:
    """Prove the books from the rows: every balance, hold and transaction against its entries.

    An audit remembers how far it verified each account. The next one goes on from there: it proves
    what is new, all that may still change, and every balance. With --full it starts over, as it
    does with a checkpoint.

    An older row that was edited since it was verified is found by --full. Rows that were rewritten
    together with all the hashes after them, and with the mark, are found only with a checkpoint:
    keep it where whoever can write the database cannot. Marks are sealed with the server key if
    there is one (server_key_file).

    A live bank may go on meanwhile. Exit status: 0 everything proved, 1 something did not, 2 the
    audit could not run.

    Examples:

      minibank audit --database sqlite:///bank.db

      minibank audit --full

      minibank audit --checkpoint /mnt/elsewhere/bank.checkpoint --set server_key_file=bank.key
    """
    file = _checkpoint_file(loaded, checkpoint, against)
    plan = Plan(
        starts_over=always if full or file else never,
        leaves_marks=against is None,
        replaces_marks=full,
        collects_marks=file is not None,
    )
    report = asyncio.run(_run(loaded, plan, file, shows_progress=not quiet and not as_json))
    if as_json:
        print_json(_as_json(report))
    else:
        _print(report, quiet=quiet)
        if file and file.writes and report.clean and not quiet:
            console().print(f"The checkpoint is in {file.path}.")
    if not report.clean:
        raise typer.Exit(REFUSED)


@dataclass(frozen=True, slots=True)
class _CheckpointFile:
    """A checkpoint's file, the keys it is signed with, and whether to write it."""

    path: Path
    keys: ServerKeys
    writes: bool


def _checkpoint_file(
    loaded: Loaded, checkpoint: Path | None, against: Path | None
) -> _CheckpointFile | None:
    path = checkpoint or against
    if path is None:
        return None
    if checkpoint and against:
        raise CommandFailed("--checkpoint and --against: give one of them")
    keys = find_keys(loaded.settings)
    if keys is None:
        raise CommandFailed(
            "a checkpoint is signed: make a key with `minibank key create FILE` and set"
            " server_key_file to it"
        )
    return _CheckpointFile(path, keys, writes=checkpoint is not None)


async def _run(
    loaded: Loaded, plan: Plan, file: _CheckpointFile | None, *, shows_progress: bool
) -> AuditReport:
    async with open_books(loaded.settings) as db:
        seal = await read_seal(db, loaded.settings)
        plan = replace(plan, seal=seal)
        if (keys := seal.keys) is not None and plan.leaves_marks:
            await db.transact(lambda tx: recognise_keys(tx, keys))
        if file is None:
            return await _prove(db, plan, shows_progress=shows_progress)
        created_at = seal.bank_created_at
        before = None
        if not file.writes or file.path.exists():
            try:
                before = read_checkpoint(file.path, file.keys, bank_created_at=created_at)
            except CheckpointError as error:
                raise CommandFailed(str(error)) from error
        plan = replace(plan, before=before.marks if before else {})
        report = await _prove(db, plan, shows_progress=shows_progress)
        if before:
            report.add(*compare(before, report))
        if file.writes and report.clean:
            write_checkpoint(
                file.path,
                report,
                file.keys,
                bank_created_at=created_at,
                taken_at=db.clock.now(),
            )
        return report


async def _prove(db: Database, plan: Plan, *, shows_progress: bool) -> AuditReport:
    columns = (TextColumn("accounts"), BarColumn(), MofNCompleteColumn())
    # A bar that moves is for a terminal; elsewhere it would be noise in a log.
    with Progress(*columns, console=errors_console(), transient=True) as bar:
        bar.disable = not (shows_progress and errors_console().is_terminal)
        task = bar.add_task("accounts", total=None)
        return await audit(
            db, plan, lambda done, total: bar.update(task, completed=done, total=total)
        )


def _as_json(report: AuditReport) -> object:
    return {
        "clean": report.clean,
        "accounts": report.accounts,
        "accounts_in_full": report.accounts_in_full,
        "entry_sets": report.entry_sets,
        "entry_sets_now": report.entry_sets_now,
        "transactions": report.transactions,
        "findings_count": report.findings_count,
        "findings": report.findings,
        "positions": [
            {"address": address, "currency": currency, "amount": amount}
            for (address, currency), amount in sorted(report.positions.items())
        ],
    }


def _print(report: AuditReport, *, quiet: bool) -> None:
    if not report.clean:
        rows = [
            (one.code, one.account_id, one.subject, one.message)
            for one in report.findings[:SHOWN_MAX]
        ]
        print_table(("finding", "account", "subject", "what"), rows, "")
    if quiet:
        return
    if report.positions:
        sums = [
            (address, format_amount(amount, currency))
            for (address, currency), amount in sorted(report.positions.items())
        ]
        print_table(("address of the bank", "balance"), sums, "")
    looked = (
        f"{report.accounts:,} accounts, {report.entry_sets:,} entry sets,"
        f" {report.transactions:,} transactions"
    )
    earlier = report.entry_sets - report.entry_sets_now
    verified = (
        f"{report.entry_sets_now:,} entry sets verified now, {earlier:,} earlier;"
        f" {report.accounts_in_full:,} accounts from their first"
    )
    verdict = "everything proves" if report.clean else f"{report.findings_count:,} findings"
    console().print(f"{looked}: {verdict}.")
    console().print(f"{verified}.")

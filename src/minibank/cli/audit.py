"""`minibank audit`: prove the books."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from minibank.app.books import open_books, read_bank
from minibank.app.server_keys import find_keys, recognise_keys
from minibank.audit import AuditReport, audit
from minibank.audit.checkpoint import (
    CheckpointError,
    compare,
    read_checkpoint,
    write_checkpoint,
)
from minibank.audit.findings import Mark
from minibank.audit.run import NO_MARKS
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

    A live bank may go on meanwhile. Exit status: 0 everything proved, 1 something did not, 2 the
    audit could not run.

    Rows that were rewritten together with all the hashes after them are found only with a
    checkpoint: keep it where whoever can write the database cannot.

    Examples:

      minibank audit --database sqlite:///bank.db

      minibank audit --checkpoint /mnt/elsewhere/bank.checkpoint --set server_key_file=bank.key
    """
    plan = _plan(loaded, checkpoint, against)
    report = asyncio.run(_run(loaded, plan, shows_progress=not quiet and not as_json))
    if as_json:
        print_json(_as_json(report))
    else:
        _print(report, quiet=quiet)
        if plan and plan.writes and report.clean and not quiet:
            console().print(f"The checkpoint is in {plan.path}.")
    if not report.clean:
        raise typer.Exit(REFUSED)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A checkpoint's file, the keys it is signed with, and whether to write it."""

    path: Path
    keys: ServerKeys
    writes: bool


def _plan(loaded: Loaded, checkpoint: Path | None, against: Path | None) -> _Plan | None:
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
    return _Plan(path, keys, writes=checkpoint is not None)


async def _run(loaded: Loaded, plan: _Plan | None, *, shows_progress: bool) -> AuditReport:
    async with open_books(loaded.settings) as db:
        if plan is None:
            return await _prove(db, NO_MARKS, shows_progress=shows_progress)
        bank = await db.read(read_bank)
        if plan.writes:
            await db.transact(lambda tx: recognise_keys(tx, plan.keys))
        before = None
        if not plan.writes or plan.path.exists():
            try:
                before = read_checkpoint(plan.path, plan.keys, bank_created_at=bank.created_at)
            except CheckpointError as error:
                raise CommandFailed(str(error)) from error
        marks = before.marks if before else NO_MARKS
        report = await _prove(db, marks, shows_progress=shows_progress)
        if before:
            report.add(*compare(before, report))
        if plan.writes and report.clean:
            write_checkpoint(
                plan.path,
                report,
                plan.keys,
                bank_created_at=bank.created_at,
                taken_at=db.clock.now(),
            )
        return report


async def _prove(db: Database, before: Mapping[str, Mark], *, shows_progress: bool) -> AuditReport:
    columns = (TextColumn("accounts"), BarColumn(), MofNCompleteColumn())
    # A bar that moves is for a terminal; elsewhere it would be noise in a log.
    with Progress(*columns, console=errors_console(), transient=True) as bar:
        bar.disable = not (shows_progress and errors_console().is_terminal)
        task = bar.add_task("accounts", total=None)
        return await audit(
            db, lambda done, total: bar.update(task, completed=done, total=total), before
        )


def _as_json(report: AuditReport) -> object:
    return {
        "clean": report.clean,
        "accounts": report.accounts,
        "entry_sets": report.entry_sets,
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
    verdict = "everything proves" if report.clean else f"{report.findings_count:,} findings"
    console().print(f"{looked}: {verdict}.")

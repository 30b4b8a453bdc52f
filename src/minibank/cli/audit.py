"""`minibank audit`: prove the books."""

import asyncio
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from minibank.app.books import open_books
from minibank.audit import AuditReport, audit
from minibank.cli.common import (
    REFUSED,
    JsonFlag,
    console,
    errors_console,
    for_a_bank,
    print_json,
    print_table,
)
from minibank.core.money import format_amount
from minibank.settings import Loaded

SHOWN_MAX = 100


@for_a_bank
def audit_bank(
    loaded: Loaded,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print findings only.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Prove the books from the rows: every balance, hold and transaction against its entries.

    A live bank may go on meanwhile. Exit status: 0 everything proved, 1 something did not, 2 the
    audit could not run.

    Examples:

      minibank audit --database sqlite:///bank.db
    """
    report = asyncio.run(_run(loaded, shows_progress=not quiet and not as_json))
    if as_json:
        print_json(_as_json(report))
    else:
        _print(report, quiet=quiet)
    if not report.clean:
        raise typer.Exit(REFUSED)


async def _run(loaded: Loaded, *, shows_progress: bool) -> AuditReport:
    columns = (TextColumn("accounts"), BarColumn(), MofNCompleteColumn())
    async with open_books(loaded.settings) as db:
        # A bar that moves is for a terminal; elsewhere it would be noise in a log.
        with Progress(*columns, console=errors_console(), transient=True) as bar:
            bar.disable = not (shows_progress and errors_console().is_terminal)
            task = bar.add_task("accounts", total=None)
            return await audit(
                db, lambda done, total: bar.update(task, completed=done, total=total)
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

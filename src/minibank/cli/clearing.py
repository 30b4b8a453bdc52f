"""`minibank clearing`: a card scheme's files, imported and reconciled."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from minibank.app.bank import build_engine
from minibank.clearing import store
from minibank.clearing.importing import import_file, read_report
from minibank.clearing.parsing import BadClearingFile, day_of
from minibank.clearing.records import ClearingFile, ClearingReport, ClearingRow, Missing
from minibank.cli.common import (
    LIMIT,
    CommandFailed,
    JsonFlag,
    LimitFlag,
    day,
    for_a_bank,
    harmless,
    in_books,
    print_facts,
    print_json,
    print_listing,
)
from minibank.core.instants import INSTANT_MAX, format_instant
from minibank.core.money import format_amount
from minibank.db import Database
from minibank.settings import Loaded

app = typer.Typer(help="A card scheme's clearing files.", no_args_is_help=True)

_STATUSES = ("surplus", "matched", "duplicate", "pending", "missing")


@app.command("import")
@for_a_bank
def import_(
    loaded: Loaded,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file.", exists=True)],
    for_day: Annotated[
        datetime | None,
        typer.Option("--day", formats=["%Y-%m-%d"], help="Its day; else that of its newest row."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Import a clearing file: book what fits, hold the rest in suspense, find what is missing.

    The same file is imported once, and an import that was cut short is taken up again.

    Examples:

      minibank clearing import 2026-03-10.csv
    """
    wanted = None if for_day is None else day_of(f"{for_day:%Y-%m-%d}")

    async def work(db: Database) -> ClearingReport:
        engine = build_engine(db, loaded.settings)
        try:
            return await import_file(db, engine, lambda: file.open("rb"), "cli", wanted)
        except BadClearingFile as error:
            lines = [f"{place}: {message}" for place, message in error.params.items()]
            raise CommandFailed("\n".join(lines)) from error
        finally:
            await engine.drain()

    _print_report(in_books(loaded, work), as_json=as_json)


@app.command("show")
@for_a_bank
def show(
    loaded: Loaded,
    which: Annotated[str, typer.Argument(metavar="FILE_ID", help="A file's id.")],
    status: Annotated[
        str, typer.Option(help=f"List its rows of a status: {', '.join(_STATUSES)}.")
    ] = "",
    limit: LimitFlag = LIMIT,
    as_json: JsonFlag = False,
) -> None:
    """Show what came of a file or, with `--status`, its rows.

    Examples:

      minibank clearing show clearing_0000B3wV5n0FxAjLRtSlPc --status surplus
    """
    if status and status not in _STATUSES:
        raise CommandFailed(f"--status is one of {', '.join(_STATUSES)}")
    report = in_books(loaded, lambda db: db.snapshot(lambda tx: read_report(tx, which)))
    if not status:
        _print_report(report, as_json=as_json)
    elif status == "missing":
        missing = in_books(
            loaded, lambda db: db.read(lambda tx: store.list_missing(tx, which, "", limit))
        )
        headings = ("transaction", "account", "amount", "found in")
        print_listing(headings, [_missing(one) for one in missing], missing, limit, as_json=as_json)
    else:
        rows = in_books(
            loaded, lambda db: db.read(lambda tx: store.list_rows_of(tx, which, status, 0, limit))
        )
        columns = ("line", "type", "reference", "amount", "why", "booked on", "transaction")
        print_listing(columns, [_row(one) for one in rows], rows, limit, as_json=as_json)


@app.command("list")
@for_a_bank
def list_(loaded: Loaded, limit: LimitFlag = LIMIT, as_json: JsonFlag = False) -> None:
    """List the files that were imported, the newest first.

    Examples:

      minibank clearing list
    """
    newest = (INSTANT_MAX, "")
    files = in_books(loaded, lambda db: db.read(lambda tx: store.list_files(tx, newest, limit)))
    rows = [
        (one.id, day(one.day)[:10], str(one.row_count), day(one.began_at), day(one.finished_at))
        for one in files
    ]
    headings = ("id", "day", "rows", "began", "finished")
    print_listing(headings, rows, [_file(one) for one in files], limit, as_json=as_json)


def _print_report(report: ClearingReport, *, as_json: bool) -> None:
    counts = {name: getattr(report, name) for name in _STATUSES}
    if as_json:
        print_json({**_file(report.file), **counts})
        return
    facts = {"id": report.file.id, "day": day(report.file.day)[:10]}
    facts |= {"rows": str(report.file.row_count)}
    print_facts(facts | {name: str(count) for name, count in counts.items()})


def _file(file: ClearingFile) -> dict[str, object]:
    return {
        "id": file.id,
        "day": format_instant(file.day)[:10],
        "rows": file.row_count,
        "imported_by": file.imported_by,
        "began": format_instant(file.began_at),
        "finished": None if file.finished_at is None else format_instant(file.finished_at),
    }


def _row(row: ClearingRow) -> tuple[str, ...]:
    amount = format_amount(row.amount, row.currency)
    place = (row.booked_on, row.transaction_id)
    return (str(row.line), row.kind, harmless(row.reference), amount, row.reason, *place)


def _missing(one: Missing) -> tuple[str, ...]:
    amount = format_amount(one.amount, one.currency)
    return one.transaction_id, one.account_id, amount, one.found_in

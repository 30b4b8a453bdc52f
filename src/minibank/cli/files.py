"""`minibank files`: the bytes of what customers attached."""

import os
from pathlib import Path
from typing import Annotated

import typer

from minibank.app.files import open_files
from minibank.attachments.checking import FilesReport, check_kept
from minibank.attachments.names import plain_name
from minibank.attachments.store import list_kept
from minibank.cli.common import (
    FAILED,
    CommandFailed,
    JsonFlag,
    console,
    errors_console,
    for_a_bank,
    in_books,
    print_json,
)
from minibank.cli.users import find_person
from minibank.core.ids import shard_of
from minibank.db import Database, Row
from minibank.files import FileMissing, Files, FilesUnavailable
from minibank.settings import Loaded

app = typer.Typer(
    help="Files that customers attached: are their bytes there; copy those of a person.",
    no_args_is_help=True,
)

SHOWN = 20
"""How many names of files that are not as they were are printed."""


@app.command("check")
@for_a_bank
def check(
    loaded: Loaded,
    full: Annotated[
        bool, typer.Option("--full", help="Read every file and compare its SHA-256.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Look whether the bytes of every file are there, as many as there were.

    The bank may go on meanwhile. Exit status: 0 all are there, 1 some are not.

    Examples:

      minibank files check --full
    """
    files = open_files(loaded.settings)

    async def work(db: Database) -> FilesReport:
        with errors_console().status("Looking ...") as status:
            return await check_kept(
                db,
                files,
                reads_all=full,
                progress=lambda done: status.update(f"Looking ... {done:,} files"),
            )

    try:
        report = in_books(loaded, work)
    except FilesUnavailable as error:
        raise CommandFailed(str(error), FAILED) from error
    if as_json:
        print_json(
            {
                "place": files.place,
                "files": report.files,
                "bytes": report.bytes,
                "missing": report.missing,
                "wrong": report.wrong,
                "unknown": report.unknown,
            }
        )
    else:
        _print(report, files.place)
    if not report.is_whole:
        bad = len(report.missing) + len(report.wrong)
        raise CommandFailed(f"{bad:,} of {report.files:,} files are not as they were sent")


def _print(report: FilesReport, place: str) -> None:
    for name in report.missing[:SHOWN]:
        console().print(f"missing: {name}")
    for name in report.wrong[:SHOWN]:
        console().print(f"other bytes: {name}")
    console().print(f"{report.files:,} files, {report.bytes:,} bytes, in {place}.")
    if report.unknown:
        console().print(f"{report.unknown:,} more are there that nothing leads to (yet).")


@app.command("copy")
@for_a_bank
def copy(
    loaded: Loaded,
    user: Annotated[str, typer.Argument(metavar="USER", help="A person's id or address.")],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to: a directory that is made if need be.")
    ],
) -> None:
    """Copy what a person sent, to go with the export of what is held about them.

    The copies are for their owner's eyes only (mode 0600), and none is written over. Each is called
    by the id that the export has, and by its name.

    Examples:

      minibank files copy ada@example.com ada-files
    """
    files = open_files(loaded.settings)

    async def work(db: Database) -> int:
        found = await db.read(lambda tx: find_person(tx, user))
        shard = shard_of(found.id)
        assert shard is not None, "a user's id says where they live"
        rows = await db.read(lambda tx: list_kept(tx, shard, found.id))
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for row in rows:
            await _copy(files, row, directory / f"{row['id']}-{plain_name(row['file_name'])}")
        return len(rows)

    try:
        copied = in_books(loaded, work)
    except OSError as error:
        raise CommandFailed(f"{directory} cannot be written: {error.strerror}", FAILED) from error
    except (FilesUnavailable, FileMissing) as error:
        raise CommandFailed(str(error), FAILED) from error
    console().print(f"{copied:,} files are in {directory}.")


async def _copy(files: Files, row: Row, path: Path) -> None:
    parts = await files.read(row["name"], 0, row["size"])
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            async for part in parts:
                file.write(part)
    finally:
        await parts.aclose()

"""`minibank backup` and `minibank restore`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from minibank.app.books import creating_books, open_books
from minibank.app.files import open_files
from minibank.app.server_keys import find_keys, name_of_key
from minibank.audit import AuditReport, audit
from minibank.cli.common import CommandFailed, console, for_a_bank
from minibank.db.backup import BackupError, Header, back_up, read_header, restore
from minibank.settings import Loaded
from minibank.settings.show import mask_url

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


@for_a_bank
def back_up_bank(loaded: Loaded, file: FileArgument) -> None:
    """Write the whole bank, as it is at one instant, to a file.

    The bank may go on meanwhile. The file can be restored on either engine. It holds all that the
    database holds, and neither the server key nor the bytes of files that customers attached: keep
    copies of both apart. A copy of the files fits a backup when it was begun after it.

    Examples:

      minibank backup /srv/backup/bank.backup --database postgresql://bank@db.internal/bank
    """
    keys = find_keys(loaded.settings)

    async def run() -> tuple[dict[str, int], str]:
        async with open_books(loaded.settings) as db:
            key = await db.read(lambda tx: name_of_key(tx, keys))
            counts = await back_up(db, file, kind=loaded.settings.mode, key=key)
            return counts, key

    try:
        counts, key = asyncio.run(run())
    except BackupError as error:
        raise CommandFailed(str(error)) from error
    size = file.stat().st_size
    console().print(
        f"{sum(counts.values()):,} rows of {mask_url(loaded.settings.database)} are in {file},"
    )
    console().print(f"{size / 1024:,.0f} KiB. Server key: {key or 'none'}.")
    if files := counts["file_contents"]:
        where = open_files(loaded.settings).place
        console().print(f"The bytes of {files:,} files are not: copy {where} as well, from now on.")
    if key:
        console().print("The key itself is not in the file: keep a copy of it somewhere else.")


@for_a_bank
def restore_bank(loaded: Loaded, file: FileArgument) -> None:
    """Read a backup into a database that holds nothing, and prove the books.

    The file is checked to its end before the first row is written. A restore that was broken off
    leaves no bank: begin again with an empty database. Exit status: 0 restored and proved, 1 not.

    Examples:

      minibank restore /srv/backup/bank.backup --database sqlite:///again.db
    """
    try:
        header = read_header(file)
        if header.kind != loaded.settings.mode:
            raise CommandFailed(f"{file} is of a {header.kind} bank: use --mode {header.kind}")
        _require_its_key(header, loaded)
        report = asyncio.run(_restore(loaded, file))
    except BackupError as error:
        raise CommandFailed(str(error)) from error
    where = mask_url(loaded.settings.database)
    looked = f"{report.accounts:,} accounts, {report.transactions:,} transactions"
    if not report.clean:
        raise CommandFailed(
            f"{where} is restored and does not prove ({report.findings_count:,} findings):"
            " see `minibank audit`"
        )
    console().print(f"The bank is in {where}, and its books prove: {looked}.")


async def _restore(loaded: Loaded, file: Path) -> AuditReport:
    async with creating_books(loaded.settings) as db:
        await restore(db, file)
    async with open_books(loaded.settings) as db:
        return await audit(db)


def _require_its_key(header: Header, loaded: Loaded) -> None:
    """Refuse another server key than the backup's; without any, say which one will be needed."""
    keys = find_keys(loaded.settings)
    if not header.key:
        return
    if keys is None:
        console().print(f"The bank works with server key {header.key}: set server_key_file to it.")
    elif header.key not in keys.fingerprints:
        raise CommandFailed(
            f"the bank in the backup works with server key {header.key}, and"
            f" {keys.fingerprints[0]} is another one: set server_key_file to it, or to nothing for"
            " now"
        )

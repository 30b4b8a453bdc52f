"""`minibank user export`, `erase` and `erasures`: what a person may ask of the bank."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer
from rich.progress import Progress, TextColumn

from minibank.app.books import read_bank
from minibank.app.files import open_files
from minibank.cli.common import (
    FAILED,
    LIMIT,
    CommandFailed,
    JsonFlag,
    LimitFlag,
    console,
    day,
    errors_console,
    for_a_bank,
    in_books,
    print_facts,
    print_json,
    print_listing,
)
from minibank.cli.users import Who, find_person
from minibank.core.clock import SystemClock
from minibank.db import Database, ReadTx, Tx
from minibank.due.planning import plan
from minibank.files import Files, FilesUnavailable
from minibank.identity.erasing import ERASURE
from minibank.privacy.erasure import (
    Preview,
    begin_erasure,
    go_on_erasing,
    preview_erasure,
    work_of,
)
from minibank.privacy.export import Lines, Subject, export_person
from minibank.privacy.store import list_erasures
from minibank.settings import Loaded
from minibank.worker.due import do_part
from minibank.worker.errands import remove_contents_now
from minibank.worker.store import DueRow

STDOUT = Path("-")


@for_a_bank
def export(
    loaded: Loaded,
    user: Who,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="A new file, or - for standard output; USER_ID.jsonl when not given.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write all that the bank holds about a person to a file.

    It is lines of JSON, from one instant of a bank that may go on meanwhile. The file is for its
    owner's eyes only (mode 0600), and one that exists already is not written over. Of joint
    accounts the other owners' private data is left out.

    Examples:

      minibank user export ada@example.com --output ada.jsonl
    """
    if output == STDOUT and as_json:
        raise CommandFailed("--json tells what was written to a file, not with --output -", FAILED)

    async def work(db: Database) -> tuple[Path, dict[str, int]]:
        found = await db.read(lambda tx: find_person(tx, user))
        bank = await db.read(read_bank)
        public_url = loaded.settings.public_url
        files_url = loaded.settings.files_url or public_url
        subject = Subject(found, loaded.settings.bic, public_url, files_url, bank.kind)
        path = output or Path(f"{found.id}.jsonl")
        with _written(path) as file, _progress(shows=not as_json) as bar:
            task = bar.add_task("records")

            async def write(tx: ReadTx) -> dict[str, int]:
                # Here, so that a snapshot that is taken again begins anew.
                try:
                    file.seek(0)
                    file.truncate()
                    lines = Lines(file.write, lambda done: bar.update(task, completed=done))
                    counts = await export_person(tx, subject, lines)
                    file.flush()
                except OSError as error:
                    # In our own word, or the port would take it for a lost connection.
                    raise _unwritable(path, error) from error
                return counts

            return path, await db.snapshot(write)

    path, counts = in_books(loaded, work)
    if as_json:
        print_json({"file": str(path), "records": counts})
    elif path != STDOUT:
        console().print(f"{sum(counts.values()):,} records are in {path}.")


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """A new file that stays when all goes well; for standard output one that is copied then."""
    if path == STDOUT:
        with tempfile.TemporaryFile() as file:
            yield cast(BinaryIO, file)
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout.buffer)
        return
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def _unwritable(path: Path, error: OSError) -> CommandFailed:
    if isinstance(error, FileExistsError):
        return CommandFailed(f"{path} exists already: name a new file with --output", FAILED)
    return CommandFailed(f"{path} cannot be written: {error.strerror}", FAILED)


@contextmanager
def _progress(*, shows: bool) -> Iterator[Progress]:
    # A number that grows is for a terminal; elsewhere it would be noise in a log.
    columns = (TextColumn("{task.completed:,.0f}"), TextColumn("{task.description}"))
    with Progress(*columns, console=errors_console(), transient=True) as bar:
        bar.disable = not (shows and errors_console().is_terminal)
        yield bar


@for_a_bank
def erase(
    loaded: Loaded,
    user: Who,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Erase a person for good, and keep the books.

    Name, e-mail address, password, tokens, the digits of cards, notes, annotations, files and
    whatever people wrote on transactions go; entries, amounts and what was answered to commands
    stay. Refused while an account of theirs holds money or a payment is not over, is frozen, or is
    shared and not closed. An erasure that was broken off goes on by itself in a bank that serves,
    or by asking for it again. Backups made before still hold the person.

    Examples:

      minibank user erase ada@example.com --dry-run

      minibank user erase ada@example.com --yes
    """
    preview = in_books(loaded, lambda db: db.transact(lambda tx: preview_erasure(tx, user)))
    if as_json and dry_run:
        print_json(_as_json(preview, erased=False))
    elif not as_json:
        _print_preview(preview)
    if obstacles := preview.obstacles:
        raise CommandFailed(f"{user} cannot be erased: {'; '.join(obstacles)}")
    if dry_run:
        return
    if not yes:
        _confirm(preview)
    user_id = preview.leaving.user.id
    files = open_files(loaded.settings)
    try:
        in_books(loaded, lambda db: _erase(db, files, user_id))
    except FilesUnavailable as error:
        raise CommandFailed(
            f"{user_id} is erased, and the bytes of files are still to go, which a bank that serves"
            f" does by itself: {error}"
        ) from error
    if as_json:
        print_json(_as_json(preview, erased=True))
    else:
        console().print(f"{user_id} is erased.")


async def _erase(db: Database, files: Files, user_id: str) -> None:
    """Begin, unless that was done before, and do part after part until all is done; then remove the
    bytes of what the person sent."""
    planned = work_of(user_id, 0)
    row = DueRow(planned.shard, ERASURE, user_id, "", 0)
    if not await db.transact(lambda tx: begin_erasure(tx, user_id)):
        # What went on with it may have been lost; asking again is the cure.
        await db.transact(lambda tx: plan(tx, [planned]))

    async def part(tx: Tx) -> bool:
        return await do_part(tx, row, lambda tx, row: go_on_erasing(tx, row.subject), early=True)

    while await db.transact(part):
        pass
    await remove_contents_now(db, files, planned.shard, SystemClock())


def _confirm(preview: Preview) -> None:
    if not sys.stdin.isatty():
        raise CommandFailed("nobody is there to ask: --yes erases without asking", FAILED)
    typer.confirm(f"Erase {preview.leaving.user.email} for good?", abort=True, err=True)


def _print_preview(preview: Preview) -> None:
    user = preview.leaving.user
    facts = {"id": user.id, "email": user.email, "name": user.name}
    if preview.leaving.began_at is not None:
        facts["erasure began"] = day(preview.leaving.began_at)
    print_facts(
        facts | {name.replace("_", " "): f"{count:,}" for name, count in preview.counts.items()}
    )


def _as_json(preview: Preview, *, erased: bool) -> object:
    return {
        "user_id": preview.leaving.user.id,
        "erased": erased,
        "began_at": preview.leaving.began_at,
        "counts": preview.counts,
        "obstacles": preview.obstacles,
    }


@for_a_bank
def list_past(loaded: Loaded, limit: LimitFlag = LIMIT, as_json: JsonFlag = False) -> None:
    """List when people were erased, the latest first; it is not kept who they were."""
    rows = in_books(loaded, lambda db: db.read(lambda tx: list_erasures(tx, limit)))
    listing = [{name: row[name] for name in ("id", "began_at", "ended_at")} for row in rows]
    table = [(row["id"], day(row["began_at"]), day(row["ended_at"])) for row in rows]
    print_listing(("id", "began", "ended"), table, listing, limit, as_json=as_json)

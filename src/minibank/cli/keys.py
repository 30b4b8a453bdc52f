"""`minibank key`: the bank's server key, a file or a value of the environment."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from minibank.app.books import open_books
from minibank.app.server_keys import adopt_key, find_keys
from minibank.app.store import KeyRow, list_server_keys
from minibank.cli.common import (
    CommandFailed,
    JsonFlag,
    console,
    day,
    for_a_bank,
    in_books,
    print_json,
    print_table,
)
from minibank.core.ids import RandomIds
from minibank.core.keys import KEY_BYTES, KeyFileError, ServerKeys, write_new_key
from minibank.settings import Loaded

app = typer.Typer(
    help="The server key: checkpoints are signed with what is derived from it.",
    no_args_is_help=True,
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The key file.")]


@app.command("create")
def create_key(file: FileArgument) -> None:
    """Write a new server key to a file that does not exist yet, for its owner's eyes only.

    Keep a copy of it apart from the bank's backups.

    Examples:

      minibank key create /etc/minibank/server.key
    """
    if file.exists():
        raise CommandFailed(f"{file} exists: `minibank key rotate` puts a new key before the old")
    _write(file)


@app.command("rotate")
def rotate_key(file: FileArgument) -> None:
    """Put a new key in force; the one before it still verifies what it signed, until the next.

    Then give every machine the new file and start its server again. A bank accepts a new key only
    together with the one that it works with: rotate again when all have started.

    Examples:

      minibank key rotate /etc/minibank/server.key
    """
    if not file.exists():
        raise CommandFailed(f"there is no key in {file}: `minibank key create` makes one")
    _write(file)


def _write(file: Path) -> None:
    try:
        keys = write_new_key(file, RandomIds().secret(KEY_BYTES))
    except KeyFileError as error:
        raise CommandFailed(str(error)) from error
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}") from error
    console().print(f"Server key {keys.fingerprints[0]} is in force, in {file}.")


@app.command("show")
@for_a_bank
def show_keys(loaded: Loaded, as_json: JsonFlag = False) -> None:
    """List the server keys that are at hand and those the bank knows, by fingerprint alone.

    Examples:

      minibank key show --database postgresql://bank@db.internal/bank
    """
    keys = find_keys(loaded.settings)
    rows = in_books(loaded, lambda db: db.read(list_server_keys))
    found = _described(keys, rows)
    if as_json:
        print_json(found)
        return
    cells = [[str(one[name] or "") for name in _HEADINGS] for one in found]
    print_table(tuple(_HEADINGS.values()), cells, "There is none at hand, and the bank knows none.")


_HEADINGS = {
    "fingerprint": "fingerprint",
    "at_hand": "at hand",
    "in_bank": "in the bank",
    "first_used": "since",
}


def _described(keys: ServerKeys | None, rows: list[KeyRow]) -> list[dict[str, str | None]]:
    """What is known of each key, those the bank knows first."""
    roles = dict(zip(keys.fingerprints, ("signs", "verifies"), strict=False)) if keys else {}
    described: list[dict[str, str | None]] = [
        {
            "fingerprint": row.fingerprint,
            "at_hand": roles.get(row.fingerprint),
            "in_bank": "in force" if row is rows[-1] else "rotated out",
            "first_used": day(row.first_used_at),
        }
        for row in rows
    ]
    known = {row.fingerprint for row in rows}
    return described + [
        {"fingerprint": name, "at_hand": role, "in_bank": None, "first_used": None}
        for name, role in roles.items()
        if name not in known
    ]


@app.command("adopt")
@for_a_bank
def adopt_the_key(loaded: Loaded) -> None:
    """Put the key at hand in force although the bank's key is lost.

    What the lost key signed cannot be verified any more: audit the bank and write a new checkpoint.
    A key that is not lost is rotated instead.

    Examples:

      minibank key adopt --set server_key_file=/etc/minibank/server.key
    """
    keys = find_keys(loaded.settings)
    if keys is None:
        raise CommandFailed(
            "no key is at hand: make one with `minibank key create FILE` and name it"
        )

    async def run() -> bool:
        async with open_books(loaded.settings) as db:
            return await db.transact(lambda tx: adopt_key(tx, keys))

    is_new = asyncio.run(run())
    said = "is in force now" if is_new else "was in force already"
    console().print(f"Server key {keys.fingerprints[0]} {said}.")

"""`minibank key`: the bank's server key, a file."""

from pathlib import Path
from typing import Annotated

import typer

from minibank.cli.common import CommandFailed, console
from minibank.core.ids import RandomIds
from minibank.core.keys import KEY_BYTES, KeyFileError, fingerprint, write_new_key

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
    console().print(f"Server key {fingerprint(keys.current)} is in force, in {file}.")

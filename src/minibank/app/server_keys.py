"""Which server keys are at hand, and whether they are the ones that the bank has worked with."""

from pathlib import Path

from minibank.app.errors import StartError
from minibank.app.store import KeyRow, add_server_key, find_server_key, list_server_keys
from minibank.audit.run import start_over
from minibank.core.keys import KeyFileError, ServerKeys, parse_keys, read_keys
from minibank.db import ReadTx, Tx
from minibank.settings import Settings, environment_name


def find_keys(settings: Settings) -> ServerKeys | None:
    """The live server keys that the settings name; None when they name none.

    Raises `StartError` when what they name cannot be used.
    """
    if settings.server_key and settings.server_key_file:
        raise StartError(
            "server_key: it and server_key_file are two ways to say one thing, use one"
        )
    try:
        if settings.server_key:
            return parse_keys(settings.server_key, environment_name("server_key"))
        if settings.server_key_file:
            return read_keys(Path(settings.server_key_file))
    except KeyFileError as error:
        raise StartError(f"server_key_file: {error}") from error
    return None


async def recognise_keys(tx: Tx, keys: ServerKeys) -> None:
    """Raise `StartError` unless the bank may work with these keys; remember a new one.

    The first key that a bank meets is its key. After that a new one is accepted only together with
    the one in force, which stays live behind it; so a wrong file never signs anything.
    """
    current, *previous = keys.fingerprints
    # In one statement: between two of them another process may put its key in force.
    rows = await list_server_keys(tx)
    in_force = rows[-1] if rows else None
    if in_force is not None and in_force.fingerprint == current:
        return
    known = {row.fingerprint for row in rows}
    if in_force is None or (in_force.fingerprint in previous and current not in known):
        await add_server_key(tx, (in_force.number if in_force else 0) + 1, current)
        return
    raise StartError(_refusal(in_force, current, known))


def _refusal(in_force: KeyRow, current: str, known: set[str]) -> str:
    what = "one that was rotated out" if current in known else "another one"
    return (
        f"server_key_file: this bank works with server key {in_force.fingerprint}, and {current} is"
        f" {what}: use the file with that key, or, if it is lost for good, `minibank key adopt`"
    )


async def adopt_key(tx: Tx, keys: ServerKeys) -> bool:
    """Put the key at hand in force although the one before it is lost; whether it was not already.

    The marks of audits, which the lost key sealed, are forgotten with it.
    Raises `StartError` for a key that was rotated out: it may be known to others by now.
    """
    current = keys.fingerprints[0]
    rows = await list_server_keys(tx)
    if rows and rows[-1].fingerprint == current:
        return False
    if current in {row.fingerprint for row in rows}:
        raise StartError(f"server key {current} was rotated out before: make a new one")
    await add_server_key(tx, len(rows) + 1, current)
    await start_over(tx)
    return True


async def name_of_key(tx: ReadTx, keys: ServerKeys | None) -> str:
    """The fingerprint that a backup of the bank names; empty when it has no key.

    It is the one that the bank works with, or else will work with.
    """
    in_force = await find_server_key(tx)
    if in_force is not None:
        return in_force.fingerprint
    return keys.fingerprints[0] if keys else ""

"""The file of an embedded bank: make it, open it, and say what went wrong with it."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from minibank.db.errors import (
    BadData,
    DatabaseError,
    DatabaseUnavailable,
    LostRace,
    StorageFull,
    UniqueViolation,
    raise_translated,
)

VERSION_MIN = (3, 37, 0)
"""The first SQLite with strict tables."""
STATEMENTS_MAX = 1000
"""How many statements each connection keeps prepared."""
CACHE_KIBIBYTES = 32 * 1024
"""How much of the file the writer may keep in memory: the pages that payments go to are scattered
by shard, and SQLite's own two megabytes hold those of a few accounts."""
CHECKPOINT_PAGES = 8000
"""How long the write-ahead log grows (32 MiB) before its pages are copied into the file: a page
that many batches change is then copied once."""

_UNIQUE = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}
_KINDS: dict[int, type[DatabaseError]] = {
    sqlite3.SQLITE_BUSY: LostRace,
    sqlite3.SQLITE_LOCKED: LostRace,
    sqlite3.SQLITE_PROTOCOL: LostRace,
    sqlite3.SQLITE_FULL: StorageFull,
    sqlite3.SQLITE_READONLY: StorageFull,
    sqlite3.SQLITE_IOERR: StorageFull,
    sqlite3.SQLITE_CONSTRAINT: BadData,
    sqlite3.SQLITE_MISMATCH: BadData,
    sqlite3.SQLITE_TOOBIG: BadData,
    sqlite3.SQLITE_CANTOPEN: DatabaseUnavailable,
    sqlite3.SQLITE_NOTADB: DatabaseUnavailable,
    sqlite3.SQLITE_CORRUPT: DatabaseUnavailable,
}


def translate(error: BaseException) -> BaseException:
    """The port's word for a driver's error; what is no fault of the data or the disk stays."""
    if isinstance(error, OverflowError | sqlite3.DataError):
        return BadData(str(error))
    if isinstance(error, UnicodeEncodeError):
        return BadData("a text that is not Unicode")  # its own words quote the text
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return error
    if code in _UNIQUE:
        return UniqueViolation(str(error))
    kind = _KINDS.get(code & 0xFF)
    return kind(str(error)) if kind else error


def translate_read(error: BaseException) -> BaseException:
    """`translate` where nothing may be written: an attempt to is a fault of the code."""
    code = getattr(error, "sqlite_errorcode", None)
    return error if code == sqlite3.SQLITE_READONLY else translate(error)


def require_version(version: tuple[int, int, int]) -> None:
    """Refuse a SQLite that is too old; raises `DatabaseUnavailable`."""
    if version < VERSION_MIN:
        raise DatabaseUnavailable(
            f"this Python comes with SQLite {'.'.join(map(str, version))} and minibank needs"
            f" {'.'.join(map(str, VERSION_MIN))} or newer"
        )


def create(path: Path) -> None:
    """Make the file, for its owner's eyes only, unless it is there; else `DatabaseUnavailable`.

    What SQLite puts beside a file takes the mode of that file.
    """
    if not path.absolute().parent.is_dir():
        raise DatabaseUnavailable(f"{path}: its directory does not exist")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise DatabaseUnavailable(f"{path}: {error.strerror}") from None


def connect(path: Path, busy_seconds: float, *, writes: bool = True) -> sqlite3.Connection:
    """Open the file; statements wait so long for another process. Raises a `DatabaseError`."""
    try:
        connection = sqlite3.connect(
            path,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_MAX,
        )
    except sqlite3.Error as error:
        raise_translated(translate(error), error)
    try:
        _configure(connection, writes)
    except BaseException as error:
        connection.close()
        raise_translated(translate(error), error)
    return connection


def _configure(connection: sqlite3.Connection, writes: bool) -> None:
    connection.row_factory = sqlite3.Row
    [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise DatabaseUnavailable("it cannot have a write-ahead log here")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if writes:
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    else:
        connection.execute("PRAGMA query_only = ON")


def undo(connection: sqlite3.Connection) -> None:
    """End a transaction without keeping anything; nothing happens when there is none."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")

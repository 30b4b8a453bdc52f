"""What can go wrong below the port, in the words of the port.

The drivers' own exceptions never leave this package. They are told apart by SQLSTATE (or SQLite's
result code) alone, never by the name of a constraint: names differ between engines and nodes.
"""

from typing import NoReturn


class DatabaseError(Exception):
    """The database refused or failed; subclasses say what may be done about it.

    No message quotes a value: an operator may read errors who may not read accounts.
    """


class LostRace(DatabaseError):
    """Another unit of work won (40001, 40P01, 55P03, SQLITE_BUSY): run this one again.

    So it is when the schema changed under a prepared statement.
    """


class UniqueViolation(LostRace):
    """A row with this key exists (23505): run again, and find the winner's row."""


class DatabaseUnavailable(DatabaseError):
    """The connection or the server is gone (08xxx, 57P0x), or the commit was unclear.

    The unit of work may have been committed: whoever runs it again must recognise its own work.
    """


class TakesNoWrites(DatabaseUnavailable):
    """The server is read-only, as a standby is (25006): another connection may lead elsewhere."""


class TookTooLong(DatabaseError):
    """A statement was broken off (57014): the server is too slow for it, or was stopped meanwhile.

    Nothing was kept. It is not run again, because it would take as long.
    """


class BadData(DatabaseError):
    """A value or a constraint was refused (classes 22, 23 and 54): running again cannot help."""


class SchemaTooNew(DatabaseError):
    """The database was migrated by newer code than this; this code must not touch it."""


class SchemaTooOld(DatabaseError):
    """The database lacks migrations that this code needs: run `minibank migrate`."""


class StorageFull(DatabaseError):
    """The disk is full, failing or read-only, or the role may not write what is on it.

    53100, 42501, SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY. Nothing was written.
    """


def raise_translated(translated: BaseException, error: BaseException) -> NoReturn:
    """Raise a driver's error in the words of the port, where it happened.

    The driver's own error goes unmentioned, because its words may quote rows. An error that needed
    no translation is raised as it is.
    """
    if translated is error:
        raise error
    raise translated.with_traceback(error.__traceback__) from None

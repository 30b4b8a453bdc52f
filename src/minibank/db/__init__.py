"""The only package that knows a database driver: one port, two engines."""

from minibank.db.base import Database, ReadTx, Row, Tx
from minibank.db.errors import (
    BadData,
    DatabaseError,
    DatabaseUnavailable,
    LostRace,
    UniqueViolation,
)
from minibank.db.open import open_database, sqlite_path, sqlite_url

__all__ = [
    "BadData",
    "Database",
    "DatabaseError",
    "DatabaseUnavailable",
    "LostRace",
    "ReadTx",
    "Row",
    "Tx",
    "UniqueViolation",
    "open_database",
    "sqlite_path",
    "sqlite_url",
]

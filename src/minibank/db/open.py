"""Open the database that a URL names."""

from pathlib import Path
from urllib.parse import urlsplit

from minibank.core.clock import Clock, SystemClock
from minibank.core.ids import IdSource, RandomIds
from minibank.db.base import Database
from minibank.db.postgres import PostgresDatabase
from minibank.db.sqlite import SqliteDatabase

CONNECTIONS_MAX = 10
"""The default size of one process's pool of PostgreSQL connections."""


async def open_database(
    url: str,
    clock: Clock | None = None,
    ids: IdSource | None = None,
    connections_max: int = CONNECTIONS_MAX,
) -> Database:
    """Open `sqlite:///path/to/bank.db` or `postgresql://user@host/name`.

    Raises `ValueError` for another kind of URL and `DatabaseUnavailable` when nothing answers.
    """
    clock, ids = clock or SystemClock(), ids or RandomIds()
    if url.startswith("sqlite:///"):
        return SqliteDatabase(Path(url.removeprefix("sqlite:///")), clock, ids)
    if urlsplit(url).scheme in {"postgresql", "postgres"}:
        return await PostgresDatabase.connect(url, clock, ids, connections_max)
    raise ValueError("a database URL begins with sqlite:/// or postgresql://")

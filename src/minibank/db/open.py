"""Open the database that a URL names."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from minibank.core.clock import Clock, SystemClock
from minibank.core.ids import IdSource, RandomIds
from minibank.db.base import Database
from minibank.db.metrics import DatabaseMetrics
from minibank.db.postgres import PostgresDatabase
from minibank.db.sqlite import SqliteDatabase

CONNECTIONS_MAX = 10
"""The default size of one process's pool of PostgreSQL connections."""

_SQLITE = "sqlite:///"


def sqlite_path(url: str) -> Path | None:
    """The file that a `sqlite:///` URL names, percent-decoded; None for another kind of URL.

    `sqlite:///bank.db` is relative to the present directory, `sqlite:////srv/bank.db` is not.
    Raises `ValueError` when it names no file: a bank in memory would be one for each connection.
    """
    if not url.startswith(_SQLITE):
        return None
    name = url.removeprefix(_SQLITE)
    if not name or name.startswith(":memory:") or "?" in name or "\0" in unquote(name):
        raise ValueError(
            "a SQLite URL is sqlite:/// and the path of a file, special characters percent-encoded"
        )
    return Path(unquote(name))


def sqlite_url(path: Path) -> str:
    """The URL of a file: what `sqlite_path` reads."""
    return _SQLITE + quote(str(path))


async def open_database(
    url: str,
    clock: Clock | None = None,
    ids: IdSource | None = None,
    connections_max: int = CONNECTIONS_MAX,
    metrics: DatabaseMetrics | None = None,
) -> Database:
    """Open `sqlite:///path/to/bank.db` or `postgresql://user@host/name`.

    A SQLite file that is not there is made, for its owner's eyes only. Raises `ValueError` for
    another kind of URL and `DatabaseUnavailable` when nothing answers or what answers refuses;
    neither repeats the URL, which may hold a password.
    """
    clock, ids = clock or SystemClock(), ids or RandomIds()
    metrics = metrics or DatabaseMetrics()
    path = sqlite_path(url)
    if path is not None:
        return await SqliteDatabase.open(path, clock, ids, metrics=metrics)
    if urlsplit(url).scheme in {"postgresql", "postgres"}:
        return await PostgresDatabase.open(url, clock, ids, connections_max, metrics)
    raise ValueError("a database URL begins with sqlite:/// or postgresql://")

"""Bring a database's schema to the version this code needs, and refuse what does not fit."""

import re
from importlib.resources import files

from minibank.db.base import Database, Migration, Tx
from minibank.db.errors import SchemaTooNew, SchemaTooOld, StorageFull

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_CREATES = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
OUTSIDE = "-- minibank: outside a transaction"
"""A migration whose first line this is runs statement by statement, each committed by itself.

It may be cut short and run again, so each of its statements must bear that: an index built
concurrently, which a failure leaves behind invalid, begins with DROP INDEX IF EXISTS.
"""


def migrations() -> list[Migration]:
    """All migrations this code knows, in order."""
    found = []
    for file in files("minibank.db.migrations").iterdir():
        match = _NAME.fullmatch(file.name)
        if match:
            sql = file.read_text()
            found.append(
                Migration(int(match[1]), match[2], sql, transactional=not sql.startswith(OUTSIDE))
            )
    return sorted(found, key=lambda migration: migration.version)


async def migrate(db: Database, newest: int | None = None) -> list[Migration]:
    """Apply what is missing, alone among all processes; the migrations applied by this call.

    With `newest` it stops after that one. Raises `SchemaTooNew` when newer code has been here.
    """
    known = migrations()
    await _require_not_newer(db, known[-1].version)
    wanted = [step for step in known if newest is None or step.version <= newest]
    return [step for step in wanted if await db.apply(step, db.clock.now())]


def tables(newest: int | None = None) -> list[str]:
    """Every table of the bank, those that others refer to first; with `newest`, at that schema."""
    steps = [step for step in migrations() if newest is None or step.version <= newest]
    created = [name for step in steps for name in _CREATES.findall(step.sql)]
    return [name for name in created if name != "schema_migrations"]


async def require_current(db: Database) -> None:
    """Refuse to work on another schema than this code's: `SchemaTooNew` or `SchemaTooOld`."""
    newest = migrations()[-1].version
    await _require_not_newer(db, newest)
    version = await db.schema_version()
    if version < newest:
        raise SchemaTooOld(
            f"The database is at schema {version} and this minibank needs {newest}:"
            " run `minibank migrate`"
        )


async def require_writable(db: Database) -> None:
    """Write, if a write met a full or read-only disk, to see whether that is over.

    Raises what the write does, and `StorageFull` when it is too early to say.
    """
    if db.takes_writes:
        return
    await db.transact(_touch)
    if not db.takes_writes:
        raise StorageFull("a write failed moments ago")


async def _touch(tx: Tx) -> None:
    await tx.execute(
        "UPDATE schema_migrations SET applied_at = applied_at"
        " WHERE version = (SELECT MIN(version) FROM schema_migrations)"
    )


async def _require_not_newer(db: Database, newest: int) -> None:
    version = await db.schema_version()
    if version > newest:
        raise SchemaTooNew(
            f"The database is at schema {version}, which is newer than this minibank knows"
            f" ({newest}): run the newer minibank"
        )

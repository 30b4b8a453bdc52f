"""Open a bank's database: its schema, its kind, and what to say when something does not fit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from minibank.app.errors import StartError
from minibank.app.server_keys import find_keys, recognise_keys
from minibank.app.store import BankRow, create_bank, find_bank
from minibank.audit.marks.marks import Seal
from minibank.core.clock import Clock
from minibank.core.ids import IdSource
from minibank.db import (
    Database,
    DatabaseError,
    DatabaseUnavailable,
    ReadTx,
    open_database,
    sqlite_path,
)
from minibank.db.errors import SchemaTooNew, SchemaTooOld
from minibank.db.metrics import DatabaseMetrics
from minibank.db.migrate import migrate, require_current
from minibank.settings import Settings
from minibank.settings.show import mask_url


@dataclass(frozen=True, slots=True)
class World:
    """What a test or a simulation replaces: the clock and the source of ids."""

    clock: Clock | None = None
    ids: IdSource | None = None


REAL = World()


@asynccontextmanager
async def open_books(
    settings: Settings,
    *,
    creates: bool = False,
    seed: str | None = None,
    world: World = REAL,
    metrics: DatabaseMetrics | None = None,
) -> AsyncIterator[Database]:
    """The bank's database, at this code's schema and of the settings' kind.

    With `creates` it is created or migrated first, under a lock when many start at once, and a new
    bank remembers `seed`; without, that is refused. Raises `StartError` when it cannot be opened.
    """
    async with _opened(settings, creates=creates, world=world, metrics=metrics) as db:
        await _require_fitting(db, settings, creates=creates, seed=seed)
        yield db


@asynccontextmanager
async def open_serving_books(
    settings: Settings, world: World = REAL, metrics: DatabaseMetrics | None = None
) -> AsyncIterator[Database]:
    """The database of a bank that is about to serve, with a server key that it knows.

    A sandbox bank is created or migrated as needed. Raises `StartError` also when the server key is
    not the bank's.
    """
    keys = find_keys(settings)
    creates = settings.mode == "sandbox"
    async with open_books(settings, creates=creates, world=world, metrics=metrics) as db:
        if keys is not None:
            try:
                await db.transact(lambda tx: recognise_keys(tx, keys))
            except DatabaseError as error:
                raise StartError(_cannot_open(settings, error)) from error
        yield db


@asynccontextmanager
async def creating_books(settings: Settings) -> AsyncIterator[Database]:
    """The database in which a bank is about to be made from a backup; nothing is checked.

    Raises `StartError` when it cannot be opened.
    """
    async with _opened(settings, creates=True, world=REAL) as db:
        yield db


@asynccontextmanager
async def _opened(
    settings: Settings, *, creates: bool, world: World, metrics: DatabaseMetrics | None = None
) -> AsyncIterator[Database]:
    _require_file(settings.database, creates=creates)
    try:
        db = await open_database(
            settings.database, world.clock, world.ids, settings.connections_max, metrics
        )
    except (DatabaseUnavailable, ValueError) as error:
        raise StartError(_cannot_open(settings, error)) from error
    try:
        yield db
    finally:
        await db.close()


async def _require_fitting(
    db: Database, settings: Settings, *, creates: bool, seed: str | None
) -> None:
    where = mask_url(settings.database)
    try:
        if creates:
            await migrate(db)
            await db.transact(lambda tx: create_bank(tx, settings.mode, seed))
        elif await db.schema_version() == 0:
            raise StartError(f"there is no bank in {where}: `minibank migrate` creates one")
        await require_current(db)
        bank = await db.read(find_bank)
    except (SchemaTooNew, SchemaTooOld) as error:
        raise StartError(str(error)) from error
    except DatabaseError as error:
        raise StartError(_cannot_open(settings, error)) from error
    _require_kind(bank, settings, where)


def _require_kind(bank: BankRow | None, settings: Settings, where: str) -> None:
    if bank is None:
        raise StartError(f"there is no bank in {where}: `minibank migrate` creates one")
    if bank.kind != settings.mode:
        raise StartError(
            f"the bank in {where} was created as a {bank.kind} bank and the mode is"
            f" {settings.mode}: use --mode {bank.kind}, or another database"
        )


async def read_bank(tx: ReadTx) -> BankRow:
    """The row of a bank that is open."""
    bank = await find_bank(tx)
    assert bank is not None, "open_books lets no database without a bank through"
    return bank


async def read_seal(db: Database, settings: Settings) -> Seal:
    """What seals the marks of audits: the bank's server key, if it has one.

    Raises `StartError` when the key cannot be used.
    """
    bank = await db.read(read_bank)
    return Seal(bank.created_at, find_keys(settings))


def _require_file(url: str, *, creates: bool) -> None:
    """A SQLite bank's file must be there, unless it is to be made."""
    try:
        path = sqlite_path(url)
    except ValueError as error:
        raise StartError(str(error)) from error
    if not creates and path is not None and not path.exists():
        raise StartError(f"there is no bank at {path}: `minibank migrate` creates one")


def _cannot_open(settings: Settings, error: DatabaseError | ValueError) -> str:
    why = " ".join(str(error).split()) or type(error).__name__
    return f"the database {mask_url(settings.database)} cannot be used: {why}"

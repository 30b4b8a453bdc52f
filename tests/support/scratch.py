"""Two small tables that belong to no bank, for tests of the database port itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from minibank.db import Database, Row, open_database
from minibank.db.base import Migration

FORBIDDEN = -1_313_131_313
"""A number that no thing may have."""

THINGS = Migration(
    version=9000,
    name="things",
    sql="""
        CREATE TABLE things (
            shard BIGINT NOT NULL,
            id TEXT COLLATE "C" NOT NULL,
            number BIGINT CHECK (number > -1000000000 OR number < -2000000000),
            note TEXT COLLATE "C",
            bytes BYTEA,
            PRIMARY KEY (shard, id)
        );
        CREATE UNIQUE INDEX things_note ON things (shard, note);
        CREATE TABLE parts (
            shard BIGINT NOT NULL,
            id TEXT COLLATE "C" NOT NULL,
            thing_id TEXT COLLATE "C" NOT NULL,
            PRIMARY KEY (shard, id),
            FOREIGN KEY (shard, thing_id) REFERENCES things (shard, id)
        );
        CREATE TABLE counters (
            id BIGINT NOT NULL PRIMARY KEY,
            count BIGINT NOT NULL
        );
        INSERT INTO counters (id, count) VALUES (1, 0), (2, 0)
    """,
    transactional=True,
)

COLUMNS = ("shard", "id", "number", "note", "bytes")


async def make_things(db: Database) -> None:
    """Make the tables; the bank's own schema is left as it is."""
    assert await db.apply(THINGS, 0)


@asynccontextmanager
async def another(url: str) -> AsyncIterator[Database]:
    """The same database as another process sees it: other connections, clock and ids."""
    db = await open_database(url)
    try:
        yield db
    finally:
        await db.close()


async def put(db: Database, *rows: tuple[int, str, int | None, str | None, bytes | None]) -> None:
    """Insert things."""
    await db.transact(lambda tx: tx.insert_rows("things", COLUMNS, rows))


async def all_things(db: Database) -> list[tuple[object, ...]]:
    """Every thing, in the order of its key."""
    sql = "SELECT shard, id, number, note, bytes FROM things ORDER BY shard, id"
    return [tuple(row) for row in await db.read(lambda tx: tx.fetch(sql))]


async def ids_of_things(db: Database) -> list[object]:
    """The ids of all things, in their order."""
    return [row[1] for row in await all_things(db)]


async def count_of(db: Database, counter: int = 1) -> int:
    """What a counter shows."""

    async def work(tx) -> Row | None:
        row: Row | None = await tx.fetch_one("SELECT count FROM counters WHERE id = $1", counter)
        return row

    row = await db.read(work)
    assert row is not None
    return int(row["count"])

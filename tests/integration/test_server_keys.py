"""Which server keys a bank works with: the first it met, and those that came behind it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from minibank.app.books import open_books, open_serving_books
from minibank.app.errors import StartError
from minibank.app.server_keys import adopt_key, recognise_keys
from minibank.app.store import list_server_keys
from minibank.core.keys import ServerKeys, fingerprint, write_new_key
from minibank.db import Database
from minibank.settings import Settings, preset
from tests.support.scratch import another

FIRST, SECOND, THIRD = (bytes([number]) * 32 for number in (1, 2, 3))


async def recognise(db: Database, current: bytes, previous: bytes | None = None) -> None:
    """Start with these keys."""
    await db.transact(lambda tx: recognise_keys(tx, ServerKeys(current, previous)))


async def known(db: Database) -> list[str]:
    """The fingerprints that the bank knows, in order."""
    return [row.fingerprint for row in await db.read(list_server_keys)]


async def test_the_first_key_a_bank_meets_is_its_key_and_no_other_will_do(db: Database):
    for _ in range(2):
        await recognise(db, FIRST)
    for previous in (None, THIRD):
        with pytest.raises(StartError, match=f"{fingerprint(FIRST)}.*{fingerprint(SECOND)}"):
            await recognise(db, SECOND, previous)
    assert await known(db) == [fingerprint(FIRST)]


async def test_a_new_key_is_accepted_with_the_one_in_force_behind_it(db: Database):
    await recognise(db, FIRST)
    await recognise(db, SECOND, FIRST)
    await recognise(db, SECOND)
    assert await known(db) == [fingerprint(FIRST), fingerprint(SECOND)]


async def test_a_key_that_was_rotated_out_never_comes_back(db: Database):
    await recognise(db, FIRST)
    await recognise(db, SECOND, FIRST)
    for previous in (None, SECOND):
        with pytest.raises(StartError, match="rotated out"):
            await recognise(db, FIRST, previous)
    with pytest.raises(StartError, match="rotated out"):
        await db.transact(lambda tx: adopt_key(tx, ServerKeys(FIRST)))
    assert await known(db) == [fingerprint(FIRST), fingerprint(SECOND)]


async def test_a_bank_whose_key_is_lost_adopts_another(db: Database):
    await recognise(db, FIRST)
    assert await db.transact(lambda tx: adopt_key(tx, ServerKeys(SECOND)))
    assert not await db.transact(lambda tx: adopt_key(tx, ServerKeys(SECOND)))
    await recognise(db, SECOND)
    assert await known(db) == [fingerprint(FIRST), fingerprint(SECOND)]


async def test_the_database_holds_fingerprints_and_no_key(db: Database):
    await recognise(db, FIRST)
    [row] = await db.read(lambda tx: tx.fetch("SELECT * FROM server_keys"))
    assert list(row.keys()) == ["number", "fingerprint", "first_used_at"]
    assert FIRST.hex().startswith(row["fingerprint"]) is False


async def test_of_many_processes_that_start_with_a_new_key_each_is_recognised(
    db: Database, database_url: str
):
    async def one() -> None:
        async with another(database_url) as other:
            await recognise(other, SECOND, FIRST)

    await recognise(db, FIRST)
    await asyncio.gather(*(one() for _ in range(6)))
    assert await known(db) == [fingerprint(FIRST), fingerprint(SECOND)]


@pytest.fixture
async def production(empty_database_url: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """The settings of a production bank that exists, with a server key of its own."""
    write_new_key(tmp_path / "server.key", FIRST)
    settings = preset(
        "production", database=empty_database_url, server_key_file=str(tmp_path / "server.key")
    )
    async with open_books(settings, creates=True):
        yield settings


async def test_a_bank_that_serves_remembers_its_key_and_refuses_another(
    production: Settings, tmp_path: Path
):
    async with open_serving_books(production) as db:
        assert await known(db) == [fingerprint(FIRST)]
    (tmp_path / "server.key").unlink()
    write_new_key(tmp_path / "server.key", SECOND)
    with pytest.raises(StartError, match="minibank key adopt"):
        async with open_serving_books(production):
            pass
    async with open_books(production) as db:  # what signs nothing needs no key
        assert await known(db) == [fingerprint(FIRST)]


async def test_a_key_file_that_cannot_be_used_stops_the_start(production: Settings, tmp_path: Path):
    (tmp_path / "server.key").chmod(0o644)
    with pytest.raises(StartError, match="chmod 600"):
        async with open_serving_books(production):
            pass


async def test_a_sandbox_bank_serves_without_a_key(empty_database_url: str):
    async with open_serving_books(Settings(database=empty_database_url)) as db:
        assert await known(db) == []

"""Which banks may be opened, and what is said of those that may not."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from minibank.app.books import World, open_books, read_bank
from minibank.app.errors import StartError
from minibank.core.clock import FakeClock
from minibank.db import Database, open_database, sqlite_url
from minibank.db.migrate import migrations
from minibank.settings import Settings, preset


def of_mode(mode, url: str) -> Settings:
    return preset(mode, database=url)


@pytest.fixture
def settings(empty_database_url: str) -> Settings:
    """The settings of a sandbox bank that does not exist yet."""
    return Settings(database=empty_database_url)


async def create(settings: Settings, seed: str | None = None) -> None:
    async with open_books(settings, creates=True, seed=seed):
        pass


async def test_a_bank_remembers_its_kind_its_seed_and_when_it_was_created(
    settings: Settings, clock: FakeClock
):
    world = World(clock=clock)
    async with open_books(settings, creates=True, seed="seven", world=world):
        pass
    clock.advance(60)
    async with open_books(settings, creates=True, seed="eight", world=world) as db:
        bank = await db.transact(read_bank)
    assert (bank.kind, bank.seed, bank.created_at) == (
        "sandbox",
        "seven",
        clock.now() - 60_000_000,
    )


@pytest.mark.parametrize(("kind", "other"), [("sandbox", "production"), ("production", "sandbox")])
async def test_a_bank_opens_only_as_the_kind_it_was_created_as(empty_database_url, kind, other):
    await create(of_mode(kind, empty_database_url))
    async with open_books(of_mode(kind, empty_database_url)):
        pass
    for creates in (False, True):
        with pytest.raises(StartError, match=f"created as a {kind} bank and the mode is {other}"):
            async with open_books(of_mode(other, empty_database_url), creates=creates):
                pass


async def test_a_bank_that_is_not_there_is_not_made_by_looking_at_it(empty_database_url: str):
    settings = Settings(database=empty_database_url)
    for _ in range(2):
        with pytest.raises(StartError, match=r"there is no bank .*`minibank migrate` creates one"):
            async with open_books(settings):
                pass


async def test_an_older_schema_is_refused_with_the_way_out(settings: Settings):
    await create(settings)
    await set_version(settings, "DELETE FROM schema_migrations WHERE version > 1")
    with pytest.raises(StartError, match="minibank migrate"):
        async with open_books(settings):
            pass


async def test_a_newer_schema_is_refused_even_by_who_may_migrate(settings: Settings):
    await create(settings)
    newest = migrations()[-1].version
    await set_version(
        settings, f"UPDATE schema_migrations SET version = {newest + 1} WHERE version = {newest}"
    )
    for creates in (False, True):
        with pytest.raises(StartError, match="newer than this minibank knows"):
            async with open_books(settings, creates=creates):
                pass


async def set_version(settings: Settings, statement: str) -> None:
    db = await open_database(settings.database)
    await db.transact(lambda tx: tx.execute(statement))
    await db.close()


async def test_of_many_that_create_a_bank_at_once_one_does(settings: Settings):
    async def start(number: int) -> Database:
        async with open_books(settings, creates=True, seed=str(number)) as db:
            return db

    await asyncio.gather(*(start(number) for number in range(5)))
    async with open_books(settings) as db:
        applied = await db.read(lambda tx: tx.fetch("SELECT version FROM schema_migrations"))
        bank = await db.transact(read_bank)
    assert [row["version"] for row in applied] == [step.version for step in migrations()]
    assert bank.seed in set("01234")


def test_a_sqlite_bank_is_for_its_owners_eyes_only(tmp_path: Path):
    before = os.umask(0)
    try:
        asyncio.run(create(Settings(database=f"sqlite:///{tmp_path}/bank.db")))
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("creates", [False, True])
async def test_a_directory_that_is_missing_is_said_in_one_sentence(tmp_path: Path, creates: bool):
    settings = Settings(database=f"sqlite:///{tmp_path}/missing/bank.db")
    with pytest.raises(StartError, match=r"there is no bank|directory does not exist"):
        async with open_books(settings, creates=creates):
            pass


@pytest.mark.parametrize(
    "url", ["sqlite:///:memory:", "sqlite:///bank.db?mode=ro", "postgresql://u@h:port/bank"]
)
@pytest.mark.parametrize("creates", [False, True])
async def test_a_url_that_cannot_be_read_is_said_in_one_sentence(url: str, creates: bool):
    with pytest.raises(StartError, match=r"sqlite:///|percent-encoded"):
        async with open_books(Settings(database=url), creates=creates):
            pass


async def test_the_path_of_a_bank_may_hold_any_sign(tmp_path: Path):
    for name in ("my bank.db", "100%.db", "what?.db", "caf\u00e9#1.db"):
        settings = Settings(database=sqlite_url(tmp_path / name))
        async with open_books(settings, creates=True):
            assert (tmp_path / name).exists()
        async with open_books(settings):
            pass


async def test_a_file_that_is_no_bank_is_said_in_one_sentence(tmp_path: Path):
    file = tmp_path / "bank.db"
    file.write_text("This is a letter to my bank, and not the bank. " * 100)
    for creates in (False, True):
        with pytest.raises(StartError, match="cannot be used"):
            async with open_books(Settings(database=f"sqlite:///{file}"), creates=creates):
                pass


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bank:hunter2@127.0.0.1:1/bank",
        "postgresql://bank:hunter2@no.such.host.invalid/bank",
    ],
)
async def test_a_server_that_does_not_answer_is_said_without_its_password(url: str):
    with pytest.raises(StartError, match="cannot be used") as caught:
        async with open_books(Settings(database=url)):
            pass
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_database_that_does_not_exist_is_said_in_one_sentence(postgres_url: str):
    other = postgres_url.rpartition("/")[0] + "/no_such_database"
    with pytest.raises(StartError, match="no_such_database"):
        async with open_books(Settings(database=other), creates=True):
            pass

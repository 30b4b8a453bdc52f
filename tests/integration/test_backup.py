"""Backups: of a live bank, onto either engine, proved by the audit, not believed when damaged."""

# ruff: noqa: ASYNC240 - files of a test are small and nobody waits

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.db import Database, ReadTx, Tx, open_database
from minibank.db.backup import BackupError, back_up, read_header, restore
from minibank.db.migrate import tables
from minibank.payments.engine import Engine
from tests.support.banking import open_holders
from tests.support.databases import Databases
from tests.support.teller import Teller
from tests.support.traffic import Traffic

NOON = 1_773_144_000_000_000


@pytest.fixture(params=["sqlite", "postgres"])
def other_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """An empty database on either engine."""
    url = databases.new(request.param, migrated=False)
    yield url
    databases.discard(url)


@pytest.fixture
async def backup(db: Database, tmp_path: Path) -> Path:
    """A backup of a bank in which everything happened."""
    teller = await Teller.open(db)
    await teller.do_everything()
    await db.transact(_create_bank)
    await back_up(db, tmp_path / "bank.backup", kind="sandbox", key="0123")
    return tmp_path / "bank.backup"


async def _create_bank(tx: Tx) -> None:
    await tx.insert_rows("bank", ("id", "kind", "seed", "created_at"), [(1, "sandbox", None, 5)])


async def contents(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    rows = {}
    for table in tables():

        async def work(tx: ReadTx, table: str = table) -> list[tuple[object, ...]]:
            return [tuple(row) for row in await tx.fetch(f"SELECT * FROM {table}")]

        rows[table] = sorted(await db.read(work), key=repr)
    return rows


async def test_a_restored_bank_is_the_same_row_for_row_on_either_engine(
    db: Database, backup: Path, other_url: str
) -> None:
    other = await open_database(other_url, clock=FakeClock(NOON))
    counts = await restore(other, backup)
    assert await contents(other) == await contents(db)
    assert counts == {table: len(rows) for table, rows in (await contents(db)).items()}
    assert (await audit(other)).clean
    await other.close()


async def test_a_backup_taken_under_load_is_of_one_instant(
    db: Database, tmp_path: Path, other_url: str
) -> None:
    holders = await open_holders(db, 5)
    engine = Engine(db)
    traffic = Traffic(holders, seed=7)
    begun, done = asyncio.Event(), asyncio.Event()

    async def load() -> None:
        while not done.is_set():
            await asyncio.gather(*(traffic.send(engine, traffic.draw()) for _ in range(20)))
            begun.set()

    loading = asyncio.create_task(load())
    await begun.wait()
    await back_up(db, tmp_path / "live", kind="sandbox")
    done.set()
    await loading
    other = await open_database(other_url, clock=FakeClock(NOON))
    await restore(other, tmp_path / "live")
    report = await audit(other)
    assert report.findings == []
    assert report.transactions > 0
    await other.close()


async def test_a_backup_names_its_bank_and_is_for_its_owner_only(backup: Path) -> None:
    header = read_header(backup)
    assert (header.kind, header.key, header.schema_version > 0) == ("sandbox", "0123", True)
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in backup.parent.glob("bank.backup*")] == ["bank.backup"]


async def test_a_backup_is_not_restored_over_anything(
    db: Database, backup: Path, tmp_path: Path
) -> None:
    before = await contents(db)
    with pytest.raises(BackupError, match="empty database"):
        await restore(db, backup)
    assert await contents(db) == before


@pytest.mark.parametrize("damage", ["short", "frames", "edited", "other", "nothing"])
async def test_a_damaged_backup_is_refused_before_the_first_row(
    backup: Path, other_url: str, damage: str
) -> None:
    plain = gzip.decompress(backup.read_bytes())
    damaged = {
        "short": backup.read_bytes()[:-200],
        "frames": gzip.compress(plain[: len(plain) // 2]),
        "edited": gzip.compress(plain.replace(b"Person ", b"Sperson")),
        "other": b"PK\x03\x04 something else",
        "nothing": b"",
    }
    backup.write_bytes(damaged[damage])
    other = await open_database(other_url, clock=FakeClock(NOON))
    with pytest.raises(BackupError):
        await restore(other, backup)
    if await other.schema_version():
        assert not any((await contents(other)).values())
    await other.close()


async def test_a_backup_that_cannot_be_finished_leaves_the_one_before(
    db: Database, backup: Path
) -> None:
    before = backup.read_bytes()
    backup.with_name("bank.backup.new").mkdir()
    with pytest.raises(BackupError, match="cannot be written"):
        await back_up(db, backup, kind="sandbox")
    assert backup.read_bytes() == before

"""Disks that are full or read-only, under banks that serve: a clear answer, and nothing is lost."""

import asyncio
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.postgres_binaries import ordinary_user
from tests.support.postgres_process import SETTINGS, PostgresProcess
from tests.torture import small_disk
from tests.torture.bank import TorturedBank, free_port
from tests.torture.people import move_in
from tests.torture.rounds import execute
from tests.torture.server import short_directory
from tests.torture.till import Till
from tests.torture.wire import new_client

READ_ONLY = "unavailable.read_only"
READY_SECONDS = 30
ROOM = 400_000
"""Bytes until a disk is full."""
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux has these limits")


@asynccontextmanager
async def paying(bank: TorturedBank) -> AsyncIterator[Till]:
    """A bank that serves and somebody who pays; afterwards it stops and its books prove."""
    people = await move_in(bank.database)
    bank.start()
    try:
        async with new_client() as client:
            await bank.until_ready(client)
            till = Till(bank, people, client)
            await till.sign_in()
            yield till
            await till.require_nothing_lost(bank.database)
        await asyncio.to_thread(bank.stop)
    finally:
        bank.end()
    await require_books_prove(bank.directory, bank.database)
    assert "Traceback" not in bank.logs()


async def require_books_prove(directory: Path, database: str) -> None:
    """The audit finds nothing."""
    cli = CommandLine(directory, {})
    said = await asyncio.to_thread(cli.try_, "audit", "--database", database)
    assert said.status == 0, said.out


async def require_reads_only(till: Till) -> None:
    """Writes of every kind are refused by name, reads go on, and whoever asks is told."""
    assert await till.refusal(lambda: till.annotate("no room, no room, no room")) == READ_ONLY
    assert await till.read() >= 0
    assert await till.readiness() == (503, READ_ONLY)


async def require_all_works(till: Till) -> None:
    """It goes on by itself: what was refused is done when it is asked for again."""
    await till.settle()
    await till.pay()
    await till.annotate("there is room")
    async with asyncio.timeout(READY_SECONDS):
        while (said := await till.readiness()) != (200, ""):
            assert said == (503, READ_ONLY)
            await asyncio.sleep(0.2)


def sqlite_bank(directory: Path) -> TorturedBank:
    """A bank in a file of this directory."""
    return TorturedBank(f"sqlite:///{directory / 'bank.db'}", 1, free_port(), directory)


@needs_linux
async def test_a_bank_whose_files_may_not_grow_reads_on_and_goes_on_when_they_may(tmp_path: Path):
    bank = sqlite_bank(tmp_path)
    limit = resource.RLIMIT_FSIZE
    unlimited = resource.getrlimit(limit)

    def restrict() -> None:
        size = (tmp_path / "bank.db").stat().st_size
        resource.setrlimit(limit, (size + ROOM, unlimited[1]))

    bank.prepare = restrict
    async with paying(bank) as till:
        assert await till.pay_until_refused() == READ_ONLY
        await require_reads_only(till)
        resource.prlimit(bank.pid, limit, unlimited)
        await require_all_works(till)
    assert len(till.answered) > 10


@pytest.fixture
def disk() -> Iterator[Path]:
    """An empty directory, at which a command may be given a small disk."""
    if not small_disk.can_be_had():
        pytest.skip("this machine lets nobody mount a disk, in a namespace of his own or as root")
    made = short_directory()
    made.chmod(0o777)
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def test_a_bank_on_a_full_disk_reads_on_and_goes_on_when_there_is_room(
    disk: Path, tmp_path: Path
):
    """The file of the bank lies on the disk, which its process alone sees."""
    before = tmp_path / "bank.db"
    people = await move_in(f"sqlite:///{before}")
    bank = TorturedBank(f"sqlite:///{disk / 'bank.db'}", 1, free_port(), tmp_path)
    bank.launcher = small_disk.launcher(disk, 8 * 2**20, before)
    bank.start()
    try:
        async with new_client() as client:
            await bank.until_ready(client)
            till = Till(bank, people, client)
            await till.sign_in()
            await till.pay()
            outside = small_disk.seen_from_outside(bank.pid, disk)
            filler = small_disk.fill(outside)
            assert await till.pay_until_refused() == READ_ONLY
            await require_reads_only(till)
            filler.unlink()
            await require_all_works(till)
            after = tmp_path / "after"
            shutil.copytree(outside, after)
            await till.require_nothing_lost(f"sqlite:///{after / 'bank.db'}")
        await asyncio.to_thread(bank.stop)
    finally:
        bank.end()
    await require_books_prove(tmp_path, f"sqlite:///{after / 'bank.db'}")
    assert "Traceback" not in bank.logs()


async def test_a_bank_whose_file_may_only_be_read_does_not_start_and_says_why(tmp_path: Path):
    """For root no file is read-only, so it lies on a file system that is."""
    bank = sqlite_bank(tmp_path)
    await move_in(bank.database)
    cli = CommandLine(tmp_path, {}, spawns=True)
    command = [*small_disk.read_only(tmp_path), sys.executable, "-m", "minibank", "serve"]
    said = await asyncio.to_thread(
        subprocess.run,
        [*command, "--port", "0", "--database", bank.database],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert "cannot be used" in said.stderr
    assert cli.try_("audit", "--database", bank.database).status == 0


@contextmanager
def own_server(launcher: Sequence[str] = ()) -> Iterator[PostgresProcess]:
    """A PostgreSQL for one test, perhaps on a disk of its own."""
    directory = short_directory()
    server = PostgresProcess(directory, (*SETTINGS["fast"], "wal_level=replica"), launcher)
    try:
        server.init()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


async def test_a_bank_whose_postgresql_has_a_full_disk_reads_on_and_goes_on_when_there_is_room(
    disk: Path, tmp_path: Path
):
    """The tables lie on the disk, and PostgreSQL's own log of what it does on another."""
    with own_server(small_disk.launcher(disk, 32 * 2**20, **ordinary_user())) as server:
        await execute(server, f"CREATE TABLESPACE small LOCATION '{disk}'")
        await execute(server, "CREATE DATABASE bank TABLESPACE small")
        bank = TorturedBank(server.url("bank"), 2, free_port(), tmp_path)
        async with paying(bank) as till:
            filler = small_disk.fill(small_disk.seen_from_outside(server.pid, disk))
            assert await till.pay_until_refused() == READ_ONLY
            await require_reads_only(till)
            filler.unlink()
            await require_all_works(till)


async def test_a_bank_whose_postgresql_becomes_a_standby_reads_on_until_it_is_promoted(
    tmp_path: Path,
):
    with own_server() as server:
        await execute(server, "CREATE DATABASE bank")
        bank = TorturedBank(server.url("bank"), 2, free_port(), tmp_path)
        async with paying(bank) as till:
            await till.pay()
            server.stop(signal.SIGINT)
            (server.data / "standby.signal").touch()
            server.start()
            assert await till.pay_until_refused() == READ_ONLY
            await require_reads_only(till)
            await execute(server, "SELECT pg_promote()")
            await require_all_works(till)

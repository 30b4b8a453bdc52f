"""`minibank demo`: a bank full of people and history, in one directory."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from minibank.app.books import open_books, read_bank
from minibank.app.dev_files import dev_files
from minibank.app.errors import StartError
from minibank.app.logs import configure_logs
from minibank.app.server import local_url
from minibank.app.serving import serve_bank
from minibank.cli.common import (
    FAILED,
    CommandFailed,
    ConfigFlag,
    SetFlag,
    console,
    errors_console,
    read_settings,
)
from minibank.cli.demo_sheet import Sheet, print_sheet
from minibank.cli.info_file import forget_info, write_info
from minibank.cli.serve import HostFlag, PortFlag, TlsFlag
from minibank.core.clock import MICROSECONDS, SystemClock
from minibank.core.instants import format_instant
from minibank.db import sqlite_url
from minibank.sandbox.demo import DemoInfo, build_demo
from minibank.settings import Loaded, Settings, SettingsError, require_servable
from minibank.settings.checks import is_loopback
from minibank.settings.show import mask_url

DIRECTORY = Path("minibank-demo")
SEED = "minibank"
WEEK = 7 * 86_400 * MICROSECONDS
_FILES = ("bank.db", "bank.db-wal", "bank.db-shm")
FILES = "bank.db-files"
"""Where the bytes of attachments are: see `minibank.app.files`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo is kept: a directory of its own, or a database that was named."""

    directory: Path | None
    database: str

    @property
    def name(self) -> str:
        """For people."""
        return str(self.directory) if self.directory else mask_url(self.database)


def demo(  # noqa: PLR0913, PLR0917 - each is a flag
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where the bank is kept.")
    ] = DIRECTORY,
    port: PortFlag = None,
    host: HostFlag = None,
    tls: TlsFlag = None,
    info: Annotated[
        Path | None,
        typer.Option(
            "--info", metavar="FILE", help="Write address and credentials there, as JSON."
        ),
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", help="Other people's ids, passwords and histories.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Begin with a new bank.")] = False,
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Build the bank and leave it at that.")
    ] = False,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="Keep it there and not in a directory."),
    ] = None,
    config: ConfigFlag = None,
    set_: SetFlag = [],  # noqa: B006 - the command line makes a new list each time
) -> None:
    """Start a demo bank: four people, a year of history, a client that may sign in for them.

    Everything is kept in ./minibank-demo; the next start goes on with the same bank. All of it
    follows from the seed: another seed gives other ids, secrets and passwords.

    Examples:

      minibank demo

      minibank demo --tls dev

      minibank demo --port 0 --info demo.json
    """
    own = sqlite_url(directory.absolute() / _FILES[0])
    place = Place(directory, own) if database is None else Place(None, database)
    flags = {"database": place.database, "host": host, "port": port, "tls": tls}
    loaded = read_settings(flags, config, set_, directory=None)
    _require_demo(loaded, info, no_serve=no_serve)
    if info:
        # A file from an earlier run would tell a script that waits for it of a bank that is gone.
        forget_info(info)
    with _held(place, reset=reset):
        known = asyncio.run(_build(loaded.settings, place, seed))
        if no_serve:
            console().print(f"The demo bank is in {place.name}.")
            return
        configure_logs(loaded.settings)
        _serve(loaded.settings, known, place, info)


def _require_demo(loaded: Loaded, info: Path | None, *, no_serve: bool) -> None:
    if loaded.settings.mode != "sandbox":
        raise SettingsError(
            f"mode: a demo is a sandbox bank, and {loaded.sources['mode']} says"
            f" {loaded.settings.mode}"
        )
    require_servable(loaded)
    if info and no_serve:
        raise CommandFailed("--info tells where the server is, leave out --no-serve", FAILED)
    if info and not info.absolute().parent.is_dir():
        raise CommandFailed(f"--info {info}: its directory does not exist", FAILED)


@contextmanager
def _held(place: Place, *, reset: bool) -> Iterator[None]:
    """The demo's directory, private, and not to be reset by another process meanwhile."""
    if place.directory is None:
        if reset:
            raise CommandFailed(
                "--reset is for a bank in a directory: drop and create the database instead", FAILED
            )
        yield
        return
    try:
        place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(place.directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise CommandFailed(
            f"--dir {place.directory} cannot be used: {error.strerror}", FAILED
        ) from error
    try:
        _take(lock, place.directory, reset=reset)
        yield
    finally:
        os.close(lock)


def _take(lock: int, directory: Path, *, reset: bool) -> None:
    """Share the directory with other demos; to reset it, have it alone."""
    if reset:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandFailed(
                f"--reset: another process runs the demo in {directory}", FAILED
            ) from error
        for name in _FILES:
            (directory / name).unlink(missing_ok=True)
        shutil.rmtree(directory / FILES, ignore_errors=True)
    fcntl.flock(lock, fcntl.LOCK_SH)


async def _build(settings: Settings, place: Place, seed: str | None) -> DemoInfo:
    async with open_books(settings, creates=True, seed=seed or SEED) as db:
        bank = await db.transact(read_bank)
        if bank.seed is None:
            raise StartError(f"the bank in {place.name} is somebody's own and no demo")
        if seed is not None and seed != bank.seed:
            raise StartError(
                f"the demo in {place.name} was built from the seed {bank.seed}:"
                " leave --seed out to go on with it, or use another place"
            )
        with errors_console().status("Building the bank ..."):
            return await build_demo(db, bank.seed)


def _serve(settings: Settings, known: DemoInfo, place: Place, info: Path | None) -> None:
    async def tell(running: Settings) -> None:
        base_url = running.public_url
        if info:
            ca_file = {"ca_file": str(dev_files(running).ca)} if running.tls == "dev" else {}
            write_info(info, {"base_url": base_url, **ca_file, **_as_json(known)})
        week_ago = SystemClock().now() - WEEK
        since = format_instant(week_ago)[:10]
        ca = dev_files(running).ca if running.tls == "dev" else None
        print_sheet(console(), Sheet(local_url(running), place.name, known, since, ca))
        if not is_loopback(running.host):
            errors_console().print(
                "This bank can be reached from the network, and whoever knows its seed knows its"
                " passwords.",
                style="bold red",
            )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_bank(settings, tell))


def _as_json(known: DemoInfo) -> dict[str, object]:
    return {
        "client_id": known.client_id,
        "client_secret": known.client_secret,
        "redirect_uri": known.redirect_uri,
        "operator_key": known.operator_key,
        "users": known.users,
    }

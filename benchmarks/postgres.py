"""A PostgreSQL server for one run, as durable as that of a bank in business."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests.support.postgres import KeeperProcess, ask_keeper
from tests.support.postgres_process import SUPERUSER


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that runs."""

    socket_directory: Path
    pid: int

    def url(self, name: str) -> str:
        """The address of a database, as minibank and asyncpg read it."""
        return f"postgresql://{SUPERUSER}@/{name}?host={self.socket_directory}"

    @property
    def flags(self) -> tuple[str, ...]:
        """The address of the server, as PostgreSQL's own programs take it."""
        return ("-h", str(self.socket_directory), "-U", SUPERUSER)

    def execute(self, name: str, *statements: str) -> None:
        """Run statements in a database, each by itself."""
        asyncio.run(_execute(self.url(name), statements))

    def read(self, name: str, query: str) -> str:
        """The one value that a query gives."""
        return str(asyncio.run(_read(self.url(name), query)))


async def _execute(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _read(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@contextmanager
def durable_server(parent: Path) -> Iterator[PostgresServer]:
    """A server for as long as the block lasts; it is stopped and removed even if we are killed."""
    keeper = KeeperProcess("durable", str(parent))
    try:
        sockets = ask_keeper(keeper.directory)
        pid = int((keeper.directory / "data" / "postmaster.pid").read_text().split()[0])
        yield PostgresServer(sockets, pid)
    finally:
        keeper.stop()

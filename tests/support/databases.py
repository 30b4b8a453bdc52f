"""Fresh banks for the tests: on either engine, migrated or empty, each its own database."""

import asyncio
import itertools
import shutil
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minibank.db import open_database
from minibank.db.migrate import migrate
from tests.support.postgres import Server

ENGINES = ("sqlite", "postgres")


async def _migrate(url: str) -> None:
    db = await open_database(url)
    try:
        await migrate(db)
    finally:
        await db.close()


def in_thread(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end although this thread may be running an event loop already."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, work).result()


class Databases:
    """Makes databases for one process of the run.

    A migrated database is a copy of one that was migrated once: a file on SQLite, a template
    database on PostgreSQL.
    """

    def __init__(self, directory: Path, worker: str, start_server: Callable[[], Server]) -> None:
        self._directory = directory
        self._worker = worker
        self._start_server = start_server
        self._server: Server | None = None
        self._failure: RuntimeError | None = None
        self._numbers = itertools.count(1)
        self._sqlite_template: Path | None = None
        self._postgres_template: str | None = None

    def new(self, engine: str, *, migrated: bool = True) -> str:
        """The address of a fresh database that nobody else uses."""
        return self._new_sqlite(migrated) if engine == "sqlite" else self._new_postgres(migrated)

    def discard(self, url: str) -> None:
        """Take a database away, whoever still has it open."""
        if url.startswith("sqlite:"):
            path = Path(url.removeprefix("sqlite:///"))
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        else:
            self.server.drop(urlsplit(url).path.removeprefix("/"))

    @property
    def server(self) -> Server:
        """The PostgreSQL server, started the first time somebody needs it.

        Raises `RuntimeError` when there is none: after the first time without waiting again.
        """
        if self._failure is not None:
            raise self._failure
        if self._server is None:
            try:
                self._server = self._start_server()
            except RuntimeError as error:
                self._failure = error
                raise
        return self._server

    def _new_sqlite(self, migrated: bool) -> str:
        path = self._directory / f"bank-{next(self._numbers)}.db"
        if migrated:
            if self._sqlite_template is None:
                template = self._directory / "template.db"
                in_thread(_migrate(f"sqlite:///{template}"))
                self._sqlite_template = template
            shutil.copyfile(self._sqlite_template, path)
        return f"sqlite:///{path}"

    def _new_postgres(self, migrated: bool) -> str:
        name = f"bank_{self._worker}_{next(self._numbers)}"
        if not migrated:
            return self.server.create(name)
        if self._postgres_template is None:
            template = f"template_{self._worker}"
            self.server.run(_migrate(self.server.create(template)))
            self._postgres_template = template
        return self.server.create(name, self._postgres_template)

    def close(self) -> None:
        """Let go of the server and remove the files."""
        if self._server is not None:
            self._server.close()
        shutil.rmtree(self._directory, ignore_errors=True)

"""Connections to a server that are kept open between units of work."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

import asyncpg

from minibank.db.errors import DatabaseUnavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

WAIT_SECONDS = 10.0
"""How long a unit of work waits for a connection before it is told that there is none."""
CLOSE_SECONDS = 10.0
"""How long closing waits for what still runs."""


class Pool:
    """At most `size` connections, each lent to one unit of work at a time.

    The driver's own pool costs as much again as a short statement: a task for every connection
    given back, a proxy around it, a reset of state that this package never leaves behind. Here an
    open connection is taken from a list and put back; whoever leaves a connection in doubt closes
    it first (see `PostgresDatabase`), and a closed one is not kept.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._connect = connect
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._taken: set[Connection] = set()
        self._waiting = 0
        self._closed = False
        self._ended = False

    @property
    def in_use(self) -> int:
        """How many connections are lent."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """How many units of work wait for one."""
        return self._waiting

    async def take(self) -> Connection:
        """A connection: the one given back last, else a new one.

        Raises `DatabaseUnavailable` when all stay taken for `WAIT_SECONDS`, or after `close`, and
        what connecting raises.
        """
        self._require_open()
        await self._wait_for_turn()
        try:
            self._require_open()
            connection = await self._open()
            if self._ended:
                connection.terminate()
                self._require_open()
        except BaseException:
            self._free.release()
            raise
        self._taken.add(connection)
        return connection

    def _require_open(self) -> None:
        if self._closed:
            raise DatabaseUnavailable("the database is closed")

    async def _wait_for_turn(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise DatabaseUnavailable("all connections of the pool stayed taken") from None
        finally:
            self._waiting -= 1

    async def _open(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await self._connect()

    def give_back(self, connection: Connection) -> None:
        """End the loan; a connection that was closed meanwhile is forgotten."""
        self._taken.discard(connection)
        if self._ended:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append(connection)
        self._free.release()

    def drop_idle(self) -> None:
        """Close what nobody uses: after one connection was lost the others are seldom better."""
        while self._idle:
            self._idle.pop().terminate()

    async def close(self) -> None:
        """Lend no more, wait for what is lent, and close everything.

        Whoever goes away meanwhile leaves no connection open either.
        """
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                for _ in range(self._size):
                    await self._free.acquire()
                for connection in self._idle:
                    with suppress(Exception):  # it is lost already, then
                        await connection.close()
        except TimeoutError:
            pass  # what is left is seen to below
        finally:
            self._ended = True
            for connection in (*self._idle, *self._taken):
                connection.terminate()

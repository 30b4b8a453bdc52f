"""Wakes between processes on PostgreSQL, by NOTIFY and LISTEN.

Not inside of the unit of work that is the reason: NOTIFY holds a lock of the whole database to the
end of its transaction, and payments would be committed one after the other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import structlog

from minibank.db.errors import DatabaseError, DatabaseUnavailable
from minibank.db.pool import Connection, Pool
from minibank.db.pooler import require_direct
from minibank.db.wakes import Wakes

log = structlog.get_logger()

CHANNEL = "minibank"
RECONNECT_SECONDS = 5.0
TELL_SECONDS = 5.0


class PostgresWakes:
    """Tells other processes of topics, and hears from them."""

    def __init__(self, pool: Pool, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._pool = pool
        self._connect = connect
        self._told: set[str] = set()
        self._telling: asyncio.Task[None] | None = None
        self.wakes = Wakes(self._tell)

    def _tell(self, topic: str) -> None:
        """Tell the others soon: what comes up while that runs is told together."""
        self._told.add(topic)
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        try:
            while self._told:
                topics, self._told = self._told, set()
                # Whatever goes wrong: the others look by themselves before long.
                with suppress(
                    asyncpg.PostgresError, asyncpg.InterfaceError, DatabaseError, OSError
                ):
                    await self._notify(topics)
        finally:
            self._telling = None

    async def _notify(self, topics: set[str]) -> None:
        connection = await self._pool.take()
        try:
            await connection.execute(
                "SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS t(topic)",
                CHANNEL,
                sorted(topics),
                timeout=TELL_SECONDS,
            )
        except BaseException:
            connection.terminate()
            raise
        finally:
            self._pool.give_back(connection)

    async def hear_forever(self) -> None:
        """Wake the listeners of this process when others say so; ends when cancelled.

        Behind a pooler that is not possible, and it ends at once.
        """
        while True:
            try:
                await self._hear()
            except DatabaseUnavailable as error:
                log.info("wakes of other processes are not heard", reason=str(error))
                return
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                pass
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self) -> None:
        """Hear until the connection ends."""
        connection = await self._connect()
        try:
            await require_direct(connection)
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, lambda *said: self.wakes.hear(str(said[-1])))
            # What was committed while nobody heard.
            self.wakes.hear_all()
            await ended.wait()
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Finish telling."""
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=TELL_SECONDS)

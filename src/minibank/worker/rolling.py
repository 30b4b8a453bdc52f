"""Bring entries into the subtotals, in the background and by any process that serves or works."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from minibank.core.ids import SHARDS
from minibank.db import Database, DatabaseError
from minibank.journal.subtotals.rolling import roll_up

log = structlog.get_logger()

ROUND_SECONDS = 600
"""How long it takes to look at every account once."""
SLICES = 16

Sleep = Callable[[float], Awaitable[object]]
"""Waits so many seconds."""


class RollUps:
    """Rolls up the entries of a bank, a part of the shards at a time."""

    def __init__(self, db: Database, sleep: Sleep = asyncio.sleep) -> None:
        self._db = db
        self._sleep = sleep

    async def run_forever(self) -> None:
        """Go round all shards, again and again; ends when cancelled."""
        number = self._draw() % SLICES
        while True:
            # Processes that started together drift apart, so that they rarely meet at a slice.
            await self._sleep(ROUND_SECONDS / SLICES * (0.5 + self._draw() / 256))
            try:
                await self.run_slice(number)
            except DatabaseError as error:
                log.warning("the subtotals have to wait", error=str(error))
            except Exception:
                # Questions add up what is missing themselves: no reason to end a bank.
                log.exception("the subtotals failed")
            number = (number + 1) % SLICES

    async def run_slice(self, number: int) -> None:
        """Bring into the subtotals what is missing in one of the `SLICES` parts of the shards."""
        shards = range(number * SHARDS // SLICES, (number + 1) * SHARDS // SLICES)
        await roll_up(self._db, list(shards))

    def _draw(self) -> int:
        """A number from 0 to 255."""
        return self._db.ids.secret(1)[0]

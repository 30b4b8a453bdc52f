"""A process that counts: `python -m tests.support.counter_process URL COUNTS`.

Each count is a unit of work that reads both counters and writes each one higher, so that a lost
update or half a unit of work shows. It says `ready` when it is connected, begins when its standard
input closes, and with 0 counts it goes on until it is killed.
"""

import asyncio
import itertools
import sys

from minibank.db import Tx, open_database


async def count(tx: Tx) -> None:
    """Read both counters under their locks, and write each one higher."""
    sql = "SELECT id, count FROM counters ORDER BY id FOR NO KEY UPDATE"
    for row in await tx.fetch(sql):
        await tx.execute(
            "UPDATE counters SET count = $2 WHERE id = $1", row["id"], row["count"] + 1
        )


async def _main(url: str, counts: int) -> None:
    db = await open_database(url)
    print("ready", flush=True)
    sys.stdin.read()
    for _ in range(counts) if counts else itertools.count():
        await db.transact(count)
    await db.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))

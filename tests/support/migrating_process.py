"""A process that migrates: `python -m tests.support.migrating_process URL`.

It says `ready` when it is there, begins when its standard input closes, and prints the number of
migrations that it applied itself.
"""

import asyncio
import sys

from minibank.db import open_database
from minibank.db.migrate import migrate


async def _main(url: str) -> None:
    print("ready", flush=True)
    sys.stdin.read()
    db = await open_database(url)
    print(len(await migrate(db)))
    await db.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))

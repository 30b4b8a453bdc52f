"""A process of its own that pays: `python -m tests.support.payer URL NAME COUNT ACCOUNT...`.

Prints a line when it begins and leaves when every payment was answered.
"""

import asyncio
import sys

from minibank.db import open_database
from minibank.payments.commands import TopUp
from minibank.payments.engine import Engine

AT_ONCE = 5


async def pay(engine: Engine, name: str, count: int, account_ids: list[str]) -> None:
    """Pay one penny `count` times into each of the accounts, a few payments at once."""
    commands = [
        TopUp(issuer=name, account_id=account_id, id=f"{number}", amount=1)
        for number in range(count)
        for account_id in account_ids
    ]
    for start in range(0, len(commands), AT_ONCE):
        await asyncio.gather(*(engine.execute(one) for one in commands[start : start + AT_ONCE]))


async def main(url: str, name: str, count: str, *account_ids: str) -> None:
    """Open the bank, pay, close."""
    db = await open_database(url)
    engine = Engine(db)
    print("paying", flush=True)
    await pay(engine, name, int(count), list(account_ids))
    await engine.drain()
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""`minibank migrate`: create a bank, or bring its schema up to this version."""

import asyncio

from minibank.app.books import open_books
from minibank.cli.common import console, for_a_bank
from minibank.settings import Loaded
from minibank.settings.show import mask_url


@for_a_bank
def migrate_bank(loaded: Loaded) -> None:
    """Create the bank's database, or bring it up to this version of minibank.

    Safe to repeat, and to run on many machines at once. A bank keeps the kind (sandbox or
    production) that it is created with.

    Examples:

      minibank migrate --mode production --database postgresql://bank@db.internal/bank
    """
    settings = loaded.settings

    async def run() -> int:
        async with open_books(settings, creates=True) as db:
            return await db.schema_version()

    version = asyncio.run(run())
    where = mask_url(settings.database)
    console().print(f"The {settings.mode} bank in {where} is at schema {version}.")

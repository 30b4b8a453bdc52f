"""Pots made quickly, and what is in them."""

from typing import Any

from minibank.db import Database
from minibank.pots.changes import NewPot, create_pot
from minibank.pots.records import Pot
from minibank.pots.store import find_pot, list_pots_of
from tests.support.banking import Holder

POTS_MAX = 500


async def open_pot(db: Database, holder: Holder, name: str = "Holiday", **more: Any) -> str:
    """A new pot of somebody's; its id."""
    new = NewPot(account_id=holder.account_id, name=name, **more)
    return (await db.transact(lambda tx: create_pot(tx, new, POTS_MAX))).pot.id


async def read_pot(db: Database, holder: Holder, pot_id: str) -> Pot:
    """A pot that must be there."""
    found = await db.read(lambda tx: find_pot(tx, holder.shard, pot_id))
    assert found is not None
    return found.pot


async def list_all(db: Database, holder: Holder) -> list[Pot]:
    """All pots of somebody's account."""
    keys = [holder.shard], [holder.account_id]
    return [own.pot for own in await db.read(lambda tx: list_pots_of(tx, keys))]

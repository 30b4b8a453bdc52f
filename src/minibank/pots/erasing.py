"""Take off pots what their customer wrote; they stay, because entries lead to them."""

from minibank.db import Tx
from minibank.pots.store import blank_pots


async def erase_pots(tx: Tx, shard: int, account_id: str) -> None:
    """Empty the names, styles and goals of an account's pots; the account is held already."""
    await blank_pots(tx, shard, account_id)

"""Make merchants known."""

from collections.abc import Sequence

from minibank.db import Tx
from minibank.transactions import store
from minibank.transactions.records import MerchantRecord


async def add_merchants(tx: Tx, records: Sequence[MerchantRecord]) -> None:
    """Store the merchants that are not known yet; those that are stay as they are."""
    rows = await store.list_merchants(tx, [record.id for record in records])
    known = {row["id"] for row in rows}
    await store.insert_merchants(tx, [one for one in records if one.id not in known])

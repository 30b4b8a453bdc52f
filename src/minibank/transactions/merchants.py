"""Make merchants known, and change what is said of them."""

from collections.abc import Sequence

import msgspec

from minibank.core.errors import NotFound
from minibank.db import ReadTx, Row, Tx
from minibank.transactions import store
from minibank.transactions.records import MerchantRecord


async def add_merchants(tx: Tx, records: Sequence[MerchantRecord]) -> None:
    """Store the merchants that are not known yet; those that are stay as they are."""
    rows = await store.list_merchants(tx, [record.id for record in records])
    known = {row["id"] for row in rows}
    await store.insert_merchants(tx, [one for one in records if one.id not in known])


async def add_merchant(tx: Tx, record: MerchantRecord) -> str:
    """Make one merchant known; its id. It stays as it is when it is known already."""
    await add_merchants(tx, [record])
    return record.id


async def change_merchant(tx: Tx, merchant_id: str, **changes: str | bool) -> str:
    """Change what is said of a merchant, on all transactions that name it; its id. `NotFound`."""
    # Held first: of two who change different things at once, neither loses the other's.
    await store.lock_merchant(tx, merchant_id)
    found = await find_merchant(tx, merchant_id)
    if found is None:
        raise NotFound("merchant", "There is no such merchant")
    await store.update_merchant(tx, msgspec.structs.replace(found, **changes, updated_at=tx.now))
    return merchant_id


async def find_merchant(tx: ReadTx, merchant_id: str) -> MerchantRecord | None:
    """The merchant with this id."""
    rows = await store.list_merchants(tx, [merchant_id])
    return record_of(rows[0]) if rows else None


def record_of(row: Row) -> MerchantRecord:
    """A row of `store.list_merchants` as a record."""
    values = {name: row[name] for name in MerchantRecord.__struct_fields__}
    values |= {"online": row["online"] == 1, "atm": row["atm"] == 1}
    return MerchantRecord(**values)

"""Take what says who somebody is off transactions; amounts, instants and ids stay.

The own history of a person who is erased loses all that people wrote: descriptions of transfers,
counterparties, the bank's keys, notes and their history, annotations. In the histories of others
they are only the other side: there goes their name, and what they themselves wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from minibank.core.pages import Position
from minibank.db import Tx
from minibank.transactions import store
from minibank.transactions.records import TransactionRecord

INSTEAD = "Transfer"
"""What stands in somebody else's history instead of what an erased person wrote."""


@dataclass(frozen=True, slots=True)
class OtherSide:
    """A transaction of somebody else whose other side is erased.

    `name` is what is left of its name: the owners who stay. `wrote` says whether the description
    is the erased person's.
    """

    shard: int
    transaction_id: str
    name: str
    wrote: bool


async def blank_history(
    tx: Tx, shard: int, account_id: str, after: Position, limit: int
) -> Position | None:
    """Blank the next transactions of an account; the last of them, None when there are no more."""
    places = await store.list_places(tx, shard, account_id, after, limit)
    ids = [place.id for place in places]
    if not ids:
        return None
    await store.lock_transactions(tx, [shard] * len(ids), ids)
    await store.blank_transactions(tx, shard, ids)
    return places[-1] if len(places) == limit else None


async def rename_other_sides(tx: Tx, sides: Sequence[OtherSide]) -> list[TransactionRecord]:
    """Take the erased person off these transactions of others; what they say now."""
    keys = [one.shard for one in sides], [one.transaction_id for one in sides]
    await store.lock_transactions(tx, *keys)
    records = {one.id: one for one in await store.list_records(tx, *keys)}
    renamed = [
        _renamed(records[one.transaction_id], one) for one in sides if one.transaction_id in records
    ]
    await store.put_other_sides(tx, renamed)
    return renamed


def _renamed(record: TransactionRecord, side: OtherSide) -> TransactionRecord:
    counterparty: dict[str, str] = msgspec.json.decode(record.counterparty, type=dict[str, str])
    if "name" in counterparty:
        counterparty["name"] = side.name
    return msgspec.structs.replace(
        record,
        description=INSTEAD if side.wrote else record.description,
        counterparty=msgspec.json.encode(
            {key: value for key, value in counterparty.items() if value}
        ).decode(),
    )

"""Put a receipt, and take it away again."""

from minibank.core.errors import BadRequest, NotFound
from minibank.db import Tx
from minibank.identity.users import hold_users
from minibank.receipts import store
from minibank.receipts.records import Holder, Receipt

RECEIPTS_MAX = 20
"""How many receipts an app may keep for one transaction of a user."""


def no_such_receipt() -> NotFound:
    """The one answer for another app's receipt and for one that does not exist."""
    return NotFound("receipt", "There is no such receipt")


async def put_receipt(tx: Tx, holder: Holder, receipt: Receipt) -> str:
    """Store a receipt, or replace all that the holder's one of the same name says; its id.

    Whether the transaction is the user's is the caller's question. Raises `BadRequest` when the
    transaction has too many receipts already, and `NotFound` when the user has left meanwhile.
    """
    # Held, so that none is put behind an erasure, and so that counting and storing are one.
    if not await hold_users(tx, [holder.user_id]):
        raise no_such_receipt()
    if await store.count_others(tx, holder, receipt, RECEIPTS_MAX) >= RECEIPTS_MAX:
        raise BadRequest(
            "bad_request.too_many_receipts",
            f"A transaction may have at most {RECEIPTS_MAX} receipts of a client",
        )
    return await store.put_receipt(tx, holder, receipt)


async def remove_receipt(tx: Tx, holder: Holder, external_id: str) -> None:
    """Take a receipt away; `NotFound` when the holder has none of that name."""
    if not await store.delete_receipt(tx, holder, external_id):
        raise no_such_receipt()

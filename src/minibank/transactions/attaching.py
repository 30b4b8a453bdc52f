"""How many attachments a transaction has.

The number is the transaction's own: a page of transactions reads attachments only of those that
have some, and the version that clients compare moves with it. Which ones they are is known
elsewhere.
"""

from collections import Counter
from collections.abc import Iterable

from minibank.core.errors import BadRequest
from minibank.db import Tx
from minibank.transactions import store

ATTACHMENTS_MAX = 20
"""How many one transaction may have: a page shows a hundred transactions."""
TOO_MANY = "bad_request.too_many_attachments"


async def count_one_more(tx: Tx, shard: int, transaction_id: str) -> None:
    """Count one more, and hold the transaction; `BadRequest` when it has as many as it may.

    The transaction exists: they are never deleted.
    """
    if not await store.add_attachments(tx, shard, transaction_id, 1, ATTACHMENTS_MAX):
        raise BadRequest(TOO_MANY, f"A transaction has at most {ATTACHMENTS_MAX} attachments")


async def count_fewer(tx: Tx, shard: int, transaction_ids: Iterable[str]) -> None:
    """Count one less for each time that a transaction is named, and hold them, in one order for
    everybody."""
    for transaction_id, number in sorted(Counter(transaction_ids).items()):
        await store.add_attachments(tx, shard, transaction_id, -number, ATTACHMENTS_MAX)

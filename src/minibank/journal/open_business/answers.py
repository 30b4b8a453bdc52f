"""What was answered to the commands that made and changed a transaction."""

from minibank.core.clock import MICROSECONDS
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.db import ReadTx
from minibank.journal.entry_sets.store import list_sets_of_transaction
from minibank.journal.open_business import store
from minibank.journal.open_business.store import Answered
from minibank.payments.commands import Outcome

SETS_MAX = 500
LATER_SECONDS = 2
"""How long before its transaction's place in the history a command may have been decided: rows of
one instant are a microsecond apart."""


async def list_answers_of_transaction(tx: ReadTx, transaction_id: str) -> list[Answered]:
    """The answers to the commands that made this transaction or moved its money, oldest first.

    They are found by their instants: that of each of its entry sets, and its own. A payment that
    moved nothing and was written into the past is not found in this way, only by its command's id.
    Raises `NotFound`.
    """
    shard = shard_of(transaction_id)
    origin = None if shard is None else await store.find_origin(tx, shard, transaction_id)
    if shard is None or origin is None:
        raise NotFound("transaction", "There is no such transaction")
    sets = await list_sets_of_transaction(tx, shard, transaction_id, 0, SETS_MAX)
    created_at = origin["created_at"]
    found = await store.list_answers_at(
        tx,
        shard,
        origin["account_id"],
        sorted({one.booked_at for one in sets}),
        created_at - LATER_SECONDS * MICROSECONDS,
        created_at,
    )
    return [one for one in found if _is_about(one.outcome, transaction_id)]


def _is_about(outcome: Outcome, transaction_id: str) -> bool:
    return transaction_id in (outcome.transaction_id, outcome.payee_transaction_id)

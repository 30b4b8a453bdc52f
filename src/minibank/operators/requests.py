"""What is done for an operator is done once, and leaves a note of who asked for it."""

from collections.abc import Awaitable, Callable

from minibank.core.errors import Conflict
from minibank.db import Tx
from minibank.operators import store
from minibank.operators.records import OperatorRequest

KEY_REUSED = "conflict.idempotency_key_reused"


def repeated_otherwise() -> Conflict:
    """A repeat that is none."""
    return Conflict(KEY_REUSED, "This Idempotency-Key was used for another request")


async def do_once(
    tx: Tx, request: OperatorRequest, work: Callable[[], Awaitable[str]]
) -> tuple[str, bool]:
    """Do `work` unless this request was done before; the id of the object that it was about, and
    whether it is a repeat.

    `Conflict` when the same idempotency key came with another digest. Whoever asks the same at the
    same time waits until it is known which.
    """
    if await store.claim_request(tx, request):
        subject = await work()
        await store.set_subject(tx, request, subject)
        return subject, False
    known = await store.find_request(tx, request.key_id, request.idempotency_key)
    assert known is not None, "it was there when the claim failed, and is never removed"
    if known.digest != request.digest:
        raise repeated_otherwise()
    return known.subject, True

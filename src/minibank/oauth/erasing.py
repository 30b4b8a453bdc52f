"""End all that signs a person in, and forget that they ever did.

Counts of guesses at their password are kept under a digest and end by themselves within minutes.
"""

from minibank.core.ids import shard_of
from minibank.db import Tx
from minibank.oauth import store


async def end_sign_ins(tx: Tx, user_id: str) -> None:
    """End all pairs of a person without remembering them: their tokens become unknown ones."""
    shard = shard_of(user_id)
    assert shard is not None, "the person exists"
    await store.delete_pairs_of_user(tx, shard, user_id)


async def forget_tokens(tx: Tx, user_id: str, limit: int) -> bool:
    """Forget some of the ended tokens of a person; whether there may be more."""
    shard = shard_of(user_id)
    assert shard is not None, "the person exists"
    return await store.delete_former_tokens_of(tx, shard, user_id, limit) >= limit

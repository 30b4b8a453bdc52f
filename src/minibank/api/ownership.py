"""Whether an account that a request names is the caller's."""

from minibank.accounts.store import is_owner
from minibank.api.endpoint import Call
from minibank.db import ReadTx


async def require_owned(tx: ReadTx, call: Call, account_id: str) -> int:
    """The shard of an account that is the caller's; `Forbidden` for any other, there or not."""
    shard = call.require_shard(account_id)
    if not await is_owner(tx, shard, account_id, call.caller.user_id):
        raise call.forbidden()
    return shard

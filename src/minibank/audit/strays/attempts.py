"""Find attempts to call webhooks that do not exist, at a cost that does not depend on history.

Attempts name no account, and those of webhooks that are there are looked at with their account.
"""

from functools import partial

from minibank.audit.findings import Finding
from minibank.audit.strays import store
from minibank.audit.strays.gaps import RowKey, gaps_between, shards_between
from minibank.db import Database, ReadTx

_FIRST: RowKey = (-(2**62), "")
_LAST: RowKey = (2**62, "")

PAGE = 1000
"""How many webhooks one snapshot covers."""


async def find_stray_attempts(db: Database) -> list[Finding]:
    """Attempts of no webhook, in the whole bank."""
    found: list[Finding] = []
    after = _FIRST
    while after != _LAST:
        strays, after = await db.snapshot(partial(_look, after=after))
        found += strays
    return found


async def _look(tx: ReadTx, after: RowKey) -> tuple[list[Finding], RowKey]:
    """What is between the next webhooks, and how far that is."""
    rows = await store.list_webhook_keys(tx, after, PAGE)
    keys: list[RowKey] = [after, *((row["shard"], row["id"]) for row in rows)]
    if len(rows) < PAGE:
        keys.append(_LAST)
    strays = [*await store.list_attempts_between(tx, *gaps_between(keys))]
    if empty := shards_between(keys):
        strays += await store.list_attempts_in_shards(tx, *empty)
    message = "has attempts and is not there"
    ids = sorted({row["webhook_id"] for row in strays if row["webhook_id"] is not None})
    return [Finding("attempt.stray", "", one, message) for one in ids], keys[-1]

"""Compare subtotals with the entries that they are made of."""

from collections.abc import Mapping

from minibank.audit.findings import Finding
from minibank.audit.subtotals import store
from minibank.db import ReadTx
from minibank.journal.subtotals.store import BLOCK

AccountKey = tuple[int, str]


async def check_subtotals(
    tx: ReadTx, accounts: store.Keys, verified: Mapping[AccountKey, int]
) -> list[Finding]:
    """Of accounts that have news, the subtotals of all entry sets beyond those verified earlier.

    `verified` says which accounts, and how many entry sets were: 0 has all its subtotals proved.
    What was verified with its subtotals is not read again.
    """
    found = []
    for row in await store.list_beyond(tx, accounts):
        message = f"goes up to {row['sequence']}, and its chain to {row['chain_length']}"
        found.append(Finding("subtotal.progress", row["account_id"], row["account_id"], message))
    if verified:
        keys = [shard for shard, _ in verified], [account_id for _, account_id in verified]
        # The block in which the first new entry set is; it may hold older ones, which count too.
        blocks = [max(length, 0) // BLOCK for length in verified.values()]
        for row in await store.list_wrong(tx, keys, blocks):
            message = f"those of {row['address']} are not what its entries add up to"
            found.append(Finding("subtotal.sums", row["account_id"], row["account_id"], message))
    return found

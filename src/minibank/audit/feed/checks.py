"""Say what does not fit on the feeds of some accounts."""

from collections.abc import Sequence

from minibank.audit.feed import store
from minibank.audit.findings import Finding
from minibank.audit.store import Keys
from minibank.db import ReadTx


async def check_feeds(tx: ReadTx, accounts: Keys, since: Sequence[int]) -> list[Finding]:
    """What is wrong with the items and dismissals of these accounts that came at `since` or later.

    That what ends is removed is proved with the due work.
    """
    found = []
    for row in await store.list_odd_items(tx, accounts, since):
        code, message = ("writer", "is newer than its client is said to have made any")
        if row["has_no_client"]:
            code, message = ("client", "names a client that is not there")
        found.append(Finding(f"feed_item.{code}", row["account_id"], row["id"], message))
    for row in await store.list_stray_dismissals(tx, accounts, since):
        message = "is dismissed and not on the feed"
        found.append(Finding("feed_dismissal.stray", row["account_id"], row["subject"], message))
    return found

"""Say what does not fit on the feeds of some accounts."""

from minibank.audit.feed import store
from minibank.audit.findings import Finding
from minibank.audit.store import Keys
from minibank.db import ReadTx


async def check_feeds(tx: ReadTx, accounts: Keys) -> list[Finding]:
    """What is wrong with the items, keys and dismissals of these accounts."""
    found = []
    for row in await store.list_odd_items(tx, accounts):
        code, message = ("writer", "is newer than its client is said to have made any")
        if row["has_no_client"]:
            code, message = ("client", "names a client that is not there")
        found.append(Finding(f"feed_item.{code}", row["account_id"], row["id"], message))
    for row in await store.list_unplanned_items(tx, accounts):
        message = "expires and nothing takes it off the feed then"
        found.append(Finding("feed_item.due", row["account_id"], row["id"], message))
    for row in await store.list_unplanned_keys(tx, accounts):
        message = "was made with a key that nothing forgets"
        found.append(Finding("feed_key.due", row["account_id"], row["item_id"], message))
    for row in await store.list_stray_dismissals(tx, accounts):
        message = "is dismissed and not on the feed"
        found.append(Finding("feed_dismissal.stray", row["account_id"], row["subject"], message))
    return found


async def check_expiries(tx: ReadTx) -> list[Finding]:
    """Work of the whole bank's feeds that is about nothing."""
    return [
        Finding("due_work.stray", row["account_id"], row["subject"], "there is nothing to expire")
        for row in await store.list_stray_expiries(tx)
    ]

"""What a page reads of a transaction is what `show_transaction` unpacks, in its order."""

from minibank.core.pages import Position
from minibank.transactions.store import find_transaction, list_page
from minibank.transactions.windows import Span
from tests.support.callers import add_account, add_user
from tests.support.histories import PAGE_COLUMNS, put, transaction

CLIENT = "oauth2client_1"


async def test_pages_and_single_transactions_give_the_columns_that_are_shown(db, clock):
    account = await add_account(db, await add_user(db, "ada@example.com", "Ada Example"))
    made = transaction(account.id, clock.now())
    await put(db, [made])
    shard = made.shard
    span = Span(Position(0, ""), Position(clock.now() + 1, ""), 1)
    [listed] = await db.read(lambda tx: list_page(tx, shard, account.id, CLIENT, span))
    found = await db.read(lambda tx: find_transaction(tx, shard, made.id, CLIENT))
    assert list(listed.keys()) == PAGE_COLUMNS
    assert list(found.keys()) == [*PAGE_COLUMNS, "version", "annotation_version"]

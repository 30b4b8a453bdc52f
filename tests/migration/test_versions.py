"""Rows from before versions and note changes existed go on from version 1."""

import msgspec

from minibank.db import open_database
from minibank.db.migrate import migrate, migrations
from minibank.transactions.annotate import Target, annotate
from minibank.transactions.notes import read_note_history
from minibank.transactions.store import find_transaction
from tests.support.histories import transaction

ACCOUNT = "acc_0000B476k79qyLyeiOBR34"
CLIENT = "oauth2client_1"
_ACCOUNT_COLUMNS = (
    *("shard", "id", "type", "state", "currency", "sort_code", "account_number", "iban"),
    "created_at",
)
OLD_COLUMNS = (
    "shard, id, account_id, created_at, updated_at, settled_at, kind, amount, currency,"
    " local_amount, local_currency, account_balance, description, merchant_id, category, notes,"
    " metadata, counterparty, scheme, dedupe_id, user_id, is_load, originator,"
    " include_in_spending, amount_is_pending, decline_reason"
)


async def test_rows_of_the_first_schema_become_version_one(empty_database_url, clock, ids):
    db = await open_database(empty_database_url, clock=clock, ids=ids)
    first, *_ = migrations()
    await db.apply(first, clock.now())
    row = transaction(ACCOUNT, clock.now(), notes="Old")
    values = {**msgspec.structs.asdict(row), "is_load": 0, "originator": 0}
    values |= {"include_in_spending": 1, "amount_is_pending": 0}
    names = OLD_COLUMNS.replace(",", "").split()

    async def work(tx):
        await tx.insert_rows(
            "accounts",
            _ACCOUNT_COLUMNS,
            [[row.shard, ACCOUNT, "uk_retail", "open", "GBP", "009900", "1", "GB1", clock.now()]],
        )
        await tx.insert_rows("transactions", names, [[values[name] for name in names]])
        await tx.insert_rows(
            "annotations",
            ("shard", "transaction_id", "client_id", "metadata", "updated_at"),
            [[row.shard, row.id, CLIENT, '{"a":"1"}', clock.now()]],
        )

    await db.transact(work)
    assert [step.version for step in await migrate(db)] == [m.version for m in migrations()[1:]]

    found = await db.read(lambda tx: find_transaction(tx, row.shard, row.id, CLIENT))
    assert found is not None
    assert (found.version, found.annotation_version) == (1, 1)
    target = Target(row.shard, row.id, CLIENT, "user_1")
    found = await db.transact(lambda tx: annotate(tx, target, {"notes": "New", "b": "2"}))
    assert (found.version, found.annotation_version) == (2, 2)
    [change] = await db.snapshot(lambda tx: read_note_history(tx, row.shard, row.id))
    assert (change.before, change.after) == ("Old", "New")
    await db.close()

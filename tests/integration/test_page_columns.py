"""What is read of a transaction to show it: each column lands in the field of its name."""

import msgspec

from minibank.core.pages import END, START
from minibank.transactions.records import (
    AnnotatedTransaction,
    Annotation,
    TransactionRecord,
    VersionedTransaction,
)
from minibank.transactions.store import find_transaction, list_chosen, list_page
from minibank.transactions.windows import Span
from tests.support.callers import add_account, add_user
from tests.support.histories import put, transaction

CLIENT = "oauth2client_1"
HOSTILE = "a'b\"c\\d%_ \t\n\x01\x7f é \U0001f469\u200d\U0001f4bb $1 ? null"
LARGEST = 2**63 - 1


def _distinct(account_id: str, at: int) -> TransactionRecord:
    """A transaction of which no two columns of one type are alike."""
    return transaction(
        account_id,
        at,
        updated_at=at + 1,
        settled_at=at + 2,
        amount=-LARGEST,
        currency="AAA",
        local_amount=LARGEST,
        local_currency="BBB",
        account_balance=-4,
        description=HOSTILE,
        category="category",
        notes="notes",
        counterparty='{"name":"é\\n"}',
        scheme="scheme",
        dedupe_id="dedupe",
        user_id="user_1",
        is_load=True,
        include_in_spending=False,
        decline_reason="OTHER",
        version=3,
    )


async def test_every_column_that_is_read_is_the_field_of_its_name(db, clock):
    account = await add_account(db, await add_user(db, "ada@example.com", "Ada Example"))
    made = _distinct(account.id, clock.now())
    note = Annotation(
        shard=made.shard, transaction_id=made.id, client_id=CLIENT, metadata="{}", updated_at=7
    )
    await put(db, [made], annotations=[note])
    known = msgspec.structs.asdict(made) | {"annotations": "{}", "annotated_at": 7}
    expected = {name: known[name] for name in AnnotatedTransaction.__struct_fields__}
    shard, span = made.shard, Span(START, END, 1)
    [listed] = await db.read(lambda tx: list_page(tx, shard, account.id, CLIENT, span))
    assert msgspec.structs.asdict(listed) == expected
    [chosen] = await db.read(lambda tx: list_chosen(tx, shard, [made.id], CLIENT))
    assert chosen == listed
    found = await db.read(lambda tx: find_transaction(tx, shard, made.id, CLIENT))
    assert isinstance(found, VersionedTransaction)
    versions = {"version": 3, "annotation_version": 1}
    assert msgspec.structs.asdict(found) == expected | versions


async def test_without_an_annotation_there_is_nothing_in_its_fields(db, clock):
    account = await add_account(db, await add_user(db, "ada@example.com", "Ada Example"))
    made = transaction(account.id, clock.now())
    await put(db, [made])
    found = await db.read(lambda tx: find_transaction(tx, made.shard, made.id, CLIENT))
    assert found is not None
    assert (found.annotations, found.annotated_at, found.annotation_version) == (None, None, None)


def test_all_of_a_transaction_is_read_but_its_kind_and_what_only_writing_needs():
    fields = AnnotatedTransaction.__struct_fields__
    assert set(TransactionRecord.__struct_fields__) - set(fields) == {"kind", "version"}
    assert VersionedTransaction.__struct_fields__[: len(fields)] == fields

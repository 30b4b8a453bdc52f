"""Entry sets: of an account, of a transaction, one by its number."""

from msgspec import UNSET, Struct

from minibank.api.catalogue import NO_ACCOUNT, NO_ENTRY_SET, NO_TRANSACTION
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import OperatorCall
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.core.pages import LIMIT_MAX
from minibank.db import ReadTx
from minibank.journal.entry_sets.store import (
    ReadSet,
    find_set,
    list_sets,
    list_sets_of_transaction,
)
from minibank.journal.entry_sets.wire import WireEntrySet, show_entry_set
from minibank.journal.open_business.store import find_origin
from minibank.journal.store import find_account
from minibank.operators.records import Scope

NUMBER_DIGITS_MAX = 18


class EntrySets(Struct, frozen=True):
    """A page of entry sets, in the order of their chain."""

    entry_sets: list[WireEntrySet]
    next: Cursor


class WhichEntrySets(Struct, frozen=True, kw_only=True):
    """Which entry sets."""

    after: After = UNSET
    limit: Limit = UNSET


ACCOUNT = {"account_id": "The account's id."}
TRANSACTION = {"transaction_id": "The transaction's id."}
SCOPES: tuple[Scope, ...] = ("audit", "rails")

LIST_OF_ACCOUNT = Operation(
    tag="Books",
    summary="List an account's entry sets",
    description="In the order of its chain, the first one first.",
    path=ACCOUNT,
    takes=WhichEntrySets,
    answers=EntrySets,
    refuses=(NO_ACCOUNT,),
    scopes=SCOPES,
)
LIST_OF_TRANSACTION = Operation(
    tag="Books",
    summary="List a transaction's entry sets",
    path=TRANSACTION,
    takes=WhichEntrySets,
    answers=EntrySets,
    refuses=(NO_TRANSACTION,),
    scopes=SCOPES,
)
SHOW = Operation(
    tag="Books",
    summary="Show an entry set",
    path={**ACCOUNT, "sequence": "Its number in the account's chain, from 1."},
    answers=WireEntrySet,
    refuses=(NO_ENTRY_SET,),
    scopes=SCOPES,
)


async def list_of_account(tx: ReadTx, call: OperatorCall) -> EntrySets:
    """GET /operator/v1/accounts/{account_id}/entry-sets"""
    after, limit = _window(call)
    account_id = call.path["account_id"]
    shard = shard_of(account_id)
    if shard is None or await find_account(tx, shard, account_id) is None:
        raise NotFound("account", "There is no such account")
    return _page(await list_sets(tx, shard, account_id, after, limit), limit)


async def list_of_transaction(tx: ReadTx, call: OperatorCall) -> EntrySets:
    """GET /operator/v1/transactions/{transaction_id}/entry-sets"""
    after, limit = _window(call)
    transaction_id = call.path["transaction_id"]
    shard = shard_of(transaction_id)
    if shard is None or await find_origin(tx, shard, transaction_id) is None:
        raise NotFound("transaction", "There is no such transaction")
    return _page(await list_sets_of_transaction(tx, shard, transaction_id, after, limit), limit)


async def show(tx: ReadTx, call: OperatorCall) -> WireEntrySet:
    """GET /operator/v1/accounts/{account_id}/entry-sets/{sequence}"""
    account_id, number = call.path["account_id"], call.path["sequence"]
    shard = shard_of(account_id)
    found = None
    is_number = number.isascii() and number.isdecimal() and len(number) <= NUMBER_DIGITS_MAX
    if shard is not None and is_number:
        found = await find_set(tx, shard, account_id, int(number))
    if found is None:
        raise NotFound("entry_set", "There is no such entry set")
    return show_entry_set(found)


def _window(call: OperatorCall) -> tuple[int, int]:
    return position_of(call.params.text("after"), int) or 0, call.params.limit(LIMIT_MAX)


def _page(found: list[ReadSet], limit: int) -> EntrySets:
    last = found[-1].sequence if len(found) == limit else None
    return EntrySets([show_entry_set(one) for one in found], cursor_of(last))

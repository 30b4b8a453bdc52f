"""What an account has."""

from typing import Annotated

from msgspec import Meta, Struct

from minibank.accounts.balance import WireBalance, day_start, show_balance
from minibank.accounts.store import find_owned_balance
from minibank.api.catalogue import FORBIDDEN
from minibank.api.endpoint import Call
from minibank.api.operation import Operation
from minibank.db import ReadTx
from minibank.transactions.store import read_spending


class Which(Struct):
    """An account."""

    account_id: Annotated[str, Meta(description="The account, one of the caller's.")]


READ_BALANCE = Operation(
    tag="Accounts",
    summary="Read the balance of an account",
    description="What can be spent now: money on hold for card payments is not in it.",
    takes=Which,
    answers=WireBalance,
    refuses=(FORBIDDEN,),
)


async def read_balance(tx: ReadTx, call: Call) -> object:
    """GET /balance: what is available now, and what was spent since the day began."""
    account_id = call.params.require_text("account_id")
    shard = call.require_shard(account_id)
    found = await find_owned_balance(tx, shard, account_id, call.caller.user_id)
    if found is None:
        raise call.forbidden()
    spent = await read_spending(tx, shard, account_id, day_start(tx.now))
    return show_balance(found.booked - found.held, found.in_pots, found.currency, spent)

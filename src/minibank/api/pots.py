"""Pots: list, retrieve, rename, and move money into and out of them."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.catalogue import (
    ADDED_SECURITY,
    FORBIDDEN,
    INSUFFICIENT_FUNDS,
    LATE,
    MISSING_PARAM,
    NO_WRITES,
    NOT_OPEN,
    SHUTTING_DOWN,
)
from minibank.api.endpoint import Call, Order
from minibank.api.operation import Operation
from minibank.api.ownership import require_owned
from minibank.core.errors import BadParam, BankError, Conflict, MissingParam, NotFound
from minibank.core.ids import shard_of
from minibank.db import ReadTx, Tx
from minibank.payments.commands import DepositIntoPot, WithdrawFromPot
from minibank.payments.store import list_recorded
from minibank.pots import store
from minibank.pots.changes import NAME_MAX, STYLE_MAX, restyle_pot
from minibank.pots.store import OwnPot
from minibank.pots.wire import WirePot, show_pot

DEDUPE_MAX = 200
"""The longest `dedupe_id`, in characters: it becomes a part of the command's id."""

_Dedupe = Annotated[
    str,
    Meta(
        description=f"Names this move, in up to {DEDUPE_MAX} characters. Sent again for the same"
        " pot and direction it does nothing more; after a refusal it is tried anew.",
        examples=["holiday-2026-11"],
    ),
]
_Amount = Annotated[int, Meta(description="How much, in minor units: at least 1.")]


class WhichPots(Struct):
    """Whose pots."""

    current_account_id: Annotated[
        str | UnsetType,
        Meta(
            description="The account, one of the caller's. Only apps registered with"
            " `pots_require_account=false` may leave it out, to list the pots of all accounts."
        ),
    ] = UNSET


class WhichPotsOfOld(Struct):
    """Whose pots."""

    current_account_id: Annotated[
        str | UnsetType,
        Meta(description="The account, one of the caller's; without it the pots of all accounts."),
    ] = UNSET


class DepositParameters(Struct):
    """What to set aside."""

    source_account_id: Annotated[str, Meta(description="The pot's own account.")]
    amount: _Amount
    dedupe_id: _Dedupe


class WithdrawParameters(Struct):
    """What to take out."""

    destination_account_id: Annotated[str, Meta(description="The pot's own account.")]
    amount: _Amount
    dedupe_id: _Dedupe


class PotChanges(Struct):
    """What is to be different; what is not said stays."""

    name: Annotated[
        str | UnsetType, Meta(description=f"Up to {NAME_MAX} characters.", examples=["Holiday"])
    ] = UNSET
    style: Annotated[
        str | UnsetType,
        Meta(description=f"Up to {STYLE_MAX} characters.", examples=["beach_ball"]),
    ] = UNSET


class Pots(Struct):
    """Pots as they were created, those that are deleted too."""

    pots: list[WirePot]


_ID = {"pot_id": "The pot's id."}
_MOVES = (FORBIDDEN, INSUFFICIENT_FUNDS, NOT_OPEN, NO_WRITES, SHUTTING_DOWN, LATE)

LIST_POTS = Operation(
    tag="Pots",
    summary="List the pots of an account",
    description="All of them as they were created; one that is deleted has `deleted: true`.",
    takes=WhichPots,
    answers=Pots,
    refuses=(FORBIDDEN, MISSING_PARAM),
)
LIST_POTS_OF_OLD = Operation(
    tag="Pots",
    summary="List pots, as in 2017",
    description="The same under its first name, which never asks for an account.",
    takes=WhichPotsOfOld,
    answers=Pots,
    refuses=(FORBIDDEN,),
)
RETRIEVE_POT = Operation(
    tag="Pots",
    summary="Retrieve a pot",
    path=_ID,
    answers=WirePot,
    refuses=(FORBIDDEN,),
)
CHANGE_POT = Operation(
    tag="Pots",
    summary="Give a pot another name or style",
    path=_ID,
    takes=PotChanges,
    answers=WirePot,
    refuses=(FORBIDDEN, NO_WRITES),
)
DEPOSIT = Operation(
    tag="Pots",
    summary="Put money into a pot",
    description=(
        "From the account that it is a part of, at once and as a transaction of its own. What is"
        " available there can be set aside; an overdraft feeds no pot."
    ),
    path=_ID,
    takes=DepositParameters,
    answers=WirePot,
    refuses=_MOVES,
)
WITHDRAW = Operation(
    tag="Pots",
    summary="Take money out of a pot",
    description="Back to its account, at once. Nothing can be taken out of a pot that is locked.",
    path=_ID,
    takes=WithdrawParameters,
    answers=WirePot,
    refuses=(*_MOVES, ADDED_SECURITY),
)


async def list_pots(tx: ReadTx, call: Call) -> object:
    """GET /pots: the pots of an account; of all accounts for apps that do not know better."""
    if call.params.text("current_account_id") is None and call.caller.options.pots_require_account:
        raise MissingParam("current_account_id")
    return await list_pots_of_old(tx, call)


async def list_pots_of_old(tx: ReadTx, call: Call) -> object:
    """GET /pots/listV1: the same, and never with an account required."""
    account_id = call.params.text("current_account_id")
    user_id = call.caller.user_id
    if account_id is None:
        shard = shard_of(user_id)
        assert shard is not None, "a caller's user exists"
        return _show_all(tx, await store.list_pots_of_user(tx, shard, user_id))
    shard = await require_owned(tx, call, account_id)
    return _show_all(tx, await store.list_pots_of(tx, ([shard], [account_id])))


async def retrieve_pot(tx: ReadTx, call: Call) -> object:
    """GET /pots/{pot_id}: the bare pot, deleted or not."""
    return _show(tx, await _require_own(tx, call))


async def change_pot(tx: Tx, call: Call) -> object:
    """PATCH /pots/{pot_id}: another name, another style, or both."""
    name, style = call.params.text("name"), call.params.text("style")
    own = await _require_own(tx, call)
    return _show(tx, await restyle_pot(tx, own.pot.id, name=name, style=style))


async def order_deposit(tx: ReadTx, call: Call) -> Order:
    """PUT /pots/{pot_id}/deposit: what to have the engine do."""
    move = await _require_move(tx, call, "source_account_id", "deposit")
    return Order(DepositIntoPot(**move), _refusing(call))


async def order_withdrawal(tx: ReadTx, call: Call) -> Order:
    """PUT /pots/{pot_id}/withdraw: what to have the engine do."""
    move = await _require_move(tx, call, "destination_account_id", "withdraw")
    return Order(WithdrawFromPot(**move), _refusing(call))


async def _require_move(
    tx: ReadTx, call: Call, account_name: str, direction: str
) -> dict[str, Any]:
    """The fields of a command, read and checked; its id is what makes a repeat of it known.

    That is the user, the pot, the direction and the `dedupe_id`, whichever client asks.
    """
    account_id = call.params.require_text(account_name)
    amount = call.params.integer("amount")
    if amount is None:
        raise MissingParam("amount")
    if amount < 1:
        raise BadParam("amount", "must be greater than 0")
    dedupe_id = call.params.require_text("dedupe_id")
    if len(dedupe_id) > DEDUPE_MAX:
        raise BadParam("dedupe_id", f"must have at most {DEDUPE_MAX} characters")
    pot = (await _require_own(tx, call)).pot
    await require_owned(tx, call, account_id)
    user_id, command_id = call.caller.user_id, f"{pot.id}/{direction}/{dedupe_id}"
    if account_id != pot.account_id:
        if await list_recorded(tx, [(pot.shard, pot.account_id, user_id, command_id)]):
            raise _reused()
        raise BadParam(account_name, "must be the account that the pot is a part of")
    return {
        "issuer": user_id,
        "account_id": pot.account_id,
        "id": command_id,
        "pot_id": pot.id,
        "amount": amount,
        "external_id": dedupe_id,
        "user_id": user_id,
    }


def _reused() -> BadParam:
    return BadParam("dedupe_id", "was used before for another amount or account")


def _refusing(call: Call) -> Callable[[BankError], BankError]:
    """What the engine refuses, in this API's words."""

    def refused(error: BankError) -> BankError:
        if isinstance(error, Conflict) and error.code == "conflict.command_id_reused":
            return _reused()
        # Meanwhile the caller ceased to be an owner.
        return call.forbidden() if isinstance(error, NotFound) else error

    return refused


async def _require_own(tx: ReadTx, call: Call) -> OwnPot:
    """The pot that the path names, when its account is the caller's; `Forbidden` for any other."""
    pot_id = call.path["pot_id"]
    shard = call.require_shard(pot_id)
    found = await store.find_owned_pot(tx, shard, pot_id, call.caller.user_id)
    if found is None:
        raise call.forbidden()
    return found


def _show(tx: ReadTx, own: OwnPot) -> WirePot:
    return show_pot(own.pot, own.currency, tx.now)


def _show_all(tx: ReadTx, pots: Sequence[OwnPot]) -> Pots:
    return Pots([_show(tx, own) for own in pots])

"""Pots, as operators open, change and list them; what moves money is a rail."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.catalogue import (
    NO_ACCOUNT,
    NO_POT,
    NOT_OPEN,
    TOO_MANY_POTS,
)
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import OperatorCall
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.core.errors import BadParam, NotFound
from minibank.core.ids import shard_of
from minibank.core.instants import parse_instant
from minibank.core.pages import LIMIT_MAX, START, Position
from minibank.core.wire import Instant
from minibank.db import ReadTx, Tx
from minibank.pots import changes, store
from minibank.pots.changes import NAME_MAX, STYLE_MAX, NewPot, no_such_pot
from minibank.pots.records import PREFIX
from minibank.pots.store import OwnPot
from minibank.pots.wire import WirePot, show_pot

_Name = Annotated[str, Meta(description=f"Up to {NAME_MAX} characters.", examples=["Holiday"])]
_Style = Annotated[
    str | UnsetType,
    Meta(description=f"How apps picture it, in up to {STYLE_MAX} characters of their own."),
]


class NewPotRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pot to be opened."""

    name: _Name
    style: _Style = UNSET
    goal_amount: Annotated[
        int | None, Meta(description="What it is to hold one day, in minor units.")
    ] = None


class PotChangesRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is not said stays."""

    name: _Name | UnsetType = UNSET
    style: _Style = UNSET
    goal_amount: Annotated[
        int | UnsetType | None,
        Meta(description="What it is to hold one day, in minor units; null for no goal any more."),
    ] = UNSET


class LockRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a pot is locked."""

    until: Annotated[
        Instant | None, Meta(description="Until when; without it until the lock is taken off.")
    ] = None


class WhichPots(Struct, frozen=True, kw_only=True):
    """Which part of the list."""

    after: After = UNSET
    limit: Limit = UNSET


class PotPage(Struct, frozen=True):
    """A page of an account's pots as they were created, those that are deleted too."""

    pots: list[WirePot]
    next: Cursor


_ACCOUNT = {"account_id": "The account."}
_POT = {"pot_id": "The pot."}

CREATE_POT = Operation(
    tag="Customers",
    summary="Open a pot",
    description="An empty one, in an account that is open.",
    path=_ACCOUNT,
    body=NewPotRequest,
    answers=WirePot,
    refuses=(NO_ACCOUNT, NOT_OPEN, TOO_MANY_POTS),
    scopes=("customers",),
)
LIST_POTS = Operation(
    tag="Customers",
    summary="List the pots of an account",
    path=_ACCOUNT,
    takes=WhichPots,
    answers=PotPage,
    refuses=(NO_ACCOUNT,),
    scopes=("customers", "audit"),
)
RETRIEVE_POT = Operation(
    tag="Customers",
    summary="Retrieve a pot",
    path=_POT,
    answers=WirePot,
    refuses=(NO_POT,),
    scopes=("customers", "audit"),
)
CHANGE_POT = Operation(
    tag="Customers",
    summary="Give a pot another name, style or goal",
    path=_POT,
    body=PotChangesRequest,
    answers=WirePot,
    refuses=(NO_POT,),
    scopes=("customers",),
)
LOCK_POT = Operation(
    tag="Customers",
    summary="Lock a pot",
    description="Nothing can be taken out of it; money may come in. It replaces the lock before.",
    path=_POT,
    body=LockRequest,
    answers=WirePot,
    refuses=(NO_POT,),
    scopes=("customers",),
)
UNLOCK_POT = Operation(
    tag="Customers",
    summary="Take the lock off a pot",
    description="Before its time, if it has one.",
    path=_POT,
    answers=WirePot,
    refuses=(NO_POT,),
    scopes=("customers",),
)


async def create_pot(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/accounts/{account_id}/pots"""
    said, account_id = call.read(NewPotRequest), call.path["account_id"]
    shard = shard_of(account_id)
    new = NewPot(
        account_id=account_id,
        name=said.name,
        style="" if said.style is UNSET else said.style,
        goal_amount=said.goal_amount,
        id="" if shard is None else call.draw_id(tx.ids, PREFIX, shard, tx.now),
    )
    return (await changes.create_pot(tx, new, call.settings.pots_max)).pot.id


async def change_pot(tx: Tx, call: OperatorCall) -> str:
    """PATCH /operator/v1/pots/{pot_id}"""
    said, pot_id = call.read(PotChangesRequest), call.path["pot_id"]
    name = None if said.name is UNSET else said.name
    style = None if said.style is UNSET else said.style
    if name is not None or style is not None:
        await changes.restyle_pot(tx, pot_id, name=name, style=style)
    if said.goal_amount is not UNSET:
        await changes.set_goal(tx, pot_id, said.goal_amount)
    return pot_id


async def lock_pot(tx: Tx, call: OperatorCall) -> str:
    """PUT /operator/v1/pots/{pot_id}/lock"""
    until = call.read(LockRequest).until
    at = None if until is None else _instant(until)
    return (await changes.lock_pot(tx, call.path["pot_id"], at)).pot.id


async def unlock_pot(tx: Tx, call: OperatorCall) -> str:
    """DELETE /operator/v1/pots/{pot_id}/lock"""
    return (await changes.unlock_pot(tx, call.path["pot_id"])).pot.id


async def show(tx: ReadTx, call: OperatorCall, pot_id: str) -> WirePot:
    """A pot that a request was about."""
    own = await _require(tx, pot_id)
    return show_pot(own.pot, own.currency, tx.now)


async def retrieve_pot(tx: ReadTx, call: OperatorCall) -> WirePot:
    """GET /operator/v1/pots/{pot_id}"""
    return await show(tx, call, call.path["pot_id"])


async def list_pots(tx: ReadTx, call: OperatorCall) -> PotPage:
    """GET /operator/v1/accounts/{account_id}/pots"""
    account_id = call.path["account_id"]
    shard = shard_of(account_id)
    limit = call.params.limit(LIMIT_MAX)
    place = position_of(call.params.text("after"), tuple[int, str])
    after = START if place is None else Position(*place)
    if shard is None or await store.find_account(tx, shard, account_id) is None:
        raise NotFound("account", "There is no such account")
    found = await store.list_page(tx, shard, account_id, after, limit)
    last = found[-1].pot if len(found) == limit else None
    return PotPage(
        [show_pot(own.pot, own.currency, tx.now) for own in found],
        cursor_of((last.created_at, last.id) if last else None),
    )


async def _require(tx: ReadTx, pot_id: str) -> OwnPot:
    shard = shard_of(pot_id)
    found = None if shard is None else await store.find_pot(tx, shard, pot_id)
    if found is None:
        raise no_such_pot()
    return found


def _instant(text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadParam("until", "must be a timestamp such as 2027-01-05T09:00:00Z") from error

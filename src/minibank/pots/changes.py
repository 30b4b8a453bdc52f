"""Open pots and change what is said of them; what moves money is the money engine's.

All of a pot is a fact that the engine reads, so whoever changes one holds the account's balance row
first. Webhooks are told here.
"""

import re
from collections.abc import Callable

import msgspec

from minibank.accounts.holding import no_such_account
from minibank.core.errors import BadParam, BadRequest, Conflict, NotFound
from minibank.core.ids import shard_of
from minibank.core.money import AMOUNT_MAX
from minibank.db import Tx
from minibank.pots import store
from minibank.pots.records import ADDED_SECURITY, PREFIX, UNTIL_DATE, Pot
from minibank.pots.store import OwnPot
from minibank.pots.wire import show_pot
from minibank.webhooks.announcing import Happening, announce
from minibank.webhooks.events import POT_CREATED, POT_UPDATED, Event

NAME_MAX = 100
STYLE_MAX = 64
"""In characters."""

POTS_EVER_MAX = 1000
"""How many pots an account may ever have had: each stays in the list when it is deleted."""


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class NewPot(msgspec.Struct, frozen=True, kw_only=True):
    """A pot to be opened in an account; `goal_amount` is in minor units of its currency.

    `id` may be drawn beforehand, in the account's shard: a unit of work that runs again then finds
    its own pot.
    """

    account_id: str
    name: str
    style: str = ""
    goal_amount: int | None = None
    id: str = ""


def no_such_pot() -> NotFound:
    """There is no pot with this id."""
    return NotFound("pot", "There is no such pot")


async def create_pot(tx: Tx, new: NewPot, pots_max: int) -> OwnPot:
    """Open an empty pot in an open account that has fewer than `pots_max`, and tell webhooks.

    Raises `NotFound` for no account, `BadParam` for a name, style or goal that will not do,
    `Conflict` for an account that is not open, `BadRequest` when there are too many.
    """
    shard = shard_of(new.account_id)
    if shard is None or not await store.lock_account(tx, shard, new.account_id):
        raise no_such_account()
    found = await store.find_account(tx, shard, new.account_id)
    if found is None:
        raise no_such_account()
    state, currency = found
    if state != "open":
        raise Conflict("conflict.account_not_open", f"The account is {state}")
    already = await store.find_pot(tx, shard, new.id) if new.id else None
    if already is not None:
        return already
    present, ever = await store.count_pots(tx, shard, new.account_id)
    if present >= pots_max or ever >= POTS_EVER_MAX:
        raise BadRequest(
            "bad_request.too_many_pots",
            f"An account may have {pots_max} pots, and {POTS_EVER_MAX} with those deleted",
        )
    pot = Pot(
        shard=shard,
        id=new.id or tx.ids.new(PREFIX, shard, tx.now),
        account_id=new.account_id,
        name=_require_text("name", new.name, NAME_MAX),
        style=_require_text("style", new.style, STYLE_MAX, least=0),
        goal_amount=_require_goal(new.goal_amount),
        created_at=tx.now,
        updated_at=tx.now,
    )
    assert shard_of(pot.id) == shard, "a pot lives where its account does"
    await store.insert_pot(tx, pot)
    return await _tell(tx, POT_CREATED, OwnPot(pot, currency))


async def restyle_pot(
    tx: Tx, pot_id: str, *, name: str | None = None, style: str | None = None
) -> OwnPot:
    """Give a pot another name, another style, or both; None leaves it.

    Raises `NotFound`, and `BadParam` for a deleted pot and for what will not do.
    """

    def change(pot: Pot) -> Pot:
        return msgspec.structs.replace(
            pot,
            name=pot.name if name is None else _require_text("name", name, NAME_MAX),
            style=pot.style if style is None else _require_text("style", style, STYLE_MAX, least=0),
        )

    return await _change(tx, pot_id, change)


async def set_goal(tx: Tx, pot_id: str, goal_amount: int | None) -> OwnPot:
    """Say how much a pot is to hold one day, in minor units; None is no goal any more.

    Raises `NotFound`, and `BadParam` for a deleted pot and for an amount out of range.
    """
    goal = _require_goal(goal_amount)
    return await _change(tx, pot_id, lambda pot: msgspec.structs.replace(pot, goal_amount=goal))


async def lock_pot(tx: Tx, pot_id: str, until: int | None = None) -> OwnPot:
    """Let nothing out of a pot until an instant; None is until it is unlocked (added security).

    What comes in is not held up. Raises `NotFound`, and `BadParam` for a deleted pot and for an
    instant that is not to come.
    """
    if until is not None and until <= tx.now:
        raise BadParam("until", "must lie in the future")
    lock_type = ADDED_SECURITY if until is None else UNTIL_DATE

    def change(pot: Pot) -> Pot:
        return msgspec.structs.replace(pot, lock_type=lock_type, locked_until=until)

    return await _change(tx, pot_id, change)


async def unlock_pot(tx: Tx, pot_id: str) -> OwnPot:
    """Take a lock off a pot, before its time if it has one; `NotFound`, `BadParam` if deleted."""

    def change(pot: Pot) -> Pot:
        return msgspec.structs.replace(pot, lock_type="", locked_until=None)

    return await _change(tx, pot_id, change)


async def _change(tx: Tx, pot_id: str, change: Callable[[Pot], Pot]) -> OwnPot:
    """The pot after a change; what changes nothing writes nothing and tells nobody."""
    shard = shard_of(pot_id)
    found = None if shard is None else await store.find_pot(tx, shard, pot_id)
    if shard is None or found is None:
        raise no_such_pot()
    await store.lock_account(tx, shard, found.pot.account_id)
    held = await store.find_pot(tx, shard, pot_id)
    assert held is not None, "pots stay"
    if held.pot.deleted_at is not None:
        raise BadParam("pot_id", "names a deleted pot")
    changed = change(held.pot)
    if changed == held.pot:
        return held
    changed = msgspec.structs.replace(changed, updated_at=max(tx.now, held.pot.updated_at))
    await store.update_pots(tx, [changed])
    return await _tell(tx, POT_UPDATED, OwnPot(changed, held.currency))


async def _tell(tx: Tx, event: Event, own: OwnPot) -> OwnPot:
    pot = own.pot
    happening = Happening(shard=pot.shard, account_id=pot.account_id, event=event, subject=pot.id)
    shown = show_pot(pot, own.currency, tx.now)
    await announce(tx, happening, lambda _: shown)
    return own


def _require_text(name: str, text: str, longest: int, least: int = 1) -> str:
    """A name or a style; `BadParam` when it is too short or too long, or cannot be kept."""
    if not least <= len(text) <= longest or _CONTROL.search(text) or (least and text.isspace()):
        raise BadParam(name, f"must have {least} to {longest} characters, none of them for control")
    return text


def _require_goal(goal_amount: int | None) -> int | None:
    if goal_amount is not None and not 1 <= goal_amount <= AMOUNT_MAX:
        raise BadParam("goal_amount", f"must be between 1 and {AMOUNT_MAX}")
    return goal_amount

"""How a pot looks to a client: the one place that says so."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.core.instants import format_instant
from minibank.core.wire import Currency, Empty, Instant
from minibank.pots.records import Pot


class WirePot(Struct, kw_only=True):
    """A pot as clients read it; what has a default is the same for every pot."""

    id: str
    name: str
    style: Annotated[str, Meta(description="How apps picture it; a word of their own.")]
    balance: Annotated[int, Meta(description="What it holds, in minor units of `currency`.")]
    currency: Currency
    goal_amount: Annotated[
        int | UnsetType,
        Meta(description="What it is to hold one day, in minor units; no such key without a goal."),
    ] = UNSET
    type: str = "default"
    product_id: str = "default"
    current_account_id: Annotated[str, Meta(description="The account that it is a part of.")]
    cover_image_url: Empty = ""
    isa_wrapper: Empty = ""
    round_up: bool = False
    round_up_multiplier: None = None
    is_tax_pot: bool = False
    created: Instant
    updated: Instant
    deleted: Annotated[bool, Meta(description="Whether it is gone: it is empty and stays so.")]
    locked: Annotated[bool, Meta(description="Whether nothing can be taken out of it.")]
    locked_until: Annotated[
        Instant | UnsetType,
        Meta(description="When it can be again; no such key unless `lock_type` is `until_date`."),
    ] = UNSET
    lock_type: Annotated[
        str | UnsetType,
        Meta(
            description="`until_date`, or `added_security`, which lasts until it is taken off; no"
            " such key while it is not locked.",
            examples=["until_date", "added_security"],
        ),
    ] = UNSET
    charity_id: Empty = ""
    available_for_bills: bool = False
    has_virtual_cards: bool = False
    assigned_permissions: Annotated[
        list[str], Meta(description="Kept for clients that expect it; empty.")
    ] = []


def show_pot(pot: Pot, currency: str, now: int) -> WirePot:
    """A pot as it is at the instant `now`; `currency` is its account's."""
    is_locked = pot.is_locked(now)
    until = pot.locked_until if is_locked else None
    return WirePot(
        id=pot.id,
        name=pot.name,
        style=pot.style,
        balance=pot.balance,
        currency=currency,
        goal_amount=UNSET if pot.goal_amount is None else pot.goal_amount,
        current_account_id=pot.account_id,
        created=format_instant(pot.created_at),
        updated=format_instant(pot.updated_at),
        deleted=pot.deleted_at is not None,
        locked=is_locked,
        locked_until=UNSET if until is None else format_instant(until),
        lock_type=pot.lock_type if is_locked else UNSET,
    )

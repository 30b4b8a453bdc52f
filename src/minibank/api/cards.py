"""Cards: list them, freeze one and thaw it again.

Nobody documented these; they are as clients of 2016 ask for them.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from minibank.accounts.freezing import freeze_card
from minibank.accounts.records import Card, Owner
from minibank.accounts.store import find_account, find_card, list_cards
from minibank.api.catalogue import CARD_BLOCKED, FORBIDDEN, NO_WRITES
from minibank.api.endpoint import Call
from minibank.api.operation import Operation
from minibank.core.instants import format_instant, to_datetime
from minibank.core.wire import Empty, Instant
from minibank.db import ReadTx, Tx

PROCESSOR = "mastercard"

Status = Literal["ACTIVE", "INACTIVE"]
STATUSES: tuple[Status, ...] = ("ACTIVE", "INACTIVE")


class OfAccount(Struct):
    """Of which account."""

    account_id: Annotated[str, Meta(description="The account, one of the caller's.")]


class Toggle(Struct):
    """Which card, and what it is to be."""

    card_id: Annotated[str, Meta(description="The card, the caller's own.")]
    status: Annotated[
        Literal["ACTIVE", "INACTIVE"],
        Meta(
            description="`INACTIVE` freezes the card, `ACTIVE` thaws it.",
            extra_json_schema={"type": "string"},
        ),
    ]


class WireCard(Struct, kw_only=True):
    """A card as its owner's clients read it."""

    id: str
    account_id: str
    processor: Annotated[str, Meta(description="The card scheme.")]
    processor_token: Empty = ""
    last_digits: Annotated[str, Meta(description="The last four digits of its number.")]
    name: Annotated[str, Meta(description="The owner's.")]
    expires: Annotated[str, Meta(description="With the end of this month, `MM/YYYY`.")]
    status: Annotated[
        Literal["ACTIVE", "INACTIVE", "BLOCKED"],
        Meta(description="`INACTIVE` is frozen; a `BLOCKED` one can only be thawed by the bank."),
    ]
    created: Instant


class Cards(Struct):
    """The caller's cards, oldest first; those that are blocked come last."""

    cards: list[WireCard]


class OneCard(Struct):
    """One card."""

    card: WireCard


LIST_CARDS = Operation(
    tag="Cards",
    summary="List the caller's cards with an account",
    description="Of a joint account only the caller's own: another owner's are theirs.",
    takes=OfAccount,
    answers=Cards,
    refuses=(FORBIDDEN,),
)
TOGGLE_CARD = Operation(
    tag="Cards",
    summary="Freeze or thaw a card",
    description="The next payment is judged by it: a frozen card is declined with `CARD_INACTIVE`.",
    takes=Toggle,
    answers=OneCard,
    refuses=(FORBIDDEN, CARD_BLOCKED, NO_WRITES),
)


async def list_own_cards(tx: ReadTx, call: Call) -> object:
    """GET /card/list: the caller's own cards with an account."""
    account_id = call.params.require_text("account_id")
    owner = await _require_owner(tx, call, account_id)
    cards = [card for card in await list_cards(tx, account_id) if card.user_id == owner.user_id]
    # Clients take the first for "the" card.
    cards.sort(key=lambda card: card.state == "blocked")
    return Cards([_show(card, owner.name) for card in cards])


async def toggle_card(tx: Tx, call: Call) -> object:
    """PUT /card/toggle: freeze a card of the caller's, or thaw it."""
    card_id = call.params.require_text("card_id")
    call.params.require_text("status")
    status = call.params.choice("status", STATUSES)
    call.require_shard(card_id)
    card = await find_card(tx, card_id)
    if card is None or card.user_id != call.caller.user_id:
        raise call.forbidden()
    owner = await _require_owner(tx, call, card.account_id)
    return OneCard(_show(await freeze_card(tx, card, frozen=status == "INACTIVE"), owner.name))


async def _require_owner(tx: ReadTx, call: Call, account_id: str) -> Owner:
    """The caller as an owner of an account; `Forbidden` for any other account, there or not."""
    call.require_shard(account_id)
    account = await find_account(tx, account_id)
    for owner in account.owners if account else ():
        if owner.user_id == call.caller.user_id:
            return owner
    raise call.forbidden()


def _show(card: Card, name: str) -> WireCard:
    # It expires when the month is over.
    last = to_datetime(card.expires_at - 1)
    return WireCard(
        id=card.id,
        account_id=card.account_id,
        processor=PROCESSOR,
        last_digits=card.last_four,
        name=name,
        expires=f"{last:%m/%Y}",
        status=_STATUS_OF[card.state],
        created=format_instant(card.created_at),
    )


_STATUS_OF: dict[str, Literal["ACTIVE", "INACTIVE", "BLOCKED"]] = {
    "active": "ACTIVE",
    "inactive": "INACTIVE",
    "blocked": "BLOCKED",
}

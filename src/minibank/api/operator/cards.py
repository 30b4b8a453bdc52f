"""Cards, as operators issue them, list them and set their state."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct

from minibank.accounts import store
from minibank.accounts.opening import issue_card as issue
from minibank.accounts.opening import set_card_state
from minibank.accounts.records import Card, CardState
from minibank.accounts.store import find_account, find_card
from minibank.api.catalogue import (
    CARD_HAS_ENDED,
    NO_ACCOUNT,
    NO_CARD,
    NOT_OPEN,
)
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import OperatorCall
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.core.instants import format_instant
from minibank.core.pages import LIMIT_MAX
from minibank.core.wire import Instant
from minibank.db import ReadTx, Tx


class NewCardRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose card it is to be."""

    user_id: Annotated[str, Meta(description="One of the account's owners.")]


class CardChangesRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the card is to be from now on."""

    state: Annotated[
        CardState,
        Meta(
            description="`inactive` is frozen, which its owner can undo; `blocked` only an operator"
            " undoes."
        ),
    ]


class WhichCards(Struct, frozen=True, kw_only=True):
    """Which part of the list."""

    after: After = UNSET
    limit: Limit = UNSET


class WireOperatorCard(Struct, frozen=True, kw_only=True):
    """A card as operators read it."""

    id: str
    account_id: str
    user_id: Annotated[str, Meta(description="The owner whose card it is.")]
    state: CardState
    last_four: Annotated[str, Meta(description="The last digits of its number.")]
    expires: Annotated[Instant, Meta(description="From when on it is declined.")]
    created: Instant


class CardPage(Struct, frozen=True):
    """A page of an account's cards, oldest first."""

    cards: list[WireOperatorCard]
    next: Cursor


_ACCOUNT = {"account_id": "The account."}
_CARD = {"card_id": "The card."}

ISSUE_CARD = Operation(
    tag="Customers",
    summary="Issue a card",
    description="An active one, to an owner of an account that is not closed.",
    path=_ACCOUNT,
    body=NewCardRequest,
    answers=WireOperatorCard,
    refuses=(NO_ACCOUNT, NOT_OPEN),
    scopes=("customers",),
)
LIST_CARDS = Operation(
    tag="Customers",
    summary="List the cards of an account",
    path=_ACCOUNT,
    takes=WhichCards,
    answers=CardPage,
    refuses=(NO_ACCOUNT,),
    scopes=("customers", "audit"),
)
RETRIEVE_CARD = Operation(
    tag="Customers",
    summary="Retrieve a card",
    path=_CARD,
    answers=WireOperatorCard,
    refuses=(NO_CARD,),
    scopes=("customers", "audit"),
)
CHANGE_CARD = Operation(
    tag="Customers",
    summary="Activate, freeze or block a card",
    description="The next payment is judged by it. What is held already stays held.",
    path=_CARD,
    body=CardChangesRequest,
    answers=WireOperatorCard,
    refuses=(NO_CARD, CARD_HAS_ENDED),
    scopes=("customers",),
)


async def issue_card(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/accounts/{account_id}/cards"""
    said, account_id = call.read(NewCardRequest), call.path["account_id"]
    shard = shard_of(account_id)
    card_id = "" if shard is None else call.draw_id(tx.ids, "card", shard, tx.now)
    return (await issue(tx, account_id, said.user_id, card_id)).id


async def change_card(tx: Tx, call: OperatorCall) -> str:
    """PATCH /operator/v1/cards/{card_id}"""
    said = call.read(CardChangesRequest)
    return (await set_card_state(tx, call.path["card_id"], said.state)).id


async def show(tx: ReadTx, _call: OperatorCall, card_id: str) -> WireOperatorCard:
    """A card that a request was about."""
    found = await find_card(tx, card_id)
    if found is None:
        raise NotFound("card", "There is no such card")
    return _show(found)


async def retrieve_card(tx: ReadTx, call: OperatorCall) -> WireOperatorCard:
    """GET /operator/v1/cards/{card_id}"""
    return await show(tx, call, call.path["card_id"])


async def list_cards(tx: ReadTx, call: OperatorCall) -> CardPage:
    """GET /operator/v1/accounts/{account_id}/cards"""
    account_id, limit = call.path["account_id"], call.params.limit(LIMIT_MAX)
    after = position_of(call.params.text("after"), str) or ""
    if await find_account(tx, account_id) is None:
        raise NotFound("account", "There is no such account")
    found = await store.list_cards(tx, account_id, after, limit)
    last = found[-1].id if len(found) == limit else None
    return CardPage([_show(card) for card in found], cursor_of(last))


def _show(card: Card) -> WireOperatorCard:
    return WireOperatorCard(
        id=card.id,
        account_id=card.account_id,
        user_id=card.user_id,
        state=card.state,
        last_four=card.last_four,
        expires=format_instant(card.expires_at),
        created=format_instant(card.created_at),
    )

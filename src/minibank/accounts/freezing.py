"""Freeze a card and thaw it again: what its owner may do, as often as they like.

Blocking is the bank's, and for good as far as its owner is concerned.
"""

import msgspec

from minibank.accounts import store
from minibank.accounts.records import Card
from minibank.core.errors import BadRequest
from minibank.core.ids import shard_of
from minibank.db import Tx


async def freeze_card(tx: Tx, card: Card, *, frozen: bool) -> Card:
    """Freeze a card that was found, or thaw it; the card after that.

    The next payment is judged by it: a frozen card is declined as inactive. Whose card it is, is
    the caller's question. Raises `BadRequest` for a card that is blocked.
    """
    shard = shard_of(card.account_id)
    assert shard is not None, "a card's account exists"
    # As whatever the engine decides by: under the account's lock, and read after it.
    await store.lock_balance(tx, shard, card.account_id)
    found = await store.find_card(tx, card.id)
    assert found is not None, "cards are never deleted"
    if found.state == "blocked":
        raise BadRequest("bad_request.card_blocked", "The card is blocked: only the bank undoes it")
    changed = msgspec.structs.replace(found, state="inactive" if frozen else "active")
    if changed != found:
        await store.update_card_state(tx, shard, card.id, changed.state)
    return changed

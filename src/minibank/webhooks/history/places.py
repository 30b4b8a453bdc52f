"""Where in what a webhook was told a bound lies: given as a number, an id or an instant."""

from minibank.core.errors import BadParam
from minibank.core.ids import shard_of
from minibank.core.instants import parse_instant
from minibank.db import ReadTx
from minibank.webhooks.history import store
from minibank.webhooks.history.resending import no_such_delivery
from minibank.webhooks.records import Webhook

LAST = 2**63 - 1
"""Beyond every number."""
PREFIX = "delivery_"

BOUND = "the number of a delivery, the id of one, or an instant"


async def find_place(tx: ReadTx, webhook: Webhook, name: str, text: str) -> int:
    """The number that a bound means; for an instant, that of the first delivery since.

    `name` is the parameter that it came in. Raises `BadParam` for what is none of the three and
    `NotFound` for the id of another webhook's delivery.
    """
    if text.isascii() and text.isdecimal():
        return min(int(text[:20]), LAST)
    if text.startswith(PREFIX) and text.isascii() and text.isprintable():
        told = await store.find_told(tx, webhook, text) if shard_of(text) is not None else None
        if told is None:
            raise no_such_delivery()
        return told.sequence
    try:
        # To the millisecond, which is what clients see.
        at = parse_instant(text) // 1000 * 1000
    except ValueError:
        raise BadParam(name, f"must be {BOUND}") from None
    found = await store.find_number_at(tx, webhook, at)
    return LAST if found is None else found


async def find_after(tx: ReadTx, webhook: Webhook, name: str, text: str | None) -> int:
    """The number beyond which a list begins: what was made at an instant is in it."""
    if text is None:
        return 0
    place = await find_place(tx, webhook, name, text)
    return place - 1 if _is_instant(text) else place


def _is_instant(text: str) -> bool:
    return not text.isdecimal() and not text.startswith(PREFIX)

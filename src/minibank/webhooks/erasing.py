"""Take a person who is erased off webhooks and out of what they were told.

Nothing else ever changes a message. What the person's own webhooks were told is over and forgotten,
while its row stays and is numbered; others' webhooks go on, and what they were told of the person
says afterwards what the transaction says. Of the attempts there stays when they were made and what
came of them; one that is under way meanwhile is recorded without the rest.
"""

from collections.abc import Sequence

import msgspec

from minibank.db import Tx
from minibank.webhooks import store
from minibank.webhooks.registering import remove_webhook

Place = tuple[str, int]
"""A webhook and a number: what it was told up to there is forgotten."""

START: Place = ("", 0)


class Retold(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction says of its other side from now on; `counterparty` is a JSON object."""

    shard: int
    account_id: str
    transaction_id: str
    description: str
    counterparty: str


class _Message(msgspec.Struct):
    type: str
    data: dict[str, msgspec.Raw]


_decode = msgspec.json.Decoder(_Message).decode
_encode = msgspec.json.Encoder().encode


async def end_webhooks(tx: Tx, shard: int, account_id: str, user_id: str, limit: int) -> bool:
    """Remove some of a user's webhooks on an account, or of all if it is empty; whether there may
    be more."""
    found = await store.list_webhooks_of(tx, shard, account_id, user_id, limit)
    for webhook in found:
        await remove_webhook(tx, webhook)
    return len(found) >= limit


async def forget_told(
    tx: Tx, account: tuple[int, str], user_id: str, after: Place, limit: int
) -> Place | None:
    """Forget the next of what removed webhooks of this user, or of all, were told; None at the end.

    `account` is its shard and its id.
    """
    shard, account_id = account
    found = await store.find_removed(tx, shard, account_id, user_id, after)
    if found is None:
        return None
    webhook_id, kept_from = found
    begin = max(after[1] if webhook_id == after[0] else 0, kept_from - 1)
    await store.blank_payloads(tx, shard, webhook_id, begin, begin + limit)
    return webhook_id, begin + limit


async def retell(tx: Tx, news: Sequence[Retold]) -> None:
    """Have what was told of these transactions say what they say now, sent already or not.

    Receivers may have answered with what they were told: answers are forgotten.
    """
    said = {one.transaction_id: one for one in news}
    payloads = []
    for row in await store.lock_told(
        tx,
        [one.shard for one in news],
        [one.account_id for one in news],
        [one.transaction_id for one in news],
    ):
        payload = _retold(row["payload"], said[row["subject"]]) if row["payload"] else b""
        key = (row["shard"], row["webhook_id"], row["sequence"])
        payloads.append((*key, payload, row["retold"] + 1))
    await store.update_payloads(tx, payloads)


def _retold(payload: bytes, now: Retold) -> bytes:
    message = _decode(payload)
    if "description" not in message.data:  # of a balance, which tells of nobody
        return payload
    message.data["description"] = msgspec.Raw(_encode(now.description))
    message.data["counterparty"] = msgspec.Raw(now.counterparty.encode())
    return _encode(message)

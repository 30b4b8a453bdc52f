"""Write what stands on an account's feed, and what programs are told of it."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

import msgspec

from minibank.core.instants import format_instant, format_or_none
from minibank.core.pages import START, Position
from minibank.db import ReadTx, Row
from minibank.privacy.books import PAGE, Records
from minibank.privacy.messages import store


@dataclass(frozen=True, slots=True)
class View:
    """Whose view of which account; `others` own it too, and stay private."""

    shard: int
    account_id: str
    user_id: str
    others: Collection[str]

    def without_others(self, text: str) -> str:
        """A text of somebody else's making, without the ids of the other owners."""
        for user_id in self.others:
            text = text.replace(user_id, "")
        return text


async def export_messages(tx: ReadTx, view: View, lines: Records) -> None:
    """Write what stands on a feed, and what programs are told for this person.

    On a joint account what was dismissed, asked for or told for another owner is left out.
    """
    await _export_items(tx, view, lines)
    await _export_dismissals(tx, view, lines)
    await _export_keys(tx, view, lines)
    for row in await store.list_webhooks(tx, view.shard, view.account_id, view.user_id):
        lines.put(
            "webhook",
            {
                "id": row["id"],
                "account_id": view.account_id,
                "client_id": row["client_id"],
                "url": row["url"],
                "events": msgspec.Raw(row["events"].encode()),
                "policy": row["policy"],
                "created": format_instant(row["created_at"]),
                "disabled": format_or_none(row["disabled_at"]),
                "removed": format_or_none(row["removed_at"]),
            },
        )
        await _export_deliveries(tx, view, row["id"], lines)
        await _export_attempts(tx, view, row["id"], lines)


async def _export_items(tx: ReadTx, view: View, lines: Records) -> None:
    after = ("", 0, "")
    while rows := await store.list_feed_items(tx, view.shard, view.account_id, after, PAGE):
        for row in rows:
            lines.put(
                "feed_item",
                {
                    "id": row["id"],
                    "account_id": view.account_id,
                    "client_id": row["client_id"],
                    "by_this_person": row["user_id"] == view.user_id,
                    "created": format_instant(row["created_at"]),
                    "updated": format_instant(row["updated_at"]),
                    "expires": format_or_none(row["expires_at"]),
                    "url": row["url"],
                    "params": msgspec.Raw(row["params"].encode()),
                },
            )
        after = (rows[-1]["client_id"], rows[-1]["created_at"], rows[-1]["id"])


async def _export_dismissals(tx: ReadTx, view: View, lines: Records) -> None:
    after, whose = START, (view.shard, view.account_id, view.user_id)
    while rows := await store.list_dismissals(tx, *whose, after, PAGE):
        for row in rows:
            dismissed = format_instant(row["dismissed_at"])
            lines.put("feed_dismissal", {"subject": row["subject"], "dismissed": dismissed})
        after = Position(rows[-1]["dismissed_at"], rows[-1]["subject"])


async def _export_keys(tx: ReadTx, view: View, lines: Records) -> None:
    after, whose = ("", ""), (view.shard, view.account_id, view.user_id)
    while rows := await store.list_feed_keys(tx, *whose, after, PAGE):
        for row in rows:
            lines.put(
                "feed_key",
                {
                    "client_id": row["client_id"],
                    "key": row["key"],
                    "item_id": row["item_id"],
                    "kept_until": format_instant(row["keep_until"]),
                },
            )
        after = (rows[-1]["client_id"], rows[-1]["key"])


async def _export_deliveries(tx: ReadTx, view: View, webhook_id: str, lines: Records) -> None:
    async for row in _list_deliveries(tx, view, webhook_id):
        lines.put(
            "delivery",
            {
                "id": row["id"],
                "webhook_id": webhook_id,
                "sequence": row["sequence"],
                "event": row["event"],
                "subject": row["subject"],
                "payload": _shown(row["payload"], view.user_id),
                "created": format_instant(row["created_at"]),
                "state": row["state"],
                "attempts": row["attempts"],
                "finished": format_or_none(row["finished_at"]),
            },
        )


async def _list_deliveries(tx: ReadTx, view: View, webhook_id: str) -> AsyncIterator[Row]:
    after = 0
    while rows := await store.list_deliveries(tx, view.shard, webhook_id, after, PAGE):
        for row in rows:
            yield row
        after = rows[-1]["sequence"]


async def _export_attempts(tx: ReadTx, view: View, webhook_id: str, lines: Records) -> None:
    """Write how a webhook was called, and what its receiver answered: that is text of any kind."""
    after = (0, 0)
    while rows := await store.list_attempts(tx, view.shard, webhook_id, after, PAGE):
        for row in rows:
            answered = view.without_others(row["response_headers"])
            excerpt = bytes(row["excerpt"]).decode("utf-8", "backslashreplace")
            lines.put(
                "delivery_attempt",
                {
                    "webhook_id": webhook_id,
                    "sequence": row["sequence"],
                    "attempt": row["attempt"],
                    "attempted": format_instant(row["attempted_at"]),
                    "microseconds": row["microseconds"],
                    "request_headers": msgspec.Raw(row["request_headers"].encode()),
                    "status": row["status"],
                    "response_headers": msgspec.Raw(answered.encode()),
                    "excerpt": view.without_others(excerpt),
                    "error": row["error"],
                },
            )
        after = (rows[-1]["sequence"], rows[-1]["attempt"])


def _shown(payload: bytes, user_id: str) -> Any:  # noqa: ANN401 - a JSON object
    """A message, without the other owner who paid; None when it was forgotten."""
    if not payload:
        return None
    body = msgspec.json.decode(payload)
    if body["data"].get("user_id") != user_id:
        body["data"]["user_id"] = ""
    return body

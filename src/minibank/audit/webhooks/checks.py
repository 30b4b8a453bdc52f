"""Compare what webhooks are told with what happened."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from minibank.audit.findings import Finding
from minibank.audit.store import TransactionRow
from minibank.audit.webhooks.store import DeliveryRow, WebhookRow, walk_deliveries
from minibank.db import ReadTx
from minibank.webhooks.events import TRANSACTION_CREATED, events_from_json


class _Subject(msgspec.Struct):
    id: str


class _Payload(msgspec.Struct):
    type: str
    data: _Subject


_decode = msgspec.json.Decoder(_Payload).decode


@dataclass(frozen=True, slots=True)
class History:
    """What happened on an account: its transactions, and the instant each was decided at."""

    transactions: Mapping[str, TransactionRow]
    decided_at: Mapping[str, int]

    def told_to(self, webhook: WebhookRow) -> set[str]:
        """The transactions that a webhook must be told of: those made while it was there.

        Not history that was written in later: it is older than the decision that wrote it.
        """
        if TRANSACTION_CREATED not in (_events(webhook) or ()):
            return set()
        last = webhook.ends_after
        return {
            one.id
            for one in self.transactions.values()
            if one.created_at > webhook.starts_after
            and (last is None or one.created_at <= last)
            and one.created_at >= self.decided_at.get(one.id, 0)
        }


async def check_webhook(
    tx: ReadTx, webhook: WebhookRow, history: History
) -> AsyncIterator[Finding]:
    """What is wrong with one webhook and with its part of the outbox."""
    account_id = webhook.account_id
    for code, message in _check_row(webhook):
        yield Finding(f"webhook.{code}", account_id, webhook.id, message)
    missing, number = history.told_to(webhook), 0
    async for row in walk_deliveries(tx, webhook.shard, webhook.id):
        number += 1
        if row.sequence != number:
            message = f"number {row.sequence} comes where {number} should"
            yield Finding("webhook.sequence", account_id, webhook.id, message)
            number = row.sequence
        for code, message in _check_delivery(row, webhook, is_due=row.subject in missing):
            yield Finding(f"delivery.{code}", account_id, row.id, message)
        missing.discard(row.subject)
    if number + 1 != webhook.next_sequence:
        message = f"ends with number {number}, and the next is to be {webhook.next_sequence}"
        yield Finding("webhook.sequence", account_id, webhook.id, message)
    for transaction_id in sorted(missing):
        message = f"was not told to {webhook.id}"
        yield Finding("delivery.missing", account_id, transaction_id, message)


def _events(webhook: WebhookRow) -> frozenset[str] | None:
    """The events of a webhook; None when they cannot be read."""
    try:
        return events_from_json(webhook.events)
    except msgspec.MsgspecError:
        return None


def _check_row(webhook: WebhookRow) -> Iterator[tuple[str, str]]:
    is_removed = webhook.removed_at is not None
    if (webhook.ends_after is not None) != is_removed or webhook.is_forgotten != is_removed:
        yield "removed", "is removed only in part"
    if _events(webhook) is None:
        yield "events", "asked for what cannot be read"
    if not webhook.has_client:
        yield "client", "names a client that is not there"


def _check_delivery(
    row: DeliveryRow, webhook: WebhookRow, *, is_due: bool
) -> Iterator[tuple[str, str]]:
    if not is_due or row.event != TRANSACTION_CREATED or row.account_id != webhook.account_id:
        yield "stray", f"tells of {row.subject}, which was not to be told, or was already"
    if not _says(row):
        yield "payload", f"does not say that {row.subject} was made"
    if (row.finished_at is None) != (row.state == "pending"):
        yield "state", f"is {row.state}, and its end says otherwise"
    elif row.state == "pending" and webhook.removed_at is not None:
        yield "state", "is still to be sent to a webhook that is removed"


def _says(row: DeliveryRow) -> bool:
    try:
        payload = _decode(row.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return (payload.type, payload.data.id) == (row.event, row.subject)

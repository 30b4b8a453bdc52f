"""Compare what webhooks are told with what happened."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from minibank.audit.findings import Finding
from minibank.audit.rows import TransactionRow
from minibank.audit.webhooks.store import (
    DeliveryRow,
    WebhookRow,
    list_stray_deliveries,
    walk_deliveries,
)
from minibank.db import ReadTx
from minibank.webhooks.events import TRANSACTION_CREATED, events_from_json


class _Subject(msgspec.Struct):
    id: str


class _Payload(msgspec.Struct):
    type: str
    data: _Subject


_decode = msgspec.json.Decoder(_Payload).decode

_BEGINNING = -(2**62)
"""Before every number, damaged ones included."""


@dataclass(frozen=True, slots=True)
class History:
    """What happened on an account: its transactions, and the instant each was decided at.

    They are all there are, or those that are new when it `goes_on` from a mark.
    """

    transactions: Mapping[str, TransactionRow]
    decided_at: Mapping[str, int]
    goes_on: bool

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


def check_webhook(webhook: WebhookRow) -> Iterator[Finding]:
    """What is wrong with a webhook itself."""
    for code, message in _check_row(webhook):
        yield Finding(f"webhook.{code}", webhook.account_id, webhook.id, message)


def check_end(webhook: WebhookRow) -> Iterator[Finding]:
    """Whether what a webhook was told ends where it says."""
    if webhook.has_more or webhook.has_last != (webhook.next_sequence > 1):
        yield _ends_elsewhere(webhook)


def _ends_elsewhere(webhook: WebhookRow) -> Finding:
    message = f"is not told up to the number before {webhook.next_sequence}"
    return Finding("webhook.sequence", webhook.account_id, webhook.id, message)


async def check_outbox(
    tx: ReadTx, account: tuple[int, str], webhooks: Iterable[WebhookRow], history: History
) -> AsyncIterator[Finding]:
    """Compare what an account's webhooks are told with what happened, all or what is new."""
    for webhook in webhooks:
        missing = history.told_to(webhook)
        if not history.goes_on:
            async for finding in _check_deliveries(tx, webhook, missing, _BEGINNING):
                yield finding
        elif missing:
            # Numbers are given in the order of the history: what is new are the last of them.
            after = webhook.next_sequence - 1 - len(missing)
            async for finding in _check_deliveries(tx, webhook, missing, after):
                yield finding
    if not history.goes_on:
        for row in await list_stray_deliveries(tx, *account):
            message = "goes to a webhook that the account does not have"
            yield Finding("delivery.stray", account[1], row["id"], message)


async def _check_deliveries(
    tx: ReadTx, webhook: WebhookRow, missing: set[str], after: int
) -> AsyncIterator[Finding]:
    """A webhook's part of the outbox beyond a number, in which `missing` is to be found."""
    account_id, number = webhook.account_id, max(after, 0)
    async for row in walk_deliveries(tx, webhook.shard, webhook.id, after):
        number += 1
        if row.sequence != number:
            message = f"number {row.sequence} comes where {number} should"
            yield Finding("webhook.sequence", account_id, webhook.id, message)
            number = row.sequence
        for code, message in _check_delivery(row, webhook, is_due=row.subject in missing):
            yield Finding(f"delivery.{code}", account_id, row.id, message)
        missing.discard(row.subject)
    if number + 1 != webhook.next_sequence:
        yield _ends_elsewhere(webhook)
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
    # What an erased person's webhook was told is forgotten, and was over before.
    is_forgotten = not row.payload and webhook.is_forgotten and row.state != "pending"
    if not is_forgotten and not _says(row):
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

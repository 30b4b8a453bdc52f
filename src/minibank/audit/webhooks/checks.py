"""Compare what webhooks are told with what happened."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from minibank.audit.findings import Finding
from minibank.audit.rows import TransactionRow
from minibank.audit.webhooks.store import (
    AttemptsRow,
    DeliveryRow,
    WebhookRow,
    list_stray_deliveries,
    walk_told,
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

    def told_to(self, webhook: WebhookRow) -> list[str]:
        """The transactions that a webhook must have been told of, in order: those made while it was
        there.

        Not history that was written in later: it is older than the decision that wrote it.
        """
        if TRANSACTION_CREATED not in (_events(webhook) or ()):
            return []
        last = webhook.ends_after
        told = [
            one
            for one in self.transactions.values()
            if one.created_at > webhook.starts_after
            and (last is None or one.created_at <= last)
            and one.created_at >= self.decided_at.get(one.id, 0)
        ]
        return [one.id for one in sorted(told, key=lambda one: (one.created_at, one.id))]


def check_webhook(webhook: WebhookRow) -> Iterator[Finding]:
    """What is wrong with a webhook itself."""
    for code, message in _check_row(webhook):
        yield Finding(f"webhook.{code}", webhook.account_id, webhook.id, message)


def check_end(webhook: WebhookRow) -> Iterator[Finding]:
    """Whether what a webhook was told begins and ends where it says."""
    is_there = webhook.kept_from < webhook.next_sequence
    if webhook.has_earlier or webhook.has_first != is_there:
        yield _sequence(webhook, f"is not told from number {webhook.kept_from} on")
    if webhook.has_more or webhook.has_last != is_there:
        yield _ends_elsewhere(webhook)


def _ends_elsewhere(webhook: WebhookRow) -> Finding:
    return _sequence(webhook, f"is not told up to the number before {webhook.next_sequence}")


def _sequence(webhook: WebhookRow, message: str) -> Finding:
    return Finding("webhook.sequence", webhook.account_id, webhook.id, message)


async def check_outbox(
    tx: ReadTx, account: tuple[int, str], webhooks: Iterable[WebhookRow], history: History
) -> AsyncIterator[Finding]:
    """Compare what an account's webhooks are told with what happened, all or what is new."""
    for webhook in webhooks:
        told = history.told_to(webhook)
        if history.goes_on and not told:
            continue
        # Numbers are given in the order of the history: what is new are the last of them.
        before = webhook.next_sequence - 1 - len(told) if history.goes_on else 0
        gone = max(0, webhook.kept_from - 1 - before)
        if gone > len(told):
            yield _sequence(webhook, f"was told before number {webhook.kept_from} what never was")
        after = max(before, webhook.kept_from - 1) if history.goes_on else _BEGINNING
        async for finding in _check_deliveries(tx, webhook, set(told[gone:]), after):
            yield finding
    if not history.goes_on:
        for row in await list_stray_deliveries(tx, *account):
            message = "goes to a webhook that the account does not have"
            yield Finding("delivery.stray", account[1], row["id"], message)


async def _check_deliveries(
    tx: ReadTx, webhook: WebhookRow, missing: set[str], after: int
) -> AsyncIterator[Finding]:
    """A webhook's part of the outbox beyond a number, in which `missing` is to be found."""
    account_id, number = webhook.account_id, max(after, webhook.kept_from - 1)
    async for rows, attempts in walk_told(tx, webhook.shard, webhook.id, after):
        for row in rows:
            number += 1
            if row.sequence != number:
                yield _sequence(webhook, f"number {row.sequence} comes where {number} should")
                number = row.sequence
            for code, message in (
                *_check_delivery(row, webhook, is_due=row.subject in missing),
                *_check_attempts(row, attempts.pop(row.sequence, None)),
            ):
                yield Finding(f"delivery.{code}", account_id, row.id, message)
            missing.discard(row.subject)
        for sequence in attempts:
            message = f"attempts tell of number {sequence}, which is not there"
            yield Finding("attempt.stray", account_id, webhook.id, message)
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
    if not 1 <= webhook.kept_from <= webhook.next_sequence:
        yield "kept", f"is told from {webhook.kept_from} on, and next {webhook.next_sequence}"
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


def _check_attempts(row: DeliveryRow, made: AttemptsRow | None) -> Iterator[tuple[str, str]]:
    count = made.count if made else 0
    if row.attempts != count or (made and (made.first, made.last) != (1, count)):
        yield "attempts", f"says {row.attempts} attempts, and {count} are there"
    if row.state == "delivered" and (made is None or made.taken is None):
        yield "state", "is delivered, and its receiver took no attempt"
    # An earlier one may have been taken, before it was sent once more.
    if row.state == "failed" and (made is None or made.taken == made.last):
        yield "state", "is failed, and its last attempt is not"


def _says(row: DeliveryRow) -> bool:
    try:
        payload = _decode(row.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return (payload.type, payload.data.id) == (row.event, row.subject)

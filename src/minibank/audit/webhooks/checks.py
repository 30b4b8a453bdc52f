"""Compare what webhooks are told with what happened."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from minibank.audit.findings import Finding
from minibank.audit.rows import TransactionRow
from minibank.audit.webhooks.store import (
    AttemptsRow,
    DeliveryRow,
    WebhookRow,
    find_first_number,
    list_stray_deliveries,
    walk_told,
)
from minibank.db import ReadTx
from minibank.webhooks.events import TRANSACTION_CREATED, UNASKED, events_from_json


class _Data(msgspec.Struct):
    """What names the subject of an event: which of these there is depends on the event."""

    id: str = ""
    transaction_id: str = ""
    webhook_id: str = ""


class _Payload(msgspec.Struct):
    type: str
    data: _Data


_decode = msgspec.json.Decoder(_Payload).decode

_OF_TRANSACTIONS = ("transaction.", "balance.")
"""How the events begin whose subject is a transaction."""

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
        told.sort(key=lambda one: (one.created_at, one.id))
        return [one.id for one in told]


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
        after = _BEGINNING
        if history.goes_on:
            # Numbers are given in the order of commits: all that is new has this one or a later.
            first = await find_first_number(tx, webhook, TRANSACTION_CREATED, told)
            after = (webhook.next_sequence if first is None else first) - 1
        async for finding in _check_deliveries(tx, webhook, told, after, history):
            yield finding
    if not history.goes_on:
        for row in await list_stray_deliveries(tx, *account):
            message = "goes to a webhook that the account does not have"
            yield Finding("delivery.stray", account[1], row["id"], message)


@dataclass(slots=True)
class _Walk:
    """A webhook's part of the outbox, walked in the order of its numbers.

    `told` is what is to be found in it, in order, and `missing` what was not found yet. `number` is
    the last one seen, `first` the first new transaction.
    """

    webhook: WebhookRow
    history: History
    told: Sequence[str]
    number: int
    first: str | None = None
    missing: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.missing = set(self.told)

    def see(self, row: DeliveryRow, attempts: AttemptsRow | None) -> Iterator[Finding]:
        """What is wrong with the next delivery."""
        self.number += 1
        if row.sequence != self.number:
            message = f"number {row.sequence} comes where {self.number} should"
            yield _sequence(self.webhook, message)
            self.number = row.sequence
        if not self._is_due(row):
            message = f"tells of {row.subject}, which was not to be told, or was already"
            yield Finding("delivery.stray", self.webhook.account_id, row.id, message)
        for code, message in (*_check_delivery(row, self.webhook), *_check_attempts(row, attempts)):
            yield Finding(f"delivery.{code}", self.webhook.account_id, row.id, message)
        if row.event == TRANSACTION_CREATED and row.subject in self.missing:
            self.first = self.first or row.subject
            self.missing.remove(row.subject)

    def _is_due(self, row: DeliveryRow) -> bool:
        """Whether it was to be told: a new transaction once, other events if the webhook asked."""
        if row.account_id != self.webhook.account_id:
            return False
        if row.event == TRANSACTION_CREATED:
            return row.subject in self.missing
        if row.event not in (_events(self.webhook) or ()) and row.event not in UNASKED:
            return False
        is_elsewhere = self.history.goes_on or not row.event.startswith(_OF_TRANSACTIONS)
        return is_elsewhere or row.subject in self.history.transactions

    def end(self) -> Iterator[Finding]:
        """What is missing when all was seen."""
        if self.number + 1 != self.webhook.next_sequence:
            yield _ends_elsewhere(self.webhook)
        for transaction_id in sorted(self.missing - self._purged()):
            message = f"was not told to {self.webhook.id}"
            yield Finding("delivery.missing", self.webhook.account_id, transaction_id, message)

    def _purged(self) -> set[str]:
        """What need not be there any more: as many as are gone, of those before the first."""
        end = len(self.told) if self.first is None else self.told.index(self.first)
        return set(self.told[: min(end, self.webhook.kept_from - 1)])


async def _check_deliveries(
    tx: ReadTx, webhook: WebhookRow, told: Sequence[str], after: int, history: History
) -> AsyncIterator[Finding]:
    """A webhook's part of the outbox beyond a number, in which all of `told` is to be found."""
    walk = _Walk(webhook, history, told, max(after, webhook.kept_from - 1))
    async for rows, attempts in walk_told(tx, webhook.shard, webhook.id, after):
        for row in rows:
            for finding in walk.see(row, attempts.pop(row.sequence, None)):
                yield finding
        for sequence in attempts:
            message = f"attempts tell of number {sequence}, which is not there"
            yield Finding("attempt.stray", webhook.account_id, webhook.id, message)
    for finding in walk.end():
        yield finding


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


def _check_delivery(row: DeliveryRow, webhook: WebhookRow) -> Iterator[tuple[str, str]]:
    # What an erased person's webhook was told is forgotten, and was over before.
    is_forgotten = not row.payload and webhook.is_forgotten and row.state != "pending"
    if not is_forgotten and not _says(row):
        yield "payload", f"does not say {row.event} of {row.subject}"
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
    data = payload.data
    subject = data.id or data.transaction_id or data.webhook_id
    return (payload.type, subject) == (row.event, row.subject)

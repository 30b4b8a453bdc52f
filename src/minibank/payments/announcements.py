"""What webhooks are told of what a command does: it all follows from the effect.

History that is written in now was not made now, and nobody is told of it. The payload is final
here, whatever becomes of things later: every attempt sends these bytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from minibank.core.ids import IdSource
from minibank.ledger.entries import main
from minibank.payments.effects import Effect
from minibank.payments.picture import Picture, Webhook
from minibank.pots.records import Pot
from minibank.pots.wire import WirePot, show_pot
from minibank.transactions.records import TransactionRecord
from minibank.transactions.wire import WireTransaction, show_record
from minibank.webhooks.events import (
    BALANCE_UPDATED,
    POT_DELETED,
    POT_UPDATED,
    TRANSACTION_CREATED,
    TRANSACTION_DECLINED,
    TRANSACTION_REVERSED,
    TRANSACTION_SETTLED,
    TRANSACTION_UPDATED,
    Event,
)
from minibank.webhooks.records import Delivery

_encode = msgspec.json.Encoder().encode


class TransactionEvent(msgspec.Struct, frozen=True):
    """The whole body of a request to a webhook; `data` is the bare transaction."""

    type: str
    data: WireTransaction


class NewBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What is available on an account after a transaction, in minor units."""

    account_id: str
    balance: int
    currency: str
    transaction_id: str


class BalanceEvent(msgspec.Struct, frozen=True):
    """The whole body of a request to a webhook that asked for balances."""

    type: str
    data: NewBalance


class PotEvent(msgspec.Struct, frozen=True):
    """The whole body of a request to a webhook that asked for pots; `data` is the bare pot."""

    type: str
    data: WirePot


@dataclass(frozen=True, slots=True)
class _Happening:
    """An event on an account, and the body that a webhook gets if it asked for it."""

    account_id: str
    event: Event
    subject: str
    body_for: Callable[[Webhook], bytes]


def draft_deliveries(picture: Picture, ids: IdSource, effect: Effect) -> tuple[Delivery, ...]:
    """What each webhook is told of an effect that the picture does not show yet."""
    if not picture.webhooks:
        return ()
    return tuple(
        Delivery(
            shard=webhook.shard,
            webhook_id=webhook.id,
            id=ids.new("delivery", webhook.shard, picture.instant),
            account_id=webhook.account_id,
            event=one.event,
            subject=one.subject,
            payload=one.body_for(webhook),
            target=webhook.target,
            state="pending" if webhook.is_sent else "cancelled",
        )
        for one in _happenings(picture, effect)
        for webhook in picture.webhooks.get(one.account_id, ())
        if one.event in webhook.events
    )


def _happenings(picture: Picture, effect: Effect) -> Iterator[_Happening]:
    for transaction in effect.transactions:
        before = picture.transactions.get(transaction.id)
        at = transaction.created_at if before is None else transaction.updated_at
        if at < picture.instant:
            continue
        events = _events_of_new(transaction) if before is None else _events_of(before, transaction)
        for event in events:
            yield _of_transaction(picture, event, transaction)
        change = _change(effect, transaction.account_id)
        if change:
            yield _of_balance(picture, transaction, change)
    made_at = min((one.created_at for one in effect.transactions), default=picture.instant)
    for pot in effect.pots:
        if min(made_at, pot.updated_at) >= picture.instant:
            yield _of_pot(picture, pot)


def _events_of_new(transaction: TransactionRecord) -> Iterator[Event]:
    yield TRANSACTION_CREATED
    if transaction.decline_reason is not None:
        yield TRANSACTION_DECLINED


def _events_of(before: TransactionRecord, after: TransactionRecord) -> Iterator[Event]:
    yield TRANSACTION_UPDATED
    if after.settled_at is not None and before.settled_at is None:
        yield TRANSACTION_SETTLED
    elif before.amount_is_pending and not after.amount_is_pending:
        yield TRANSACTION_REVERSED


def _of_transaction(picture: Picture, event: Event, transaction: TransactionRecord) -> _Happening:
    def body_for(webhook: Webhook) -> bytes:
        shown = show_record(transaction, webhook.settled_pending, picture.shown_merchants)
        return _encode(TransactionEvent(event, shown))

    return _Happening(transaction.account_id, event, transaction.id, body_for)


def _of_balance(picture: Picture, transaction: TransactionRecord, change: int) -> _Happening:
    account = picture.accounts[transaction.account_id]
    body = _encode(
        BalanceEvent(
            BALANCE_UPDATED,
            NewBalance(
                account_id=account.id,
                balance=account.available + change,
                currency=account.currency,
                transaction_id=transaction.id,
            ),
        )
    )
    return _Happening(account.id, BALANCE_UPDATED, transaction.id, lambda _: body)


def _of_pot(picture: Picture, pot: Pot) -> _Happening:
    event = POT_UPDATED if pot.deleted_at is None else POT_DELETED
    shown = show_pot(pot, picture.accounts[pot.account_id].currency, picture.instant)
    body = _encode(PotEvent(event, shown))
    return _Happening(pot.account_id, event, pot.id, lambda _: body)


def _change(effect: Effect, account_id: str) -> int:
    """By how much what is available on an account changes."""
    sets = (one for one in effect.entry_sets if one.account_id == account_id)
    return sum(one.total(main(account_id)) for one in sets)

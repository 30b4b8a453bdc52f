"""What webhooks are told of what a command does."""

import msgspec

from minibank.core.ids import IdSource
from minibank.payments.picture import Picture
from minibank.transactions.records import TransactionRecord
from minibank.transactions.wire import WireTransaction, show_record
from minibank.webhooks.events import TRANSACTION_CREATED
from minibank.webhooks.records import Delivery

_encode = msgspec.json.Encoder().encode


class TransactionEvent(msgspec.Struct, frozen=True):
    """The whole body of a request to a webhook; `data` is the bare transaction."""

    type: str
    data: WireTransaction


def draft_deliveries(
    picture: Picture, ids: IdSource, *transactions: TransactionRecord
) -> tuple[Delivery, ...]:
    """One delivery of each new transaction to each webhook of its account that asked for it.

    Declined ones are told of as well. History that is written now was not made now: nobody is told.
    The payload is final here, whatever becomes of the transaction: every attempt sends these bytes.
    """
    return tuple(
        Delivery(
            shard=webhook.shard,
            webhook_id=webhook.id,
            id=ids.new("delivery", webhook.shard, picture.instant),
            account_id=webhook.account_id,
            event=TRANSACTION_CREATED,
            subject=transaction.id,
            payload=_encode(
                TransactionEvent(
                    TRANSACTION_CREATED,
                    show_record(transaction, webhook.settled_pending, picture.shown_merchants),
                )
            ),
            target=webhook.target,
            state="cancelled" if webhook.disabled else "pending",
        )
        for transaction in transactions
        if transaction.created_at >= picture.instant
        for webhook in picture.webhooks.get(transaction.account_id, ())
        if TRANSACTION_CREATED in webhook.events
    )

"""Presentments and refunds: the scheme moves the money, and the bank books it.

A presentment is forced: the scheme has already paid the merchant, so it is booked whatever the
balance says.
"""

import msgspec

from minibank.core.errors import BadParam
from minibank.core.ids import IdSource
from minibank.ledger.entries import CARD_SETTLEMENT, held, main
from minibank.payments.cards import CARD_KEY, SCHEME, answer, draft_payment, with_hold
from minibank.payments.commands import PresentCard, RefundCard
from minibank.payments.drafts import (
    Draft,
    draft_posting,
    draft_transaction,
    local_after,
    local_money,
)
from minibank.payments.effects import Effect
from minibank.payments.picture import Picture


def present_card(command: PresentCard, picture: Picture, ids: IdSource) -> Effect:
    """Book the final amount and end the hold, if there is one.

    A presentment for a hold that time or the scheme has already undone settles that same
    transaction; a second one for the same authorisation is a payment of its own.
    """
    account = picture.account(command.account_id)
    happened_at = picture.happened_at(command, account)
    if command.authorisation_id is None:
        return _present_alone(command, picture, ids, happened_at)
    authorisation = picture.authorisation(command.authorisation_id, account)
    transaction = picture.transactions[authorisation.transaction_id]
    if authorisation.state == "presented":
        again = msgspec.structs.replace(
            command,
            card_id=authorisation.card_id,
            description=command.description or transaction.description,
            merchant_id=command.merchant_id or transaction.merchant_id,
        )
        return _present_alone(again, picture, ids, happened_at)
    beyond = command.amount - authorisation.held
    settled = msgspec.structs.replace(
        transaction,
        amount=-command.amount,
        local_amount=local_after(transaction, -command.amount, command.local_amount),
        settled_at=max(happened_at, transaction.created_at),
        updated_at=max(happened_at, transaction.updated_at),
        include_in_spending=True,
        amount_is_pending=False,
    )
    return Effect(
        answer(account, -beyond, transaction, authorisation),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (held(account.id), -authorisation.held),
            (main(account.id), -beyond),
            (CARD_SETTLEMENT, command.amount),
            code="presentment",
            happened_at=happened_at,
            forced=True,
        ),
        transactions=(settled,),
        authorisations=(with_hold(authorisation, 0, "presented"),),
    )


def refund_card(command: RefundCard, picture: Picture, ids: IdSource) -> Effect:
    """Give back what a merchant returns: a new, positive transaction, settled at once."""
    account = picture.account(command.account_id)
    happened_at = picture.happened_at(command, account)
    metadata: dict[str, str] = {}
    if command.card_id is not None:
        metadata[CARD_KEY] = picture.card(command.card_id, account).id
    if command.original_transaction_id is not None:
        original = picture.transactions.get(command.original_transaction_id)
        if original is None or original.account_id != account.id or original.kind != "card":
            raise BadParam("original_transaction_id", "names no card payment of this account")
        metadata["original_transaction_id"] = original.id
    transaction = draft_transaction(
        account,
        ids,
        Draft(
            kind="refund",
            amount=command.amount,
            happened_at=happened_at,
            description=command.description,
            scheme=SCHEME,
            dedupe_id=command.id,
            local=local_money(command.local_amount, command.local_currency, 1),
            merchant_id=command.merchant_id,
            category=picture.category(command.merchant_id),
            metadata=metadata,
        ),
    )
    return Effect(
        answer(account, command.amount, transaction),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (CARD_SETTLEMENT, -command.amount),
            (main(account.id), command.amount),
            code="refund",
            happened_at=happened_at,
            forced=True,
        ),
        transactions=(transaction,),
    )


def _present_alone(
    command: PresentCard, picture: Picture, ids: IdSource, happened_at: int
) -> Effect:
    """Book a presentment that no hold waits for."""
    account = picture.account(command.account_id)
    card = picture.card(command.card_id, account)
    draft = draft_payment(command, picture, card, happened_at, pending=False)
    transaction = draft_transaction(account, ids, draft)
    return Effect(
        answer(account, -command.amount, transaction),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (main(account.id), -command.amount),
            (CARD_SETTLEMENT, command.amount),
            code="presentment",
            happened_at=happened_at,
            forced=True,
        ),
        transactions=(transaction,),
    )

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
from minibank.payments.corrections import ORIGINAL_KEY, is_given_back, refund_of
from minibank.payments.drafts import (
    Draft,
    Local,
    booked,
    draft_posting,
    draft_transaction,
    local_after,
    local_money,
    local_or_own,
)
from minibank.payments.effects import Effect
from minibank.payments.picture import Account, Picture
from minibank.payments.suspense import suspended
from minibank.transactions.records import TransactionRecord


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
            local_currency=_local_currency(command, transaction),
        )
        return _present_alone(again, picture, ids, happened_at)
    beyond = command.amount - authorisation.held
    local = _local_settled(command, transaction)
    settled = msgspec.structs.replace(
        transaction,
        amount=-command.amount,
        local_amount=local.amount,
        local_currency=local.currency,
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
            # The scheme's day may begin before the payment that it names.
            happened_at=max(picture.value_date(command, account), transaction.created_at),
            forced=True,
        ),
        transactions=(settled,),
        authorisations=(with_hold(authorisation, 0, "presented"),),
    )


def refund_card(command: RefundCard, picture: Picture, ids: IdSource) -> Effect:
    """Give back what a merchant returns: a new, positive transaction, settled at once.

    On a closed account it goes into suspense, and so does what the bank has given back already, in
    a dispute about the payment that it names.
    """
    account = picture.account(command.account_id)
    value_date = picture.value_date(command, account)
    metadata: dict[str, str] = {}
    if command.card_id is not None:
        metadata[CARD_KEY] = picture.card(command.card_id, account).id
    paid: TransactionRecord | None = None
    if command.original_transaction_id is not None:
        paid = _require_paid(picture.transactions.get(command.original_transaction_id), account)
        metadata[ORIGINAL_KEY] = paid.id
    draft = Draft(
        kind="refund",
        amount=command.amount,
        happened_at=picture.happened_at(command, account),
        description=command.description,
        scheme=SCHEME,
        dedupe_id=command.id,
        local=local_money(command.local_amount, command.local_currency, 1),
        merchant_id=command.merchant_id,
        category=picture.category(command.merchant_id),
        metadata=metadata,
    )
    if account.state == "closed" or (paid and is_given_back(picture, paid, command.amount)):
        return suspended(picture, ids, account, draft, CARD_SETTLEMENT, value_date)
    effect = booked(
        picture,
        ids,
        account,
        draft,
        CARD_SETTLEMENT,
        code="refund",
        happened_at=value_date,
        forced=True,
    )
    if paid is None:
        return effect
    (given,) = effect.transactions
    return msgspec.structs.replace(effect, refunds=(refund_of(picture, paid.id, given),))


def _local_currency(command: PresentCard, transaction: TransactionRecord) -> str | None:
    """What the presentment's local amount is in: as it says, else as the authorisation said."""
    if command.local_currency is None and command.local_amount is not None:
        return transaction.local_currency
    return command.local_currency


def _local_settled(command: PresentCard, transaction: TransactionRecord) -> Local:
    """What the merchant charged in the end; what is not said keeps its proportion."""
    currency = _local_currency(command, transaction)
    told = local_money(command.local_amount, currency, -1)
    if told is None:
        amount = local_after(transaction, -command.amount)
        return Local(amount=amount, currency=transaction.local_currency)
    return local_or_own(told, -command.amount, transaction.currency)


def _require_paid(original: TransactionRecord | None, account: Account) -> TransactionRecord:
    """A card payment of this account that was not declined; else `BadParam`."""
    if (
        original is None
        or original.account_id != account.id
        or original.kind != "card"
        or original.decline_reason is not None
    ):
        raise BadParam(ORIGINAL_KEY, "names no card payment of this account")
    return original


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
            happened_at=picture.value_date(command, account),
            forced=True,
        ),
        transactions=(transaction,),
    )

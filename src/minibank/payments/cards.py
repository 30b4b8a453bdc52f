"""What card payments share: the scheme's words, the draft of a payment, the answer."""

import msgspec

from minibank.accounts.records import LimitName
from minibank.payments.commands import AuthoriseCard, Outcome, PresentCard
from minibank.payments.drafts import Draft, local_money
from minibank.payments.effects import Authorisation, AuthorisationState
from minibank.payments.picture import Account, Card, Picture
from minibank.transactions.records import DeclineReason, TransactionRecord

SCHEME = "mastercard"
CARD_KEY = "mastercard_card_id"


def draft_payment(
    command: AuthoriseCard | PresentCard,
    picture: Picture,
    card: Card,
    happened_at: int,
    *,
    pending: bool,
    decline_reason: DeclineReason | None = None,
) -> Draft:
    """A card payment's transaction, before the account has placed it."""
    joint = len(picture.owners.get(card.account_id, ())) > 1
    return Draft(
        kind="card",
        amount=-command.amount,
        happened_at=happened_at,
        description=command.description,
        scheme=SCHEME,
        dedupe_id=command.id,
        local=local_money(command.local_amount, command.local_currency, -1),
        merchant_id=command.merchant_id,
        category=picture.category(command.merchant_id),
        metadata=command.metadata | {CARD_KEY: card.id},
        user_id=card.user_id if joint else "",
        pending=pending,
        decline_reason=decline_reason,
    )


def with_hold(
    authorisation: Authorisation, held: int, state: AuthorisationState = "open"
) -> Authorisation:
    """The authorisation, holding this much, in this state."""
    return msgspec.structs.replace(authorisation, held=held, state=state)


def answer(
    account: Account,
    change: int,
    transaction: TransactionRecord,
    authorisation: Authorisation | None = None,
    decline_reason: DeclineReason | None = None,
    limit: LimitName | None = None,
) -> Outcome:
    """The outcome, when what is available changes by `change`; `limit` is why it was declined."""
    return Outcome(
        status="declined" if decline_reason else "done",
        balance=account.available + change,
        transaction_id=transaction.id,
        authorisation_id=authorisation.id if authorisation else None,
        decline_reason=decline_reason,
        limit=limit,
    )

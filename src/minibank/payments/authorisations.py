"""Card authorisations: each command's whole effect, in one function each.

The scheme asks (authorise), asks for more (increment) or gives up (reverse), or time passes
(expire). The money stays the customer's and is held until then.
"""

import msgspec

from minibank.accounts.records import LimitName
from minibank.core.errors import BadParam, Conflict
from minibank.core.ids import IdSource
from minibank.ledger.entries import held, main
from minibank.payments.cards import answer, draft_payment, with_hold
from minibank.payments.commands import (
    AuthoriseCard,
    ExpireAuthorisation,
    IncrementAuthorisation,
    ReverseAuthorisation,
)
from minibank.payments.drafts import draft_posting, draft_transaction, local_after
from minibank.payments.effects import Authorisation, AuthorisationState, Effect
from minibank.payments.limits import DECLINED_BY, limit_on_card
from minibank.payments.picture import Account, Card, Picture
from minibank.transactions.records import DeclineReason, TransactionRecord

HOLD_SECONDS_MAX = 366 * 24 * 3600
"""The longest life of a hold."""


def authorise_card(command: AuthoriseCard, picture: Picture, ids: IdSource) -> Effect:
    """Hold the money and answer yes, or keep a declined transaction and answer why not."""
    account = picture.account(command.account_id)
    card = picture.card(command.card_id, account)
    happened_at = picture.happened_at(command, account)
    hold_seconds = _hold_seconds(command, picture)
    reason, limit = _reason_to_decline(command, account, card, happened_at)
    draft = draft_payment(command, picture, card, happened_at, pending=True, decline_reason=reason)
    if limit:
        draft = msgspec.structs.replace(draft, metadata=draft.metadata | {DECLINED_BY: limit})
    transaction = draft_transaction(account, ids, draft)
    if reason:
        declined = answer(account, 0, transaction, decline_reason=reason, limit=limit)
        return Effect(declined, transactions=(transaction,))
    authorisation = Authorisation(
        shard=account.shard,
        id=ids.new("auth", account.shard, transaction.created_at),
        account_id=account.id,
        card_id=card.id,
        transaction_id=transaction.id,
        state="open",
        held=command.amount,
        expires_at=transaction.created_at + hold_seconds * 1_000_000,
    )
    return Effect(
        answer(account, -command.amount, transaction, authorisation),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (main(account.id), -command.amount),
            (held(account.id), command.amount),
            code="authorisation",
            happened_at=happened_at,
        ),
        transactions=(transaction,),
        authorisations=(authorisation,),
    )


def increment_authorisation(
    command: IncrementAuthorisation, picture: Picture, ids: IdSource
) -> Effect:
    """Hold more on the same transaction, or answer why not; a refused increment changes nothing."""
    account = picture.account(command.account_id)
    authorisation, transaction = _require_open(picture, command.authorisation_id, account)
    card = picture.card(authorisation.card_id, account)
    happened_at = picture.happened_at(command, account)
    reason, limit = _reason_to_decline(command, account, card, happened_at, -transaction.amount)
    if reason:
        declined = answer(account, 0, transaction, authorisation, reason, limit)
        return Effect(declined)
    amount = transaction.amount - command.amount
    charged = None
    if command.local_amount is not None:
        charged = abs(transaction.local_amount) + command.local_amount
    return Effect(
        answer(account, -command.amount, transaction, authorisation),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (main(account.id), -command.amount),
            (held(account.id), command.amount),
            code="increment",
            happened_at=happened_at,
        ),
        transactions=(
            msgspec.structs.replace(
                transaction,
                amount=amount,
                local_amount=local_after(transaction, amount, charged),
                updated_at=max(happened_at, transaction.updated_at),
            ),
        ),
        authorisations=(with_hold(authorisation, authorisation.held + command.amount),),
    )


def reverse_authorisation(command: ReverseAuthorisation, picture: Picture, ids: IdSource) -> Effect:
    """Let go of a hold, whole or in part; the transaction keeps what is left of its amount."""
    account = picture.account(command.account_id)
    authorisation, transaction = _require_open(picture, command.authorisation_id, account)
    happened_at = picture.happened_at(command, account)
    released = authorisation.held if command.amount is None else command.amount
    if released > authorisation.held:
        raise BadParam("amount", "is more than the authorisation holds")
    if released == authorisation.held:
        return _release(picture, ids, authorisation, happened_at, "reversed")
    amount = transaction.amount + released
    charged = None
    if command.local_amount is not None:
        charged = abs(transaction.local_amount) - command.local_amount
    return Effect(
        answer(account, released, transaction, authorisation),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (held(account.id), -released),
            (main(account.id), released),
            code="reversal",
            happened_at=happened_at,
        ),
        transactions=(
            msgspec.structs.replace(
                transaction,
                amount=amount,
                local_amount=local_after(transaction, amount, charged),
                updated_at=max(happened_at, transaction.updated_at),
            ),
        ),
        authorisations=(with_hold(authorisation, authorisation.held - released),),
    )


def expire_authorisation(command: ExpireAuthorisation, picture: Picture, ids: IdSource) -> Effect:
    """Let go of a hold that nobody presented."""
    account = picture.account(command.account_id)
    authorisation, _ = _require_open(picture, command.authorisation_id, account)
    happened_at = picture.happened_at(command, account)
    return _release(picture, ids, authorisation, happened_at, "expired")


def _hold_seconds(command: AuthoriseCard, picture: Picture) -> int:
    """How long the hold lives; `BadParam` when the command asks for the impossible."""
    if command.hold_seconds is None:
        return picture.hold_seconds
    if not 0 <= command.hold_seconds <= HOLD_SECONDS_MAX:
        raise BadParam("hold_seconds", f"must be between 0 and {HOLD_SECONDS_MAX}")
    return command.hold_seconds


def _reason_to_decline(
    command: AuthoriseCard | IncrementAuthorisation,
    account: Account,
    card: Card,
    happened_at: int,
    so_far: int = 0,
) -> tuple[DeclineReason | None, LimitName | None]:
    """Why the bank says no, and by which limit if that is why; None when it says yes.

    Of several reasons the first is told. The payment took `so_far` before, in minor units.
    """
    failed = card.expires_at <= happened_at or account.state != "open"
    cvc_ok: bool | None = None
    if isinstance(command, AuthoriseCard):
        cvc_ok = command.cvc_ok
        failed = failed or command.expiry_ok is False or command.pin_ok is False
    reasons: tuple[tuple[bool, DeclineReason], ...] = (
        (card.state == "inactive", "CARD_INACTIVE"),
        (card.state == "blocked", "CARD_BLOCKED"),
        (cvc_ok is False, "INVALID_CVC"),
        (failed, "OTHER"),
        (not account.can_pay(command.amount), "INSUFFICIENT_FUNDS"),
    )
    if reason := next((reason for applies, reason in reasons if applies), None):
        return reason, None
    limit = limit_on_card(account, command.amount, happened_at, so_far)
    # The API's documented reasons have no word for a limit.
    return ("OTHER", limit) if limit else (None, None)


def _require_open(
    picture: Picture, authorisation_id: str, account: Account
) -> tuple[Authorisation, TransactionRecord]:
    authorisation = picture.authorisation(authorisation_id, account)
    if authorisation.state != "open":
        raise Conflict(
            "conflict.authorisation_not_open", f"The authorisation is {authorisation.state}"
        )
    return authorisation, picture.transactions[authorisation.transaction_id]


def _release(
    picture: Picture,
    ids: IdSource,
    authorisation: Authorisation,
    happened_at: int,
    state: AuthorisationState,
) -> Effect:
    """Undo a whole hold: the same transaction, now of nothing."""
    account = picture.account(authorisation.account_id)
    transaction = picture.transactions[authorisation.transaction_id]
    undone = msgspec.structs.replace(
        transaction,
        amount=0,
        local_amount=0,
        updated_at=max(happened_at, transaction.updated_at),
        include_in_spending=False,
        amount_is_pending=False,
    )
    return Effect(
        answer(account, authorisation.held, transaction, authorisation),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (held(account.id), -authorisation.held),
            (main(account.id), authorisation.held),
            code="reversal" if state == "reversed" else "expiry",
            happened_at=happened_at,
        ),
        transactions=(undone,),
        authorisations=(with_hold(authorisation, 0, state),),
    )

"""Suspense: money that has moved and that no account gets, until somebody says whose it is.

It stands on `bank:suspense`, in the chain of the account that it was meant for or, where none is
known, of the bank's own account. There its transaction is declined: the account got nothing.

What a sender or a merchant sent to a closed account goes back by itself, unless somebody settles it
before. What has no sender to go back to waits for an operator: a transfer that the customer had
made and that came back, and all that stands in the chain of the bank's own account.
"""

import msgspec

from minibank.core.clock import MICROSECONDS
from minibank.core.errors import BadParam, Conflict
from minibank.core.ids import IdSource
from minibank.ledger.entries import CARD_SETTLEMENT, SUSPENSE, TRANSFER_SETTLEMENT, TRANSIT, main
from minibank.payments.cards import CARD_KEY
from minibank.payments.commands import Outcome, ResolveSuspense, Suspend
from minibank.payments.corrections import (
    ORIGINAL_KEY,
    correction,
    follow,
    original,
    refund_of,
)
from minibank.payments.drafts import Draft, Local, draft_posting, draft_transaction, local_money
from minibank.payments.effects import Correction, Effect
from minibank.payments.picture import SUSPENSE_ACCOUNT, Account, Picture
from minibank.transactions.records import TransactionRecord

DAY = 24 * 3600 * MICROSECONDS
_GOES_BACK = ("transfer_in", "refund")


def suspended(
    picture: Picture, ids: IdSource, account: Account, draft: Draft, source: str, happened_at: int
) -> Effect:
    """Money from the address `source` (to it, when negative) that the account does not get."""
    declined = msgspec.structs.replace(draft, decline_reason="OTHER")
    transaction = draft_transaction(account, ids, declined)
    opened = correction(picture, transaction, "suspense", abs(draft.amount), None, "open")
    return_at = _return_at(picture, account, transaction)
    return Effect(
        Outcome(
            status="declined",
            balance=account.available,
            transaction_id=transaction.id,
            decline_reason="OTHER",
        ),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (source, -draft.amount),
            (SUSPENSE, draft.amount),
            code="suspense",
            happened_at=happened_at,
            forced=True,
        ),
        transactions=(transaction,),
        corrections=(msgspec.structs.replace(opened, return_at=return_at),),
    )


def _return_at(picture: Picture, account: Account, transaction: TransactionRecord) -> int | None:
    """When this goes back by itself; its time begins when it is booked, whatever its value date."""
    days = picture.suspense_return_days
    if not days or account.state != "closed" or transaction.kind not in _GOES_BACK:
        return None
    return transaction.created_at + days * DAY


def suspend(command: Suspend, picture: Picture, ids: IdSource) -> Effect:
    """Put what the card scheme moved and nobody's account fits into suspense."""
    account = picture.any_account(command.account_id)
    if account.type != SUSPENSE_ACCOUNT:
        raise BadParam("account_id", "is not the bank's own account for suspense")
    sign = -1 if command.kind == "payment" else 1
    draft = Draft(
        kind="card" if command.kind == "payment" else "refund",
        amount=sign * command.amount,
        happened_at=picture.happened_at(command, account),
        description=command.description,
        scheme="mastercard",
        dedupe_id=command.id,
        local=local_money(command.local_amount, command.local_currency, sign),
        merchant_id=command.merchant_id,
        category=picture.category(command.merchant_id),
        metadata=command.metadata,
    )
    value_date = picture.value_date(command, account)
    return suspended(picture, ids, account, draft, CARD_SETTLEMENT, value_date)


def resolve_suspense(command: ResolveSuspense, picture: Picture, ids: IdSource) -> Effect:
    """Move what is in suspense to the account that it belongs to, or back to its scheme.

    The account may be the one that it came for: the bank lets a customer keep a refund besides what
    a dispute has given back.
    """
    holder = picture.any_account(command.account_id)
    before = _require_suspended(command, picture, holder)
    if command.payee_account_id is None:
        return _give_back(command, picture, ids, before)
    payee = picture.account_for_credit(command.payee_account_id)
    if payee.currency != holder.currency:
        raise BadParam("payee_account_id", "must be an account in the same currency")
    value_date = max(picture.value_date(command, one) for one in (holder, payee))
    happened_at = max(picture.happened_at(command, one) for one in (holder, payee))
    is_kept = payee.id == holder.id
    landed = draft_transaction(payee, ids, _landing(command, before, happened_at, is_kept))
    payment_id = _refunded_payment(before) if is_kept else None
    return Effect(
        Outcome(
            status="done",
            balance=holder.available,
            transaction_id=before.id,
            payee_transaction_id=landed.id,
        ),
        entry_sets=draft_posting(
            picture,
            ids,
            before,
            (SUSPENSE, -before.amount),
            (TRANSIT, before.amount),
            code="suspense_out",
            happened_at=value_date,
            forced=True,
        )
        + draft_posting(
            picture,
            ids,
            landed,
            (TRANSIT, -before.amount),
            (main(payee.id), before.amount),
            code="suspense_in",
            happened_at=value_date,
            forced=True,
        ),
        transactions=(landed,),
        corrections=(_settled(picture, before, landed),),
        refunds=(refund_of(picture, payment_id, landed),) if payment_id else (),
        also_recorded_on=None if is_kept else (payee.id, f"{holder.id}/{command.id}/credit"),
    )


def _landing(
    command: ResolveSuspense, before: TransactionRecord, happened_at: int, is_kept: bool
) -> Draft:
    """What was in suspense as the payee gets it: all that the scheme told.

    Another account does not learn of whose card it was, nor of which payment.
    """
    draft = follow(command, before, kind=before.kind, amount=before.amount, happened_at=happened_at)
    told = msgspec.json.decode(before.metadata, type=dict[str, str])
    if not is_kept:
        told = {key: value for key, value in told.items() if key not in (CARD_KEY, ORIGINAL_KEY)}
    return msgspec.structs.replace(
        draft,
        include_in_spending=True,
        local=Local(amount=before.local_amount, currency=before.local_currency),
        metadata=draft.metadata | told,
    )


def _refunded_payment(before: TransactionRecord) -> str | None:
    """The payment that a refund in suspense named."""
    if before.kind != "refund":
        return None
    return msgspec.json.decode(before.metadata, type=dict[str, str]).get(ORIGINAL_KEY)


def _give_back(
    command: ResolveSuspense, picture: Picture, ids: IdSource, before: TransactionRecord
) -> Effect:
    """Undo the scheme's movement by a new one, in the other direction."""
    holder = picture.any_account(before.account_id)
    of_card = before.kind in ("card", "refund")
    return Effect(
        Outcome(status="done", balance=holder.available, transaction_id=before.id),
        entry_sets=draft_posting(
            picture,
            ids,
            before,
            (SUSPENSE, -before.amount),
            (CARD_SETTLEMENT if of_card else TRANSFER_SETTLEMENT, before.amount),
            code="suspense_returned",
            happened_at=picture.value_date(command, holder),
            forced=True,
        ),
        corrections=(_settled(picture, before, None),),
    )


def _settled(
    picture: Picture, before: TransactionRecord, landed: TransactionRecord | None
) -> Correction:
    """The row of what is in suspense no more; it goes on saying when it was to go back."""
    ended = correction(picture, before, "suspense", abs(before.amount), landed)
    return msgspec.structs.replace(ended, return_at=picture.corrections[before.id].return_at)


def _require_suspended(
    command: ResolveSuspense, picture: Picture, holder: Account
) -> TransactionRecord:
    """The transaction, when its money stands in suspense; else `BadParam` or `Conflict`."""
    before = original(picture, holder, command.original_transaction_id)
    known = picture.corrections.get(command.original_transaction_id)
    if before is None or known is None or known.kind != "suspense":
        raise BadParam(ORIGINAL_KEY, "names nothing that is in suspense on this account")
    if known.state != "open":
        raise Conflict("conflict.already_corrected", "It is in suspense no more")
    return before

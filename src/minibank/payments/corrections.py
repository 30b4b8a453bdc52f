"""What follows a transaction: finding the one that a command names, and drafting the next."""

import msgspec

from minibank.core.errors import BadParam, Conflict
from minibank.payments.commands import Command, Counterparty
from minibank.payments.drafts import Draft
from minibank.payments.effects import (
    Correction,
    CorrectionKind,
    CorrectionState,
    Effect,
    Refund,
)
from minibank.payments.picture import Account, Picture
from minibank.transactions.records import Kind, TransactionRecord

REASON_MAX = 255
ORIGINAL_KEY = "original_transaction_id"
"""Under what a transaction says in its metadata which one it follows."""


def original(picture: Picture, account: Account, transaction_id: str) -> TransactionRecord | None:
    """The account's transaction of this id, if it has one."""
    found = picture.transactions.get(transaction_id)
    return found if found is not None and found.account_id == account.id else None


def require_booked(found: TransactionRecord | None, kind: Kind, thing: str) -> TransactionRecord:
    """A transaction of this kind that moved the account's money and is settled, else `BadParam`."""
    if found is None or found.kind != kind or found.settled_at is None or found.decline_reason:
        raise BadParam(ORIGINAL_KEY, f"names no {thing} of this account")
    return found


def require_uncorrected(picture: Picture, transaction: TransactionRecord) -> None:
    """`Conflict` when something of this kind has followed the transaction already."""
    known = picture.corrections.get(transaction.id)
    if known is not None:
        raise Conflict(
            "conflict.already_corrected",
            f"This happens to a transaction once; there is a {known.kind} already",
        )


def disputable(picture: Picture, payment: TransactionRecord) -> int:
    """What refunds have left of a card payment, in minor units; a merchant may give back more."""
    return max(0, -payment.amount - picture.refunded.get(payment.id, 0))


def is_given_back(picture: Picture, payment: TransactionRecord, amount: int) -> bool:
    """Whether a refund of `amount` would give back what the bank has credited in a dispute.

    A dispute that was lost credited nothing in the end.
    """
    dispute = picture.corrections.get(payment.id)
    if dispute is None or dispute.kind != "chargeback" or dispute.state == "lost":
        return False
    return amount > disputable(picture, payment) - dispute.amount


def refund_of(picture: Picture, payment_id: str, given: TransactionRecord) -> Refund:
    """The row that says that `given` has given back of a payment of the same account."""
    return Refund(
        shard=given.shard,
        transaction_id=payment_id,
        refund_id=given.id,
        account_id=given.account_id,
        amount=given.amount,
        booked_at=picture.instant,
    )


def part_of(amount: int | None, transaction: TransactionRecord) -> int:
    """What is to be given back of a transaction: all of it, or less; else `BadParam`."""
    whole = abs(transaction.amount)
    if amount is not None and amount > whole:
        raise BadParam("amount", "is more than the transaction moved")
    return whole if amount is None else amount


def follow(
    command: Command,
    before: TransactionRecord,
    *,
    kind: Kind,
    amount: int,
    happened_at: int,
    reason: str = "",
) -> Draft:
    """The draft of a transaction that follows another one; it tells of the same other side."""
    if len(reason) > REASON_MAX:
        raise BadParam("reason", f"must have at most {REASON_MAX} characters")
    return Draft(
        kind=kind,
        amount=amount,
        happened_at=happened_at,
        description=before.description,
        scheme=before.scheme,
        dedupe_id=command.id,
        merchant_id=before.merchant_id,
        category=before.category,
        metadata={ORIGINAL_KEY: before.id} | ({"reason": reason} if reason else {}),
        counterparty=msgspec.json.decode(before.counterparty, type=Counterparty),
        user_id=before.user_id,
        include_in_spending=before.include_in_spending,
    )


def correction(
    picture: Picture,
    before: TransactionRecord,
    kind: CorrectionKind,
    amount: int,
    after: TransactionRecord | None,
    state: CorrectionState = "done",
) -> Correction:
    """The row that says what followed `before`: the transaction `after`, if there is one."""
    return Correction(
        shard=before.shard,
        transaction_id=before.id,
        account_id=before.account_id,
        kind=kind,
        state=state,
        amount=amount,
        correction_id=after.id if after else None,
        changed_at=picture.instant,
    )


def corrected(
    effect: Effect,
    picture: Picture,
    before: TransactionRecord,
    kind: CorrectionKind,
    state: CorrectionState = "done",
) -> Effect:
    """The effect, which also says that its one transaction follows `before`."""
    (after,) = effect.transactions
    noted = correction(picture, before, kind, abs(after.amount), after, state)
    return msgspec.structs.replace(effect, corrections=(*effect.corrections, noted))

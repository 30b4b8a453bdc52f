"""Fees and adjustments: what the bank itself books, each command's whole effect in one function.

They are forced: a fee was agreed to with the tariff, and an adjustment states what the balance
should have been. Neither asks for a limit.
"""

from minibank.core.errors import BadParam, MissingParam
from minibank.core.ids import IdSource
from minibank.ledger.entries import ADJUSTMENTS, FEES, main
from minibank.payments.commands import AdjustBalance, ChargeFee, Outcome, ReverseFee
from minibank.payments.corrections import (
    REASON_MAX,
    corrected,
    follow,
    original,
    part_of,
    require_booked,
    require_uncorrected,
)
from minibank.payments.drafts import Draft, booked, draft_posting, draft_transaction
from minibank.payments.effects import Effect
from minibank.payments.picture import Picture
from minibank.transactions.records import TransactionRecord

SCHEME = "ledger_adjustment"
"""What the API calls what no scheme carried."""


def charge_fee(command: ChargeFee, picture: Picture, ids: IdSource) -> Effect:
    """Take a fee, whatever the balance; an account that is closed pays none any more."""
    account = picture.account_for_credit(command.account_id)
    if len(command.reason) > REASON_MAX:
        raise BadParam("reason", f"must have at most {REASON_MAX} characters")
    draft = Draft(
        kind="fee",
        amount=-command.amount,
        happened_at=picture.happened_at(command, account),
        description=command.description,
        scheme=SCHEME,
        dedupe_id=command.id,
        metadata={"reason": command.reason} if command.reason else {},
    )
    value_date = picture.value_date(command, account)
    return booked(
        picture, ids, account, draft, FEES, code="fee", happened_at=value_date, forced=True
    )


def reverse_fee(command: ReverseFee, picture: Picture, ids: IdSource) -> Effect:
    """Give a fee back, whole or in part, once."""
    account = picture.account_for_credit(command.account_id)
    before = _require_fee(original(picture, account, command.original_transaction_id))
    require_uncorrected(picture, before)
    amount = part_of(command.amount, before)
    draft = follow(
        command,
        before,
        kind="fee",
        amount=amount,
        happened_at=picture.happened_at(command, account),
        reason=command.reason,
    )
    value_date = picture.value_date(command, account)
    effect = booked(
        picture, ids, account, draft, FEES, code="fee_reversal", happened_at=value_date, forced=True
    )
    return corrected(effect, picture, before, "fee_reversal")


def adjust_balance(command: AdjustBalance, picture: Picture, ids: IdSource) -> Effect:
    """Put a balance right, up or down, in whatever state the account is."""
    account = picture.account(command.account_id)
    for name in ("reason", "made_by"):
        value = getattr(command, name)
        if not value.strip():
            raise MissingParam(name)
        if len(value) > REASON_MAX:
            raise BadParam(name, f"must have at most {REASON_MAX} characters")
    draft = Draft(
        kind="adjustment",
        amount=command.amount,
        happened_at=picture.happened_at(command, account),
        description=command.description,
        scheme=SCHEME,
        dedupe_id=command.id,
        metadata={"reason": command.reason},
        include_in_spending=False,
    )
    transaction = draft_transaction(account, ids, draft)
    return Effect(
        Outcome(
            status="done",
            balance=account.available + command.amount,
            transaction_id=transaction.id,
            made_by=command.made_by,
        ),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (ADJUSTMENTS, -command.amount),
            (main(account.id), command.amount),
            code="adjustment",
            happened_at=picture.value_date(command, account),
            forced=True,
        ),
        transactions=(transaction,),
    )


def _require_fee(found: TransactionRecord | None) -> TransactionRecord:
    """A fee that was taken, not one that was given back."""
    fee = require_booked(found, "fee", "fee")
    return require_booked(fee if fee.amount < 0 else None, "fee", "fee")

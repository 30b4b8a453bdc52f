"""Disputed card payments: each command's whole effect, in one function each.

The bank credits the customer when a dispute is opened and waits for the scheme. Until then the
money stands on `bank:chargebacks`.
"""

import msgspec

from minibank.core.errors import BadParam, Conflict
from minibank.core.ids import IdSource
from minibank.ledger.entries import CARD_SETTLEMENT, CHARGEBACKS
from minibank.payments.commands import OpenChargeback, Outcome, ResolveChargeback
from minibank.payments.corrections import (
    ORIGINAL_KEY,
    corrected,
    disputable,
    follow,
    original,
    require_booked,
    require_uncorrected,
)
from minibank.payments.drafts import booked, draft_posting
from minibank.payments.effects import Correction, Effect
from minibank.payments.picture import Account, Picture
from minibank.transactions.records import TransactionRecord


def open_chargeback(command: OpenChargeback, picture: Picture, ids: IdSource) -> Effect:
    """Credit a disputed payment for the time being; each payment can be disputed once.

    What refunds gave back is no longer in dispute.
    """
    account = picture.account_for_credit(command.account_id)
    found = original(picture, account, command.original_transaction_id)
    before = require_booked(found, "card", "settled card payment")
    require_uncorrected(picture, before)
    left = disputable(picture, before)
    if left == 0 and before.amount:
        raise Conflict("conflict.already_corrected", "All of the payment was refunded already")
    if command.amount is not None and command.amount > left:
        raise BadParam("amount", "is more than refunds have left of the payment")
    if left == 0:
        raise BadParam(ORIGINAL_KEY, "names a payment of nothing")
    amount = left if command.amount is None else command.amount
    happened_at = picture.happened_at(command, account)
    draft = follow(
        command,
        before,
        kind="chargeback",
        amount=amount,
        happened_at=happened_at,
        reason=command.reason,
    )
    effect = booked(
        picture,
        ids,
        account,
        draft,
        CHARGEBACKS,
        code="chargeback",
        happened_at=happened_at,
        forced=True,
    )
    return corrected(effect, picture, before, "chargeback", "open")


def resolve_chargeback(command: ResolveChargeback, picture: Picture, ids: IdSource) -> Effect:
    """The scheme pays, and the customer's credit stays; or it does not, and it is taken back."""
    account = picture.account(command.account_id)
    before, dispute = _require_dispute(command, picture, account)
    if command.result not in ("won", "lost"):
        raise BadParam("result", "must be won or lost")
    if command.result == "won":
        return _win(command, picture, ids, before, dispute)
    draft = follow(
        command,
        before,
        kind="chargeback",
        amount=-dispute.amount,
        happened_at=picture.happened_at(command, account),
    )
    effect = booked(
        picture,
        ids,
        account,
        draft,
        CHARGEBACKS,
        code="chargeback_lost",
        happened_at=picture.value_date(command, account),
        forced=True,
    )
    return corrected(effect, picture, before, "chargeback", "lost")


def _win(
    command: ResolveChargeback,
    picture: Picture,
    ids: IdSource,
    before: TransactionRecord,
    dispute: Correction,
) -> Effect:
    """What the scheme owes takes the place of what the bank had laid out."""
    account = picture.account(before.account_id)
    return Effect(
        Outcome(status="done", balance=account.available, transaction_id=before.id),
        entry_sets=draft_posting(
            picture,
            ids,
            before,
            (CARD_SETTLEMENT, -dispute.amount),
            (CHARGEBACKS, dispute.amount),
            code="chargeback_won",
            happened_at=picture.value_date(command, account),
            forced=True,
        ),
        corrections=(msgspec.structs.replace(dispute, state="won", changed_at=picture.instant),),
    )


def _require_dispute(
    command: ResolveChargeback, picture: Picture, account: Account
) -> tuple[TransactionRecord, Correction]:
    """The payment and its dispute, when that is open; else `BadParam` or `Conflict`."""
    before = original(picture, account, command.original_transaction_id)
    dispute = picture.corrections.get(command.original_transaction_id)
    if before is None or dispute is None or dispute.kind != "chargeback":
        raise BadParam(ORIGINAL_KEY, "names no payment of this account that is disputed")
    if dispute.state != "open":
        raise Conflict("conflict.already_corrected", f"The dispute was {dispute.state} already")
    return before, dispute

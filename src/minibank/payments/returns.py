"""Transfers that come back or are sent back: each command's whole effect, in one function each."""

from minibank.core.errors import BadParam, InsufficientFunds
from minibank.core.ids import IdSource
from minibank.ledger.entries import TRANSFER_SETTLEMENT
from minibank.payments.commands import RejectTransfer, ReturnTransfer, SendTransferBack
from minibank.payments.corrections import (
    ORIGINAL_KEY,
    corrected,
    follow,
    original,
    part_of,
    require_booked,
    require_uncorrected,
)
from minibank.payments.drafts import booked
from minibank.payments.effects import CorrectionKind, Effect
from minibank.payments.picture import Account, Picture
from minibank.payments.suspense import suspended
from minibank.payments.transfers import TRANSFER_SCHEMES
from minibank.transactions.records import Kind, TransactionRecord


def return_transfer(command: ReturnTransfer, picture: Picture, ids: IdSource) -> Effect:
    """Credit what the other bank did not keep."""
    return _come_back(command, picture, ids, "return", command.amount)


def reject_transfer(command: RejectTransfer, picture: Picture, ids: IdSource) -> Effect:
    """Credit what the scheme never carried: the money is the customer's again, all of it."""
    return _come_back(command, picture, ids, "rejection", None)


def send_transfer_back(command: SendTransferBack, picture: Picture, ids: IdSource) -> Effect:
    """Send back what another bank had sent; `InsufficientFunds` leaves nothing behind.

    A frozen account may be sent back from: it is the bank that decides, and the money leaves to
    where it came from.
    """
    account = picture.account_for_credit(command.account_id)
    before = _require_transfer(picture, account, command.original_transaction_id, "transfer_in")
    amount = part_of(command.amount, before)
    happened_at = picture.happened_at(command, account)
    if not account.can_pay(amount):
        raise InsufficientFunds
    draft = follow(
        command,
        before,
        kind="transfer_return",
        amount=-amount,
        happened_at=happened_at,
        reason=command.reason,
    )
    effect = booked(
        picture,
        ids,
        account,
        draft,
        TRANSFER_SETTLEMENT,
        code="transfer_sent_back",
        happened_at=happened_at,
    )
    return corrected(effect, picture, before, "sent_back")


def _come_back(
    command: ReturnTransfer | RejectTransfer,
    picture: Picture,
    ids: IdSource,
    kind: CorrectionKind,
    wanted: int | None,
) -> Effect:
    """Book money that is back already: on the account, or in suspense when that is closed."""
    account = picture.account(command.account_id)
    before = _require_transfer(picture, account, command.original_transaction_id, "transfer_out")
    amount = part_of(wanted, before)
    value_date = picture.value_date(command, account)
    draft = follow(
        command,
        before,
        kind="transfer_return",
        amount=amount,
        happened_at=picture.happened_at(command, account),
        reason=command.reason,
    )
    if account.state == "closed":
        effect = suspended(picture, ids, account, draft, TRANSFER_SETTLEMENT, value_date)
    else:
        effect = booked(
            picture,
            ids,
            account,
            draft,
            TRANSFER_SETTLEMENT,
            code="transfer_returned" if kind == "return" else "transfer_rejected",
            happened_at=value_date,
            forced=True,
        )
    return corrected(effect, picture, before, kind)


def _require_transfer(
    picture: Picture, account: Account, transaction_id: str, kind: Kind
) -> TransactionRecord:
    """A transfer of this direction with another bank that is still as it was made."""
    before = require_booked(original(picture, account, transaction_id), kind, "transfer")
    if before.scheme not in TRANSFER_SCHEMES:
        raise BadParam(ORIGINAL_KEY, "names a transfer within the bank")
    require_uncorrected(picture, before)
    return before

"""The fold: recognise, decide, apply, one command after the other in order of arrival."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from minibank.core.errors import BadParam, BankError, Conflict, InternalService
from minibank.core.ids import IdSource
from minibank.core.money import AMOUNT_MAX
from minibank.payments import (
    authorisations,
    cash,
    chargebacks,
    charges,
    pots,
    presentments,
    returns,
    suspense,
    transfers,
)
from minibank.payments.announcements import draft_deliveries
from minibank.payments.commands import (
    AdjustBalance,
    AuthoriseCard,
    ChargeFee,
    Command,
    DeletePot,
    DepositCash,
    DepositIntoPot,
    ExpireAuthorisation,
    IncrementAuthorisation,
    OpenChargeback,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    RejectTransfer,
    ResolveChargeback,
    ResolveSuspense,
    ReturnTransfer,
    ReverseAuthorisation,
    ReverseFee,
    SendTransfer,
    SendTransferBack,
    Suspend,
    TopUp,
    TransferBetween,
    WithdrawCash,
    WithdrawFromPot,
)
from minibank.payments.effects import Effect
from minibank.payments.picture import Answer, Picture, require_range
from minibank.payments.prepared import Prepared
from minibank.webhooks.records import Delivery

log = structlog.get_logger()

Decision = Callable[[Any, Picture, IdSource], Effect]

DECISIONS: dict[type[Command], Decision] = {
    TopUp: transfers.top_up,
    ReceiveTransfer: transfers.receive_transfer,
    SendTransfer: transfers.send_transfer,
    TransferBetween: transfers.transfer_between,
    AuthoriseCard: authorisations.authorise_card,
    IncrementAuthorisation: authorisations.increment_authorisation,
    ReverseAuthorisation: authorisations.reverse_authorisation,
    ExpireAuthorisation: authorisations.expire_authorisation,
    PresentCard: presentments.present_card,
    RefundCard: presentments.refund_card,
    DepositIntoPot: pots.deposit_into_pot,
    WithdrawFromPot: pots.withdraw_from_pot,
    DeletePot: pots.delete_pot,
    ReturnTransfer: returns.return_transfer,
    RejectTransfer: returns.reject_transfer,
    SendTransferBack: returns.send_transfer_back,
    DepositCash: cash.deposit_cash,
    WithdrawCash: cash.withdraw_cash,
    ChargeFee: charges.charge_fee,
    ReverseFee: charges.reverse_fee,
    AdjustBalance: charges.adjust_balance,
    OpenChargeback: chargebacks.open_chargeback,
    ResolveChargeback: chargebacks.resolve_chargeback,
    Suspend: suspense.suspend,
    ResolveSuspense: suspense.resolve_suspense,
}

_MAY_BE_ZERO = (AuthoriseCard, PresentCard)
"""Card checks ask for nothing, and a presentment may come to nothing."""


def decide_all(prepared: Sequence[Prepared], picture: Picture, ids: IdSource) -> list[Answer]:
    """Answer every command; each sees what those before it did, and fails alone."""
    return [_answer(one, picture, ids) for one in prepared]


def _answer(prepared: Prepared, picture: Picture, ids: IdSource) -> Answer:
    command = prepared.command
    known = picture.recorded.get((command.account_id, command.issuer, command.id))
    if known is not None:
        if known.digest != prepared.digest:
            return Conflict(
                "conflict.command_id_reused", "This id was used for a command of other content"
            )
        return known.outcome
    try:
        effect, deliveries = _decide(command, picture, ids.scope(_scope(command)))
    except BankError as refusal:
        return refusal
    except Exception:
        log.exception("a decision failed", command=type(command).__name__)
        return InternalService()
    picture.apply(effect, deliveries)
    return picture.record(command, prepared.digest, effect)


def _decide(
    command: Command, picture: Picture, ids: IdSource
) -> tuple[Effect, tuple[Delivery, ...]]:
    """What a command does, and what webhooks are told of it."""
    _require_amounts(command)
    effect = DECISIONS[type(command)](command, picture, ids)
    require_range(effect, picture)
    return effect, draft_deliveries(picture, ids, effect)


def _scope(command: Command) -> str:
    return f"{command.issuer}\n{command.account_id}\n{command.id}"


def _require_amounts(command: Command) -> None:
    """Amounts are magnitudes within what the bank can count; `BadParam` otherwise."""
    least = 0 if isinstance(command, _MAY_BE_ZERO) else 1
    for name, smallest in (("amount", least), ("local_amount", 0)):
        amount = getattr(command, name, None)
        if isinstance(command, AdjustBalance):
            amount = abs(amount or 0)
        if amount is not None and not smallest <= amount <= AMOUNT_MAX:
            raise BadParam(name, f"must be between {smallest} and {AMOUNT_MAX}")

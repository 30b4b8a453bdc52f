"""Transfers and top-ups: each command's whole effect, in one function each."""

from typing import get_args

from minibank.core.errors import BadParam, InsufficientFunds
from minibank.core.ids import IdSource
from minibank.ledger.entries import TOP_UP_SETTLEMENT, TRANSFER_SETTLEMENT, TRANSIT, main
from minibank.payments.commands import (
    Counterparty,
    Outcome,
    ReceiveTransfer,
    SendTransfer,
    TopUp,
    TransferBetween,
    TransferScheme,
)
from minibank.payments.drafts import Draft, booked, draft_posting, draft_transaction
from minibank.payments.effects import Effect
from minibank.payments.limits import require_may_receive, require_may_send
from minibank.payments.picture import Account, Picture
from minibank.payments.suspense import suspended

BETWEEN = "p2p_payment"
TRANSFER_SCHEMES = get_args(TransferScheme)
END_TO_END_MAX = 35
"""How long an end-to-end id may be in ISO 20022."""


def top_up(command: TopUp, picture: Picture, ids: IdSource) -> Effect:
    """Load money onto the account."""
    account = picture.open_account(command.account_id)
    happened_at = picture.happened_at(command, account)
    require_may_receive(account, command.amount)
    draft = Draft(
        kind="top_up",
        amount=command.amount,
        happened_at=happened_at,
        description=command.description,
        scheme="topup",
        dedupe_id=command.id,
        category="mondo",
        is_load=True,
        originator=True,
    )
    return booked(
        picture, ids, account, draft, TOP_UP_SETTLEMENT, code="top_up", happened_at=happened_at
    )


def receive_transfer(command: ReceiveTransfer, picture: Picture, ids: IdSource) -> Effect:
    """Book what another bank sends: on the account, or in suspense when that is closed."""
    account = picture.account(command.account_id)
    _require_transfer(command)
    value_date = picture.value_date(command, account)
    draft = Draft(
        kind="transfer_in",
        amount=command.amount,
        happened_at=picture.happened_at(command, account),
        description=command.description,
        scheme=command.scheme,
        dedupe_id=command.id,
        category=command.category,
        metadata=_trace(command),
        counterparty=command.counterparty,
    )
    if account.state == "closed":
        return suspended(picture, ids, account, draft, TRANSFER_SETTLEMENT, value_date)
    require_may_receive(account, command.amount)
    return booked(
        picture,
        ids,
        account,
        draft,
        TRANSFER_SETTLEMENT,
        code="transfer_in",
        happened_at=value_date,
    )


def send_transfer(command: SendTransfer, picture: Picture, ids: IdSource) -> Effect:
    """Send money to another bank; `InsufficientFunds` leaves nothing behind."""
    account = picture.open_account(command.account_id)
    _require_transfer(command)
    happened_at = picture.happened_at(command, account)
    if not account.can_pay(command.amount):
        raise InsufficientFunds
    require_may_send(account, command.amount, happened_at)
    draft = Draft(
        kind="transfer_out",
        amount=-command.amount,
        happened_at=happened_at,
        description=command.description,
        scheme=command.scheme,
        dedupe_id=command.id,
        category=command.category,
        metadata=_trace(command),
        counterparty=command.counterparty,
        user_id=picture.told_user(account, command.user_id),
        originator=True,
    )
    return booked(
        picture,
        ids,
        account,
        draft,
        TRANSFER_SETTLEMENT,
        code="transfer_out",
        happened_at=happened_at,
    )


def transfer_between(command: TransferBetween, picture: Picture, ids: IdSource) -> Effect:
    """Move money from one customer to another: two transactions, one decision, both or neither.

    Each account gets its own balanced entry set against the transit address, so that each
    account's chain tells its own story and the transit address is back at zero.
    """
    payer = picture.open_account(command.account_id)
    payee = picture.account_for_credit(command.payee_account_id)
    if payee.id == payer.id or payee.currency != payer.currency:
        raise BadParam("payee_account_id", "must be another account in the same currency")
    happened_at = max(picture.happened_at(command, account) for account in (payer, payee))
    if not payer.can_pay(command.amount):
        raise InsufficientFunds
    require_may_send(payer, command.amount, happened_at)
    require_may_receive(payee, command.amount)
    debit = draft_transaction(
        payer, ids, _side(command, picture, payer, payee, -command.amount, happened_at)
    )
    credit = draft_transaction(
        payee, ids, _side(command, picture, payee, payer, command.amount, happened_at)
    )
    return Effect(
        Outcome(
            status="done",
            balance=payer.available - command.amount,
            transaction_id=debit.id,
            payee_transaction_id=credit.id,
        ),
        entry_sets=draft_posting(
            picture,
            ids,
            debit,
            (main(payer.id), -command.amount),
            (TRANSIT, command.amount),
            code="transfer_out",
            happened_at=happened_at,
        )
        + draft_posting(
            picture,
            ids,
            credit,
            (TRANSIT, -command.amount),
            (main(payee.id), command.amount),
            code="transfer_in",
            happened_at=happened_at,
        ),
        transactions=(debit, credit),
        # With the payer's account: two payers may use the same id, and each identity is its own.
        also_recorded_on=(payee.id, f"{payer.id}/{command.id}/credit"),
    )


def _side(
    command: TransferBetween,
    picture: Picture,
    account: Account,
    other: Account,
    amount: int,
    happened_at: int,
) -> Draft:
    """One customer's view of a transfer: the other is the counterparty."""
    owners = picture.owners.get(account.id, [])
    others = picture.owners.get(other.id, [])
    own_money = bool({owner.user_id for owner in owners} & {owner.user_id for owner in others})
    return Draft(
        kind="transfer_out" if amount < 0 else "transfer_in",
        amount=amount,
        happened_at=happened_at,
        description=command.description,
        scheme=BETWEEN,
        dedupe_id=command.id,
        counterparty=Counterparty(
            name=" & ".join(owner.name for owner in others),
            sort_code=other.sort_code,
            account_number=other.account_number,
            user_id=others[0].user_id if others else "",
        ),
        user_id=picture.told_user(account, command.user_id) if amount < 0 else "",
        originator=amount < 0,
        include_in_spending=not own_money,
    )


def _trace(command: ReceiveTransfer | SendTransfer) -> dict[str, str]:
    """The transfer's own end-to-end name, under the key that the API knows."""
    return {"trn": command.end_to_end_id} if command.end_to_end_id else {}


def _require_transfer(command: ReceiveTransfer | SendTransfer) -> None:
    """`BadParam` for another side, a scheme or a name that no scheme could carry."""
    if command.scheme not in TRANSFER_SCHEMES:
        raise BadParam("scheme", f"must be one of {', '.join(TRANSFER_SCHEMES)}")
    if len(command.end_to_end_id) > END_TO_END_MAX:
        raise BadParam("end_to_end_id", f"must have at most {END_TO_END_MAX} characters")
    for name, digits in (("sort_code", 6), ("account_number", 8)):
        value = getattr(command.counterparty, name)
        if value and not (len(value) == digits and value.isascii() and value.isdigit()):
            raise BadParam(f"counterparty.{name}", f"must be {digits} digits, or empty")

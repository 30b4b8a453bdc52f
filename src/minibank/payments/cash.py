"""Cash over a counter or at an agent's: each command's whole effect, in one function each."""

from typing import get_args

from minibank.core.errors import BadParam, InsufficientFunds
from minibank.core.ids import IdSource
from minibank.ledger.entries import CASH
from minibank.payments.commands import DepositCash, DepositScheme, WithdrawCash
from minibank.payments.drafts import Draft, booked
from minibank.payments.effects import Effect
from minibank.payments.limits import require_may_pay, require_may_receive
from minibank.payments.picture import Picture


def deposit_cash(command: DepositCash, picture: Picture, ids: IdSource) -> Effect:
    """Credit notes that were paid in; a closed account takes none, and they are handed back."""
    account = picture.account_for_credit(command.account_id)
    if command.scheme not in get_args(DepositScheme):
        raise BadParam("scheme", f"must be one of {', '.join(get_args(DepositScheme))}")
    require_may_receive(account, command.amount)
    draft = Draft(
        kind="cash_in",
        amount=command.amount,
        happened_at=picture.happened_at(command, account),
        description=command.description,
        scheme=command.scheme,
        dedupe_id=command.id,
        category="cash",
        user_id=picture.told_user(account, command.user_id),
        originator=True,
    )
    value_date = picture.value_date(command, account)
    return booked(picture, ids, account, draft, CASH, code="cash_in", happened_at=value_date)


def withdraw_cash(command: WithdrawCash, picture: Picture, ids: IdSource) -> Effect:
    """Hand notes out; `InsufficientFunds` and `LimitExceeded` leave nothing behind."""
    account = picture.open_account(command.account_id)
    if command.scheme != "cash":
        raise BadParam("scheme", "must be cash")
    happened_at = picture.happened_at(command, account)
    if not account.can_pay(command.amount):
        raise InsufficientFunds
    require_may_pay(account, command.amount)
    draft = Draft(
        kind="cash_out",
        amount=-command.amount,
        happened_at=happened_at,
        description=command.description,
        scheme=command.scheme,
        dedupe_id=command.id,
        category="cash",
        user_id=picture.told_user(account, command.user_id),
        originator=True,
    )
    return booked(picture, ids, account, draft, CASH, code="cash_out", happened_at=happened_at)

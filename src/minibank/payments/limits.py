"""The limits of an account: what a decision may not go beyond, and what counts of a day.

What card payments and transfers out took on the customer's day is counted on the account's own row,
under its lock, and only where there is a limit of a day. What is added counts on the day it is
added; what is given back counts only on the day of its payment, so that nobody makes room for today
by undoing yesterday. Forced postings count and are never refused.
"""

from functools import lru_cache
from typing import Protocol

from minibank.accounts.balance import day_start
from minibank.accounts.records import LimitName
from minibank.core.errors import LimitExceeded
from minibank.transactions.records import TransactionRecord

DECLINED_BY = "declined_by_limit"
"""The key of a declined payment's metadata that names the limit."""

_day_of = lru_cache(maxsize=64)(day_start)
"""Remembered: the commands of one batch happen at one instant."""


class Limited(Protocol):
    """What an account may be used for, and what was spent of it, in minor units."""

    booked: int
    in_pots: int
    payment_max: int | None
    card_daily_max: int | None
    transfer_daily_max: int | None
    balance_max: int | None
    spending_day: int
    card_spent: int
    transfer_spent: int


def limit_on_card(
    account: Limited, amount: int, happened_at: int, so_far: int = 0
) -> LimitName | None:
    """The limit that a card payment would break, if any; it took `so_far` before.

    A card check, which asks for nothing, breaks none.
    """
    if not amount:
        return None
    if account.payment_max is not None and so_far + amount > account.payment_max:
        return "payment_max"
    spent = _spent_on_day(account, account.card_spent, happened_at)
    if account.card_daily_max is not None and spent + amount > account.card_daily_max:
        return "card_daily_max"
    return None


def require_may_pay(account: Limited, amount: int) -> None:
    """Refuse one payment with `LimitExceeded` when it is larger than the account's may be."""
    if account.payment_max is not None and amount > account.payment_max:
        raise LimitExceeded("payment_max")


def require_may_send(account: Limited, amount: int, happened_at: int) -> None:
    """Refuse a transfer out with `LimitExceeded` when it would break a limit."""
    require_may_pay(account, amount)
    spent = _spent_on_day(account, account.transfer_spent, happened_at)
    if account.transfer_daily_max is not None and spent + amount > account.transfer_daily_max:
        raise LimitExceeded("transfer_daily_max")


def require_may_receive(account: Limited, amount: int) -> None:
    """Refuse a credit with `LimitExceeded` when the account and its pots would have too much."""
    if account.balance_max is None:
        return
    if account.booked + account.in_pots + amount > account.balance_max:
        raise LimitExceeded("balance_max")


def count(account: Limited, before: TransactionRecord | None, after: TransactionRecord) -> bool:
    """Count what a transaction takes, or takes more than before; whether anything changed."""
    if account.card_daily_max is None and account.transfer_daily_max is None:
        return False
    if after.kind not in {"card", "transfer_out"} or after.decline_reason is not None:
        return False
    more = (before.amount if before else 0) - after.amount
    day = _day_of(after.updated_at)
    if day < account.spending_day or (more < 0 and after.created_at < day) or not more:
        return False
    if day > account.spending_day:
        account.spending_day, account.card_spent, account.transfer_spent = day, 0, 0
    if after.kind == "card":
        account.card_spent = max(0, account.card_spent + more)
    else:
        account.transfer_spent += more
    return True


def _spent_on_day(account: Limited, counted: int, happened_at: int) -> int:
    """What was counted on the day of this instant; nothing counts before a day's first payment."""
    if not counted:
        return 0
    return counted if account.spending_day >= _day_of(happened_at) else 0

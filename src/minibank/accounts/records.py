"""Accounts, their owners and cards, as they are stored."""

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

AccountType = Literal["uk_retail", "uk_retail_joint"]
BankAccountType = Literal["bank_suspense"]
"""What the bank's own accounts are for."""
BANK_TYPES: tuple[str, ...] = get_args(BankAccountType)
AccountState = Literal["open", "frozen", "closed"]
CardState = Literal["active", "inactive", "blocked"]
LimitName = Literal["payment_max", "card_daily_max", "transfer_daily_max", "balance_max"]

MAIN: AccountType = "uk_retail"


class Owner(msgspec.Struct, frozen=True):
    """A person who owns an account, under their name."""

    user_id: str
    name: str
    preferred_first_name: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's account; owners in their order, instants in microseconds.

    The bank's own accounts are read as accounts too: they have a `BankAccountType` and no owner.
    """

    id: str
    type: AccountType
    state: AccountState
    currency: str
    sort_code: str
    account_number: str
    iban: str
    created_at: int
    closed_at: int | None
    owners: tuple[Owner, ...]

    @property
    def owner_ids(self) -> tuple[str, ...]:
        """The ids of the owners, in their order."""
        return tuple(owner.user_id for owner in self.owners)


ACCOUNT_COLUMNS = tuple(name for name in Account.__struct_fields__ if name != "owners")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an account may be used for, in minor units; None where there is no limit.

    `overdraft_limit` is how far it may be overdrawn; `payment_max` is of one card payment, one
    transfer out or one withdrawal of cash; the daily ones are of all card payments or transfers out
    since 04:00 in London; `balance_max` is what money from outside may bring it and its pots to.
    """

    overdraft_limit: int
    payment_max: int | None = None
    card_daily_max: int | None = None
    transfer_daily_max: int | None = None
    balance_max: int | None = None

    @property
    def count_days(self) -> bool:
        """Whether what is spent on a day is counted."""
        return self.card_daily_max is not None or self.transfer_daily_max is not None


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What card payments and transfers out took on the day that begins at `day`."""

    day: int
    card: int
    transfer: int


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A payment card of one owner; `expires_at` and `created_at` in microseconds."""

    id: str
    account_id: str
    user_id: str
    state: CardState
    last_four: str
    expires_at: int
    created_at: int


def in_listing_order(accounts: Iterable[Account]) -> list[Account]:
    """The main current account first, then all others as they were created.

    Clients take the first as "the" account. The main one is the oldest personal current account,
    rather an open one than one that was closed.
    """
    by_age = sorted(accounts, key=lambda account: (account.created_at, account.id))
    current = [account for account in by_age if account.type == MAIN]
    still_used = [account for account in current if account.state != "closed"]
    main = next(iter(still_used or current), None)
    return sorted(by_age, key=lambda account: account is not main)

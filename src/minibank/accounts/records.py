"""Accounts, their owners and cards, as they are stored."""

from collections.abc import Iterable
from typing import Literal

import msgspec

AccountType = Literal["uk_retail", "uk_retail_joint"]
AccountState = Literal["open", "frozen", "closed"]
CardState = Literal["active", "inactive", "blocked"]

MAIN: AccountType = "uk_retail"


class Owner(msgspec.Struct, frozen=True):
    """A person who owns an account, under the name they had when it was opened."""

    user_id: str
    name: str
    preferred_first_name: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's account; owners in their order, instants in microseconds."""

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


ACCOUNT_COLUMNS = tuple(name for name in Account.__struct_fields__ if name != "owners")


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

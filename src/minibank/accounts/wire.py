"""How an account looks to a client."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from minibank.accounts.numbers import format_iban
from minibank.accounts.records import Account, AccountType
from minibank.core.instants import format_instant
from minibank.core.wire import Currency, Empty, Instant

LEGAL_ENTITY = "monzo_uk"
"""Clients of the API know this word only."""


class WireOwner(msgspec.Struct, frozen=True):
    """One of the people an account belongs to."""

    user_id: str
    preferred_name: str
    preferred_first_name: str


class WireNumbers(msgspec.Struct, frozen=True):
    """Where to pay in the United Kingdom."""

    account_number: str
    sort_code: str


class WireIban(msgspec.Struct, frozen=True):
    """Where to pay from abroad."""

    unformatted: str
    formatted: str
    bic: str
    usage_description: Empty = ""
    usage_description_web: Empty = ""


class WirePaymentDetails(msgspec.Struct, frozen=True):
    """How to pay into an account."""

    locale_uk: WireNumbers
    iban: WireIban


class WireAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account as clients read it."""

    id: str
    closed: bool
    created: Instant
    description: Annotated[str, Meta(description="The first owner's id.")]
    type: AccountType
    owner_type: Literal["personal", "joint"]
    is_flex: bool = False
    product_type: str = "standard"
    closed_account_app_access: bool = False
    currency: Currency
    legal_entity: str = LEGAL_ENTITY
    country_code: str = "GB"
    country_code_alpha3: str = "GBR"
    owners: list[WireOwner]
    account_number: str
    sort_code: str
    payment_details: WirePaymentDetails


def show_account(account: Account, bic: str) -> WireAccount:
    """An account as clients read it. `description` is the first owner's id.

    There are clients that tell current accounts from others by that; the friendly name stands in
    `owners`.
    """
    return WireAccount(
        id=account.id,
        closed=account.state == "closed",
        created=format_instant(account.created_at),
        description=account.owners[0].user_id,
        type=account.type,
        owner_type="joint" if len(account.owners) > 1 else "personal",
        currency=account.currency,
        owners=[
            WireOwner(owner.user_id, owner.name, owner.preferred_first_name)
            for owner in account.owners
        ],
        account_number=account.account_number,
        sort_code=account.sort_code,
        payment_details=WirePaymentDetails(
            locale_uk=WireNumbers(account.account_number, account.sort_code),
            iban=WireIban(account.iban, format_iban(account.iban), bic),
        ),
    )

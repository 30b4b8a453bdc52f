"""Accounts, people and clients as operators read them, and words that their endpoints share."""

from typing import Annotated

from msgspec import Meta, Struct

from minibank.accounts.balance import day_start
from minibank.accounts.records import (
    Account,
    AccountState,
    AccountType,
    Limits,
)
from minibank.accounts.wire import WireOwner
from minibank.core.instants import format_instant, format_or_none
from minibank.core.wire import Currency, Instant
from minibank.customers.store import Holdings
from minibank.identity.store import User
from minibank.oauth.records import Client, ClientOptions, Grant


class WireSpent(Struct, frozen=True):
    """What was spent since 04:00 in London, in minor units; counted where a day has a limit."""

    card: int
    transfer: int


class CustomerAccount(Struct, frozen=True, kw_only=True):
    """An account; amounts in minor units."""

    id: str
    type: AccountType
    state: AccountState
    currency: Currency
    owners: list[WireOwner]
    sort_code: str
    account_number: str
    iban: str
    created: Instant
    closed: Annotated[str | None, Meta(description="When it was closed.")]
    balance: Annotated[int, Meta(description="What can be spent: booked less held.")]
    booked: int
    held: Annotated[int, Meta(description="For card payments that are not over.")]
    in_pots: int
    limits: Annotated[Limits, Meta(description="null is no limit.")]
    spent: Annotated[WireSpent | None, Meta(description="null where no day has a limit.")]


class CustomerUser(Struct, frozen=True, kw_only=True):
    """A person."""

    id: str
    email: str
    name: str
    preferred_first_name: str
    created: Instant


class OperatedClient(Struct, frozen=True, kw_only=True):
    """An OAuth client."""

    id: str
    name: str
    confidential: bool
    redirect_uris: list[str]
    grants: list[Grant]
    options: ClientOptions
    created: Instant
    disabled: Annotated[str | None, Meta(description="Since when it is shut out.")]


def show_customer_account(account: Account, holdings: Holdings, now: int) -> CustomerAccount:
    """An account with what is on it, as operators read it."""
    limits, spent = holdings.limits, holdings.spent
    is_today = spent.day == day_start(now)
    shown = WireSpent(spent.card, spent.transfer) if is_today else WireSpent(0, 0)
    return CustomerAccount(
        id=account.id,
        type=account.type,
        state=account.state,
        currency=account.currency,
        owners=[
            WireOwner(owner.user_id, owner.name, owner.preferred_first_name)
            for owner in account.owners
        ],
        sort_code=account.sort_code,
        account_number=account.account_number,
        iban=account.iban,
        created=format_instant(account.created_at),
        closed=format_or_none(account.closed_at),
        balance=holdings.booked - holdings.held,
        booked=holdings.booked,
        held=holdings.held,
        in_pots=holdings.in_pots,
        limits=limits,
        spent=shown if limits.count_days else None,
    )


def show_customer_user(user: User) -> CustomerUser:
    """A person as operators read them."""
    return CustomerUser(
        id=user.id,
        email=user.email,
        name=user.name,
        preferred_first_name=user.preferred_first_name,
        created=format_instant(user.created_at),
    )


def show_client(client: Client) -> OperatedClient:
    """A client as operators read it."""
    return OperatedClient(
        id=client.id,
        name=client.name,
        confidential=client.confidential,
        redirect_uris=list(client.redirect_uris),
        grants=list(client.grants),
        options=client.options,
        created=format_instant(client.created_at),
        disabled=format_or_none(client.disabled_at),
    )

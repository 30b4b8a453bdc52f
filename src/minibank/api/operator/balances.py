"""Balances of any address, now or as of an instant, and the trial balance."""

from functools import partial
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.answers import Answer, answer_json
from minibank.api.catalogue import ADDING_UP, NO_ACCOUNT, NO_POT, NO_WRITES
from minibank.api.endpoint import Edge, Request
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import OperatorCall, enter
from minibank.api.operator.entry_sets import ACCOUNT, SCOPES
from minibank.core.errors import BadParam
from minibank.core.instants import format_instant, parse_instant
from minibank.core.wire import Currency
from minibank.journal.balances import (
    NO_BOUND,
    Instants,
    read_account_balances,
    read_address_balance,
    read_trial_balance,
)
from minibank.journal.store import Sum

_MILLISECOND = 1000

BOOKED_BY, HAPPENED_BY = "booked_by", "happened_by"


class AsOf(Struct, frozen=True, kw_only=True):
    """What to count; without any of these all that there is."""

    booked_by: Annotated[
        str | UnsetType,
        Meta(description="What the books said then: what was booked by then, to the millisecond."),
    ] = UNSET
    happened_by: Annotated[
        str | UnsetType,
        Meta(description="What was true then, as far as is known: what had happened by then."),
    ] = UNSET


class WhichAddress(AsOf, frozen=True, kw_only=True):
    """Which address, and what to count."""

    address: Annotated[
        str, Meta(description="`account:main:acc_...`, `pot:pot_...`, `scheme:card:settlement`.")
    ]


class WireSum(Struct, frozen=True):
    """What entries on an address add up to; positive means that the bank owes it to the address."""

    address: str
    amount: Annotated[int, Meta(description="Minor units; signed.")]
    currency: Currency


class Balances(Struct, frozen=True, kw_only=True):
    """Sums of entries, as of the instants that were asked for (null: without a bound)."""

    balances: list[WireSum]
    booked_by: str | None
    happened_by: str | None


class WireTrialBalance(Struct, frozen=True, kw_only=True):
    """The books on one page: what customers have by kind of address, and the bank's own addresses.

    All of it adds up to zero in each currency.
    """

    customers: list[WireSum]
    bank: list[WireSum]
    balanced: Annotated[bool, Meta(description="Whether it does add up to zero.")]
    off: Annotated[dict[str, int], Meta(description="By currency, what does not; empty.")]
    booked_by: str | None
    happened_by: str | None


SHOW_OF_ACCOUNT = Operation(
    tag="Books",
    summary="Show an account's balances",
    description="Of its own addresses, and of the bank's what this account's entries did to them:"
    " all of it adds up to zero.",
    path=ACCOUNT,
    takes=AsOf,
    answers=Balances,
    refuses=(NO_ACCOUNT, ADDING_UP, NO_WRITES),
    scopes=SCOPES,
)
SHOW_OF_ADDRESS = Operation(
    tag="Books",
    summary="Show the balance of an address",
    description="Of a customer's, or of one of the bank's own, over all accounts. An address that"
    " nothing was posted to has no balance.",
    takes=WhichAddress,
    answers=Balances,
    refuses=(NO_ACCOUNT, NO_POT, ADDING_UP, NO_WRITES),
    scopes=SCOPES,
)
SHOW_TRIAL_BALANCE = Operation(
    tag="Books",
    summary="Show the trial balance",
    description="It adds up the whole bank, by day: a report, not a page.",
    takes=AsOf,
    answers=WireTrialBalance,
    refuses=(ADDING_UP, NO_WRITES),
    scopes=("audit",),
)


async def show_of_account(edge: Edge, request: Request) -> Answer:
    """GET /operator/v1/accounts/{account_id}/balances"""
    call = await enter(edge, request, *SHOW_OF_ACCOUNT.scopes)
    instants = _instants(call)
    sums = await read_account_balances(edge.db, call.path["account_id"], instants)
    return answer_json(_balances(sums, instants))


async def show_of_address(edge: Edge, request: Request) -> Answer:
    """GET /operator/v1/balances"""
    call = await enter(edge, request, *SHOW_OF_ADDRESS.scopes)
    instants, address = _instants(call), call.params.require_text("address")
    sums = await read_address_balance(edge.db, address, instants)
    return answer_json(_balances(sums, instants))


async def show_trial_balance(edge: Edge, request: Request) -> Answer:
    """GET /operator/v1/trial-balance"""
    call = await enter(edge, request, *SHOW_TRIAL_BALANCE.scopes)
    instants = _instants(call)
    trial = await read_trial_balance(edge.db, instants)
    return answer_json(
        WireTrialBalance(
            customers=[_sum(one) for one in trial.customers],
            bank=[_sum(one) for one in trial.bank],
            balanced=not trial.off,
            off=trial.off,
            booked_by=_shown(instants.booked_by),
            happened_by=_shown(instants.happened_by),
        )
    )


def _instants(call: OperatorCall) -> Instants:
    bound = partial(_bound, call)
    return Instants(booked_by=bound(BOOKED_BY), happened_by=bound(HAPPENED_BY))


def _bound(call: OperatorCall, name: str) -> int:
    """The end of the millisecond that is named: answers show no more of an instant."""
    text = call.params.text(name)
    if text is None:
        return NO_BOUND
    try:
        instant = parse_instant(text)
    except ValueError as error:
        raise BadParam(name, "is no timestamp") from error
    return instant // _MILLISECOND * _MILLISECOND + _MILLISECOND - 1


def _balances(sums: list[Sum], instants: Instants) -> Balances:
    return Balances(
        balances=[_sum(one) for one in sums],
        booked_by=_shown(instants.booked_by),
        happened_by=_shown(instants.happened_by),
    )


def _sum(one: Sum) -> WireSum:
    return WireSum(address=one.address, amount=one.amount, currency=one.currency)


def _shown(bound: int) -> str | None:
    return None if bound == NO_BOUND else format_instant(bound)

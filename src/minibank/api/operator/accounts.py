"""Accounts, as operators open, list, limit, freeze and close them."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.accounts.limits import LimitChanges, set_limits
from minibank.accounts.numbers import BankCodes
from minibank.accounts.opening import NewAccount
from minibank.accounts.opening import open_account as open_new
from minibank.accounts.owners import type_for
from minibank.accounts.records import BANK_TYPES, AccountType
from minibank.accounts.store import list_accounts as list_accounts_of
from minibank.accounts.store import read_accounts
from minibank.api.catalogue import (
    CLOSED,
    DISPUTE_OPEN,
    HAS_HOLDS,
    INSUFFICIENT_FUNDS,
    LIMIT_EXCEEDED,
    NO_ACCOUNT,
    NOT_EMPTY,
    NOT_OPEN,
    OVERDRAFT_IN_USE,
    OVERDRAWN,
    POTS_HOLD_MONEY,
)
from minibank.api.operation import Operation
from minibank.api.operator.customer_wire import CustomerAccount, show_customer_account
from minibank.api.operator.endpoint import OperatorCall, require_scope
from minibank.api.operator.movements import Movement, show_outcome
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.core.errors import BadParam, NotFound
from minibank.core.ids import shard_of
from minibank.core.pages import LIMIT_MAX
from minibank.customers.closing import (
    DESCRIPTION,
    Closing,
    Payout,
    close_account,
    find_payout,
    freeze_account,
    payout_command,
    thaw_account,
)
from minibank.customers.store import BEGINNING, Place, list_account_ids, list_holdings
from minibank.db import ReadTx, Tx
from minibank.payments.commands import Counterparty

ACCOUNT = {"account_id": "The account."}
_DAY = "since 04:00 in London, in minor units; null for no limit."


class AccountRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to be opened."""

    owners: Annotated[list[str], Meta(description="The ids of one to ten people, the first first.")]
    type: Annotated[
        AccountType | UnsetType, Meta(description="By the number of owners if it is not said.")
    ] = UNSET
    currency: Annotated[str, Meta(description="ISO 4217.", examples=["GBP"])] = "GBP"
    overdraft_limit: Annotated[int, Meta(description="In minor units.")] = 0


class LimitsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is not said stays."""

    overdraft_limit: Annotated[
        int | UnsetType, Meta(description="How far it may be overdrawn, in minor units.")
    ] = UNSET
    payment_max: Annotated[
        int | UnsetType | None,
        Meta(
            description="The largest card payment, transfer out or withdrawal of cash, in minor"
            " units; null for none."
        ),
    ] = UNSET
    card_daily_max: Annotated[
        int | UnsetType | None, Meta(description=f"What cards may spend {_DAY}")
    ] = UNSET
    transfer_daily_max: Annotated[
        int | UnsetType | None, Meta(description=f"What may be sent out {_DAY}")
    ] = UNSET
    balance_max: Annotated[
        int | UnsetType | None,
        Meta(
            description="What money from outside may bring it and its pots to, in minor units;"
            " null for none."
        ),
    ] = UNSET


class StateRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which state it is to have; closing is for good and has an endpoint of its own."""

    state: Literal["open", "frozen"]


class PayeeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account at another bank."""

    name: str
    sort_code: str = ""
    account_number: str = ""


class PayoutRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where what is left goes: one of the two."""

    account_id: Annotated[
        str | UnsetType, Meta(description="Another account of one of its owners.")
    ] = UNSET
    counterparty: Annotated[
        PayeeRequest | UnsetType, Meta(description="An account at another bank.")
    ] = UNSET
    description: Annotated[str | UnsetType, Meta(description="What owners see.")] = UNSET


class ClosureRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to close an account."""

    payout: Annotated[
        PayoutRequest | UnsetType, Meta(description="Needed when there is money on it.")
    ] = UNSET


class Closure(Struct, frozen=True, kw_only=True):
    """A closed account, and what came of the payout."""

    account: CustomerAccount
    payout: Movement | None


class WhichAccounts(Struct, frozen=True, kw_only=True):
    """Which accounts."""

    user_id: Annotated[str | UnsetType, Meta(description="Only those that this person owns.")] = (
        UNSET
    )
    after: After = UNSET
    limit: Limit = UNSET


class AccountPage(Struct, frozen=True):
    """A page of accounts, closed ones too."""

    accounts: list[CustomerAccount]
    next: Cursor


OPEN_ACCOUNT = Operation(
    tag="Customers",
    summary="Open an account",
    description="For one person, or a joint one for several.",
    body=AccountRequest,
    answers=CustomerAccount,
    scopes=("customers",),
)
LIST_ACCOUNTS = Operation(
    tag="Customers",
    summary="List accounts",
    description="Of the whole bank in an order of its own, or a person's, all on one page.",
    takes=WhichAccounts,
    answers=AccountPage,
    scopes=("customers", "audit"),
)
RETRIEVE_ACCOUNT = Operation(
    tag="Customers",
    summary="Retrieve an account",
    path=ACCOUNT,
    answers=CustomerAccount,
    refuses=(NO_ACCOUNT,),
    scopes=("customers", "audit"),
)
CHANGE_LIMITS = Operation(
    tag="Customers",
    summary="Change the limits of an account",
    description="The next payment is judged by them. What was spent before on the same day counts.",
    path=ACCOUNT,
    body=LimitsRequest,
    answers=CustomerAccount,
    refuses=(NO_ACCOUNT, NOT_OPEN, OVERDRAFT_IN_USE),
    scopes=("customers",),
)
SET_STATE = Operation(
    tag="Customers",
    summary="Freeze an account, or thaw it",
    description="Nothing leaves a frozen account but what has been promised already.",
    path=ACCOUNT,
    body=StateRequest,
    answers=CustomerAccount,
    refuses=(NO_ACCOUNT, NOT_OPEN),
    scopes=("customers",),
)
CLOSE_ACCOUNT = Operation(
    tag="Customers",
    summary="Close an account for good",
    description="What is left is sent on in the same unit of work, whatever its limits. Its cards"
    " are blocked, owners go on reading it, and its webhooks end once they have been told. To send"
    " it to another bank takes the scope `rails` besides.",
    path=ACCOUNT,
    body=ClosureRequest,
    answers=Closure,
    refuses=(
        *(NO_ACCOUNT, NOT_OPEN, CLOSED, NOT_EMPTY, OVERDRAWN, HAS_HOLDS, POTS_HOLD_MONEY),
        DISPUTE_OPEN,
        *(LIMIT_EXCEEDED, INSUFFICIENT_FUNDS),
    ),
    scopes=("customers",),
)


async def open_account(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/accounts"""
    said = call.read(AccountRequest)
    if not said.owners:
        raise BadParam("owners", "must name somebody")
    shard = shard_of(said.owners[0])
    if shard is None:
        raise BadParam("owners", f"names no user: {said.owners[0]}")
    new = NewAccount(
        type=type_for(len(said.owners)) if said.type is UNSET else said.type,
        owners=said.owners,
        currency=said.currency,
        overdraft_limit=said.overdraft_limit,
        id=call.draw_id(tx.ids, "acc", shard, tx.now),
    )
    codes = BankCodes(call.settings.sort_code, call.settings.bic)
    return (await open_new(tx, new, codes)).id


async def change_limits(tx: Tx, call: OperatorCall) -> str:
    """PATCH /operator/v1/accounts/{account_id}/limits"""
    said, account_id = call.read(LimitsRequest), call.path["account_id"]
    changes = LimitChanges(**{name: getattr(said, name) for name in said.__struct_fields__})
    await set_limits(tx, account_id, changes)
    return account_id


async def set_state(tx: Tx, call: OperatorCall) -> str:
    """PUT /operator/v1/accounts/{account_id}/state"""
    verb = freeze_account if call.read(StateRequest).state == "frozen" else thaw_account
    return (await verb(tx, call.path["account_id"])).id


async def close(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/accounts/{account_id}/closure"""
    closing = _closing(call)
    if closing.payout and closing.payout.counterparty:
        require_scope(call, "rails")
    return (await close_account(tx, closing)).account.id


async def show_closure(tx: ReadTx, call: OperatorCall, account_id: str) -> Closure:
    """A closed account, and the payout that this request made."""
    closing = _closing(call)
    outcome = await find_payout(tx, closing)
    payout = None if outcome is None else show_outcome(payout_command(closing, 0), outcome)
    return Closure(account=await show(tx, call, account_id), payout=payout)


def _closing(call: OperatorCall) -> Closing:
    said = call.read(ClosureRequest).payout
    payout = None
    if said is not UNSET:
        payee = said.counterparty
        payout = Payout(
            account_id="" if said.account_id is UNSET else said.account_id,
            counterparty=None if payee is UNSET else Counterparty(**msgspec.structs.asdict(payee)),
            description=DESCRIPTION if said.description is UNSET else said.description,
        )
    return Closing(
        account_id=call.path["account_id"],
        issuer=call.operator.key_id,
        id=call.require_key(),
        payout=payout,
    )


async def show(tx: ReadTx, call: OperatorCall, account_id: str) -> CustomerAccount:
    """An account that a request was about; `NotFound`."""
    found = await _show_all(tx, [account_id])
    if not found:
        raise NotFound("account", "There is no such account")
    return found[0]


async def retrieve_account(tx: ReadTx, call: OperatorCall) -> CustomerAccount:
    """GET /operator/v1/accounts/{account_id}"""
    return await show(tx, call, call.path["account_id"])


async def list_accounts(tx: ReadTx, call: OperatorCall) -> AccountPage:
    """GET /operator/v1/accounts"""
    user_id = call.params.text("user_id")
    if user_id is not None:
        owned = [one.id for one in await list_accounts_of(tx, user_id)]
        return AccountPage(await _show_all(tx, owned), None)
    limit = call.params.limit(LIMIT_MAX)
    after = position_of(call.params.text("after"), tuple[int, str]) or BEGINNING
    ids = await list_account_ids(tx, after, limit)
    last: Place | None = (shard_of(ids[-1]) or 0, ids[-1]) if len(ids) == limit else None
    return AccountPage(await _show_all(tx, ids), cursor_of(last))


async def _show_all(tx: ReadTx, account_ids: Sequence[str]) -> list[CustomerAccount]:
    """Those of these accounts that are customers', in this order: three queries."""
    if not account_ids:
        return []
    accounts = {
        one.id: one for one in await read_accounts(tx, account_ids) if one.type not in BANK_TYPES
    }
    holdings = await list_holdings(tx, account_ids)
    return [
        show_customer_account(accounts[one], holdings[one], tx.now)
        for one in account_ids
        if one in accounts and one in holdings
    ]

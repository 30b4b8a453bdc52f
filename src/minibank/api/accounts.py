"""The caller's accounts."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.accounts.store import list_accounts as list_accounts_of
from minibank.accounts.wire import WireAccount, show_account
from minibank.api.endpoint import Call
from minibank.api.operation import Operation
from minibank.db import ReadTx


class AccountFilter(Struct):
    """Which accounts to list."""

    account_type: Annotated[
        str | UnsetType,
        Meta(description="Only accounts of this type.", examples=["uk_retail", "uk_retail_joint"]),
    ] = UNSET


class Accounts(Struct):
    """A person's accounts."""

    accounts: list[WireAccount]


LIST_ACCOUNTS = Operation(
    tag="Accounts",
    summary="List the caller's accounts",
    description="All of them, closed ones too; a joint account is there for both owners.",
    takes=AccountFilter,
    answers=Accounts,
)


async def list_accounts(tx: ReadTx, call: Call) -> object:
    """GET /accounts: all of them, closed ones too; `account_type` keeps those of one type."""
    account_type = call.params.text("account_type")
    accounts = await list_accounts_of(tx, call.caller.user_id)
    bic = call.settings.bic
    return Accounts(
        [show_account(one, bic) for one in accounts if account_type in (None, one.type)]
    )

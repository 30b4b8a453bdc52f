"""The caller's accounts."""

from minibank.accounts.store import list_accounts as list_accounts_of
from minibank.accounts.wire import show_account
from minibank.api.endpoint import Call
from minibank.db import ReadTx


async def list_accounts(tx: ReadTx, call: Call) -> object:
    """GET /accounts: all of them, closed ones too; `account_type` keeps those of one type."""
    account_type = call.params.text("account_type")
    accounts = await list_accounts_of(tx, call.caller.user_id)
    bic = call.settings.bic
    return {
        "accounts": [
            show_account(account, bic)
            for account in accounts
            if account_type in (None, account.type)
        ]
    }

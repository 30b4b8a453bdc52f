"""The bank's own accounts: in their chains stands what is on no customer's account.

They have no owner, no number and no card, and hold no money themselves: no client sees them, and
the engine books nothing of a customer's there.
"""

from typing import cast

from minibank.accounts.bank.store import claim_bank_account, find_bank_account
from minibank.accounts.records import Account, AccountType, BankAccountType
from minibank.accounts.store import insert_account
from minibank.core.money import require_currency
from minibank.db import Tx
from minibank.ledger.chain import GENESIS


async def ensure_bank_account(tx: Tx, purpose: BankAccountType, currency: str) -> str:
    """The id of the bank's account for a purpose and currency, opened when it is first needed."""
    known = await find_bank_account(tx, purpose, require_currency(currency))
    if known is not None:
        return known
    shard = tx.ids.shard()
    account = Account(
        id=tx.ids.new("acc", shard, tx.now),
        type=cast(AccountType, purpose),
        state="open",
        currency=currency,
        sort_code="",
        account_number="",
        iban="",
        created_at=tx.now,
        closed_at=None,
        owners=(),
    )
    if await claim_bank_account(tx, purpose, currency, account.id):
        await insert_account(tx, shard, account, 0, GENESIS)
        return account.id
    known = await find_bank_account(tx, purpose, currency)
    assert known is not None, "somebody else has just opened it"
    return known

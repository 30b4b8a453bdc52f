"""Which accounts are the bank's own."""

from minibank.accounts.records import BankAccountType
from minibank.db import ReadTx, Tx


async def find_bank_account(tx: ReadTx, purpose: BankAccountType, currency: str) -> str | None:
    """The bank's own account for a purpose and currency."""
    row = await tx.fetch_one(
        "SELECT account_id FROM bank_accounts WHERE purpose = $1 AND currency = $2",
        purpose,
        currency,
    )
    return row["account_id"] if row else None


async def claim_bank_account(
    tx: Tx, purpose: BankAccountType, currency: str, account_id: str
) -> bool:
    """Make an account the bank's own for a purpose and currency; False when there is one."""
    claimed = await tx.execute(
        "INSERT INTO bank_accounts (purpose, currency, account_id) VALUES ($1, $2, $3)"
        " ON CONFLICT (purpose, currency) DO NOTHING",
        purpose,
        currency,
        account_id,
    )
    return claimed == 1

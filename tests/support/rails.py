"""Commands of the rails, for holders of accounts, and the bank's own account for suspense."""

from typing import Any, Literal

from minibank.accounts.bank.opening import ensure_bank_account
from minibank.db import Database
from minibank.payments.commands import (
    AdjustBalance,
    ChargeFee,
    DepositCash,
    OpenChargeback,
    RejectTransfer,
    ResolveChargeback,
    ResolveSuspense,
    ReturnTransfer,
    ReverseFee,
    SendTransferBack,
    Suspend,
    WithdrawCash,
)
from tests.support.banking import Holder, Orders


async def suspense_of(db: Database, currency: str = "GBP") -> Holder:
    """The bank's own account for suspense."""
    account_id = await db.transact(lambda tx: ensure_bank_account(tx, "bank_suspense", currency))
    return Holder(account_id, "", ())


class Rails(Orders):
    """Makes commands of an operator, besides those of a scheme."""

    def pay_in(self, holder: Holder, amount: int, **more: Any) -> DepositCash:
        """Notes paid in."""
        more = {"description": "Counter 3"} | more
        return DepositCash(amount=amount, **self._identity(holder, more))

    def pay_out(self, holder: Holder, amount: int, **more: Any) -> WithdrawCash:
        """Notes handed out."""
        more = {"description": "Counter 3"} | more
        return WithdrawCash(amount=amount, **self._identity(holder, more))

    def fee(self, holder: Holder, amount: int, **more: Any) -> ChargeFee:
        """A fee."""
        return ChargeFee(amount=amount, **self._identity(holder, {"description": "Card"} | more))

    def unfee(
        self, holder: Holder, original: str, amount: int | None = None, **more: Any
    ) -> ReverseFee:
        """A fee given back."""
        more = {"original_transaction_id": original} | more
        return ReverseFee(amount=amount, **self._identity(holder, more))

    def adjust(self, holder: Holder, amount: int, **more: Any) -> AdjustBalance:
        """A balance put right, up or down."""
        words = {"description": "Correction", "reason": "Booked twice", "made_by": "Grace"}
        return AdjustBalance(amount=amount, **self._identity(holder, words | more))

    def come_back(
        self, holder: Holder, original: str, amount: int | None = None, **more: Any
    ) -> ReturnTransfer:
        """A transfer that comes back."""
        more = {"original_transaction_id": original} | more
        return ReturnTransfer(amount=amount, **self._identity(holder, more))

    def reject(self, holder: Holder, original: str, **more: Any) -> RejectTransfer:
        """A transfer that the scheme did not carry."""
        return RejectTransfer(
            **self._identity(holder, {"original_transaction_id": original} | more)
        )

    def send_back(
        self, holder: Holder, original: str, amount: int | None = None, **more: Any
    ) -> SendTransferBack:
        """A transfer that had come in and is sent back."""
        more = {"original_transaction_id": original} | more
        return SendTransferBack(amount=amount, **self._identity(holder, more))

    def dispute(
        self, holder: Holder, original: str, amount: int | None = None, **more: Any
    ) -> OpenChargeback:
        """A card payment disputed."""
        more = {"original_transaction_id": original} | more
        return OpenChargeback(amount=amount, **self._identity(holder, more))

    def resolve(
        self, holder: Holder, original: str, result: Literal["won", "lost"], **more: Any
    ) -> ResolveChargeback:
        """A dispute decided."""
        more = {"original_transaction_id": original} | more
        return ResolveChargeback(result=result, **self._identity(holder, more))

    def suspend(self, bank: Holder, amount: int, **more: Any) -> Suspend:
        """Money of the card scheme's that is nobody's; on the bank's own account."""
        more = {"kind": "payment", "description": "SHOP"} | more
        return Suspend(amount=amount, **self._identity(bank, more))

    def clear(
        self, holder: Holder, original: str, payee: Holder | None = None, **more: Any
    ) -> ResolveSuspense:
        """What is in suspense moved to an account, or back to its scheme."""
        more = {
            "original_transaction_id": original,
            "payee_account_id": payee.account_id if payee else None,
        } | more
        return ResolveSuspense(**self._identity(holder, more))

"""What may follow a transaction, in a few lines, written without looking at the engine."""

from dataclasses import dataclass, field

from minibank.payments.commands import (
    ChargeFee,
    Command,
    OpenChargeback,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    RejectTransfer,
    ResolveChargeback,
    ResolveSuspense,
    ReturnTransfer,
    ReverseFee,
    SendTransfer,
    SendTransferBack,
    Suspend,
)

DONE, DECLINED = "done", "declined"
TOO_POOR = "bad_request.insufficient_funds"
BAD_AMOUNT = "bad_request.bad_param.amount"
BAD_ORIGINAL = "bad_request.bad_param.original_transaction_id"
NOT_OPEN = "conflict.account_not_open"
ALREADY = "conflict.already_corrected"

_NOTED: dict[type[Command], str] = {
    SendTransfer: "sent",
    ReceiveTransfer: "received",
    ChargeFee: "fee",
    PresentCard: "card",
    Suspend: "suspense",
}
_FOLLOWS: dict[type[Command], str] = {
    ReturnTransfer: "sent",
    RejectTransfer: "sent",
    SendTransferBack: "received",
    ReverseFee: "fee",
    OpenChargeback: "card",
}

Verdict = tuple[str, int, str]
"""The status, what an account gets (minor units), and which."""


@dataclass(slots=True)
class Moved:
    """Something that may be corrected: `fate` is what became of it, or empty."""

    account_id: str
    what: str
    amount: int
    fate: str = ""
    disputed: int = 0
    refunded: int = 0
    of: "Moved | None" = None


@dataclass(slots=True)
class RailsModel:
    """What has moved, known by the command that made its transaction.

    `names` says which command made the transaction of an id that the engine gave out.
    """

    moved: dict[str, Moved] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def note(self, command: Command, amount: int, made_by: str = "") -> None:
        """Remember what was moved, if it is of a sort that may be corrected."""
        what = _NOTED.get(type(command))
        if what:
            name = made_by or command.id
            before = self.moved.get(name)
            refunded = before.refunded if before else 0
            self.moved[name] = Moved(command.account_id, what, amount, refunded=refunded)

    def pend(self, name: str, account_id: str, amount: int) -> None:
        """Remember what a card payment holds that was not presented yet."""
        moved = self.moved.setdefault(name, Moved(account_id, "pending", 0))
        moved.amount = -amount

    def is_silent(self, command: Command) -> bool:
        """Whether a command that is done makes no transaction for a customer."""
        won = isinstance(command, ResolveChargeback) and command.result == "won"
        return won or (isinstance(command, ResolveSuspense) and command.payee_account_id is None)

    def follow(self, command: Command, free: int) -> Verdict:
        """What a correction comes to; `free` is what its account could pay."""
        if isinstance(command, Suspend):
            sign = -1 if command.kind == "payment" else 1
            self.note(command, sign * command.amount)
            return DECLINED, 0, ""
        original = str(getattr(command, "original_transaction_id", ""))
        before = self.moved.get(self.names.get(original, ""))
        if before is None or before.account_id != command.account_id:
            return BAD_ORIGINAL, 0, ""
        if isinstance(command, RefundCard):
            return self._refund(command, before)
        if isinstance(command, ResolveChargeback):
            return self._resolve(command, before)
        if isinstance(command, ResolveSuspense):
            return self._clear(command, before)
        return self._correct(command, before, free)

    def _correct(self, command: Command, before: Moved, free: int) -> Verdict:
        if before.what != _FOLLOWS[type(command)]:
            return BAD_ORIGINAL, 0, ""
        if before.fate:
            return ALREADY, 0, ""
        whole = max(0, abs(before.amount) - before.refunded)
        if whole == 0 and before.amount:
            return ALREADY, 0, ""
        wanted = getattr(command, "amount", None)
        amount = whole if wanted is None else wanted
        if amount > whole:
            return BAD_AMOUNT, 0, ""
        if amount == 0:
            return BAD_ORIGINAL, 0, ""
        return self._undo(command, before, amount, free)

    def _undo(self, command: Command, before: Moved, amount: int, free: int) -> Verdict:
        if isinstance(command, SendTransferBack) and amount > free:
            return TOO_POOR, 0, ""
        before.fate = "disputed" if isinstance(command, OpenChargeback) else "corrected"
        before.disputed = amount
        sign = -1 if before.amount > 0 else 1
        return DONE, sign * amount, command.account_id

    def _refund(self, command: RefundCard, before: Moved) -> Verdict:
        if before.what not in ("card", "pending"):
            return BAD_ORIGINAL, 0, ""
        left = max(0, -before.amount - before.refunded) - before.disputed
        if before.fate in ("disputed", "won") and command.amount > left:
            made = Moved(command.account_id, "suspense", command.amount, of=before)
            self.moved[command.id] = made
            return DECLINED, 0, ""
        before.refunded += command.amount
        return DONE, command.amount, command.account_id

    def _resolve(self, command: ResolveChargeback, before: Moved) -> Verdict:
        if before.what != "card" or not before.fate:
            return BAD_ORIGINAL, 0, ""
        if before.fate != "disputed":
            return ALREADY, 0, ""
        before.fate = command.result
        lost = before.disputed if command.result == "lost" else 0
        return DONE, -lost, command.account_id

    def _clear(self, command: ResolveSuspense, before: Moved) -> Verdict:
        if before.what != "suspense":
            return BAD_ORIGINAL, 0, ""
        if before.fate:
            return ALREADY, 0, ""
        before.fate = "cleared"
        if command.payee_account_id is None:
            return DONE, 0, ""
        if before.of is not None and command.payee_account_id == command.account_id:
            before.of.refunded += before.amount
        return DONE, before.amount, command.payee_account_id

"""A bank in a few lines, written without looking at the engine: what each command should answer."""

from dataclasses import dataclass, field

from minibank.payments.commands import (
    AdjustBalance,
    AuthoriseCard,
    ChargeFee,
    Command,
    DeletePot,
    DepositCash,
    DepositIntoPot,
    ExpireAuthorisation,
    IncrementAuthorisation,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    ResolveSuspense,
    ReverseAuthorisation,
    SendTransfer,
    Suspend,
    TopUp,
    TransferBetween,
    WithdrawCash,
    WithdrawFromPot,
)
from tests.support.rails_model import BAD_AMOUNT, DECLINED, DONE, NOT_OPEN, TOO_POOR, RailsModel

BAD_PAYEE = "bad_request.bad_param.payee_account_id"
HOLD_ENDED = "conflict.authorisation_not_open"
NO_ACCOUNT = "not_found.account"
NO_HOLD = "not_found.authorisation"
NO_POT = "not_found.pot"
GONE_POT = "bad_request.bad_param.pot_id"
LOCKED_POT = "forbidden.added_security"
OTHER_CONTENT = "conflict.command_id_reused"

Answer = tuple[str, int | None]
"""The status and what is available then; or the code of a refusal."""


@dataclass(slots=True)
class Hold:
    """Money that a card payment holds; `expires_at` in microseconds."""

    account_id: str
    amount: int
    expires_at: int
    state: str = "open"


@dataclass(slots=True)
class Money:
    """What somebody has, and how far below zero it may go."""

    booked: int = 0
    limit: int = 0
    frozen: bool = False


@dataclass(slots=True)
class SetAside:
    """Money in a pot."""

    account_id: str
    amount: int = 0
    locked: bool = False
    deleted: bool = False


@dataclass(slots=True)
class BankModel:
    """Balances, holds, pots, and what was answered; holds are known by the command that made them.

    `names` says which command made the authorisation of an id that the engine gave out, `bank` is
    the bank's own account for suspense.
    """

    money: dict[str, Money]
    hold_seconds: int
    holds: dict[str, Hold] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    pots: dict[str, SetAside] = field(default_factory=dict)
    bank: str = ""
    rails: RailsModel = field(default_factory=RailsModel)
    answers: dict[tuple[str, str], tuple[Command, Answer]] = field(default_factory=dict)
    transactions: int = 0

    def held(self, account_id: str) -> int:
        """What is held on an account."""
        return sum(one.amount for one in self.holds.values() if one.account_id == account_id)

    def available(self, account_id: str) -> int:
        """What is left to spend, without the overdraft."""
        return self.money[account_id].booked - self.held(account_id)

    def execute(self, command: Command, now: int) -> Answer:
        """What the command answers and does; a repeat does nothing."""
        key = (command.account_id, command.id)
        if key in self.answers:
            first, answer = self.answers[key]
            return answer if first == command else (OTHER_CONTENT, None)
        status = self._try(command, now)
        if status not in (DONE, DECLINED):
            return status, None
        answer = status, self.available(command.account_id)
        self.answers[key] = command, answer
        return answer

    def _try(self, command: Command, now: int) -> str:
        least = 0 if isinstance(command, AuthoriseCard | PresentCard) else 1
        amount = getattr(command, "amount", None)
        if isinstance(command, AdjustBalance):
            amount = abs(command.amount)
        if amount is not None and amount < least:
            return BAD_AMOUNT
        if isinstance(command, DepositIntoPot | WithdrawFromPot | DeletePot):
            return self._save(command)
        if command.account_id == self.bank and not isinstance(command, Suspend | ResolveSuspense):
            return NO_ACCOUNT
        return self._do(command, now)

    def _do(self, command: Command, now: int) -> str:
        if isinstance(command, RefundCard) and command.original_transaction_id is not None:
            return self._follow(command)
        match command:
            case TopUp() | ReceiveTransfer() | RefundCard() | DepositCash() | AdjustBalance():
                status = self._credit(command, command.amount)
            case ChargeFee():
                status = self._credit(command, -command.amount)
            case SendTransfer() | TransferBetween() | WithdrawCash():
                status = self._send(command)
            case AuthoriseCard():
                status = self._authorise(command, now)
            case PresentCard():
                status = self._present(command)
            case IncrementAuthorisation() | ReverseAuthorisation() | ExpireAuthorisation():
                status = self._change_hold(command)
            case _:
                status = self._follow(command)
        return status

    def _follow(self, command: Command) -> str:
        """A correction: what it moves on which account, or why it does not."""
        if isinstance(command, RefundCard):
            self._note_pending(command)
        free = self.available(command.account_id) + self.money[command.account_id].limit
        status, moved, account_id = self.rails.follow(command, free)
        if moved:
            self.money[account_id].booked += moved
        is_suspended = isinstance(command, RefundCard) and status == DECLINED
        if is_suspended or (status == DONE and not self.rails.is_silent(command)):
            self.transactions += 1
        return status

    def _note_pending(self, command: RefundCard) -> None:
        """What a hold that was not presented comes to now: it may be refunded, too."""
        name = self.rails.names.get(command.original_transaction_id or "", "")
        hold = self.holds.get(name)
        if hold is not None and hold.state != "presented":
            self.rails.pend(name, hold.account_id, hold.amount)

    def _credit(self, command: Command, amount: int) -> str:
        money = self.money[command.account_id]
        if isinstance(command, TopUp) and money.frozen:
            return NOT_OPEN
        money.booked += amount
        self.transactions += 1
        self.rails.note(command, amount)
        return DONE

    def _can_pay(self, account_id: str, amount: int) -> bool:
        return amount == 0 or self.available(account_id) + self.money[account_id].limit >= amount

    def _send(self, command: SendTransfer | TransferBetween | WithdrawCash) -> str:
        payer = self.money[command.account_id]
        if payer.frozen:
            return NOT_OPEN
        payee = command.payee_account_id if isinstance(command, TransferBetween) else None
        if payee == command.account_id:
            return BAD_PAYEE
        if not self._can_pay(command.account_id, command.amount):
            return TOO_POOR
        payer.booked -= command.amount
        self.transactions += 1
        self.rails.note(command, -command.amount)
        if payee is not None:
            self.money[payee].booked += command.amount
            self.transactions += 1
        return DONE

    def _save(self, command: DepositIntoPot | WithdrawFromPot | DeletePot) -> str:
        """The rules of pots, and then the move: what is positive goes into the pot."""
        account = self.money[command.account_id]
        pot = self.pots.get(command.pot_id, SetAside("nobody"))
        is_deposit, is_deletion = (
            isinstance(command, DepositIntoPot),
            isinstance(command, DeletePot),
        )
        amount = pot.amount if isinstance(command, DeletePot) else command.amount
        moved = amount if is_deposit else -amount
        reasons = (
            (account.frozen and not is_deletion, NOT_OPEN),
            (pot.account_id != command.account_id, NO_POT),
            (pot.deleted, GONE_POT),
            (pot.locked and not is_deposit, LOCKED_POT),
            (account.frozen and moved != 0, NOT_OPEN),
            (moved > max(0, self.available(command.account_id)), TOO_POOR),
            (-moved > pot.amount, TOO_POOR),
        )
        refusal = next((reason for applies, reason in reasons if applies), None)
        if refusal is None:
            account.booked -= moved
            pot.amount += moved
            pot.deleted = is_deletion
            self.transactions += moved != 0
        return refusal or DONE

    def _may_hold(self, account_id: str, amount: int) -> bool:
        return not self.money[account_id].frozen and self._can_pay(account_id, amount)

    def _authorise(self, command: AuthoriseCard, now: int) -> str:
        self.transactions += 1
        if not self._may_hold(command.account_id, command.amount):
            return DECLINED
        expires_at = now + self.hold_seconds * 1_000_000
        self.holds[command.id] = Hold(command.account_id, command.amount, expires_at)
        return DONE

    def _hold(self, command: Command) -> Hold | None:
        hold = self.holds.get(self.names.get(getattr(command, "authorisation_id", ""), ""))
        return hold if hold and hold.account_id == command.account_id else None

    def _present(self, command: PresentCard) -> str:
        hold = self._hold(command)
        if hold is None and command.authorisation_id is not None:
            return NO_HOLD
        if hold is None or hold.state == "presented":
            self.transactions += 1
            self.rails.note(command, -command.amount)
        else:
            first = self.names[command.authorisation_id or ""]
            self.rails.note(command, -command.amount, first)
        if hold is not None:
            hold.amount, hold.state = 0, "presented"
        self.money[command.account_id].booked -= command.amount
        return DONE

    def _change_hold(self, command: Command) -> str:
        hold = self._hold(command)
        if hold is None:
            return NO_HOLD
        if hold.state != "open":
            return HOLD_ENDED
        match command:
            case IncrementAuthorisation():
                if not self._may_hold(command.account_id, command.amount):
                    return DECLINED
                hold.amount += command.amount
            case ReverseAuthorisation():
                back = hold.amount if command.amount is None else command.amount
                if back > hold.amount:
                    return BAD_AMOUNT
                hold.amount -= back
                hold.state = "open" if hold.amount else "reversed"
            case ExpireAuthorisation():
                hold.amount, hold.state = 0, "expired"
        return DONE

    def expire(self, now: int) -> None:
        """Time passes: every hold that is over is given back."""
        for hold in self.holds.values():
            if hold.state == "open" and hold.expires_at <= now:
                hold.amount, hold.state = 0, "expired"

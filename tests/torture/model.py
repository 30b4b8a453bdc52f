"""What a journal says that a bank must hold; nothing in it depends on the order of things."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from minibank.payments.commands import (
    AuthoriseCard,
    Command,
    DepositIntoPot,
    ExpireAuthorisation,
    IncrementAuthorisation,
    Outcome,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    ReverseAuthorisation,
    SendTransfer,
    TopUp,
    TransferBetween,
    WithdrawFromPot,
)
from tests.torture.payers import LONG

Money = Counter[str]
"""An amount for each account."""

Answered = tuple[Command, Outcome]


def booked_by(answered: Iterable[Answered]) -> Money:
    """What has come and gone. A presentment books its amount whatever became of its hold."""
    money: Money = Counter()
    for command, outcome in answered:
        if outcome.status == "done":
            match command:
                case TopUp() | ReceiveTransfer() | RefundCard() | WithdrawFromPot():
                    money[command.account_id] += command.amount
                case SendTransfer() | PresentCard() | DepositIntoPot():
                    money[command.account_id] -= command.amount
                case TransferBetween():
                    money[command.account_id] -= command.amount
                    money[command.payee_account_id] += command.amount
    return money


def set_aside_by(answered: Iterable[Answered]) -> Money:
    """What is in the pots of each account."""
    money: Money = Counter()
    for command, outcome in answered:
        if outcome.status == "done":
            match command:
                case DepositIntoPot():
                    money[command.account_id] += command.amount
                case WithdrawFromPot():
                    money[command.account_id] -= command.amount
    return money


@dataclass(slots=True)
class Hold:
    """What one authorisation holds: what was authorised and added, less what was given back."""

    account_id: str = ""
    amount: int = 0
    is_over: bool = False

    def add(self, command: Command) -> None:
        """Take in a command that was done; they may come in any order."""
        match command:
            case AuthoriseCard():
                self.account_id = command.account_id
                self.amount += command.amount
                self.is_over |= command.hold_seconds != LONG
            case IncrementAuthorisation():
                self.amount += command.amount
            case ReverseAuthorisation(amount=int(amount)):
                self.amount -= amount
            case PresentCard() | ExpireAuthorisation() | ReverseAuthorisation():
                self.is_over = True


def held_by(answered: Iterable[Answered]) -> Money:
    """What is still held when everything that fell due is done."""
    holds: dict[str, Hold] = defaultdict(Hold)
    for command, outcome in answered:
        if outcome.status == "done" and outcome.authorisation_id is not None:
            holds[outcome.authorisation_id].add(command)
    money: Money = Counter()
    for hold in holds.values():
        money[hold.account_id] += 0 if hold.is_over else hold.amount
    return money


def transactions_by(answered: Iterable[Answered]) -> set[str]:
    """The ids of all transactions that there must be, and no others.

    Commands that belong to one payment answer with one id.
    """
    return {
        one
        for _, outcome in answered
        for one in (outcome.transaction_id, outcome.payee_transaction_id)
        if one is not None
    }

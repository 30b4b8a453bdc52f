"""Write down what happens as payments commands, and what each does to the money that is available.

Ids are not known before the bank has decided. A command here names an authorisation, or the
transaction of a refund, by the id of the command that asked for it (see `history.resolve`).
"""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from minibank.core import ids
from minibank.core.instants import to_datetime
from minibank.payments.commands import (
    AuthoriseCard,
    Command,
    Counterparty,
    DeletePot,
    DepositIntoPot,
    ExpireAuthorisation,
    IncrementAuthorisation,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    ReverseAuthorisation,
    SendTransfer,
    TopUp,
    TransferBetween,
    WithdrawFromPot,
)
from minibank.sandbox.catalogue import Merchant
from minibank.sandbox.dice import LONDON, Dice, instant_of
from minibank.sandbox.lives import SORT_CODE
from minibank.sandbox.people import CARDS, POTS, World
from minibank.sandbox.prices import HOME, to_pence

ISSUER = "sandbox"
HOLD_DAYS = 7
_CARD_ACCOUNTS = {card.slug: card.account for card in CARDS}
_POT_ACCOUNTS = {pot.slug: pot.account for pot in POTS}


@dataclass(frozen=True, slots=True)
class Event:
    """A command and how it changes what accounts (by slug) have available, in pence."""

    at: int
    command: Command
    changes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """An authorisation as the simulation remembers it; `amount` in the merchant's currency."""

    card: str
    merchant: Merchant
    command_id: str
    amount: int
    pence: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """Somebody pays by card; `amount` in minor units of the merchant's currency.

    `checks` are fields of the authorisation that are not what they usually are.
    """

    card: str
    merchant: Merchant
    amount: int
    at: int
    checks: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that comes from or goes to another bank, or is loaded; `amount` in pence."""

    account: str
    amount: int
    at: int
    description: str
    name: str = ""
    number: str = ""
    scheme: str = "payport_faster_payments"
    category: str = "general"


def london_day(at: int) -> date:
    """The day that London has at an instant."""
    return to_datetime(at).astimezone(ZoneInfo(LONDON)).date()


def london_hour(at: int) -> int:
    """The hour that London's clocks show at an instant."""
    return to_datetime(at).astimezone(ZoneInfo(LONDON)).hour


def working_day(day: date) -> date:
    """That day, or the Monday after it."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


class Timeline:
    """What happens in the simulated world; events are in the order they were thought of."""

    def __init__(self, world: World, dice: Dice) -> None:
        self.events: list[Event] = []
        self.world = world
        self._dice = dice

    def authorise(self, purchase: Purchase) -> Hold:
        """A card payment that the bank will say yes to."""
        command = self._authorisation(purchase)
        account = _CARD_ACCOUNTS[purchase.card]
        self._add(command, (account, -command.amount))
        return Hold(
            card=purchase.card,
            merchant=purchase.merchant,
            command_id=command.id,
            amount=purchase.amount,
            pence=command.amount,
            at=purchase.at,
        )

    def decline(self, purchase: Purchase) -> None:
        """A card payment that the bank will say no to."""
        self._add(self._authorisation(purchase))

    def increment(self, hold: Hold, amount: int, at: int) -> Hold:
        """The merchant asks for more on the same hold."""
        pence = self._pence(hold, amount, at)
        command = IncrementAuthorisation(
            **self._head("mcauthmsg", hold, at),
            authorisation_id=hold.command_id,
            amount=pence,
            local_amount=_local(hold, amount),
        )
        self._add(command, (_CARD_ACCOUNTS[hold.card], -pence))
        return replace(hold, amount=hold.amount + amount, pence=hold.pence + pence)

    def reverse(self, hold: Hold, at: int, amount: int | None = None) -> Hold:
        """The merchant lets go of the hold, or of a part of it."""
        pence = hold.pence if amount is None else self._pence(hold, amount, at)
        command = ReverseAuthorisation(
            **self._head("mcauthmsg", hold, at),
            authorisation_id=hold.command_id,
            amount=None if amount is None else pence,
            local_amount=None if amount is None else _local(hold, amount),
        )
        self._add(command, (_CARD_ACCOUNTS[hold.card], pence))
        left = 0 if amount is None else hold.amount - amount
        return replace(hold, amount=left, pence=hold.pence - pence)

    def expire(self, hold: Hold) -> None:
        """Nobody presents the hold."""
        at = hold.at + HOLD_DAYS * 86_400_000_000 + 60_000_000
        command = ExpireAuthorisation(
            **self._head("expiry", hold, at), authorisation_id=hold.command_id
        )
        self._add(command, (_CARD_ACCOUNTS[hold.card], hold.pence))

    def present(self, hold: Hold, amount: int | None = None, at: int | None = None) -> None:
        """The merchant presents the payment, by default what is held, a working day or two on."""
        at = self.presented_at(hold.at) if at is None else at
        amount = hold.amount if amount is None else amount
        pence = self._pence(hold, amount, at)
        command = PresentCard(
            **self._head("mcclearingmsg", hold, at),
            authorisation_id=hold.command_id,
            amount=pence,
            local_amount=_local(hold, amount),
            local_currency=_local_currency(hold.merchant),
        )
        self._add(command, (_CARD_ACCOUNTS[hold.card], hold.pence - pence))

    def present_alone(self, purchase: Purchase) -> None:
        """A payment that nobody asked for beforehand: made offline, presented later."""
        asked = self._authorisation(purchase)
        command = PresentCard(
            issuer=ISSUER,
            account_id=asked.account_id,
            id=self._id("mcclearingmsg", purchase.at),
            at=purchase.at,
            amount=asked.amount,
            card_id=asked.card_id,
            description=asked.description,
            merchant_id=asked.merchant_id,
            local_amount=asked.local_amount,
            local_currency=asked.local_currency,
            metadata=asked.metadata,
        )
        self._add(command, (_CARD_ACCOUNTS[purchase.card], -command.amount))

    def refund(self, hold: Hold, amount: int, at: int) -> None:
        """The merchant gives back some or all of a payment that was presented."""
        pence = self._pence(hold, amount, at)
        command = RefundCard(
            **self._head("mcclearingmsg", hold, at),
            amount=pence,
            description=hold.merchant.outlet.descriptor,
            card_id=self.world.cards[hold.card],
            merchant_id=hold.merchant.id,
            local_amount=_local(hold, amount),
            local_currency=_local_currency(hold.merchant),
            original_transaction_id=hold.command_id,
        )
        self._add(command, (_CARD_ACCOUNTS[hold.card], pence))

    def buy(self, purchase: Purchase) -> Hold:
        """The usual card payment: authorised, and presented as it was."""
        hold = self.authorise(purchase)
        self.present(hold)
        return hold

    def load(self, payment: Payment) -> None:
        """Top up the account from a card of another bank."""
        command = TopUp(
            issuer=ISSUER,
            account_id=self.world.accounts[payment.account],
            id=self._id("topup", payment.at),
            at=payment.at,
            amount=payment.amount,
            description=payment.description,
        )
        self._add(command, (payment.account, payment.amount))

    def receive(self, payment: Payment) -> Event:
        """Money comes from another bank."""
        command = ReceiveTransfer(**self._transfer("inbndp2p", payment))
        return self._add(command, (payment.account, payment.amount))

    def send(self, payment: Payment) -> Event:
        """Money goes to another bank."""
        command = SendTransfer(**self._transfer("obextpayment", payment))
        return self._add(command, (payment.account, -payment.amount))

    def give(self, payment: Payment, payee: str, sender: str) -> Event:
        """Money goes from one account of this bank to another."""
        accounts = self.world.accounts
        command = TransferBetween(
            issuer=ISSUER,
            account_id=accounts[payment.account],
            id=self._id("p2p", payment.at),
            at=payment.at,
            payee_account_id=accounts[payee],
            amount=payment.amount,
            description=payment.description,
            user_id=self.world.users[sender],
        )
        return self._add(command, (payment.account, -payment.amount), (payee, payment.amount))

    def put_aside(self, pot: str, saver: str, amount: int, at: int) -> Event:
        """Money goes from an account into one of its pots."""
        account = _POT_ACCOUNTS[pot]
        command = DepositIntoPot(
            **self._pot_head("potdep", pot, at), amount=amount, user_id=self.world.users[saver]
        )
        return self._add(command, (account, -amount))

    def take_out(self, pot: str, saver: str, amount: int, at: int) -> Event:
        """Money comes back from a pot."""
        account = _POT_ACCOUNTS[pot]
        command = WithdrawFromPot(
            **self._pot_head("potwdr", pot, at), amount=amount, user_id=self.world.users[saver]
        )
        return self._add(command, (account, amount))

    def give_up(self, pot: str, amount: int, at: int) -> Event:
        """A pot is deleted that holds this much."""
        command = DeletePot(**self._pot_head("potwdr", pot, at))
        return self._add(command, (_POT_ACCOUNTS[pot], amount))

    def keep_pending(self, since: int) -> None:
        """Forget the presentments of what was authorised from that instant on."""
        recent = {
            event.command.id
            for event in self.events
            if isinstance(event.command, AuthoriseCard) and event.at >= since
        }
        self.events = [
            event
            for event in self.events
            if not isinstance(event.command, PresentCard)
            or event.command.authorisation_id not in recent
        ]

    def presented_at(self, at: int) -> int:
        """One or two days after an instant, but not on a weekend, in the small hours."""
        day = london_day(at) + timedelta(days=1 if self._dice.chance(70) else 2)
        return self._dice.moment(working_day(day), (1, 7))

    def _authorisation(self, purchase: Purchase) -> AuthoriseCard:
        merchant = purchase.merchant
        currency = merchant.brand.currency
        metadata = {"mcc": merchant.brand.mcc}
        if merchant.brand.online:
            metadata["card_acceptor_website"] = merchant.brand.website
        fields: dict[str, Any] = {
            "amount": to_pence(purchase.amount, currency, london_day(purchase.at)),
            "local_amount": None if currency == HOME else purchase.amount,
            "cvc_ok": True if merchant.brand.online else None,
        }
        return AuthoriseCard(
            issuer=ISSUER,
            account_id=self.world.accounts[_CARD_ACCOUNTS[purchase.card]],
            id=self._id("mclifecycle", purchase.at),
            at=purchase.at,
            card_id=self.world.cards[purchase.card],
            description=merchant.outlet.descriptor,
            merchant_id=merchant.id,
            local_currency=_local_currency(merchant),
            hold_seconds=HOLD_DAYS * 86_400,
            metadata=metadata,
            **(fields | purchase.checks),
        )

    def _transfer(self, prefix: str, payment: Payment) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "account_id": self.world.accounts[payment.account],
            "id": self._id(prefix, payment.at),
            "at": payment.at,
            "amount": payment.amount,
            "description": payment.description,
            "counterparty": Counterparty(
                name=payment.name, sort_code=SORT_CODE, account_number=payment.number
            ),
            "scheme": payment.scheme,
            "category": payment.category,
        }

    def _head(self, prefix: str, hold: Hold, at: int) -> dict[str, Any]:
        account = self.world.accounts[_CARD_ACCOUNTS[hold.card]]
        return {"issuer": ISSUER, "account_id": account, "id": self._id(prefix, at), "at": at}

    def _pot_head(self, prefix: str, pot: str, at: int) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "account_id": self.world.accounts[_POT_ACCOUNTS[pot]],
            "id": self._id(prefix, at),
            "at": at,
            "pot_id": self.world.pots[pot],
        }

    def _add(self, command: Command, *changes: tuple[str, int]) -> Event:
        assert command.at is not None, "history says when it happened"
        event = Event(command.at, command, changes)
        self.events.append(event)
        return event

    def _id(self, prefix: str, at: int) -> str:
        """An id in the bank's own form; the counter keeps it apart from all others."""
        return ids.compose(prefix, at, 0, len(self.events) + 1, self._dice.bits(36))

    @staticmethod
    def _pence(hold: Hold, amount: int, at: int) -> int:
        if amount == hold.amount and hold.merchant.brand.currency == HOME:
            return hold.pence
        return to_pence(amount, hold.merchant.brand.currency, london_day(at))


def _local(hold: Hold, amount: int) -> int | None:
    return None if hold.merchant.brand.currency == HOME else amount


def _local_currency(merchant: Merchant) -> str | None:
    currency = merchant.brand.currency
    return None if currency == HOME else currency


def day_at(day: date, hour: int, minute: int = 0) -> int:
    """The instant of a London wall clock on that day."""
    return instant_of(day, hour * 3600 + minute * 60)

"""What the engine knows when it decides: gathered once per batch, kept true as decisions fall."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from minibank.core.errors import BadParam, BankError, Conflict, NotFound
from minibank.core.money import AMOUNT_MAX
from minibank.ledger.chain import next_hash
from minibank.ledger.entries import EntrySet, held, main
from minibank.ledger.store import ChainedSet
from minibank.payments.commands import COMMAND_NAMES, Command, Forced, Outcome
from minibank.payments.effects import Authorisation, Correction, Effect, Refund
from minibank.payments.limits import count
from minibank.pots.records import Pot
from minibank.transactions.records import TransactionRecord
from minibank.transactions.wire import Merchants, SettledPending
from minibank.webhooks.records import Delivery

SUSPENSE_ACCOUNT = "bank_suspense"
"""The type of the bank's own accounts, which hold no money and whose chains tell of suspense."""

BACKDATED_MAX = 6 * 366 * 24 * 3600 * 1_000_000
"""How long ago something may have happened that is booked now: claims lapse after six years."""


class Account(msgspec.Struct):
    """An account as the engine sees it; `booked`, `held` and limits in minor units.

    A limit is None where there is none. What was spent counts on the day that begins at
    `spending_day`: see `minibank.payments.limits`. `in_pots` is what its pots hold, and is known of
    accounts with a `balance_max` only.
    """

    shard: int
    id: str
    state: str
    currency: str
    sort_code: str
    account_number: str
    booked: int
    held: int
    overdraft_limit: int
    last_created_at: int
    chain_length: int
    chain_head: bytes
    has_webhooks: bool = False
    payment_max: int | None = None
    card_daily_max: int | None = None
    transfer_daily_max: int | None = None
    balance_max: int | None = None
    spending_day: int = 0
    card_spent: int = 0
    transfer_spent: int = 0
    type: str = "uk_retail"
    opened_at: int = 0
    in_pots: int = 0

    @property
    def available(self) -> int:
        """What the account has and does not hold."""
        return self.booked - self.held

    def can_pay(self, amount: int) -> bool:
        """Whether a decision may take this much; holds and the overdraft are counted."""
        return amount == 0 or self.available - amount >= -self.overdraft_limit


class Card(msgspec.Struct, frozen=True):
    """A card as the engine sees it."""

    id: str
    account_id: str
    user_id: str
    state: str
    expires_at: int


class Owner(msgspec.Struct, frozen=True):
    """A person who owns an account."""

    user_id: str
    name: str


class Webhook(msgspec.Struct):
    """A webhook as the engine sees it: what it asked for, in which form, and its next number."""

    shard: int
    id: str
    account_id: str
    events: frozenset[str]
    settled_pending: SettledPending
    next_sequence: int
    target: int
    is_sent: bool


class Recorded(msgspec.Struct, frozen=True):
    """What was answered to a command, and the digest of its content."""

    account_id: str
    issuer: str
    command_id: str
    command: str
    digest: bytes
    outcome: Outcome


Key = tuple[str, str, str]


@dataclass(slots=True)
class Picture:
    """The facts that decisions read, and what has been decided in this batch.

    `instant` is the batch's own, in microseconds; `suspense_return_days` is how long what came for
    a closed account waits until it goes back, 0 for ever. `merchants` maps an id to its category;
    `shown_merchants` are whole, and there only when a webhook is to be told of them.
    `refunded` is what was given back of each payment that has refunds.
    """

    instant: int
    hold_seconds: int
    accounts: dict[str, Account]
    owners: dict[str, list[Owner]] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    merchants: dict[str, str] = field(default_factory=dict)
    shown_merchants: Merchants = field(default_factory=dict)
    webhooks: dict[str, list[Webhook]] = field(default_factory=dict)
    authorisations: dict[str, Authorisation] = field(default_factory=dict)
    pots: dict[str, Pot] = field(default_factory=dict)
    corrections: dict[str, Correction] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    transactions: dict[str, TransactionRecord] = field(default_factory=dict)
    recorded: dict[Key, Recorded] = field(default_factory=dict)
    suspense_return_days: int = 0
    written: "Written" = field(default_factory=lambda: Written())

    def account(self, account_id: str) -> Account:
        """The customer's account, or `NotFound`."""
        account = self.any_account(account_id)
        if account.type == SUSPENSE_ACCOUNT:
            raise NotFound("account", "There is no such account")
        return account

    def any_account(self, account_id: str) -> Account:
        """The account, be it the bank's own; or `NotFound`."""
        account = self.accounts.get(account_id)
        if account is None:
            raise NotFound("account", "There is no such account")
        return account

    def open_account(self, account_id: str) -> Account:
        """The account, when it may take part in new business; else `NotFound` or `Conflict`."""
        account = self.account(account_id)
        if account.state != "open":
            raise Conflict("conflict.account_not_open", f"The account is {account.state}")
        return account

    def account_for_credit(self, account_id: str) -> Account:
        """The account, when it may still receive; else `NotFound` or `Conflict`."""
        account = self.account(account_id)
        if account.state == "closed":
            raise Conflict("conflict.account_closed", "The account is closed")
        return account

    def card(self, card_id: str | None, account: Account) -> Card:
        """The card, when it is one of this account's; else `NotFound`."""
        card = self.cards.get(card_id or "")
        if card is None or card.account_id != account.id:
            raise NotFound("card", "The account has no such card")
        return card

    def authorisation(self, authorisation_id: str, account: Account) -> Authorisation:
        """The authorisation, when it is one of this account's; else `NotFound`."""
        found = self.authorisations.get(authorisation_id)
        if found is None or found.account_id != account.id:
            raise NotFound("authorisation", "The account has no such authorisation")
        return found

    def pot(self, pot_id: str, account: Account) -> Pot:
        """The pot, when it is one of this account's; else `NotFound`, `BadParam` if deleted."""
        found = self.pots.get(pot_id)
        if found is None or found.account_id != account.id:
            raise NotFound("pot", "The account has no such pot")
        if found.deleted_at is not None:
            raise BadParam("pot_id", "names a deleted pot")
        return found

    def told_user(self, account: Account, user_id: str) -> str:
        """Who did something, told on joint accounts only; `BadParam` when it is no owner."""
        if user_id and not self.is_owner(account, user_id):
            raise BadParam("user_id", "names no owner of the account")
        return user_id if len(self.owners.get(account.id, ())) > 1 else ""

    def is_owner(self, account: Account, user_id: str) -> bool:
        """Whether this person owns the account."""
        return any(owner.user_id == user_id for owner in self.owners.get(account.id, ()))

    def category(self, merchant_id: str | None) -> str:
        """A merchant's category; `BadParam` when there is no such merchant."""
        if merchant_id is None:
            return "general"
        if merchant_id not in self.merchants:
            raise BadParam("merchant_id", "names no known merchant")
        return self.merchants[merchant_id]

    def happened_at(self, command: Command, account: Account) -> int:
        """When the command happened; `BadParam` for history older than the account's newest row.

        What happened in the same millisecond is not older: rows of one instant are a microsecond
        apart, so that they have an order.
        """
        if command.at is None:
            return self.instant
        if command.at > self.instant:
            raise BadParam("at", "lies in the future")
        if command.at // 1000 < account.last_created_at // 1000:
            raise BadParam("at", "is older than the newest transaction of the account")
        return command.at

    def value_date(self, command: Forced, account: Account) -> int:
        """When what is booked now happened in the world; `BadParam` when it cannot have."""
        booked_at = self.happened_at(command, account)
        happened_at = command.happened_at
        if happened_at is None:
            return booked_at
        if happened_at > booked_at:
            raise BadParam("happened_at", "lies in the future")
        if happened_at < account.opened_at:
            raise BadParam("happened_at", "is before the account was opened")
        if happened_at < booked_at - BACKDATED_MAX:
            raise BadParam("happened_at", "is more than six years ago")
        return happened_at

    def apply(self, effect: Effect, deliveries: Iterable[Delivery] = ()) -> None:
        """Make the effect, and what is told of it, part of what the next decision sees."""
        for entry_set in effect.entry_sets:
            self._post(entry_set)
        for transaction in effect.transactions:
            self._put_transaction(transaction)
        for authorisation in effect.authorisations:
            self.written.put_authorisation(authorisation, self.authorisations)
            self.authorisations[authorisation.id] = authorisation
        for pot in effect.pots:
            self.accounts[pot.account_id].in_pots += pot.balance - self.pots[pot.id].balance
            self.pots[pot.id] = self.written.pots[pot.id] = pot
        for correction in effect.corrections:
            self.written.put_correction(correction, self.corrections)
            self.corrections[correction.transaction_id] = correction
        for refund in effect.refunds:
            so_far = self.refunded.get(refund.transaction_id, 0)
            self.refunded[refund.transaction_id] = so_far + refund.amount
            self.written.refunds.append(refund)
        for delivery in deliveries:
            self._number(delivery)

    def _number(self, delivery: Delivery) -> None:
        """Give an event the webhook's next number; a refused command has used none up."""
        (webhook,) = (
            one for one in self.webhooks[delivery.account_id] if one.id == delivery.webhook_id
        )
        self.written.deliveries.append((webhook.next_sequence, delivery))
        webhook.next_sequence += 1
        self.written.webhooks[webhook.id] = webhook

    def _post(self, entry_set: EntrySet) -> None:
        account = self.accounts[entry_set.account_id]
        to_main, to_held = _moved(entry_set)
        account.held += to_held
        account.booked += to_main + to_held
        account.chain_length += 1
        previous = account.chain_head
        account.chain_head = next_hash(previous, account.chain_length, entry_set)
        self.written.entry_sets.append(
            ChainedSet(account.shard, account.chain_length, previous, account.chain_head, entry_set)
        )
        self.written.accounts[account.id] = account

    def _put_transaction(self, transaction: TransactionRecord) -> None:
        account = self.accounts[transaction.account_id]
        if count(account, self.transactions.get(transaction.id), transaction):
            self.written.spending[account.id] = account
        if transaction.created_at > account.last_created_at:
            account.last_created_at = transaction.created_at
            self.written.accounts[account.id] = account
        self.written.put_transaction(transaction, self.transactions)
        self.transactions[transaction.id] = transaction

    def record(self, command: Command, digest: bytes, effect: Effect) -> Outcome:
        """Keep what was answered, so that a repeat is answered alike; the answer.

        The effect has been applied: what it posted is at the ends of its accounts' chains.
        """
        outcome = effect.outcome
        if effect.entry_sets:
            outcome = self._linked(effect)
        places = [(command.account_id, command.id)]
        if effect.also_recorded_on:
            places.append(effect.also_recorded_on)
        kind = COMMAND_NAMES[type(command)]
        for account_id, command_id in places:
            entry = Recorded(account_id, command.issuer, command_id, kind, digest, outcome)
            self.recorded[account_id, command.issuer, command_id] = entry
            self.written.outcomes.append(entry)
        return outcome

    def _linked(self, effect: Effect) -> Outcome:
        """The outcome with the numbers of its entry sets: its own, and those of what was paid."""
        own: list[int] = []
        payees: list[int] = []
        posted = self.written.entry_sets[-len(effect.entry_sets) :]
        for one in posted:
            is_payees = one.entry_set.transaction_id == effect.outcome.payee_transaction_id
            into = payees if is_payees else own
            into.append(one.sequence)
        return msgspec.structs.replace(
            effect.outcome, entry_sets=tuple(own), payee_entry_sets=tuple(payees)
        )


@dataclass(slots=True)
class Written:
    """What a batch will write, one list per table."""

    accounts: dict[str, Account] = field(default_factory=dict)
    spending: dict[str, Account] = field(default_factory=dict)
    entry_sets: list[ChainedSet] = field(default_factory=list)
    outcomes: list[Recorded] = field(default_factory=list)
    new_transactions: dict[str, TransactionRecord] = field(default_factory=dict)
    changed_transactions: dict[str, TransactionRecord] = field(default_factory=dict)
    new_authorisations: dict[str, Authorisation] = field(default_factory=dict)
    changed_authorisations: dict[str, Authorisation] = field(default_factory=dict)
    pots: dict[str, Pot] = field(default_factory=dict)
    new_corrections: dict[str, Correction] = field(default_factory=dict)
    changed_corrections: dict[str, Correction] = field(default_factory=dict)
    refunds: list[Refund] = field(default_factory=list)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    deliveries: list[tuple[int, Delivery]] = field(default_factory=list)

    def put_transaction(
        self, transaction: TransactionRecord, known: dict[str, TransactionRecord]
    ) -> None:
        """Note a new or changed transaction."""
        is_new = transaction.id not in known or transaction.id in self.new_transactions
        into = self.new_transactions if is_new else self.changed_transactions
        into[transaction.id] = transaction

    def put_authorisation(
        self, authorisation: Authorisation, known: dict[str, Authorisation]
    ) -> None:
        """Note a new or changed authorisation."""
        is_new = authorisation.id not in known or authorisation.id in self.new_authorisations
        into = self.new_authorisations if is_new else self.changed_authorisations
        into[authorisation.id] = authorisation

    def put_correction(self, correction: Correction, known: dict[str, Correction]) -> None:
        """Note a new or changed correction."""
        about = correction.transaction_id
        is_new = about not in known or about in self.new_corrections
        into = self.new_corrections if is_new else self.changed_corrections
        into[about] = correction


def require_range(effect: Effect, picture: Picture) -> None:
    """Refuse an effect that would take an amount or a balance beyond what the bank can count."""
    amounts = [transaction.amount for transaction in effect.transactions]
    amounts += [pot.balance for pot in effect.pots]
    for entry_set in effect.entry_sets:
        account = picture.accounts[entry_set.account_id]
        to_main, to_held = _moved(entry_set)
        amounts += (
            account.available + to_main,
            account.held + to_held,
            account.booked + to_main + to_held,
        )
    if amounts and max(map(abs, amounts)) > AMOUNT_MAX:
        raise BadParam("amount", "would take a balance out of range")


def _moved(entry_set: EntrySet) -> tuple[int, int]:
    """What an entry set adds to its account's main and to its held address."""
    account_id = entry_set.account_id
    return entry_set.total(main(account_id)), entry_set.total(held(account_id))


Answer = Outcome | BankError

"""A counter at which commands are decided with no database behind it."""

from typing import Any

import msgspec

from minibank.core.errors import BankError
from minibank.core.ids import SeededIds
from minibank.ledger.chain import GENESIS
from minibank.payments.commands import Command, Outcome
from minibank.payments.decide import decide_all
from minibank.payments.effects import Authorisation
from minibank.payments.picture import SUSPENSE_ACCOUNT, Account, Answer, Card, Owner, Picture
from minibank.payments.prepared import prepare
from minibank.pots.records import Pot
from minibank.transactions.records import TransactionRecord
from tests.support.banking import SHOP, Holder
from tests.support.rails import Rails

NOON = 1_773_144_000_000_000
HOUR = 3600 * 1_000_000
WEEK_SECONDS = 7 * 24 * 3600
NEXT_YEAR = NOON + 365 * 24 * HOUR


class Desk:
    """Holds the picture of a small bank and decides command after command."""

    def __init__(self) -> None:
        self.ids = SeededIds("desk")
        self.orders = Rails()
        self.picture = Picture(NOON, WEEK_SECONDS, accounts={}, merchants={SHOP.id: SHOP.category})

    def add_holder(
        self, funds: int = 0, *, owners: int = 1, overdraft_limit: int = 0, currency: str = "GBP"
    ) -> Holder:
        """Somebody with an open account, an active card and funds that are simply there."""
        shard = self.ids.shard()
        account_id = self.ids.new("acc", shard, NOON)
        card_id = self.ids.new("card", shard, NOON)
        users = tuple(self.ids.new("user", shard, NOON) for _ in range(owners))
        self.picture.accounts[account_id] = Account(
            shard=shard,
            id=account_id,
            state="open",
            currency=currency,
            sort_code="009900",
            account_number=f"{len(self.picture.accounts):08d}",
            booked=funds,
            held=0,
            overdraft_limit=overdraft_limit,
            last_created_at=0,
            chain_length=0,
            chain_head=GENESIS,
        )
        self.picture.cards[card_id] = Card(card_id, account_id, users[0], "active", NEXT_YEAR)
        self.picture.owners[account_id] = [
            Owner(user_id, f"Person {n}") for n, user_id in enumerate(users, 1)
        ]
        return Holder(account_id, card_id, users)

    def add_pot(self, holder: Holder, balance: int = 0, **more: Any) -> str:
        """A pot of somebody's in which the money simply is; its id."""
        shard = self.account(holder).shard
        pot = Pot(
            shard=shard,
            id=self.ids.new("pot", shard, NOON),
            account_id=holder.account_id,
            name="Holiday",
            balance=balance,
            created_at=NOON,
            updated_at=NOON,
        )
        self.picture.pots[pot.id] = msgspec.structs.replace(pot, **more)
        return pot.id

    def add_bank(self) -> Holder:
        """The bank's own account for suspense."""
        bank = self.add_holder()
        self.account(bank).type = SUSPENSE_ACCOUNT
        return bank

    def answer(self, command: Command) -> Answer:
        """The answer, whatever it is."""
        [answer] = self.answer_all([command])
        return answer

    def answer_all(self, commands: list[Command]) -> list[Answer]:
        """The answers to commands that arrived together."""
        return decide_all([prepare(one) for one in commands], self.picture, self.ids)

    def do(self, command: Command) -> Outcome:
        """The outcome; a refusal is raised."""
        answer = self.answer(command)
        if isinstance(answer, BankError):
            raise answer
        return answer

    def account(self, holder: Holder) -> Account:
        """The holder's account as it now is."""
        return self.picture.accounts[holder.account_id]

    def set_card(
        self, holder: Holder, *, state: str = "active", expires_at: int = NEXT_YEAR
    ) -> None:
        """Change the holder's card."""
        self.picture.cards[holder.card_id] = Card(
            holder.card_id, holder.account_id, holder.user_ids[0], state, expires_at
        )

    def transaction(self, outcome: Outcome) -> TransactionRecord:
        """The transaction an outcome names."""
        assert outcome.transaction_id is not None
        return self.picture.transactions[outcome.transaction_id]

    def authorisation(self, outcome: Outcome) -> Authorisation:
        """The authorisation an outcome names."""
        assert outcome.authorisation_id is not None
        return self.picture.authorisations[outcome.authorisation_id]

    def hold(self, holder: Holder, amount: int, **more: object) -> str:
        """An approved authorisation; its id."""
        outcome = self.do(self.orders.authorise(holder, amount, **more))
        assert outcome.status == "done"
        assert outcome.authorisation_id is not None
        return outcome.authorisation_id

    def written(self) -> int:
        """How many rows there would be to write."""
        written = self.picture.written
        return (
            len(written.entry_sets)
            + len(written.outcomes)
            + len(written.new_transactions)
            + len(written.changed_transactions)
            + len(written.new_authorisations)
            + len(written.changed_authorisations)
            + len(written.pots)
            + len(written.new_corrections)
            + len(written.changed_corrections)
            + len(written.refunds)
        )

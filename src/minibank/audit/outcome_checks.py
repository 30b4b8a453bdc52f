"""Compare what was answered to commands with what was done."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from minibank.audit.chain_walk import Ledger
from minibank.audit.findings import Finding
from minibank.audit.rows import AuthorisationRow, OutcomeRow, TransactionRow
from minibank.payments.commands import Outcome

_CODES = {
    "top_up": "top_up",
    "authorise_card": "authorisation",
    "increment_authorisation": "increment",
    "reverse_authorisation": "reversal",
    "expire_authorisation": "expiry",
    "present_card": "presentment",
    "refund_card": "refund",
    "receive_transfer": "transfer_in",
    "send_transfer": "transfer_out",
    "transfer_between": "transfer_out",
    "deposit_into_pot": "pot_deposit",
    "withdraw_from_pot": "pot_withdrawal",
    "delete_pot": "pot_withdrawal",
}
"""What the entry set of each command is called."""

_ENDERS = {"reverse_authorisation", "expire_authorisation", "present_card"}
"""Commands that can end an authorisation."""

_CHANGERS = {"increment_authorisation", "reverse_authorisation", "expire_authorisation"}
"""Commands that make no transaction; nor does a presentment that ends an authorisation."""


_MAY_MOVE_NOTHING = "delete_pot"
"""A command that makes no transaction when there is nothing to move."""


@dataclass(slots=True)
class Answers:
    """Takes in the outcomes of one account, and what they leave unanswered at the end.

    It uses the ledger's movements up: each new entry set was posted for one command.
    `transactions` and `authorisations` may grow meanwhile; `new` are the transactions that must be
    answered in what is taken in. `transfers` become the two transactions of each transfer, this
    account's first; `decided_at` is when each transaction was made.
    """

    ledger: Ledger
    transactions: Mapping[str, TransactionRow]
    authorisations: Mapping[str, AuthorisationRow]
    new: Collection[str]
    transfers: list[tuple[str, str]] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    decided_at: dict[str, int] = field(default_factory=dict)

    def _finding(self, code: str, subject: str, message: str) -> Finding:
        return Finding(code, self.ledger.account_id, subject, message)

    def take(self, row: OutcomeRow) -> Iterator[Finding]:
        """Take the next outcome in; what is wrong with it."""
        outcome = row.outcome
        if outcome is None:
            yield self._finding("outcome.unreadable", row.command_id, "cannot be read")
            return
        own = self.transactions.get(outcome.transaction_id or "")
        credit = self.transactions.get(outcome.payee_transaction_id or "")
        if own is not None:
            yield from self._take(row, outcome, own)
        elif credit is not None:
            yield from self._take_credit(row, outcome, credit)
        elif row.command != _MAY_MOVE_NOTHING or outcome.transaction_id is not None:
            message = f"names {outcome.transaction_id}, which is not there"
            yield self._finding("outcome.transaction", row.command_id, message)

    def _take(self, row: OutcomeRow, outcome: Outcome, own: TransactionRow) -> Iterator[Finding]:
        self.answered.add(own.id)
        if outcome.status == "done":
            told = (_CODES.get(row.command, ""), outcome.balance)
            yield from self._use_up(row, own, told, outcome.entry_sets)
        declined = outcome.status == "declined"
        ends = row.command == "present_card" and outcome.authorisation_id is not None
        made = not ends and row.command not in _CHANGERS
        if made:
            self.decided_at[own.id] = row.decided_at
        said = (outcome.balance, outcome.decline_reason, row.command_id)
        if (
            declined != (outcome.decline_reason is not None)
            or (declined and outcome.entry_sets)
            or (made and said != (own.account_balance, own.decline_reason, own.dedupe_id))
        ):
            message = f"does not say what {own.id} says"
            yield self._finding("outcome.answer", row.command_id, message)
        if outcome.authorisation_id is not None:
            yield from self._take_authorisation(row, outcome.authorisation_id, own)
        if outcome.payee_transaction_id is not None:
            self.transfers.append((own.id, outcome.payee_transaction_id))

    def _use_up(
        self,
        row: OutcomeRow,
        transaction: TransactionRow,
        told: tuple[str, int],
        numbers: tuple[int, ...],
    ) -> Iterator[Finding]:
        """The entry set of this answer is accounted for; it is one of `numbers`, if it says any."""
        movement = self.ledger.movements.get(transaction.id)
        unanswered = movement.unanswered if movement else []
        used = [one for one in unanswered if one[1:] == told and (not numbers or one[0] in numbers)]
        for one in used[:1]:
            unanswered.remove(one)
        new = [number for number in numbers if number > self.ledger.began_after]
        if numbers and new != [number for number, _, _ in used]:
            message = f"names the entry sets {list(numbers)}, which are not those of this answer"
            yield self._finding("outcome.entry_sets", row.command_id, message)

    def _take_authorisation(
        self, row: OutcomeRow, authorisation_id: str, own: TransactionRow
    ) -> Iterator[Finding]:
        self.answered.add(authorisation_id)
        if row.command in _ENDERS:
            self.ended.add(authorisation_id)
        found = self.authorisations.get(authorisation_id)
        if found is None or found.transaction_id != own.id:
            message = f"names {authorisation_id}, which is not there or not that of {own.id}"
            yield self._finding("outcome.authorisation", row.command_id, message)

    def _take_credit(
        self, row: OutcomeRow, outcome: Outcome, credit: TransactionRow
    ) -> Iterator[Finding]:
        """The payee's side of a transfer: the answer itself is the payer's."""
        self.answered.add(credit.id)
        self.decided_at[credit.id] = row.decided_at
        told = ("transfer_in", credit.account_balance)
        yield from self._use_up(row, credit, told, outcome.payee_entry_sets)
        if not row.command_id.endswith(f"/{credit.dedupe_id}/credit"):
            message = f"does not say what {credit.id} says"
            yield self._finding("outcome.answer", row.command_id, message)
        self.transfers.append((credit.id, outcome.transaction_id or ""))

    def finish(self) -> Iterator[Finding]:
        """What was done and answered to no command."""
        for transaction_id in sorted(self.transactions):
            movement = self.ledger.movements.get(transaction_id)
            if transaction_id in self.new and transaction_id not in self.answered:
                message = "was answered to no command"
                yield self._finding("transaction.outcome", transaction_id, message)
            elif movement and movement.unanswered:
                message = f"moved money that no answer tells of: {movement.unanswered}"
                yield self._finding("transaction.outcome", transaction_id, message)
        for authorisation_id, row in self.authorisations.items():
            if row.transaction_id in self.new and authorisation_id not in self.answered:
                message = "was answered to no command"
                yield self._finding("authorisation.outcome", authorisation_id, message)
            elif row.state != "open" and authorisation_id not in self.ended:
                message = f"is {row.state}, and no command ended it"
                yield self._finding("authorisation.outcome", authorisation_id, message)

    def compare_transfers(self, amounts: Mapping[str, int]) -> Iterator[Finding]:
        """What left arrived, and the reverse; `amounts` are those of the other transactions."""
        for own_id, other_id in self.transfers:
            amount = self.transactions[own_id].amount
            if amounts.get(other_id) != -amount:
                message = f"moved {amount}, and the other side {amounts.get(other_id)}"
                yield self._finding("transfer.other_side", own_id, message)

"""Compare what was answered to commands with what was done."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from minibank.audit.chain_walk import Ledger
from minibank.audit.findings import Finding
from minibank.audit.rows import AuthorisationRow, OutcomeRow, TransactionRow
from minibank.payments.commands import Outcome

_CODES = {
    "top_up": ("top_up",),
    "authorise_card": ("authorisation",),
    "increment_authorisation": ("increment",),
    "reverse_authorisation": ("reversal",),
    "expire_authorisation": ("expiry",),
    "present_card": ("presentment",),
    "refund_card": ("refund",),
    "receive_transfer": ("transfer_in",),
    "send_transfer": ("transfer_out",),
    "transfer_between": ("transfer_out",),
    "return_transfer": ("transfer_returned",),
    "reject_transfer": ("transfer_rejected",),
    "send_transfer_back": ("transfer_sent_back",),
    "deposit_cash": ("cash_in",),
    "withdraw_cash": ("cash_out",),
    "charge_fee": ("fee",),
    "reverse_fee": ("fee_reversal",),
    "adjust_balance": ("adjustment",),
    "open_chargeback": ("chargeback",),
    "resolve_chargeback": ("chargeback_won", "chargeback_lost"),
    "resolve_suspense": ("suspense_out", "suspense_returned"),
    "deposit_into_pot": ("pot_deposit",),
    "withdraw_from_pot": ("pot_withdrawal",),
    "delete_pot": ("pot_withdrawal",),
}
"""What the entry set of each command may be called."""

_SUSPENDING = {"receive_transfer", "refund_card", "return_transfer", "reject_transfer", "suspend"}
"""Commands that put what no account can take into suspense, and are declined."""

_PAYEE_CODES = {"transfer_between": ("transfer_in",), "resolve_suspense": ("suspense_in",)}
"""What the entry set on the other account is called."""

_ENDERS = {"reverse_authorisation", "expire_authorisation", "present_card"}
"""Commands that can end an authorisation."""

_CHANGERS = {
    "increment_authorisation",
    "reverse_authorisation",
    "expire_authorisation",
    "resolve_suspense",
}
"""Commands that make no transaction of their own account; nor do a presentment that ends an
authorisation and a dispute that is won."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Two transactions of one command, this account's first; their amounts differ by `sign`."""

    own_id: str
    other_id: str
    sign: int


_MAY_MOVE_NOTHING = "delete_pot"
"""A command that makes no transaction when there is nothing to move."""


@dataclass(slots=True)
class Answers:
    """Takes in the outcomes of one account, and what they leave unanswered at the end.

    It uses the ledger's movements up: each new entry set was posted for one command.
    `transactions` and `authorisations` may grow meanwhile; `new` are the transactions that must be
    answered in what is taken in. `transfers` become the two transactions of each transfer;
    `decided_at` is when each transaction was made.
    """

    ledger: Ledger
    transactions: Mapping[str, TransactionRow]
    authorisations: Mapping[str, AuthorisationRow]
    new: Collection[str]
    transfers: list[Transfer] = field(default_factory=list)
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
        declined = outcome.status == "declined"
        suspends = declined and row.command in _SUSPENDING
        if suspends or not declined:
            codes = ("suspense",) if suspends else _CODES.get(row.command, ())
            yield from self._use_up(row, own, (codes, outcome.balance), outcome.entry_sets)
        made = _makes(row, outcome, own)
        if made:
            self.decided_at[own.id] = row.decided_at
        said = (outcome.balance, outcome.decline_reason, row.command_id)
        if (
            declined != (outcome.decline_reason is not None)
            or (declined and not suspends and outcome.entry_sets)
            or (made and said != (own.account_balance, own.decline_reason, own.dedupe_id))
        ):
            message = f"does not say what {own.id} says"
            yield self._finding("outcome.answer", row.command_id, message)
        if outcome.authorisation_id is not None:
            yield from self._take_authorisation(row, outcome.authorisation_id, own)
        if outcome.payee_transaction_id is not None:
            self._note_transfer(row, own.id, outcome.payee_transaction_id)
            kept = self.transactions.get(outcome.payee_transaction_id)
            if kept is not None:
                # What left suspense for the account that it had come for.
                is_named = kept.dedupe_id == row.command_id
                yield from self._take_landed(row, outcome, kept, is_named)

    def _note_transfer(self, row: OutcomeRow, own_id: str, other_id: str) -> None:
        sign = 1 if row.command == "resolve_suspense" else -1
        self.transfers.append(Transfer(own_id, other_id, sign))

    def _use_up(
        self,
        row: OutcomeRow,
        transaction: TransactionRow,
        told: tuple[tuple[str, ...], int],
        numbers: tuple[int, ...],
    ) -> Iterator[Finding]:
        """The entry set of this answer is accounted for; it is one of `numbers`, if it says any."""
        movement = self.ledger.movements.get(transaction.id)
        unanswered = movement.unanswered if movement else []
        codes, balance = told
        used = [
            (number, code, left)
            for number, code, left in unanswered
            if code in codes and left == balance and (not numbers or number in numbers)
        ]
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
        is_named = row.command_id.endswith(f"/{credit.dedupe_id}/credit")
        yield from self._take_landed(row, outcome, credit, is_named)
        self._note_transfer(row, credit.id, outcome.transaction_id or "")

    def _take_landed(
        self, row: OutcomeRow, outcome: Outcome, landed: TransactionRow, is_named: bool
    ) -> Iterator[Finding]:
        """What a command brought to the account that it paid; `is_named` by the command's id."""
        self.answered.add(landed.id)
        self.decided_at[landed.id] = row.decided_at
        told = (_PAYEE_CODES.get(row.command, ()), landed.account_balance)
        yield from self._use_up(row, landed, told, outcome.payee_entry_sets)
        if not is_named:
            message = f"does not say what {landed.id} says"
            yield self._finding("outcome.answer", row.command_id, message)

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
        for one in self.transfers:
            amount, other = self.transactions[one.own_id].amount, amounts.get(one.other_id)
            if other != one.sign * amount:
                message = f"moved {amount}, and the other side {other}"
                yield self._finding("transfer.other_side", one.own_id, message)


def _makes(row: OutcomeRow, outcome: Outcome, own: TransactionRow) -> bool:
    """Whether the command made its account's transaction, rather than changed or named it."""
    if row.command == "present_card":
        return outcome.authorisation_id is None
    if row.command == "resolve_chargeback":
        return own.kind == "chargeback"
    return row.command not in _CHANGERS

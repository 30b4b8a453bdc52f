"""One way to damage a bank: what is done to a row, and what the audit must call it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.support.saboteur import Values

NOON = 1_773_144_000_000_000
NOBODY = "acc_0000B3wV5n0FxAjLRtSlPc"
NO_TRANSACTION = "tx_0000B3wV5n0FxAjLRtSlPc"
OTHER_HASH = bytes(range(32))
SUBJECTS = {
    "balances": "account_id",
    "entry_sets": "id",
    "entries": "sequence",
    "transactions": "id",
    "authorisations": "id",
    "outcomes": "command_id",
    "corrections": "transaction_id",
    "refunds": "transaction_id",
    "due_work": "subject",
    "owners": "user_id",
    "memberships": "user_id",
    "accounts": "id",
    "cards": "id",
    "pots": "id",
    "feed_items": "id",
    "feed_dismissals": "subject",
    "webhooks": "id",
    "deliveries": "id",
    "subtotals": "account_id",
    "subtotal_progress": "account_id",
}
"""The column whose value names a row in a finding, when nothing else is said."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What is done to one row, and what the audit must call it.

    `changes` are new values, or functions of the old ones. The finding's subject must be the
    `subject` column of the row as it was (as it became, when `names_new`).
    """

    code: str
    table: str
    where: str = "1 = 1"
    changes: dict[str, Any] = field(default_factory=dict)
    subject: str = ""
    names_new: bool = False

    def changed(self, row: Values) -> Values:
        """The new values."""
        return {
            column: change(row[column]) if callable(change) else change
            for column, change in self.changes.items()
        }

    def expected(self, row: Values) -> tuple[str, str]:
        """The code and the subject of the finding that must be among the audit's."""
        source = row | self.changed(row) if self.names_new else row
        return self.code, str(source[self.subject or SUBJECTS[self.table]])


def more(value: int) -> int:
    return value + 1


def less(value: int) -> int:
    return value - 1


def flipped(value: int) -> int:
    return 1 - value


def later(value: int) -> int:
    return value + 1000


def answer(**changes: Any) -> Callable[[str], str]:
    """The outcome with other content."""

    def edit(text: str) -> str:
        return msgspec.json.encode(msgspec.json.decode(text) | changes).decode()

    return edit

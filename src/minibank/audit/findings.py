"""What an audit says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FINDINGS_MAX = 1000
"""Beyond this many findings an audit counts on but keeps no more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that did not prove; `code` is stable, `subject` is the id of the row."""

    code: str
    account_id: str
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Where an account's books end: the length of its chain, the hash there, its transactions."""

    chain_length: int
    chain_head: bytes
    transactions: int


@dataclass(slots=True)
class AuditReport:
    """What was looked at and what was found.

    `accounts`, `entry_sets` and `transactions` are what there is; `accounts_in_full` and
    `entry_sets_now` what was verified by this audit, the rest was earlier. `positions` are the
    bank's own addresses and their sums in minor units, by (address, currency). `marks` are where
    each account's books end. `passed` says, for accounts whose end at an earlier time was known,
    whether their chain still leads through it.
    """

    accounts: int = 0
    accounts_in_full: int = 0
    entry_sets: int = 0
    entry_sets_now: int = 0
    transactions: int = 0
    findings: list[Finding] = field(default_factory=list)
    findings_count: int = 0
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    passed: dict[str, bool] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether everything proved."""
        return self.findings_count == 0

    def add(self, *findings: Finding) -> None:
        """Keep findings."""
        self.findings_count += len(findings)
        self.findings += findings[: FINDINGS_MAX - len(self.findings)]

    def merge(self, part: "AuditReport") -> None:
        """Add what was found in a part of the bank."""
        self.accounts += part.accounts
        self.accounts_in_full += part.accounts_in_full
        self.entry_sets += part.entry_sets
        self.entry_sets_now += part.entry_sets_now
        self.transactions += part.transactions
        self.add(*part.findings)
        self.findings_count += part.findings_count - len(part.findings)
        self.add_positions(part.positions)
        self.marks |= part.marks
        self.passed |= part.passed

    def add_positions(self, positions: Mapping[tuple[str, str], int]) -> None:
        """Add to the bank's own addresses."""
        for position, amount in positions.items():
            self.positions[position] = self.positions.get(position, 0) + amount

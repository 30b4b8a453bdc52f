"""What an audit says."""

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


@dataclass(slots=True)
class AuditReport:
    """What was looked at and what was found.

    `positions` are the bank's own addresses and their sums in minor units, by (address, currency).
    """

    accounts: int = 0
    entry_sets: int = 0
    transactions: int = 0
    findings: list[Finding] = field(default_factory=list)
    findings_count: int = 0
    positions: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether everything proved."""
        return self.findings_count == 0

    def add(self, finding: Finding) -> None:
        """Keep a finding."""
        self.findings_count += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)

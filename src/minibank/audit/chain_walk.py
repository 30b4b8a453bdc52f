"""Walk an account's chain of entry sets: what it says, and where it contradicts itself."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from minibank.audit.findings import Finding, Mark
from minibank.audit.store import SetRow
from minibank.ledger.chain import GENESIS, hash_of
from minibank.ledger.entries import held, imbalance, main


@dataclass(slots=True)
class Movement:
    """What the entry sets of one transaction did (minor units).

    `main` and `held` are what they moved in all; `sets` are their codes, each with what was
    available after it.
    """

    main: int = 0
    held: int = 0
    sets: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """What the entries of one account add up to, as the walk goes on (minor units).

    `explained` is how far forced postings, which ask for no limit, may have taken the account
    below its limit. `mark` is where the chain once ended; `passed_mark` is whether it goes there.
    """

    account_id: str
    currency: str
    mark: Mark | None = None
    passed_mark: bool = False
    main: int = 0
    held: int = 0
    explained: int = 0
    length: int = 0
    head: bytes = GENESIS
    movements: dict[str, Movement] = field(default_factory=dict)
    positions: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, row: SetRow) -> Iterator[Finding]:
        """Take the next entry set in; what is wrong with it."""
        yield from self._check_chain(row)
        yield from self._check_entries(row)
        self._sum(row)

    def _finding(self, code: str, row: SetRow, message: str) -> Finding:
        return Finding(f"entry_set.{code}", self.account_id, row.id, message)

    def _check_chain(self, row: SetRow) -> Iterator[Finding]:
        if row.sequence != self.length + 1:
            message = f"number {row.sequence} follows number {self.length}"
            yield self._finding("sequence", row, message)
        if row.previous_hash != self.head:
            yield self._finding("previous_hash", row, "does not continue the set before it")
        entries = [[entry.address, entry.amount, entry.currency] for entry in row.entries]
        fields = [row.account_id, row.sequence, row.id, row.code, row.transaction_id, row.forced]
        form = [*fields, row.happened_at, row.booked_at, entries]
        if row.hash != hash_of(row.previous_hash, form):
            yield self._finding("hash", row, "is not what was written: its hash differs")
        self.length = row.sequence
        self.head = row.hash
        if self.mark is not None and self.mark.chain_length == row.sequence:
            self.passed_mark = self.mark.chain_head == row.hash

    def _check_entries(self, row: SetRow) -> Iterator[Finding]:
        if not row.entries:
            yield self._finding("empty", row, "has no entries")
        for currency, amount in imbalance(tuple(row.entries)).items():
            yield self._finding("unbalanced", row, f"is off by {amount} {currency}")
        if any(entry.currency != self.currency for entry in row.entries):
            yield self._finding("currency", row, "is in another currency than the account")
        own = {main(self.account_id), held(self.account_id)}
        for entry in row.entries:
            if entry.address.startswith("account:") and entry.address not in own:
                yield self._finding("address", row, f"moves {entry.address}, another account's")

    def _sum(self, row: SetRow) -> None:
        to_main = sum(e.amount for e in row.entries if e.address == main(self.account_id))
        to_held = sum(e.amount for e in row.entries if e.address == held(self.account_id))
        self.main += to_main
        self.held += to_held
        if row.forced and to_main < 0:
            self.explained -= to_main
        # What has been paid back explains nothing any more.
        self.explained = min(self.explained, max(0, -self.main))
        movement = self.movements.setdefault(row.transaction_id, Movement())
        movement.main += to_main
        movement.held += to_held
        movement.sets.append((row.code, self.main))
        for entry in row.entries:
            if not entry.address.startswith("account:"):
                self.positions[entry.address, entry.currency] += entry.amount

"""Walk an account's chain of entry sets: what it says, and where it contradicts itself."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from minibank.audit.findings import Finding
from minibank.audit.marks.marks import Sums, VerifiedMark
from minibank.audit.rows import SetRow
from minibank.ledger.chain import GENESIS, hash_of
from minibank.ledger.entries import POT, held, imbalance, main


@dataclass(slots=True)
class Movement:
    """What the entry sets of one transaction did (minor units).

    `main` and `held` are what they moved in all. `first` and `last` are the codes of the first and
    the last of them, `left` what was available after the first, None when that is not known.
    `new` counts those beyond the mark; `unanswered` are those of them that no answer tells of yet:
    number, code, and what was available then.
    """

    main: int = 0
    held: int = 0
    first: str | None = None
    last: str | None = None
    left: int | None = None
    new: int = 0
    unanswered: list[tuple[int, str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """What the entries of one account add up to, as the walk goes on (minor units).

    `positions` are the bank's own addresses and the pots'. `explained` is how far forced postings,
    which ask for no limit, may have taken the account below its limit. `milestones` are lengths of
    the chain at which `seen` keeps what there was: the hash and the sums. The walk began after the
    entry set of the number `began_after`.
    """

    account_id: str
    currency: str
    milestones: frozenset[int] = frozenset()
    seen: dict[int, tuple[bytes, Sums]] = field(default_factory=dict)
    main: int = 0
    held: int = 0
    explained: int = 0
    began_after: int = 0
    length: int = 0
    head: bytes = GENESIS
    movements: dict[str, Movement] = field(default_factory=dict)
    positions: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def go_on_from(self, mark: VerifiedMark) -> None:
        """Begin after a verified mark instead of at the first entry set."""
        self.main, self.held = mark.sums.main, mark.sums.held
        self.explained = mark.sums.explained
        self.began_after = self.length = mark.chain_length
        self.head = mark.chain_head
        for address, currency, amount in mark.sums.positions:
            self.positions[address, currency] = amount

    @property
    def pots(self) -> dict[str, int]:
        """What the entries say of each pot that they speak of, by its id."""
        return {
            address.removeprefix(POT): amount
            for (address, _), amount in self.positions.items()
            if address.startswith(POT)
        }

    @property
    def own_positions(self) -> dict[tuple[str, str], int]:
        """The bank's own addresses: what is in pots is the customer's."""
        return {
            position: amount
            for position, amount in self.positions.items()
            if not position[0].startswith(POT)
        }

    @property
    def sums(self) -> Sums:
        """What has been added up so far; pots that are empty take no room."""
        positions = sorted(
            (*position, amount)
            for position, amount in self.positions.items()
            if amount or not position[0].startswith(POT)
        )
        return Sums(self.main, self.held, self.explained, tuple(positions))

    def add(self, row: SetRow) -> Iterator[Finding]:
        """Take the next entry set in; what is wrong with it."""
        yield from self._check_chain(row)
        yield from self._check_entries(row)
        self._sum(row)
        if row.sequence in self.milestones:
            self.seen[row.sequence] = (row.hash, self.sums)

    def recall(self, row: SetRow) -> Iterator[Finding]:
        """Take in an entry set from before the mark, oldest first, for its transaction's sake."""
        yield from self._check_hash(row)
        movement = self.movements.setdefault(row.transaction_id, Movement())
        movement.main += self._total(row, main)
        movement.held += self._total(row, held)
        # Its new sets have been taken in before: this one stands in front of them.
        if movement.left is not None or movement.first is None:
            movement.first, movement.left = row.code, None
        if not movement.new:
            movement.last = row.code

    def _finding(self, code: str, row: SetRow, message: str) -> Finding:
        return Finding(f"entry_set.{code}", self.account_id, row.id, message)

    def _check_chain(self, row: SetRow) -> Iterator[Finding]:
        if row.sequence != self.length + 1:
            message = f"number {row.sequence} follows number {self.length}"
            yield self._finding("sequence", row, message)
        if row.previous_hash != self.head:
            yield self._finding("previous_hash", row, "does not continue the set before it")
        yield from self._check_hash(row)
        self.length = row.sequence
        self.head = row.hash

    def _check_hash(self, row: SetRow) -> Iterator[Finding]:
        entries = [[entry.address, entry.amount, entry.currency] for entry in row.entries]
        fields = [row.account_id, row.sequence, row.id, row.code, row.transaction_id, row.forced]
        form = [*fields, row.happened_at, row.booked_at, entries]
        if row.hash != hash_of(row.previous_hash, form):
            yield self._finding("hash", row, "is not what was written: its hash differs")

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

    def _total(self, row: SetRow, address_of: Callable[[str], str]) -> int:
        address = address_of(self.account_id)
        return sum(entry.amount for entry in row.entries if entry.address == address)

    def _sum(self, row: SetRow) -> None:
        to_main = self._total(row, main)
        to_held = self._total(row, held)
        self.main += to_main
        self.held += to_held
        if row.forced and to_main < 0:
            self.explained -= to_main
        # What has been paid back explains nothing any more.
        self.explained = min(self.explained, max(0, -self.main))
        movement = self.movements.get(row.transaction_id)
        if movement is None:
            movement = self.movements[row.transaction_id] = Movement(first=row.code, left=self.main)
        movement.main += to_main
        movement.held += to_held
        movement.last = row.code
        movement.new += 1
        movement.unanswered.append((row.sequence, row.code, self.main))
        for entry in row.entries:
            if not entry.address.startswith("account:"):
                self.positions[entry.address, entry.currency] += entry.amount

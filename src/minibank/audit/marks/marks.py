"""What a verified mark holds, and the seal on it.


A mark spares the next audit the history before it. It lies in the database that it speaks of, so it
proves nothing by itself: a seal made with the server key shows who wrote it, and whoever can delete
it only makes the next audit begin anew.
"""

from dataclasses import dataclass, field

import msgspec

from minibank.audit.findings import Mark
from minibank.core.keys import ServerKeys
from minibank.ledger.chain import GENESIS

PURPOSE = "audit mark"
OVERLAP_SECONDS = 600
"""How far before a mark answers are read again: longer than a unit of work takes, and than the
clocks of the machines that serve one bank are apart."""

BEGINNING = -(2**62)
"""Before every sequence and instant, damaged ones included."""

Position = tuple[str, str, int]
"""An address of the bank's own or a pot's, a currency, and a sum in minor units."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What an account's entries add up to, as `Ledger` says it; `positions` in their own order."""

    main: int = 0
    held: int = 0
    explained: int = 0
    positions: tuple[Position, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedMark(Mark):
    """Where an account's books ended when everything proved, at the instant `verified_at`.

    `last_created_at` is its newest transaction, 0 without any. `proved_at` is when the account was
    last verified from its first entry set.
    """

    last_created_at: int = 0
    sums: Sums = field(default_factory=Sums)
    verified_at: int = BEGINNING
    proved_at: int = BEGINNING

    @property
    def sets_after(self) -> int:
        """Entry sets beyond this number are new."""
        return self.chain_length or BEGINNING

    @property
    def created_after(self) -> int:
        """Transactions created later than this are new."""
        return self.last_created_at or BEGINNING

    @property
    def decided_from(self) -> int:
        """Answers decided from here on may be new."""
        return max(BEGINNING, self.verified_at - OVERLAP_SECONDS * 1_000_000)


NOTHING_VERIFIED = VerifiedMark(0, GENESIS, 0)


@dataclass(frozen=True, slots=True)
class StoredMark:
    """A mark and its seal, as they are stored."""

    mark: VerifiedMark
    seal: bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals the marks of one bank with its server key; without a key it believes what is there."""

    bank_created_at: int = 0
    keys: ServerKeys | None = None

    def over(self, account_id: str, mark: VerifiedMark) -> bytes:
        """The seal of a mark; empty without a key."""
        return self.keys.sign(PURPOSE, self._form(account_id, mark)) if self.keys else b""

    def is_wrong(self, account_id: str, stored: StoredMark) -> bool:
        """Whether the mark bears a seal that this bank never made."""
        if self.keys is None or not stored.seal:
            return False
        return not self.keys.verifies(PURPOSE, self._form(account_id, stored.mark), stored.seal)

    def believes(self, account_id: str, stored: StoredMark) -> bool:
        """Whether an audit may go on from this mark; with a key, not from one without a seal."""
        if self.keys is None:
            return True
        return bool(stored.seal) and not self.is_wrong(account_id, stored)

    def _form(self, account_id: str, mark: VerifiedMark) -> bytes:
        sums = mark.sums
        form = (
            *(self.bank_created_at, account_id),
            *(mark.chain_length, mark.chain_head.hex(), mark.transactions, mark.last_created_at),
            *(sums.main, sums.held, sums.explained, sums.positions),
            *(mark.verified_at, mark.proved_at),
        )
        return msgspec.json.encode(form)


UNSEALED = Seal()

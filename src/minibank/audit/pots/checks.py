"""Compare the pots of an account with what its entries say."""

from collections.abc import Iterable, Iterator

from minibank.audit.chain_walk import Ledger
from minibank.audit.findings import Finding
from minibank.pots.records import UNTIL_DATE, Pot


def check_pots(pots: Iterable[Pot], ledger: Ledger) -> Iterator[Finding]:
    """What is wrong with the pots of an account; they are all it has or had."""
    sums = ledger.pots
    for pot in pots:
        for code, message in (*_holds(pot, sums.pop(pot.id, 0)), *_state(pot)):
            yield Finding(f"pot.{code}", ledger.account_id, pot.id, message)
    for pot_id, amount in sums.items():
        message = f"holds {amount} by the account's entries, and is not there"
        yield Finding("pot.missing", ledger.account_id, pot_id, message)


def _holds(pot: Pot, amount: int) -> Iterator[tuple[str, str]]:
    if pot.balance != amount:
        yield "balance", f"holds {pot.balance}, the entries say {amount}"
    if amount < 0:
        yield "limit", f"is {-amount} below zero by its entries"
    if pot.deleted_at is not None and amount:
        yield "deleted", f"is deleted and holds {amount}"


def _state(pot: Pot) -> Iterator[tuple[str, str]]:
    if (pot.lock_type == UNTIL_DATE) != (pot.locked_until is not None):
        yield "lock", "is locked only in part"
    if pot.updated_at < pot.created_at or pot.deleted_at not in (None, pot.updated_at):
        yield "updated", "changed before it was made, or after it was deleted"

"""The walk along a chain: what forced postings explain, and what adds up."""

import itertools

import pytest

from minibank.audit.chain_walk import Ledger
from minibank.audit.findings import Finding
from minibank.audit.rows import SetRow
from minibank.ledger.chain import GENESIS, hash_of
from minibank.ledger.entries import Entry, held, main

ACCOUNT = "acc_1"


class Chain:
    """Writes one entry set after the other, as the bank does."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._head = GENESIS

    def next(
        self, to_main: int, *, to_held: int = 0, forced: bool = False, transaction_id: str = "tx_1"
    ) -> SetRow:
        """A set that moves so much, the rest against the scheme."""
        amounts = {main(ACCOUNT): to_main, held(ACCOUNT): to_held, "scheme": -to_main - to_held}
        entries = [Entry(address, amount, "GBP") for address, amount in amounts.items() if amount]
        number = next(self._numbers)
        form = [ACCOUNT, number, f"entryset_{number}", "code", transaction_id, int(forced), 1, 2]
        listed = [[entry.address, entry.amount, entry.currency] for entry in entries]
        previous, self._head = self._head, hash_of(self._head, [*form, listed])
        return SetRow(
            account_id=ACCOUNT,
            sequence=number,
            id=f"entryset_{number}",
            code="code",
            transaction_id=transaction_id,
            forced=int(forced),
            happened_at=1,
            booked_at=2,
            previous_hash=previous,
            hash=self._head,
            entries=entries,
        )


def walk(*rows: SetRow) -> tuple[Ledger, list[Finding]]:
    ledger = Ledger(ACCOUNT, "GBP")
    return ledger, [finding for row in rows for finding in ledger.add(row)]


def test_a_chain_as_it_was_written_has_nothing_wrong_and_adds_up() -> None:
    chain = Chain()
    ledger, findings = walk(
        chain.next(1000, transaction_id="tx_1"),
        chain.next(-300, to_held=300, transaction_id="tx_2"),
        chain.next(-50, to_held=-300, forced=True, transaction_id="tx_2"),
    )
    assert findings == []
    assert (ledger.main, ledger.held, ledger.length) == (650, 0, 3)
    assert ledger.positions == {("scheme", "GBP"): -650}
    assert (ledger.movements["tx_2"].main, ledger.movements["tx_2"].held) == (-350, 0)
    assert ledger.movements["tx_2"].unanswered == [(2, "code", 700), (3, "code", 650)]


def test_a_set_written_twice_breaks_the_chain() -> None:
    first = Chain().next(1000)
    _, findings = walk(first, first)
    assert [finding.code for finding in findings] == [
        "entry_set.sequence",
        "entry_set.previous_hash",
    ]


@pytest.mark.parametrize(
    ("moves", "explained"),
    [
        ([(1000, False), (-1500, True)], 500),
        ([(-1500, True), (400, False)], 1100),
        ([(-1500, True), (1500, False)], 0),
        ([(-1500, True), (1500, False), (-700, False)], 0),
        ([(-1500, True), (1400, False), (-700, False)], 100),
        ([(-500, False), (-700, True)], 700),
        ([(-500, False)], 0),
        ([(500, True)], 0),
    ],
)
def test_a_forced_posting_explains_an_overdrawn_account_until_it_is_paid_back(
    moves: list[tuple[int, bool]], explained: int
) -> None:
    chain = Chain()
    ledger, _ = walk(*(chain.next(amount, forced=forced) for amount, forced in moves))
    assert ledger.explained == explained

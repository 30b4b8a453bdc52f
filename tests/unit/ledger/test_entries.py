"""Double entry: what an entry set may be."""

from typing import Any

import pytest

from minibank.ledger.entries import CARD_SETTLEMENT, Entry, EntrySet, held, imbalance, main, moves

ACCOUNT = "acc_1"


def entry_set(*entries: Entry, **changes: Any) -> EntrySet:
    fields: dict[str, Any] = {
        "id": "entryset_1",
        "account_id": ACCOUNT,
        "code": "presentment",
        "transaction_id": "tx_1",
        "forced": False,
        "happened_at": 1,
        "booked_at": 2,
    }
    return EntrySet(entries=entries, **(fields | changes))


def test_an_account_has_two_addresses() -> None:
    assert main(ACCOUNT) == "account:main:acc_1"
    assert held(ACCOUNT) == "account:held:acc_1"


def test_a_balanced_set_knows_what_each_address_gets() -> None:
    made = entry_set(
        *moves("GBP", (held(ACCOUNT), -300), (main(ACCOUNT), -50), (CARD_SETTLEMENT, 350))
    )
    assert made.total(held(ACCOUNT)) == -300
    assert made.total(main(ACCOUNT)) == -50
    assert made.total(CARD_SETTLEMENT) == 350
    assert made.total("nowhere") == 0


def test_entries_of_nothing_fall_away() -> None:
    assert moves("GBP", ("a", 0), ("b", 0)) == ()
    assert moves("GBP", ("a", 1), ("b", 0), ("c", -1)) == (
        Entry("a", 1, "GBP"),
        Entry("c", -1, "GBP"),
    )


def test_a_set_that_does_not_balance_cannot_be_made() -> None:
    with pytest.raises(AssertionError, match="balances"):
        entry_set(Entry("a", 1, "GBP"), Entry("b", -2, "GBP"))


def test_a_set_balances_in_every_currency_by_itself() -> None:
    with pytest.raises(AssertionError, match="balances"):
        entry_set(Entry("a", 1, "GBP"), Entry("b", -1, "EUR"))
    crossed = (
        Entry("a", 1, "GBP"),
        Entry("b", -1, "GBP"),
        Entry("b", 2, "EUR"),
        Entry("a", -2, "EUR"),
    )
    assert entry_set(*crossed).total("a") == -1


def test_a_set_of_nothing_or_with_an_entry_of_nothing_cannot_be_made() -> None:
    with pytest.raises(AssertionError, match="moves something"):
        entry_set()
    with pytest.raises(AssertionError, match="never zero"):
        entry_set(Entry("a", 0, "GBP"))


def test_an_imbalance_is_told_by_currency() -> None:
    entries = (Entry("a", 5, "GBP"), Entry("b", -2, "GBP"), Entry("a", 1, "EUR"))
    assert imbalance(entries) == {"GBP": 3, "EUR": 1}
    assert imbalance(()) == {}

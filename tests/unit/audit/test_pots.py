"""Pots against what the entries of their account say."""

import msgspec
import pytest

from minibank.audit.chain_walk import Ledger
from minibank.audit.pots.checks import check_pots
from minibank.pots.records import Pot
from tests.conftest import NOON

POT = Pot(shard=1, id="pot_1", account_id="acc_1", name="x", balance=5, created_at=NOON,
          updated_at=NOON)  # fmt: skip


def ledger(**pots: int) -> Ledger:
    """The books of an account whose entries say this of its pots."""
    made = Ledger("acc_1", "GBP")
    made.positions["scheme:top_up:settlement", "GBP"] = -100
    for pot_id, amount in pots.items():
        made.positions[f"pot:{pot_id}", "GBP"] = amount
    return made


def found(pot: Pot | None, **pots: int) -> list[tuple[str, str]]:
    pairs = check_pots([pot] if pot else [], ledger(**pots))
    return [(one.code, one.subject) for one in pairs]


def test_a_pot_that_holds_what_its_entries_say_proves() -> None:
    assert found(POT, pot_1=5) == []
    assert found(msgspec.structs.replace(POT, balance=0)) == []


@pytest.mark.parametrize(
    ("pot", "amount", "code"),
    [
        (POT, 4, "pot.balance"),
        (msgspec.structs.replace(POT, balance=-1), -1, "pot.limit"),
        (msgspec.structs.replace(POT, deleted_at=NOON), 5, "pot.deleted"),
        (msgspec.structs.replace(POT, updated_at=NOON - 1), 5, "pot.updated"),
        (msgspec.structs.replace(POT, locked_until=NOON), 5, "pot.lock"),
        (msgspec.structs.replace(POT, lock_type="until_date"), 5, "pot.lock"),
    ],
)
def test_what_does_not_fit_is_named(pot: Pot, amount: int, code: str) -> None:
    assert found(pot, pot_1=amount) == [(code, "pot_1")]


def test_entries_of_a_pot_that_is_not_there_are_named() -> None:
    assert found(POT, pot_1=5, pot_2=0) == [("pot.missing", "pot_2")]


def test_what_is_in_pots_is_not_the_banks_own_and_an_empty_one_takes_no_room_in_a_mark() -> None:
    books = ledger(pot_1=5, pot_2=0)
    assert books.own_positions == {("scheme:top_up:settlement", "GBP"): -100}
    assert [address for address, *_ in books.sums.positions] == [
        "pot:pot_1",
        "scheme:top_up:settlement",
    ]

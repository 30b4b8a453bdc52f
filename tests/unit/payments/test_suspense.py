"""Suspense: where money goes that can be on no account, and how it leaves again."""

import json

import pytest

from minibank.core.errors import BadParam, BankError, Conflict, NotFound
from minibank.ledger.entries import CARD_SETTLEMENT, SUSPENSE, TRANSFER_SETTLEMENT, TRANSIT
from minibank.payments.commands import Command, Outcome
from tests.support.banking import Holder
from tests.unit.payments.desk import HOUR, Desk


def id_of(outcome: Outcome) -> str:
    assert outcome.transaction_id is not None
    return outcome.transaction_id


def at(desk: Desk, address: str) -> int:
    return sum(link.entry_set.total(address) for link in desk.picture.written.entry_sets)


def arrivals(desk: Desk, closed: Holder) -> list[Command]:
    """A command of each sort that brings a closed account 50."""
    desk.account(closed).state = "open"
    sent = [id_of(desk.do(desk.orders.send(closed, 50))) for _ in range(2)]
    desk.account(closed).state = "closed"
    return [
        desk.orders.receive(closed, 50),
        desk.orders.refund(closed, 50),
        desk.orders.come_back(closed, sent[0]),
        desk.orders.reject(closed, sent[1]),
    ]


def test_what_comes_for_a_closed_account_is_declined_and_stands_in_suspense(desk: Desk) -> None:
    closed = desk.add_holder(100)
    for number, command in enumerate(arrivals(desk, closed), 1):
        outcome = desk.do(command)
        record = desk.transaction(outcome)
        assert (outcome.status, outcome.decline_reason, outcome.balance) == ("declined", "OTHER", 0)
        assert (record.amount, record.decline_reason, record.settled_at) == (50, "OTHER", None)
        assert len(outcome.entry_sets) == 1
        assert at(desk, SUSPENSE) == 50 * number
    assert desk.account(closed).available == 0


def test_what_stands_in_suspense_can_go_back_or_to_another_account_once(desk: Desk) -> None:
    closed, brian = desk.add_holder(100), desk.add_holder()
    to_scheme, to_brian, *_ = (id_of(desk.do(one)) for one in arrivals(desk, closed))
    assert desk.do(desk.orders.clear(closed, to_scheme)).status == "done"
    moved = desk.do(desk.orders.clear(closed, to_brian, brian))
    assert moved.payee_transaction_id is not None
    landed = desk.picture.transactions[moved.payee_transaction_id]
    assert (landed.account_id, landed.kind, landed.amount) == (brian.account_id, "refund", 50)
    assert (landed.decline_reason, landed.include_in_spending) == (None, True)
    assert desk.account(brian).available == 50
    assert (at(desk, SUSPENSE), at(desk, TRANSIT)) == (100, 0)
    for one in (to_scheme, to_brian):
        with pytest.raises(Conflict, match="no more"):
            desk.do(desk.orders.clear(closed, one, brian))


def test_going_back_undoes_the_schemes_movement(desk: Desk) -> None:
    closed = desk.add_holder()
    desk.account(closed).state = "closed"
    desk.do(desk.orders.clear(closed, id_of(desk.do(desk.orders.receive(closed, 50)))))
    desk.do(desk.orders.clear(closed, id_of(desk.do(desk.orders.refund(closed, 50)))))
    assert (at(desk, TRANSFER_SETTLEMENT), at(desk, CARD_SETTLEMENT)) == (0, 0)


@pytest.mark.parametrize(("kind", "sign"), [("payment", -1), ("refund", 1)])
def test_what_the_scheme_moved_for_nobody_stands_in_the_chain_of_the_banks_own_account(
    desk: Desk, kind: str, sign: int
) -> None:
    bank, ada = desk.add_bank(), desk.add_holder()
    surplus = desk.do(desk.orders.suspend(bank, 70, kind=kind))
    assert (at(desk, SUSPENSE), at(desk, CARD_SETTLEMENT)) == (70 * sign, -70 * sign)
    assert desk.account(bank).booked == 0
    desk.do(desk.orders.clear(bank, id_of(surplus), ada))
    assert (at(desk, SUSPENSE), at(desk, CARD_SETTLEMENT)) == (0, -70 * sign)
    assert desk.account(ada).available == 70 * sign


def test_the_banks_own_account_takes_nothing_of_a_customers(desk: Desk) -> None:
    bank, ada = desk.add_bank(), desk.add_holder(100)
    orders = desk.orders
    for command in (
        orders.top_up(bank, 1),
        orders.receive(bank, 1),
        orders.adjust(bank, 1),
        orders.between(ada, bank, 1),
        orders.present(bank, 1),
    ):
        with pytest.raises(NotFound):
            desk.do(command)
    with pytest.raises(BadParam, match="account_id"):
        desk.do(orders.suspend(ada, 1))


def test_what_is_not_in_suspense_cannot_be_cleared(desk: Desk) -> None:
    ada, brian = desk.add_holder(100), desk.add_holder()
    paid = id_of(desk.do(desk.orders.present(ada, 10)))
    desk.do(desk.orders.dispute(ada, paid))
    for one in (paid, "tx_nothing"):
        with pytest.raises(BadParam, match="original_transaction_id"):
            desk.do(desk.orders.clear(ada, one, brian))


def test_a_payee_must_be_another_account_that_can_take_it(desk: Desk) -> None:
    bank, euro, closed = desk.add_bank(), desk.add_holder(currency="EUR"), desk.add_holder()
    desk.account(closed).state = "closed"
    surplus = id_of(desk.do(desk.orders.suspend(bank, 5)))
    for payee in (euro, closed, bank):
        with pytest.raises(BankError):
            desk.do(desk.orders.clear(bank, surplus, payee))
    assert at(desk, SUSPENSE) == -5


def test_only_what_a_sender_or_a_merchant_sent_to_a_closed_account_goes_back_by_itself(
    desk: Desk,
) -> None:
    closed = desk.add_holder(100)
    desk.picture.suspense_return_days = 2
    back = {}
    for command in arrivals(desk, closed):
        record = desk.transaction(desk.do(command))
        return_at = desk.picture.corrections[record.id].return_at
        back[type(command)] = None if return_at is None else return_at - record.created_at
    after = 2 * 24 * HOUR
    assert list(back.values()) == [after, after, None, None]
    surplus = id_of(desk.do(desk.orders.suspend(desk.add_bank(), 5, kind="refund")))
    assert desk.picture.corrections[surplus].return_at is None


def test_what_left_suspense_goes_on_saying_when_it_was_to_go_back(desk: Desk) -> None:
    closed = desk.add_holder()
    desk.picture.suspense_return_days = 1
    desk.account(closed).state = "closed"
    stands = id_of(desk.do(desk.orders.receive(closed, 50)))
    before = desk.picture.corrections[stands]
    desk.do(desk.orders.clear(closed, stands))
    after = desk.picture.corrections[stands]
    assert (before.state, after.state) == ("open", "done")
    assert before.return_at == after.return_at is not None


def test_whoever_gets_what_was_in_suspense_learns_what_the_scheme_told_of_it(desk: Desk) -> None:
    closed, brian = desk.add_holder(), desk.add_holder()
    desk.account(closed).state = "closed"
    foreign = {"local_amount": 60, "local_currency": "EUR", "card_id": closed.card_id}
    waits = id_of(desk.do(desk.orders.refund(closed, 50, **foreign)))
    desk.do(desk.orders.clear(closed, waits, brian))
    bank = desk.add_bank()
    told = {"metadata": {"clearing_row": "7"}}
    waits_too = id_of(desk.do(desk.orders.suspend(bank, 70, kind="refund", **told)))
    desk.do(desk.orders.clear(bank, waits_too, brian))
    records = [one for one in desk.picture.transactions.values() if one.kind == "refund"]
    first, second = (one for one in records if one.account_id == brian.account_id)
    assert (first.local_amount, first.local_currency) == (60, "EUR")
    assert json.loads(first.metadata) == {"original_transaction_id": waits}
    assert json.loads(second.metadata) == {
        "clearing_row": "7",
        "original_transaction_id": waits_too,
    }

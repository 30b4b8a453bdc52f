"""Top-ups and transfers, to other banks and between customers."""

import msgspec
import pytest

from minibank.core.errors import BadParam, BankError, Conflict, InsufficientFunds, NotFound
from minibank.ledger.entries import TOP_UP_SETTLEMENT, TRANSFER_SETTLEMENT, TRANSIT, main
from minibank.payments.picture import Owner
from tests.support.banking import EMPLOYER, LANDLORD
from tests.unit.payments.desk import HOUR, NOON, Desk


def test_a_top_up_is_a_load_by_the_account_holder(desk: Desk) -> None:
    ada = desk.add_holder(100)
    done = desk.do(desk.orders.top_up(ada, 900))
    transaction = desk.transaction(done)
    assert done.balance == transaction.account_balance == 1000
    assert (transaction.kind, transaction.amount, transaction.scheme) == ("top_up", 900, "topup")
    assert transaction.category == "mondo"
    assert transaction.is_load
    assert transaction.originator
    assert transaction.settled_at == transaction.created_at == NOON
    [link] = desk.picture.written.entry_sets
    assert [(e.address, e.amount) for e in link.entry_set.entries] == [
        (TOP_UP_SETTLEMENT, -900),
        (main(ada.account_id), 900),
    ]


def test_a_transfer_from_another_bank_is_booked_with_its_sender(desk: Desk) -> None:
    ada = desk.add_holder(100)
    done = desk.do(desk.orders.receive(ada, 900, category="income", scheme="bacs"))
    transaction = desk.transaction(done)
    assert done.balance == 1000
    assert (transaction.kind, transaction.amount, transaction.scheme) == (
        "transfer_in",
        900,
        "bacs",
    )
    assert (transaction.category, transaction.description) == ("income", "Pay")
    assert msgspec.json.decode(transaction.counterparty) == {
        "name": EMPLOYER.name,
        "sort_code": EMPLOYER.sort_code,
        "account_number": EMPLOYER.account_number,
    }
    assert not transaction.originator
    assert not transaction.is_load
    [link] = desk.picture.written.entry_sets
    assert link.entry_set.total(TRANSFER_SETTLEMENT) == -900


def test_a_transfer_to_another_bank_is_booked_with_its_receiver(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    done = desk.do(desk.orders.send(ada, 900, user_id=ada.user_ids[0]))
    transaction = desk.transaction(done)
    assert done.balance == desk.account(ada).booked == 100
    assert (transaction.kind, transaction.amount) == ("transfer_out", -900)
    assert transaction.scheme == "payport_faster_payments"
    assert transaction.originator
    assert transaction.user_id == ""
    assert transaction.settled_at == transaction.created_at
    assert msgspec.json.decode(transaction.counterparty)["name"] == LANDLORD.name


def test_a_joint_account_says_who_sent_it(desk: Desk) -> None:
    joint, ada = desk.add_holder(1000, owners=2), desk.add_holder()
    second = joint.user_ids[1]
    sent = desk.do(desk.orders.send(joint, 1, user_id=second))
    paid = desk.do(desk.orders.between(joint, ada, 1, user_id=second))
    assert desk.transaction(sent).user_id == second
    assert desk.transaction(paid).user_id == second
    assert paid.payee_transaction_id
    assert desk.picture.transactions[paid.payee_transaction_id].user_id == ""


def test_a_transfer_of_more_than_there_is_leaves_nothing(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000, overdraft_limit=200), desk.add_holder()
    for command in (desk.orders.send(ada, 1201), desk.orders.between(ada, brian, 1201)):
        with pytest.raises(InsufficientFunds):
            desk.do(command)
    assert desk.written() == 0


def test_a_transfer_may_use_the_overdraft_to_its_limit(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000, overdraft_limit=200), desk.add_holder()
    assert desk.do(desk.orders.send(ada, 1100)).balance == -100
    assert desk.do(desk.orders.between(ada, brian, 100)).balance == -200


def test_what_is_held_cannot_be_sent(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    desk.hold(ada, 600)
    for command in (desk.orders.send(ada, 401), desk.orders.between(ada, brian, 401)):
        with pytest.raises(InsufficientFunds):
            desk.do(command)
    assert desk.do(desk.orders.send(ada, 400)).balance == 0


def test_a_refused_transfer_leaves_its_id_free(desk: Desk) -> None:
    ada = desk.add_holder(100)
    command = desk.orders.send(ada, 500)
    with pytest.raises(InsufficientFunds):
        desk.do(command)
    desk.do(desk.orders.top_up(ada, 400))
    assert desk.do(command).status == "done"


@pytest.mark.parametrize("state", ["frozen", "closed"])
def test_nothing_new_leaves_an_account_that_is_not_open(desk: Desk, state: str) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    desk.account(ada).state = state
    for command in (
        desk.orders.send(ada, 1),
        desk.orders.between(ada, brian, 1),
        desk.orders.top_up(ada, 1),
    ):
        with pytest.raises(Conflict, match=state):
            desk.do(command)
    assert desk.written() == 0


def test_a_frozen_account_still_receives_and_a_closed_one_does_not(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    desk.account(brian).state = "frozen"
    desk.do(desk.orders.receive(brian, 1))
    desk.do(desk.orders.between(ada, brian, 1))
    desk.account(brian).state = "closed"
    with pytest.raises(Conflict, match="closed"):
        desk.do(desk.orders.between(ada, brian, 1))
    assert desk.account(ada).available == 999
    assert desk.do(desk.orders.receive(brian, 1)).status == "declined"
    assert desk.account(brian).available == 2


def test_a_transfer_between_customers_is_two_transactions_and_one_decision(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder(50)
    done = desk.do(desk.orders.between(ada, brian, 300))
    assert done.payee_transaction_id
    debit, credit = desk.transaction(done), desk.picture.transactions[done.payee_transaction_id]
    assert done.balance == 700
    assert (debit.account_id, debit.amount, debit.account_balance) == (ada.account_id, -300, 700)
    assert (credit.account_id, credit.amount) == (brian.account_id, 300)
    assert credit.account_balance == 350
    assert (debit.kind, credit.kind) == ("transfer_out", "transfer_in")
    assert debit.scheme == credit.scheme == "p2p_payment"
    assert debit.originator
    assert not credit.originator
    assert debit.include_in_spending
    assert credit.include_in_spending


def test_each_side_of_a_transfer_names_the_other(desk: Desk) -> None:
    ada, joint = desk.add_holder(1000), desk.add_holder(owners=2)
    done = desk.do(desk.orders.between(ada, joint, 300))
    assert done.payee_transaction_id
    debit, credit = desk.transaction(done), desk.picture.transactions[done.payee_transaction_id]
    account, other = desk.account(ada), desk.account(joint)
    assert msgspec.json.decode(debit.counterparty) == {
        "name": "Person 1 & Person 2",
        "sort_code": other.sort_code,
        "account_number": other.account_number,
        "user_id": joint.user_ids[0],
    }
    assert msgspec.json.decode(credit.counterparty) == {
        "name": "Person 1",
        "sort_code": account.sort_code,
        "account_number": account.account_number,
        "user_id": ada.user_ids[0],
    }


def test_nothing_stays_in_transit(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    desk.do(desk.orders.between(ada, brian, 300))
    sets = [link.entry_set for link in desk.picture.written.entry_sets]
    assert [one.total(TRANSIT) for one in sets] == [300, -300]
    assert [one.account_id for one in sets] == [ada.account_id, brian.account_id]


def test_money_between_ones_own_accounts_is_not_spending(desk: Desk) -> None:
    alone, joint = desk.add_holder(1000), desk.add_holder(owners=2)
    desk.picture.owners[joint.account_id][1] = Owner(alone.user_ids[0], "Person 1")
    done = desk.do(desk.orders.between(alone, joint, 300))
    assert done.payee_transaction_id
    assert not desk.transaction(done).include_in_spending
    assert not desk.picture.transactions[done.payee_transaction_id].include_in_spending


def test_a_transfer_to_oneself_or_across_currencies_is_refused(desk: Desk) -> None:
    ada, french = desk.add_holder(1000), desk.add_holder(currency="EUR")
    for payee in (ada, french):
        with pytest.raises(BadParam, match="payee_account_id"):
            desk.do(desk.orders.between(ada, payee, 1))


def test_a_transfer_from_or_to_nobody_is_refused(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    unknown = desk.ids.new("acc", ada.shard, NOON)
    for command in (
        desk.orders.between(ada, ada, 1, payee_account_id=unknown),
        desk.orders.between(ada, ada, 1, payee_account_id="acc_nothing"),
        desk.orders.send(ada, 1, account_id=unknown),
        desk.orders.receive(ada, 1, account_id=unknown),
        desk.orders.top_up(ada, 1, account_id=unknown),
    ):
        with pytest.raises(NotFound, match="no such account"):
            desk.do(command)


def test_the_payees_side_of_a_transfer_is_recorded_with_the_payee(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    command = desk.orders.between(ada, brian, 300)
    desk.do(command)
    recorded = {(one.account_id, one.command_id) for one in desk.picture.written.outcomes}
    assert recorded == {
        (ada.account_id, command.id),
        (brian.account_id, f"{ada.account_id}/{command.id}/credit"),
    }


def test_two_payers_may_use_the_same_id_towards_one_payee(desk: Desk) -> None:
    ada, brian, cleo = desk.add_holder(1000), desk.add_holder(1000), desk.add_holder()
    desk.do(desk.orders.between(ada, cleo, 300, id="rent"))
    desk.do(desk.orders.between(brian, cleo, 300, id="rent"))
    recorded = {(one.account_id, one.command_id) for one in desk.picture.written.outcomes}
    assert len(recorded) == len(desk.picture.written.outcomes) == 4
    assert desk.account(cleo).available == 600


def test_a_transfer_into_the_past_must_suit_both_accounts(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    desk.do(desk.orders.top_up(brian, 1, at=NOON - HOUR))
    with pytest.raises(BadParam, match="older than the newest"):
        desk.do(desk.orders.between(ada, brian, 1, at=NOON - 2 * HOUR))
    done = desk.do(desk.orders.between(ada, brian, 1, at=NOON - HOUR))
    assert done.payee_transaction_id
    assert desk.transaction(done).created_at == NOON - HOUR
    assert desk.picture.transactions[done.payee_transaction_id].created_at == NOON - HOUR + 1


@pytest.mark.parametrize("funds", [10**15, 10**15 - 5])
def test_no_balance_goes_beyond_what_the_bank_can_count(desk: Desk, funds: int) -> None:
    rich, giver = desk.add_holder(funds), desk.add_holder(1000)
    beyond = 10**15 - funds + 1
    for command in (
        desk.orders.top_up(rich, beyond),
        desk.orders.receive(rich, beyond),
        desk.orders.refund(rich, beyond),
        desk.orders.between(giver, rich, beyond),
    ):
        with pytest.raises(BankError, match="out of range"):
            desk.do(command)
    assert desk.written() == 0
    assert desk.account(giver).available == 1000

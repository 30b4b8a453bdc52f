"""Moves between an account and its pots."""

from typing import Any

import msgspec
import pytest

from minibank.core.errors import (
    BadParam,
    BankError,
    Conflict,
    Forbidden,
    InsufficientFunds,
    NotFound,
)
from minibank.core.ids import shard_of
from minibank.core.money import AMOUNT_MAX
from minibank.ledger.entries import main, pot
from tests.unit.payments.desk import HOUR, NOON, Desk


def test_a_deposit_moves_money_from_what_can_be_spent_to_the_pot(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    holiday = desk.add_pot(ada, 50)
    done = desk.do(desk.orders.deposit(ada, holiday, 300))
    assert done.balance == desk.account(ada).booked == 700
    assert desk.picture.pots[holiday].balance == 350
    [link] = desk.picture.written.entry_sets
    assert link.entry_set.code == "pot_deposit"
    assert [(e.address, e.amount) for e in link.entry_set.entries] == [
        (main(ada.account_id), -300),
        (pot(holiday), 300),
    ]
    assert link.entry_set.account_id == ada.account_id


def test_a_withdrawal_moves_it_back(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    holiday = desk.add_pot(ada, 350)
    done = desk.do(desk.orders.withdraw(ada, holiday, 300))
    assert done.balance == desk.account(ada).booked == 1300
    assert desk.picture.pots[holiday].balance == 50
    [link] = desk.picture.written.entry_sets
    assert [(e.address, e.amount) for e in link.entry_set.entries] == [
        (pot(holiday), -300),
        (main(ada.account_id), 300),
    ]


@pytest.mark.parametrize(("verb", "sign"), [("deposit", -1), ("withdraw", 1)])
def test_the_transaction_is_a_pots_settled_at_once_and_no_spending(
    desk: Desk, verb: str, sign: int
) -> None:
    ada = desk.add_holder(1000)
    holiday = desk.add_pot(ada, 1000)
    order = getattr(desk.orders, verb)
    user = ada.user_ids[0]
    done = desk.do(order(ada, holiday, 300, external_id="d-1", user_id=user))
    made = desk.transaction(done)
    assert (made.amount, made.local_amount, made.currency) == (sign * 300, sign * 300, "GBP")
    assert (made.scheme, made.category, made.description) == ("uk_retail_pot", "savings", holiday)
    assert made.settled_at == made.created_at == NOON
    assert made.account_balance == done.balance
    assert (made.merchant_id, made.counterparty, made.user_id) == (None, "{}", "")
    assert (made.include_in_spending, made.amount_is_pending, made.originator) == (
        False,
        False,
        True,
    )
    metadata = msgspec.json.decode(made.metadata)
    name, prefix = {"deposit": ("pot_deposit_id", "potdep_"),
                    "withdraw": ("pot_withdrawal_id", "potwdr_")}[verb]  # fmt: skip
    move_id = metadata.pop(name)
    assert move_id.startswith(prefix)
    assert shard_of(move_id) == ada.shard
    assert metadata == {
        "pot_id": holiday,
        "pot_account_id": ada.account_id,
        "external_id": "d-1",
        "trigger": "user",
    }


def test_who_moved_it_is_told_on_joint_accounts_and_a_move_of_nobodys_is_the_banks(
    desk: Desk,
) -> None:
    joint = desk.add_holder(1000, owners=2)
    shared = desk.add_pot(joint)
    second = joint.user_ids[1]
    hers = desk.transaction(desk.do(desk.orders.deposit(joint, shared, 1, user_id=second)))
    banks = desk.transaction(desk.do(desk.orders.deposit(joint, shared, 1)))
    assert (hers.user_id, hers.originator) == (second, True)
    assert (banks.user_id, banks.originator) == ("", False)
    assert msgspec.json.decode(banks.metadata)["trigger"] == "bank"


def test_neither_an_overdraft_nor_money_on_hold_feeds_a_pot(desk: Desk) -> None:
    ada = desk.add_holder(1000, overdraft_limit=5000)
    holiday = desk.add_pot(ada)
    desk.hold(ada, 400)
    before = desk.written()
    with pytest.raises(InsufficientFunds, match="more than your current account balance"):
        desk.do(desk.orders.deposit(ada, holiday, 601))
    assert desk.written() == before
    assert desk.do(desk.orders.deposit(ada, holiday, 600)).balance == 0


def test_a_pot_gives_no_more_than_it_holds(desk: Desk) -> None:
    ada = desk.add_holder(1000, overdraft_limit=5000)
    holiday, rainy = desk.add_pot(ada, 100), desk.add_pot(ada, 900)
    with pytest.raises(InsufficientFunds, match="more than the pot holds"):
        desk.do(desk.orders.withdraw(ada, holiday, 101))
    assert desk.written() == 0
    assert desk.do(desk.orders.withdraw(ada, holiday, 100)).balance == 1100
    assert desk.picture.pots[rainy].balance == 900


def test_a_refused_move_leaves_its_id_free_and_a_done_one_is_answered_again(desk: Desk) -> None:
    ada = desk.add_holder(100)
    holiday = desk.add_pot(ada)
    wanted = desk.orders.deposit(ada, holiday, 300, id="once")
    with pytest.raises(InsufficientFunds):
        desk.do(wanted)
    desk.do(desk.orders.top_up(ada, 1000))
    done = desk.do(wanted)
    desk.do(desk.orders.delete_pot(ada, holiday))
    assert desk.do(wanted) == done
    assert desk.account(ada).booked == 1100
    with pytest.raises(Conflict):
        desk.do(msgspec.structs.replace(wanted, amount=301))


LOCKS: list[dict[str, Any]] = [
    {"lock_type": "added_security"},
    {"lock_type": "until_date", "locked_until": NOON + 1},
]


@pytest.mark.parametrize("lock", LOCKS)
def test_nothing_leaves_a_locked_pot_and_money_may_come(desk: Desk, lock: dict[str, Any]) -> None:
    ada = desk.add_holder(100)
    holiday = desk.add_pot(ada, 100, **lock)
    for command in (desk.orders.withdraw(ada, holiday, 1), desk.orders.delete_pot(ada, holiday)):
        with pytest.raises(Forbidden) as refused:
            desk.do(command)
        assert refused.value.code == "forbidden.added_security"
    desk.do(desk.orders.deposit(ada, holiday, 100))
    assert desk.picture.pots[holiday].balance == 200


def test_a_lock_ends_at_its_instant(desk: Desk) -> None:
    ada = desk.add_holder()
    holiday = desk.add_pot(ada, 100, lock_type="until_date", locked_until=NOON)
    assert desk.do(desk.orders.withdraw(ada, holiday, 100)).balance == 100


def test_deleting_a_pot_gives_its_money_back_in_the_same_breath(desk: Desk) -> None:
    ada = desk.add_holder(5)
    holiday = desk.add_pot(ada, 100)
    done = desk.do(desk.orders.delete_pot(ada, holiday))
    made = desk.transaction(done)
    assert done.balance == made.account_balance == desk.account(ada).booked == 105
    assert (made.kind, made.amount) == ("pot_withdrawal", 100)
    assert msgspec.json.decode(made.metadata)["trigger"] == "pot_deletion"
    gone = desk.picture.pots[holiday]
    assert (gone.balance, gone.deleted_at, gone.updated_at) == (0, NOON, NOON)


def test_an_empty_pot_goes_without_a_transaction_whatever_its_accounts_state(desk: Desk) -> None:
    ada = desk.add_holder(5)
    holiday, full = desk.add_pot(ada), desk.add_pot(ada, 1)
    desk.account(ada).state = "frozen"
    command = desk.orders.delete_pot(ada, holiday)
    done = desk.do(command)
    assert (done.status, done.balance, done.transaction_id) == ("done", 5, None)
    assert desk.picture.pots[holiday].deleted_at == NOON
    assert not desk.picture.written.new_transactions
    assert desk.do(command) == done
    with pytest.raises(Conflict):
        desk.do(desk.orders.delete_pot(ada, full))


def test_a_deleted_pot_takes_part_in_nothing(desk: Desk) -> None:
    ada = desk.add_holder(100)
    holiday = desk.add_pot(ada, deleted_at=NOON)
    for command in (
        desk.orders.deposit(ada, holiday, 1),
        desk.orders.withdraw(ada, holiday, 1),
        desk.orders.delete_pot(ada, holiday),
    ):
        with pytest.raises(BadParam) as refused:
            desk.do(command)
        assert refused.value.code == "bad_request.bad_param.pot_id"


def test_a_pot_of_another_account_is_not_there(desk: Desk) -> None:
    ada, brian = desk.add_holder(100), desk.add_holder(100)
    brians = desk.add_pot(brian, 100)
    for command in (
        desk.orders.deposit(ada, brians, 1),
        desk.orders.withdraw(ada, brians, 1),
        desk.orders.delete_pot(ada, brians),
        desk.orders.deposit(ada, "pot_nothing", 1),
    ):
        with pytest.raises(NotFound) as refused:
            desk.do(command)
        assert refused.value.code == "not_found.pot"
    assert desk.written() == 0


def test_who_is_no_owner_any_more_moves_nothing(desk: Desk) -> None:
    ada, brian = desk.add_holder(100), desk.add_holder()
    holiday = desk.add_pot(ada, 100)
    for order in (desk.orders.deposit, desk.orders.withdraw):
        with pytest.raises(NotFound):
            desk.do(order(ada, holiday, 1, user_id=brian.user_ids[0]))
    assert desk.written() == 0


@pytest.mark.parametrize("state", ["frozen", "closed"])
def test_an_account_that_is_not_open_moves_nothing(desk: Desk, state: str) -> None:
    ada = desk.add_holder(100)
    holiday = desk.add_pot(ada, 100)
    desk.account(ada).state = state
    for order in (desk.orders.deposit, desk.orders.withdraw):
        with pytest.raises(Conflict):
            desk.do(order(ada, holiday, 1))


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_MAX + 1])
def test_an_amount_out_of_range_is_refused(desk: Desk, amount: int) -> None:
    ada = desk.add_holder(100)
    holiday = desk.add_pot(ada, 100)
    for order in (desk.orders.deposit, desk.orders.withdraw):
        with pytest.raises(BadParam):
            desk.do(order(ada, holiday, amount))


def test_a_pot_holds_no_more_than_can_be_counted(desk: Desk) -> None:
    ada = desk.add_holder(10)
    holiday = desk.add_pot(ada, AMOUNT_MAX)
    answer = desk.answer(desk.orders.deposit(ada, holiday, 1))
    assert isinstance(answer, BankError)
    assert answer.code == "bad_request.bad_param.amount"


def test_moves_in_one_batch_see_each_other(desk: Desk) -> None:
    ada = desk.add_holder(100)
    holiday = desk.add_pot(ada)
    orders = desk.orders
    answers = desk.answer_all(
        [
            orders.deposit(ada, holiday, 100),
            orders.authorise(ada, 1),
            orders.withdraw(ada, holiday, 60),
            orders.withdraw(ada, holiday, 60),
            orders.authorise(ada, 60),
        ]
    )
    codes = [one.code if isinstance(one, BankError) else one.status for one in answers]
    assert codes == ["done", "declined", "done", "bad_request.insufficient_funds", "done"]
    assert desk.picture.written.pots[holiday].balance == 40


def test_history_is_written_in_at_its_own_time(desk: Desk) -> None:
    ada = desk.add_holder(100)
    holiday = desk.add_pot(ada, created_at=NOON - 9 * HOUR, updated_at=NOON - 9 * HOUR)
    done = desk.do(desk.orders.deposit(ada, holiday, 100, at=NOON - 5 * HOUR))
    assert desk.transaction(done).created_at == NOON - 5 * HOUR
    assert desk.picture.pots[holiday].updated_at == NOON - 5 * HOUR

"""The fold: repeats, order within a batch, amounts, time, and failing alone."""

from typing import Any

import pytest

from minibank.core.errors import BadParam, Conflict, InsufficientFunds, InternalService
from minibank.core.money import AMOUNT_MAX
from minibank.payments.commands import Command, Outcome
from minibank.payments.decide import DECISIONS
from minibank.payments.picture import Answer
from tests.support.banking import Holder
from tests.unit.payments.desk import HOUR, NOON, Desk


def one_of_each(desk: Desk, ada: Holder, brian: Holder) -> list[Command]:
    """A command of every type that can be done; the order matters."""
    orders = desk.orders
    kept, lost, expired = (desk.hold(ada, 100) for _ in range(3))
    return [
        orders.top_up(ada, 1000),
        orders.receive(ada, 10),
        orders.send(ada, 10),
        orders.between(ada, brian, 10),
        orders.authorise(ada, 50),
        orders.increment(ada, kept, 5),
        orders.reverse(ada, lost),
        orders.expire(ada, expired),
        orders.present(ada, 99, kept),
        orders.refund(ada, 7),
        orders.deposit(ada, desk.add_pot(ada), 8),
        orders.withdraw(ada, desk.add_pot(ada, 9), 9),
        orders.delete_pot(ada, desk.add_pot(ada, 10)),
        *rails_of_each(desk, ada, brian),
    ]


def rails_of_each(desk: Desk, ada: Holder, brian: Holder) -> list[Command]:
    """An operator's commands of every type that can be done."""
    orders, bank = desk.orders, desk.add_bank()
    sent, lost, came, fee, paid, surplus = (
        desk.answer(one)
        for one in (
            orders.send(ada, 30),
            orders.send(ada, 20),
            orders.receive(ada, 10),
            orders.fee(ada, 5),
            orders.present(ada, 40),
            orders.suspend(bank, 60),
        )
    )
    desk.do(orders.dispute(ada, id_of(paid), 30))
    return [
        orders.come_back(ada, id_of(sent), 25),
        orders.reject(ada, id_of(lost)),
        orders.send_back(ada, id_of(came)),
        orders.pay_in(ada, 9),
        orders.pay_out(ada, 8),
        orders.fee(ada, 4),
        orders.unfee(ada, id_of(fee)),
        orders.adjust(ada, -3),
        orders.dispute(ada, id_of(desk.do(orders.present(ada, 11)))),
        orders.resolve(ada, id_of(paid), "won"),
        orders.suspend(bank, 70),
        orders.clear(bank, id_of(surplus), brian),
    ]


def id_of(answer: Answer) -> str:
    """The transaction that an answer names."""
    assert isinstance(answer, Outcome)
    assert answer.transaction_id is not None
    return answer.transaction_id


def test_every_command_type_has_a_decision(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    assert {type(one) for one in one_of_each(desk, ada, brian)} == set(DECISIONS)


def test_a_repeat_of_any_command_is_answered_alike_and_done_once(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    commands = one_of_each(desk, ada, brian)
    first = desk.answer_all(commands)
    before = desk.account(ada).available, desk.account(brian).available, desk.written()
    assert desk.answer_all(commands) == first
    assert desk.answer_all(commands[::-1]) == first[::-1]
    after = desk.account(ada).available, desk.account(brian).available, desk.written()
    assert after == before
    assert all(isinstance(answer, Outcome) for answer in first)


def test_every_answer_names_the_entry_sets_that_were_written_for_it(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    commands = one_of_each(desk, ada, brian)
    before = len(desk.picture.written.entry_sets)
    answers = desk.answer_all(commands)
    written = {
        (link.entry_set.account_id, link.sequence): link.entry_set.transaction_id
        for link in desk.picture.written.entry_sets[before:]
    }
    for command, answer in zip(commands, answers, strict=True):
        assert isinstance(answer, Outcome), command
        own = command.account_id
        named = {(own, number): answer.transaction_id for number in answer.entry_sets}
        named |= {
            (brian.account_id, number): answer.payee_transaction_id
            for number in answer.payee_entry_sets
        }
        assert named == {one: written.pop(one) for one in named}
        assert len(answer.entry_sets) == 1
        assert bool(answer.payee_entry_sets) == bool(answer.payee_transaction_id)
    assert written == {}


def test_a_declined_payment_names_no_entry_set(desk: Desk) -> None:
    assert desk.do(desk.orders.authorise(desk.add_holder(0), 100)).entry_sets == ()


def test_a_declined_payment_is_declined_again_even_when_there_is_money_now(desk: Desk) -> None:
    ada = desk.add_holder(0)
    command = desk.orders.authorise(ada, 100)
    declined = desk.do(command)
    desk.do(desk.orders.top_up(ada, 1000))
    assert desk.do(command) == declined
    assert desk.account(ada).held == 0


def test_a_declined_increment_is_declined_again(desk: Desk) -> None:
    ada = desk.add_holder(100)
    command = desk.orders.increment(ada, desk.hold(ada, 100), 50)
    declined = desk.do(command)
    desk.do(desk.orders.top_up(ada, 1000))
    assert declined.status == "declined"
    assert desk.do(command) == declined


def test_repeats_within_one_batch_are_done_once(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    command = desk.orders.authorise(ada, 400)
    answers = desk.answer_all([command] * 5)
    assert answers == [answers[0]] * 5
    assert desk.account(ada).held == 400


@pytest.mark.parametrize(
    "other",
    [{"amount": 401}, {"description": "OTHER"}, {"metadata": {"mcc": "1"}}, {"at": NOON}],
    ids=lambda other: next(iter(other)),
)
def test_the_same_id_with_other_content_is_a_conflict(desk: Desk, other: dict[str, Any]) -> None:
    ada = desk.add_holder(1000)
    command: dict[str, Any] = {"amount": 400, "id": "same"}
    desk.do(desk.orders.authorise(ada, **command))
    with pytest.raises(Conflict) as refusal:
        desk.do(desk.orders.authorise(ada, **(command | other)))
    assert refusal.value.code == "conflict.command_id_reused"
    assert desk.account(ada).held == 400


def test_the_same_id_for_another_type_of_command_is_a_conflict(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    desk.do(desk.orders.top_up(ada, 400, id="same"))
    with pytest.raises(Conflict):
        desk.do(desk.orders.refund(ada, 400, id="same", description="Top up"))


def test_an_id_belongs_to_its_issuer_and_its_account(desk: Desk) -> None:
    ada, brian = desk.add_holder(), desk.add_holder()
    desk.do(desk.orders.top_up(ada, 1, id="same"))
    desk.do(desk.orders.top_up(brian, 2, id="same"))
    desk.do(desk.orders.top_up(ada, 4, id="same", issuer="somebody else"))
    assert desk.account(ada).available == 5
    assert desk.account(brian).available == 2


def test_each_command_of_a_batch_sees_what_those_before_it_did(desk: Desk) -> None:
    ada, brian = desk.add_holder(), desk.add_holder()
    answers = desk.answer_all(
        [
            desk.orders.send(brian, 50),
            desk.orders.top_up(ada, 100),
            desk.orders.between(ada, brian, 60),
            desk.orders.send(brian, 50),
            desk.orders.authorise(ada, 41),
            desk.orders.authorise(ada, 40),
        ]
    )
    assert isinstance(answers[0], InsufficientFunds)
    outcomes = [answer for answer in answers if isinstance(answer, Outcome)]
    assert [one.status for one in outcomes] == ["done", "done", "done", "declined", "done"]
    assert desk.account(ada).available == 0
    assert desk.account(brian).available == 10


def test_a_hold_made_in_a_batch_can_end_in_it(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300))
    assert first.authorisation_id
    desk.do(desk.orders.present(ada, 300, first.authorisation_id))
    written = desk.picture.written
    assert [one.state for one in written.new_authorisations.values()] == ["presented"]
    assert [one.amount_is_pending for one in written.new_transactions.values()] == [False]
    assert not written.changed_authorisations
    assert not written.changed_transactions


def test_created_never_repeats_within_an_account(desk: Desk) -> None:
    ada, brian = desk.add_holder(), desk.add_holder()
    outcomes = [desk.do(desk.orders.top_up(ada, 1)) for _ in range(5)]
    other = desk.do(desk.orders.top_up(brian, 1))
    created = [desk.transaction(one).created_at for one in outcomes]
    assert created == [NOON + n for n in range(5)]
    assert desk.transaction(other).created_at == NOON
    assert desk.account(ada).last_created_at == NOON + 4


def test_declined_payments_have_their_place_in_the_order_too(desk: Desk) -> None:
    ada = desk.add_holder()
    first, second = (desk.do(desk.orders.authorise(ada, 1)) for _ in range(2))
    assert desk.transaction(first).created_at < desk.transaction(second).created_at
    assert desk.account(ada).last_created_at == desk.transaction(second).created_at


def test_a_clock_that_steps_back_does_not_put_a_payment_before_an_earlier_one(desk: Desk) -> None:
    ada = desk.add_holder()
    desk.do(desk.orders.top_up(ada, 1))
    desk.picture.instant -= HOUR
    assert desk.transaction(desk.do(desk.orders.top_up(ada, 1))).created_at == NOON + 1


def test_history_is_written_where_nothing_later_is(desk: Desk) -> None:
    ada = desk.add_holder()
    past = desk.do(desk.orders.top_up(ada, 1, at=NOON - 5 * HOUR))
    assert desk.transaction(past).created_at == NOON - 5 * HOUR
    same = [desk.do(desk.orders.top_up(ada, 1, at=NOON - 5 * HOUR)) for _ in range(3)]
    created = [desk.transaction(one).created_at for one in same]
    assert created == [NOON - 5 * HOUR + n for n in (1, 2, 3)]
    later = desk.do(desk.orders.top_up(ada, 1, at=NOON - 4 * HOUR))
    assert desk.transaction(later).created_at == NOON - 4 * HOUR
    with pytest.raises(BadParam, match="older than the newest"):
        desk.do(desk.orders.top_up(ada, 1, at=NOON - 4 * HOUR - 1))
    [*_, link] = desk.picture.written.entry_sets
    assert (link.entry_set.happened_at, link.entry_set.booked_at) == (NOON - 4 * HOUR, NOON)


@pytest.mark.parametrize("at", [NOON + 1, 2**63, 2**64])
def test_nothing_happens_in_the_future(desk: Desk, at: int) -> None:
    ada = desk.add_holder()
    with pytest.raises(BadParam, match="future"):
        desk.do(desk.orders.top_up(ada, 1, at=at))


@pytest.mark.parametrize("at", [-1, -(2**64)])
def test_nothing_happened_before_time_began(desk: Desk, at: int) -> None:
    ada = desk.add_holder()
    with pytest.raises(BadParam, match="older"):
        desk.do(desk.orders.top_up(ada, 1, at=at))


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_MAX + 1, 2**63, -(2**70)])
def test_amounts_are_positive_and_within_range(desk: Desk, amount: int) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder()
    hold = desk.hold(ada, 1)
    before = desk.written()
    for command in (
        desk.orders.top_up(ada, amount),
        desk.orders.receive(ada, amount),
        desk.orders.send(ada, amount),
        desk.orders.between(ada, brian, amount),
        desk.orders.increment(ada, hold, amount),
        desk.orders.reverse(ada, hold, amount),
        desk.orders.refund(ada, amount),
    ):
        with pytest.raises(BadParam, match="'amount' must be between 1"):
            desk.do(command)
    assert desk.written() == before


@pytest.mark.parametrize("amount", [-1, AMOUNT_MAX + 1, 2**63])
def test_only_card_payments_may_be_of_nothing(desk: Desk, amount: int) -> None:
    ada = desk.add_holder(1000)
    for command in (
        desk.orders.authorise(ada, amount),
        desk.orders.present(ada, amount),
        desk.orders.present(ada, amount, desk.hold(ada, 1)),
    ):
        with pytest.raises(BadParam, match="'amount' must be between 0"):
            desk.do(command)


@pytest.mark.parametrize("local_amount", [-1, AMOUNT_MAX + 1])
def test_local_amounts_are_within_range(desk: Desk, local_amount: int) -> None:
    ada = desk.add_holder(1000)
    hold = desk.hold(ada, 100, local_amount=120, local_currency="EUR")
    for command in (
        desk.orders.increment(ada, hold, 1, local_amount=local_amount),
        desk.orders.reverse(ada, hold, 1, local_amount=local_amount),
        desk.orders.present(ada, 1, hold, local_amount=local_amount),
        desk.orders.refund(ada, 1, local_amount=local_amount, local_currency="EUR"),
    ):
        with pytest.raises(BadParam, match="'local_amount' must be between 0"):
            desk.do(command)


def test_increments_cannot_take_a_payment_out_of_range(desk: Desk) -> None:
    ada = desk.add_holder(AMOUNT_MAX, overdraft_limit=AMOUNT_MAX)
    hold = desk.hold(ada, AMOUNT_MAX, local_amount=AMOUNT_MAX, local_currency="EUR")
    with pytest.raises(BadParam, match="local_amount"):
        desk.do(desk.orders.increment(ada, hold, 1, local_amount=1))
    with pytest.raises(BadParam, match="out of range"):
        desk.do(desk.orders.increment(ada, hold, 1, local_amount=0))
    assert desk.account(ada).held == AMOUNT_MAX


def test_what_is_left_after_holds_stays_within_range(desk: Desk) -> None:
    ada = desk.add_holder(0, overdraft_limit=AMOUNT_MAX)
    desk.hold(ada, AMOUNT_MAX)
    with pytest.raises(BadParam, match="out of range"):
        desk.do(desk.orders.present(ada, 1))
    assert desk.account(ada).available == -AMOUNT_MAX


def test_a_decision_that_fails_fails_alone(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    hold = desk.hold(ada, 100)
    orphan = desk.authorisation(desk.do(desk.orders.authorise(ada, 100)))
    del desk.picture.transactions[orphan.transaction_id]
    before = desk.written()
    answers = desk.answer_all(
        [
            desk.orders.top_up(ada, 1),
            desk.orders.reverse(ada, orphan.id),
            desk.orders.reverse(ada, hold),
        ]
    )
    assert [type(answer) for answer in answers] == [Outcome, InternalService, Outcome]
    assert desk.written() > before
    assert desk.account(ada).held == 100


def test_the_ids_of_a_command_do_not_depend_on_what_came_before_it(desk: Desk) -> None:
    other = Desk()
    ada, same_ada = desk.add_holder(1000), other.add_holder(1000)
    command = desk.orders.authorise(ada, 100, id="last", at=NOON)
    for _ in range(3):
        other.do(other.orders.authorise(same_ada, 0, at=NOON - HOUR))
    assert ada == same_ada
    assert desk.do(command).authorisation_id == other.do(command).authorisation_id

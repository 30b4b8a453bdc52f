"""Returns, cash, fees, adjustments and disputes: what each moves, and when it is refused."""

import msgspec
import pytest

from minibank.core.errors import BadParam, BankError, Conflict, InsufficientFunds, MissingParam
from minibank.core.money import AMOUNT_MAX
from minibank.ledger.entries import (
    ADJUSTMENTS,
    CARD_SETTLEMENT,
    CASH,
    CHARGEBACKS,
    FEES,
    TRANSFER_SETTLEMENT,
)
from minibank.payments.commands import Command, Counterparty, Outcome
from tests.support.banking import Holder
from tests.unit.payments.desk import HOUR, NOON, Desk

DAY = 24 * HOUR


def id_of(outcome: Outcome) -> str:
    assert outcome.transaction_id is not None
    return outcome.transaction_id


def refusal(desk: Desk, command: Command) -> str:
    answer = desk.answer(command)
    assert isinstance(answer, BankError), answer
    return answer.code


def at(desk: Desk, address: str) -> int:
    """What has been added up on an address of the bank's own."""
    return sum(link.entry_set.total(address) for link in desk.picture.written.entry_sets)


@pytest.fixture
def ada(desk: Desk) -> Holder:
    """Somebody who has 1000."""
    return desk.add_holder(1000)


def test_a_returned_transfer_is_credited_and_tells_of_the_one_that_had_left(
    desk: Desk, ada: Holder
) -> None:
    sent = desk.do(desk.orders.send(ada, 300))
    back = desk.do(desk.orders.come_back(ada, id_of(sent), reason="AC04"))
    record, original = desk.transaction(back), desk.transaction(sent)
    assert (back.status, back.balance, record.amount) == ("done", 1000, 300)
    assert (record.kind, record.scheme) == ("transfer_return", original.scheme)
    assert record.counterparty == original.counterparty
    assert msgspec.json.decode(record.metadata) == {
        "original_transaction_id": original.id,
        "reason": "AC04",
    }
    assert at(desk, TRANSFER_SETTLEMENT) == 0
    assert desk.picture.written.entry_sets[-1].entry_set.forced


def test_part_of_a_transfer_may_come_back_and_never_more_than_it_moved(
    desk: Desk, ada: Holder
) -> None:
    sent = id_of(desk.do(desk.orders.send(ada, 300)))
    assert refusal(desk, desk.orders.come_back(ada, sent, 301)) == "bad_request.bad_param.amount"
    assert refusal(desk, desk.orders.come_back(ada, sent, 0)) == "bad_request.bad_param.amount"
    assert desk.do(desk.orders.come_back(ada, sent, 299)).balance == 999


@pytest.mark.parametrize("first", ["come_back", "reject"])
@pytest.mark.parametrize("second", ["come_back", "reject"])
def test_a_transfer_comes_back_once(desk: Desk, ada: Holder, first: str, second: str) -> None:
    sent = id_of(desk.do(desk.orders.send(ada, 300)))
    desk.do(getattr(desk.orders, first)(ada, sent))
    assert refusal(desk, getattr(desk.orders, second)(ada, sent)) == "conflict.already_corrected"
    assert desk.account(ada).available == 1000


def test_only_a_transfer_with_another_bank_comes_back_and_only_to_its_account(
    desk: Desk, ada: Holder
) -> None:
    brian = desk.add_holder(1000)
    orders = desk.orders
    others = [
        id_of(desk.do(orders.between(ada, brian, 10))),
        id_of(desk.do(orders.receive(ada, 10))),
        id_of(desk.do(orders.top_up(ada, 10))),
        id_of(desk.do(orders.send(brian, 10))),
        "tx_nothing",
    ]
    for one in others:
        with pytest.raises(BadParam, match="original_transaction_id"):
            desk.do(orders.come_back(ada, one))


def test_sending_back_is_a_decision_and_needs_the_money(desk: Desk) -> None:
    ada = desk.add_holder()
    came = id_of(desk.do(desk.orders.receive(ada, 300)))
    desk.do(desk.orders.send(ada, 100))
    with pytest.raises(InsufficientFunds):
        desk.do(desk.orders.send_back(ada, came))
    assert desk.do(desk.orders.send_back(ada, came, 200)).balance == 0
    assert refusal(desk, desk.orders.send_back(ada, came, 1)) == "conflict.already_corrected"
    assert not desk.picture.written.entry_sets[-1].entry_set.forced


def test_a_hold_is_not_sent_back(desk: Desk) -> None:
    ada = desk.add_holder()
    came = id_of(desk.do(desk.orders.receive(ada, 300)))
    desk.hold(ada, 1)
    with pytest.raises(InsufficientFunds):
        desk.do(desk.orders.send_back(ada, came))


def test_cash_moves_against_the_banks_cash(desk: Desk, ada: Holder) -> None:
    paid_in = desk.do(desk.orders.pay_in(ada, 500))
    assert desk.transaction(paid_in).scheme == "uk_cash_deposits_paypoint"
    assert desk.do(desk.orders.pay_out(ada, 200)).balance == 1300
    assert at(desk, CASH) == -300
    with pytest.raises(InsufficientFunds):
        desk.do(desk.orders.pay_out(ada, 1301))


def test_only_an_owner_is_said_to_have_moved_money(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000, owners=2), desk.add_holder(1000)
    for command in (
        desk.orders.pay_in(ada, 100, user_id=brian.user_ids[0]),
        desk.orders.pay_out(ada, 100, user_id=brian.user_ids[0]),
        desk.orders.send(ada, 100, user_id=brian.user_ids[0]),
        desk.orders.between(ada, brian, 100, user_id=brian.user_ids[0]),
    ):
        with pytest.raises(BadParam, match="user_id"):
            desk.do(command)
    told = desk.do(desk.orders.pay_out(ada, 100, user_id=ada.user_ids[1]))
    assert desk.transaction(told).user_id == ada.user_ids[1]


def test_a_fee_is_taken_whatever_the_balance_and_given_back_once(desk: Desk) -> None:
    ada = desk.add_holder(1)
    fee = desk.do(desk.orders.fee(ada, 500, reason="tariff 3"))
    assert fee.balance == -499
    assert at(desk, FEES) == 500
    assert desk.do(desk.orders.unfee(ada, id_of(fee), 400)).balance == -99
    assert at(desk, FEES) == 100
    again = desk.orders.unfee(ada, id_of(fee))
    assert refusal(desk, again) == "conflict.already_corrected"


def test_a_fee_given_back_is_no_fee_to_give_back(desk: Desk, ada: Holder) -> None:
    back = desk.do(desk.orders.unfee(ada, id_of(desk.do(desk.orders.fee(ada, 5)))))
    with pytest.raises(BadParam, match="names no fee"):
        desk.do(desk.orders.unfee(ada, id_of(back)))


@pytest.mark.parametrize("amount", [70, -2000])
def test_an_adjustment_is_booked_either_way_and_says_who_made_it(
    desk: Desk, ada: Holder, amount: int
) -> None:
    outcome = desk.do(desk.orders.adjust(ada, amount))
    assert (outcome.balance, outcome.made_by) == (1000 + amount, "Grace")
    assert at(desk, ADJUSTMENTS) == -amount
    metadata = msgspec.json.decode(desk.transaction(outcome).metadata)
    assert metadata == {"reason": "Booked twice"}, "the customer does not read who"


@pytest.mark.parametrize("missing", ["reason", "made_by"])
def test_an_adjustment_without_a_reason_or_a_name_is_refused(
    desk: Desk, ada: Holder, missing: str
) -> None:
    with pytest.raises(MissingParam, match=missing):
        desk.do(desk.orders.adjust(ada, 1, **{missing: " "}))
    with pytest.raises(BadParam, match=missing):
        desk.do(desk.orders.adjust(ada, 1, **{missing: "x" * 256}))
    assert desk.written() == 0


@pytest.mark.parametrize("amount", [0, AMOUNT_MAX + 1, -AMOUNT_MAX - 1])
def test_an_adjustment_of_nothing_or_too_much_is_refused(
    desk: Desk, ada: Holder, amount: int
) -> None:
    assert refusal(desk, desk.orders.adjust(ada, amount)) == "bad_request.bad_param.amount"


def test_a_dispute_that_is_won_leaves_the_credit_and_clears_what_the_bank_laid_out(
    desk: Desk, ada: Holder
) -> None:
    paid = id_of(desk.do(desk.orders.present(ada, 400)))
    assert desk.do(desk.orders.dispute(ada, paid, 300)).balance == 900
    assert at(desk, CHARGEBACKS) == -300
    won = desk.do(desk.orders.resolve(ada, paid, "won"))
    assert (won.status, won.balance, won.transaction_id) == ("done", 900, paid)
    assert (at(desk, CHARGEBACKS), at(desk, CARD_SETTLEMENT)) == (0, 100)


def test_a_dispute_that_is_lost_takes_the_credit_back_whatever_the_balance(
    desk: Desk, ada: Holder
) -> None:
    paid = id_of(desk.do(desk.orders.present(ada, 400)))
    desk.do(desk.orders.dispute(ada, paid))
    desk.do(desk.orders.send(ada, 1000))
    assert desk.do(desk.orders.resolve(ada, paid, "lost")).balance == -400
    assert (at(desk, CHARGEBACKS), at(desk, CARD_SETTLEMENT)) == (0, 400)


def test_a_payment_is_disputed_once_and_a_dispute_decided_once(desk: Desk, ada: Holder) -> None:
    paid = id_of(desk.do(desk.orders.present(ada, 400)))
    with pytest.raises(BadParam, match="disputed"):
        desk.do(desk.orders.resolve(ada, paid, "won"))
    desk.do(desk.orders.dispute(ada, paid, 1))
    assert refusal(desk, desk.orders.dispute(ada, paid, 1)) == "conflict.already_corrected"
    desk.do(desk.orders.resolve(ada, paid, "won"))
    for result in ("won", "lost"):
        again = desk.orders.resolve(ada, paid, result)
        assert refusal(desk, again) == "conflict.already_corrected"


def test_only_a_settled_card_payment_is_disputed(desk: Desk, ada: Holder) -> None:
    orders = desk.orders
    pending = desk.do(orders.authorise(ada, 10))
    others = [
        id_of(pending),
        id_of(desk.do(orders.authorise(ada, 10**9))),
        id_of(desk.do(orders.refund(ada, 10))),
        id_of(desk.do(orders.send(ada, 10))),
        id_of(desk.do(orders.present(ada, 0))),
    ]
    for one in others:
        with pytest.raises(BadParam, match="original_transaction_id"):
            desk.do(orders.dispute(ada, one))
    desk.do(orders.present(ada, 10, pending.authorisation_id))
    assert desk.do(orders.dispute(ada, id_of(pending))).status == "done"


def test_what_happened_earlier_is_booked_now_and_only_the_entries_say_when(
    desk: Desk, ada: Holder
) -> None:
    yesterday = NOON - DAY
    outcome = desk.do(desk.orders.pay_in(ada, 5, happened_at=yesterday))
    entry_set = desk.picture.written.entry_sets[-1].entry_set
    assert (entry_set.happened_at, entry_set.booked_at) == (yesterday, NOON)
    record = desk.transaction(outcome)
    assert (record.created_at, record.settled_at) == (NOON, NOON)


def test_a_value_date_has_bounds(desk: Desk, ada: Holder) -> None:
    desk.account(ada).opened_at = NOON - 2 * DAY
    for wrong in (NOON + 1, NOON - 2 * DAY - 1):
        with pytest.raises(BadParam, match="happened_at"):
            desk.do(desk.orders.fee(ada, 1, happened_at=wrong))
    desk.do(desk.orders.fee(ada, 1, happened_at=NOON - 2 * DAY))
    desk.account(ada).opened_at = 0
    with pytest.raises(BadParam, match="six years"):
        desk.do(desk.orders.fee(ada, 1, happened_at=NOON - 2200 * DAY))


def test_a_presentment_never_happened_before_its_payment_was_asked_for(
    desk: Desk, ada: Holder
) -> None:
    hold = desk.hold(ada, 10)
    desk.do(desk.orders.present(ada, 10, hold, happened_at=NOON - DAY))
    assert desk.picture.written.entry_sets[-1].entry_set.happened_at == NOON


@pytest.mark.parametrize(
    ("taken", "refused"),
    [
        (
            ("fee", "deposit", "adjust", "unfee", "come_back", "reject", "send_back", "dispute"),
            ("withdraw",),
        ),
    ],
)
def test_a_frozen_account_takes_what_the_bank_decides_and_nothing_that_its_owner_does(
    desk: Desk, ada: Holder, taken: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    commands = each(desk, ada)
    desk.account(ada).state = "frozen"
    for name in taken:
        assert desk.do(commands[name]).status == "done", name
    for name in refused:
        with pytest.raises(Conflict, match="frozen"):
            desk.do(commands[name])


def test_a_closed_account_takes_adjustments_and_the_end_of_disputes_and_nothing_else(
    desk: Desk, ada: Holder
) -> None:
    commands = each(desk, ada)
    disputed = id_of(desk.do(desk.orders.present(ada, 1)))
    desk.do(desk.orders.dispute(ada, disputed))
    desk.account(ada).state = "closed"
    for name in ("fee", "deposit", "unfee", "send_back", "dispute", "withdraw"):
        with pytest.raises(Conflict, match="closed"):
            desk.do(commands[name])
    for name in ("come_back", "reject"):
        assert desk.do(commands[name]).status == "declined", "its money is in suspense"
    assert desk.do(commands["adjust"]).status == "done"
    assert desk.do(desk.orders.resolve(ada, disputed, "lost")).status == "done"


def each(desk: Desk, ada: Holder) -> dict[str, Command]:
    """A command of each sort that could be done now."""
    orders = desk.orders
    sent = [id_of(desk.do(orders.send(ada, 10))) for _ in range(2)]
    return {
        "fee": orders.fee(ada, 1),
        "deposit": orders.pay_in(ada, 1),
        "withdraw": orders.pay_out(ada, 1),
        "adjust": orders.adjust(ada, -1),
        "unfee": orders.unfee(ada, id_of(desk.do(orders.fee(ada, 5)))),
        "come_back": orders.come_back(ada, sent[0]),
        "reject": orders.reject(ada, sent[1]),
        "send_back": orders.send_back(ada, id_of(desk.do(orders.receive(ada, 10)))),
        "dispute": orders.dispute(ada, id_of(desk.do(orders.present(ada, 10)))),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("counterparty", Counterparty(sort_code="12345")),
        ("counterparty", Counterparty(sort_code="11-22-33")),
        ("counterparty", Counterparty(account_number="1234567")),
        ("counterparty", Counterparty(account_number="1234567٣")),
        ("scheme", "p2p_payment"),
        ("end_to_end_id", "x" * 36),
    ],
)
def test_a_transfer_that_no_scheme_could_carry_is_refused(
    desk: Desk, ada: Holder, field: str, value: object
) -> None:
    for make in (desk.orders.send, desk.orders.receive):
        with pytest.raises(BadParam, match=field):
            desk.do(make(ada, 1, **{field: value}))


def test_a_transfers_own_name_is_among_the_banks_keys(desk: Desk, ada: Holder) -> None:
    outcome = desk.do(desk.orders.send(ada, 1, end_to_end_id="INV-7"))
    assert msgspec.json.decode(desk.transaction(outcome).metadata) == {"trn": "INV-7"}

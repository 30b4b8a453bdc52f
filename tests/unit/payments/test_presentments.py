"""Presentments and refunds: booked whatever the balance says."""

from typing import Any

import pytest

from minibank.core.errors import BadParam, Conflict, NotFound
from minibank.ledger.entries import CARD_SETTLEMENT, held, main
from tests.support.banking import SHOP
from tests.unit.payments.desk import HOUR, NOON, Desk

EUROS: dict[str, Any] = {"local_amount": 1200, "local_currency": "EUR"}


@pytest.mark.parametrize("amount", [300, 450, 120, 0])
def test_a_presentment_books_its_own_amount_and_ends_the_hold(desk: Desk, amount: int) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300))
    assert first.authorisation_id
    done = desk.do(desk.orders.present(ada, amount, first.authorisation_id))
    account = desk.account(ada)
    assert (account.booked, account.held) == (1000 - amount, 0)
    assert (done.status, done.balance) == ("done", 1000 - amount)
    assert done.transaction_id == first.transaction_id
    assert desk.authorisation(first).state == "presented"
    transaction = desk.transaction(first)
    assert (transaction.amount, transaction.local_amount) == (-amount, -amount)
    assert transaction.settled_at is not None
    assert not transaction.amount_is_pending
    assert transaction.include_in_spending


@pytest.mark.parametrize(
    ("amount", "to_main"), [(300, None), (450, -150), (120, 180)], ids=["equal", "more", "less"]
)
def test_the_entries_of_a_presentment_settle_the_hold_and_the_difference(
    desk: Desk, amount: int, to_main: int | None
) -> None:
    ada = desk.add_holder(1000)
    desk.do(desk.orders.present(ada, amount, desk.hold(ada, 300)))
    entry_set = desk.picture.written.entry_sets[-1].entry_set
    moved = {entry.address: entry.amount for entry in entry_set.entries}
    assert moved.get(main(ada.account_id)) == to_main
    assert moved[held(ada.account_id)] == -300
    assert moved[CARD_SETTLEMENT] == amount
    assert entry_set.forced


def test_a_presentment_is_booked_beyond_the_limit(desk: Desk) -> None:
    ada = desk.add_holder(100)
    assert desk.do(desk.orders.present(ada, 5000, desk.hold(ada, 100))).balance == -4900
    assert desk.do(desk.orders.present(ada, 1)).balance == -4901


@pytest.mark.parametrize("state", ["frozen", "closed"])
def test_a_presentment_is_booked_whatever_the_state_of_the_account(desk: Desk, state: str) -> None:
    ada = desk.add_holder(1000)
    hold = desk.hold(ada, 300)
    desk.account(ada).state = state
    desk.set_card(ada, state="blocked")
    assert desk.do(desk.orders.present(ada, 300, hold)).status == "done"
    assert desk.do(desk.orders.present(ada, 100)).balance == 600


def test_a_refund_is_booked_on_a_frozen_account(desk: Desk) -> None:
    ada = desk.add_holder(600)
    desk.account(ada).state = "frozen"
    assert desk.do(desk.orders.refund(ada, 50)).balance == 650


@pytest.mark.parametrize("ending", ["reverse", "expire"])
def test_a_presentment_after_the_hold_has_gone_settles_the_same_transaction(
    desk: Desk, ending: str
) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300))
    assert first.authorisation_id
    desk.do(getattr(desk.orders, ending)(ada, first.authorisation_id))
    late = desk.do(desk.orders.present(ada, 300, first.authorisation_id))
    assert late.transaction_id == first.transaction_id
    assert late.balance == 700
    assert desk.account(ada).held == 0
    transaction = desk.transaction(first)
    assert transaction.amount == -300
    assert transaction.settled_at is not None
    assert transaction.include_in_spending
    assert desk.authorisation(first).state == "presented"


def test_a_presentment_after_a_partial_reversal_releases_what_is_still_held(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    hold = desk.hold(ada, 300)
    desk.do(desk.orders.reverse(ada, hold, 100))
    assert desk.do(desk.orders.present(ada, 250, hold)).balance == 750
    assert desk.account(ada).held == 0


def test_a_presentment_after_a_card_check_books_all_of_it(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    check = desk.do(desk.orders.authorise(ada, 0))
    assert desk.do(desk.orders.present(ada, 300, check.authorisation_id)).balance == 700
    assert desk.transaction(check).amount == -300


def test_a_second_presentment_of_an_authorisation_is_a_payment_of_its_own(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300, merchant_id=SHOP.id, **EUROS))
    assert first.authorisation_id
    desk.do(desk.orders.present(ada, 300, first.authorisation_id))
    second = desk.do(desk.orders.present(ada, 200, first.authorisation_id, description=""))
    assert second.transaction_id != first.transaction_id
    assert second.authorisation_id is None
    assert second.balance == 500
    transaction = desk.transaction(second)
    assert (transaction.description, transaction.merchant_id) == ("SHOP", SHOP.id)
    assert transaction.category == SHOP.category
    assert transaction.settled_at == transaction.created_at
    assert desk.transaction(first).amount == -300


def test_a_second_presentment_is_charged_in_the_currency_of_the_first(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    hold = desk.hold(ada, 300, **EUROS)
    desk.do(desk.orders.present(ada, 300, hold))
    second = desk.transaction(desk.do(desk.orders.present(ada, 200, hold, local_amount=240)))
    assert (second.local_amount, second.local_currency) == (-240, "EUR")


def test_a_presentment_without_authorisation_names_the_card(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder(1000)
    done = desk.do(desk.orders.present(ada, 300, merchant_id=SHOP.id))
    transaction = desk.transaction(done)
    assert (transaction.kind, transaction.amount, transaction.category) == (
        "card",
        -300,
        "groceries",
    )
    assert transaction.settled_at == transaction.created_at
    assert transaction.account_balance == 700
    assert done.authorisation_id is None
    for card_id in (None, "card_nothing", brian.card_id):
        with pytest.raises(NotFound, match="no such card"):
            desk.do(desk.orders.present(ada, 300, card_id=card_id))


def test_a_presentment_without_authorisation_may_come_to_nothing(desk: Desk) -> None:
    ada = desk.add_holder(0)
    assert desk.transaction(desk.do(desk.orders.present(ada, 0))).amount == 0
    assert not desk.picture.written.entry_sets


def test_a_joint_account_says_whose_card_an_offline_payment_was_made_with(desk: Desk) -> None:
    joint = desk.add_holder(100, owners=2)
    assert desk.transaction(desk.do(desk.orders.present(joint, 1))).user_id == joint.user_ids[0]


def test_a_presentment_settles_when_it_happened_and_not_before_the_payment(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300, at=NOON - 5 * HOUR))
    second = desk.do(desk.orders.authorise(ada, 300, at=NOON - 5 * HOUR))
    desk.do(desk.orders.present(ada, 300, first.authorisation_id, at=NOON - HOUR))
    assert desk.transaction(first).settled_at == NOON - HOUR
    assert desk.transaction(first).created_at == NOON - 5 * HOUR
    assert desk.transaction(second).created_at == NOON - 5 * HOUR + 1


@pytest.mark.parametrize(
    ("amount", "told", "local"),
    [
        (1000, {}, (-1200, "EUR")),
        (500, {}, (-600, "EUR")),
        (0, {}, (0, "EUR")),
        (900, {"local_amount": 1111}, (-1111, "EUR")),
        (900, {"local_amount": 1111, "local_currency": "EUR"}, (-1111, "EUR")),
        (900, {"local_amount": 1300, "local_currency": "USD"}, (-1300, "USD")),
        (900, {"local_amount": 1300, "local_currency": "GBP"}, (-900, "GBP")),
    ],
)
def test_a_presentment_says_what_was_charged_in_the_end_or_keeps_the_proportion(
    desk: Desk, amount: int, told: dict[str, Any], local: tuple[int, str]
) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 1000, **EUROS))
    desk.do(desk.orders.present(ada, amount, first.authorisation_id, **told))
    transaction = desk.transaction(first)
    assert (transaction.local_amount, transaction.local_currency) == local


def test_a_payment_authorised_at_home_may_be_presented_in_another_currency(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 1000))
    desk.do(desk.orders.present(ada, 1000, first.authorisation_id, **EUROS))
    transaction = desk.transaction(first)
    assert (transaction.local_amount, transaction.local_currency) == (-1200, "EUR")


def test_a_local_currency_without_an_amount_is_refused(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    hold = desk.hold(ada, 1000, **EUROS)
    with pytest.raises(BadParam, match="local_amount"):
        desk.do(desk.orders.present(ada, 900, hold, local_currency="EUR"))


def test_a_refund_is_a_new_positive_transaction_settled_at_once(desk: Desk) -> None:
    ada = desk.add_holder(0)
    done = desk.do(desk.orders.refund(ada, 300, merchant_id=SHOP.id, card_id=ada.card_id))
    transaction = desk.transaction(done)
    assert (transaction.kind, transaction.amount, transaction.account_balance) == (
        "refund",
        300,
        300,
    )
    assert transaction.settled_at == transaction.created_at
    assert transaction.category == "groceries"
    assert transaction.metadata == f'{{"mastercard_card_id":"{ada.card_id}"}}'
    assert done.balance == desk.account(ada).available == 300
    entry_set = desk.picture.written.entry_sets[-1].entry_set
    assert [(e.address, e.amount) for e in entry_set.entries] == [
        (CARD_SETTLEMENT, -300),
        (main(ada.account_id), 300),
    ]


def test_a_foreign_refund_says_what_the_merchant_gave_back(desk: Desk) -> None:
    ada = desk.add_holder(0)
    transaction = desk.transaction(desk.do(desk.orders.refund(ada, 1000, **EUROS)))
    assert (transaction.local_amount, transaction.local_currency) == (1200, "EUR")


def test_a_refund_may_name_the_payment_it_undoes(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    paid = desk.do(desk.orders.present(ada, 300))
    back = desk.do(desk.orders.refund(ada, 300, original_transaction_id=paid.transaction_id))
    expected = f'{{"original_transaction_id":"{paid.transaction_id}"}}'
    assert desk.transaction(back).metadata == expected
    assert desk.transaction(paid).amount == -300


def test_a_refund_of_what_was_no_payment_of_this_account_is_refused(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder(1000)
    originals = [
        desk.do(desk.orders.present(brian, 300)).transaction_id,
        desk.do(desk.orders.top_up(ada, 300)).transaction_id,
        desk.do(desk.orders.refund(ada, 300)).transaction_id,
        desk.do(desk.orders.authorise(ada, 10_000)).transaction_id,
        "tx_nothing",
    ]
    for original in originals:
        with pytest.raises(BadParam, match="original_transaction_id"):
            desk.do(desk.orders.refund(ada, 300, original_transaction_id=original))


def test_a_refund_to_an_unknown_card_or_merchant_is_refused(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder(1000)
    with pytest.raises(NotFound, match="no such card"):
        desk.do(desk.orders.refund(ada, 300, card_id=brian.card_id))
    with pytest.raises(BadParam, match="merchant_id"):
        desk.do(desk.orders.refund(ada, 300, merchant_id="merch_nothing"))
    assert desk.written() == 0


def test_a_refund_is_booked_as_it_comes_and_counted(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    paid = desk.do(desk.orders.present(ada, 300)).transaction_id
    amounts = (100, 200, 1)
    given = [
        desk.do(desk.orders.refund(ada, amount, original_transaction_id=paid)) for amount in amounts
    ]
    assert [one.balance for one in given] == [800, 1000, 1001]
    assert [(one.transaction_id, one.amount) for one in desk.picture.written.refunds] == [
        (paid, amount) for amount in amounts
    ]


@pytest.mark.parametrize(
    ("result", "refunded"), [(None, "declined"), ("won", "declined"), ("lost", "done")]
)
def test_what_a_dispute_has_given_back_is_not_refunded_again(
    desk: Desk, result: str | None, refunded: str
) -> None:
    ada = desk.add_holder(1000)
    paid = desk.do(desk.orders.present(ada, 300)).transaction_id or ""
    desk.do(desk.orders.dispute(ada, paid, 200))
    if result:
        desk.do(desk.orders.resolve(ada, paid, "won" if result == "won" else "lost"))
    part = desk.do(desk.orders.refund(ada, 101, original_transaction_id=paid))
    assert part.status == refunded
    assert desk.do(desk.orders.refund(ada, 100, original_transaction_id=paid)).status == "done"
    assert desk.account(ada).available == {None: 1000, "won": 1000, "lost": 901}[result]


def test_only_what_refunds_have_left_of_a_payment_is_disputed(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    paid = desk.do(desk.orders.present(ada, 300)).transaction_id or ""
    desk.do(desk.orders.refund(ada, 100, original_transaction_id=paid))
    with pytest.raises(BadParam, match="amount"):
        desk.do(desk.orders.dispute(ada, paid, 201))
    assert desk.do(desk.orders.dispute(ada, paid)).balance == 1000
    again = desk.do(desk.orders.present(ada, 300)).transaction_id or ""
    desk.do(desk.orders.refund(ada, 300, original_transaction_id=again))
    with pytest.raises(Conflict, match="refunded already"):
        desk.do(desk.orders.dispute(ada, again))

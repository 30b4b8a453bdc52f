"""What happens to a hold: increments, reversals, expiry."""

import pytest

from minibank.core.errors import BadParam, Conflict, NotFound
from tests.unit.payments.desk import HOUR, NOON, Desk

EUROS = {"local_amount": 1200, "local_currency": "EUR"}


def test_an_increment_holds_more_on_the_same_transaction(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300))
    assert first.authorisation_id
    more = desk.do(desk.orders.increment(ada, first.authorisation_id, 200))
    assert more.transaction_id == first.transaction_id
    assert more.authorisation_id == first.authorisation_id
    assert more.balance == 500
    assert desk.transaction(first).amount == -500
    assert desk.transaction(first).local_amount == -500
    assert desk.transaction(first).account_balance == 700
    assert desk.authorisation(first).held == 500
    assert desk.account(ada).held == 500
    assert desk.picture.written.entry_sets[-1].entry_set.code == "increment"


@pytest.mark.parametrize(
    ("state", "amount", "reason"),
    [
        ("inactive", 1, "CARD_INACTIVE"),
        ("blocked", 1, "CARD_BLOCKED"),
        ("active", 701, "INSUFFICIENT_FUNDS"),
    ],
)
def test_a_declined_increment_leaves_the_authorisation_as_it_was(
    desk: Desk, state: str, amount: int, reason: str
) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300))
    assert first.authorisation_id
    before = desk.transaction(first), desk.authorisation(first)
    desk.set_card(ada, state=state)
    refused = desk.do(desk.orders.increment(ada, first.authorisation_id, amount))
    assert (refused.status, refused.decline_reason, refused.balance) == ("declined", reason, 700)
    assert refused.authorisation_id == first.authorisation_id
    assert (desk.transaction(first), desk.authorisation(first)) == before
    assert desk.account(ada).held == 300


def test_an_increment_on_a_frozen_account_or_an_expired_card_is_declined(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    hold = desk.hold(ada, 300)
    desk.account(ada).state = "frozen"
    assert desk.do(desk.orders.increment(ada, hold, 1)).decline_reason == "OTHER"
    desk.account(ada).state = "open"
    desk.set_card(ada, expires_at=NOON)
    assert desk.do(desk.orders.increment(ada, hold, 1)).decline_reason == "OTHER"


def test_an_increment_may_follow_a_card_check(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    check = desk.do(desk.orders.authorise(ada, 0))
    assert check.authorisation_id
    assert desk.do(desk.orders.increment(ada, check.authorisation_id, 400)).balance == 600
    assert desk.authorisation(check).held == 400
    assert desk.transaction(check).amount == -400


def test_a_foreign_increment_adds_what_was_charged_or_keeps_the_proportion(desk: Desk) -> None:
    ada = desk.add_holder(10_000)
    told = desk.do(desk.orders.authorise(ada, 1000, **EUROS))
    assumed = desk.do(desk.orders.authorise(ada, 1000, **EUROS))
    assert told.authorisation_id
    assert assumed.authorisation_id
    desk.do(desk.orders.increment(ada, told.authorisation_id, 500, local_amount=650))
    desk.do(desk.orders.increment(ada, assumed.authorisation_id, 500))
    assert desk.transaction(told).local_amount == -1850
    assert desk.transaction(assumed).local_amount == -1800


def test_a_partial_reversal_gives_back_that_part_and_the_payment_stays_pending(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300))
    assert first.authorisation_id
    part = desk.do(desk.orders.reverse(ada, first.authorisation_id, 100))
    assert (part.balance, part.transaction_id) == (800, first.transaction_id)
    transaction = desk.transaction(first)
    assert (transaction.amount, transaction.local_amount) == (-200, -200)
    assert transaction.amount_is_pending
    assert transaction.include_in_spending
    assert transaction.settled_at is None
    assert (desk.authorisation(first).state, desk.authorisation(first).held) == ("open", 200)


@pytest.mark.parametrize("amount", [None, 300])
def test_a_whole_reversal_leaves_a_transaction_of_nothing(desk: Desk, amount: int | None) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300, **EUROS))
    assert first.authorisation_id
    assert desk.do(desk.orders.reverse(ada, first.authorisation_id, amount)).balance == 1000
    transaction = desk.transaction(first)
    assert (transaction.amount, transaction.local_amount) == (0, 0)
    assert transaction.local_currency == "EUR"
    assert transaction.settled_at is None
    assert not transaction.amount_is_pending
    assert not transaction.include_in_spending
    assert (desk.authorisation(first).state, desk.authorisation(first).held) == ("reversed", 0)
    assert desk.account(ada).held == 0


def test_partial_reversals_may_come_to_the_whole(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300))
    assert first.authorisation_id
    desk.do(desk.orders.reverse(ada, first.authorisation_id, 100))
    desk.do(desk.orders.reverse(ada, first.authorisation_id, 200))
    assert desk.authorisation(first).state == "reversed"
    assert desk.account(ada).available == 1000


def test_no_more_can_be_reversed_than_is_held(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    hold = desk.hold(ada, 300)
    with pytest.raises(BadParam, match="more than the authorisation holds"):
        desk.do(desk.orders.reverse(ada, hold, 301))
    assert desk.account(ada).held == 300


def test_a_card_check_can_be_reversed_and_expire(desk: Desk) -> None:
    ada = desk.add_holder(0)
    reversed_, expired = (desk.do(desk.orders.authorise(ada, 0)) for _ in range(2))
    assert reversed_.authorisation_id
    assert expired.authorisation_id
    with pytest.raises(BadParam, match="more than"):
        desk.do(desk.orders.reverse(ada, reversed_.authorisation_id, 1))
    desk.do(desk.orders.reverse(ada, reversed_.authorisation_id))
    desk.do(desk.orders.expire(ada, expired.authorisation_id))
    assert desk.authorisation(reversed_).state == "reversed"
    assert desk.authorisation(expired).state == "expired"
    assert not desk.transaction(expired).amount_is_pending
    assert not desk.picture.written.entry_sets


def test_a_foreign_reversal_takes_off_what_was_charged_or_keeps_the_proportion(desk: Desk) -> None:
    ada = desk.add_holder(10_000)
    told = desk.do(desk.orders.authorise(ada, 1000, **EUROS))
    assumed = desk.do(desk.orders.authorise(ada, 1000, **EUROS))
    assert told.authorisation_id
    assert assumed.authorisation_id
    desk.do(desk.orders.reverse(ada, told.authorisation_id, 500, local_amount=650))
    desk.do(desk.orders.reverse(ada, assumed.authorisation_id, 500))
    assert desk.transaction(told).local_amount == -550
    assert desk.transaction(assumed).local_amount == -600


def test_a_reversal_cannot_take_off_more_local_money_than_was_charged(desk: Desk) -> None:
    ada = desk.add_holder(10_000)
    hold = desk.hold(ada, 1000, **EUROS)
    with pytest.raises(BadParam, match="local_amount"):
        desk.do(desk.orders.reverse(ada, hold, 500, local_amount=1201))
    assert desk.account(ada).held == 1000


def test_an_expired_hold_is_given_back(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300))
    assert first.authorisation_id
    assert desk.do(desk.orders.expire(ada, first.authorisation_id)).balance == 1000
    transaction = desk.transaction(first)
    assert (transaction.amount, transaction.settled_at) == (0, None)
    assert not transaction.amount_is_pending
    assert not transaction.include_in_spending
    assert desk.authorisation(first).state == "expired"
    assert desk.picture.written.entry_sets[-1].entry_set.code == "expiry"


@pytest.mark.parametrize("ending", ["reverse", "expire", "present"])
def test_what_has_ended_can_neither_be_incremented_reversed_nor_expire(
    desk: Desk, ending: str
) -> None:
    ada = desk.add_holder(1000)
    hold = desk.hold(ada, 300)
    if ending == "present":
        desk.do(desk.orders.present(ada, 300, hold))
    else:
        desk.do(getattr(desk.orders, ending)(ada, hold))
    for command in (
        desk.orders.increment(ada, hold, 1),
        desk.orders.reverse(ada, hold),
        desk.orders.reverse(ada, hold, 1),
        desk.orders.expire(ada, hold),
    ):
        with pytest.raises(Conflict, match="authorisation is"):
            desk.do(command)


def test_reversal_and_expiry_work_whatever_the_state_of_account_and_card(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    one, two = desk.hold(ada, 100), desk.hold(ada, 200)
    desk.account(ada).state = "frozen"
    desk.set_card(ada, state="blocked", expires_at=NOON)
    desk.do(desk.orders.reverse(ada, one))
    desk.do(desk.orders.expire(ada, two))
    assert desk.account(ada).available == 1000


def test_an_authorisation_that_is_not_this_accounts_is_not_found(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder(1000)
    hold = desk.hold(brian, 100)
    for authorisation_id in (hold, "auth_nothing"):
        for command in (
            desk.orders.increment(ada, authorisation_id, 1),
            desk.orders.reverse(ada, authorisation_id),
            desk.orders.expire(ada, authorisation_id),
            desk.orders.present(ada, 1, authorisation_id),
        ):
            with pytest.raises(NotFound, match="no such authorisation"):
                desk.do(command)
    assert desk.account(brian).held == 100


def test_updated_moves_with_each_event_and_never_back(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300, at=NOON - 10 * HOUR))
    assert first.authorisation_id
    assert desk.transaction(first).updated_at == NOON - 10 * HOUR
    desk.do(desk.orders.increment(ada, first.authorisation_id, 100, at=NOON - 2 * HOUR))
    assert desk.transaction(first).updated_at == NOON - 2 * HOUR
    desk.do(desk.orders.reverse(ada, first.authorisation_id, 100, at=NOON - 3 * HOUR))
    assert desk.transaction(first).updated_at == NOON - 2 * HOUR
    assert desk.transaction(first).created_at == NOON - 10 * HOUR

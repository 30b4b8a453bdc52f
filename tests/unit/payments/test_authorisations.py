"""Card authorisations: approved, declined, incremented, reversed, expired."""

from typing import Any

import pytest

from minibank.core.errors import BadParam, Conflict, NotFound
from minibank.ledger.entries import held, main
from minibank.payments.authorisations import HOLD_SECONDS_MAX
from tests.support.banking import SHOP
from tests.unit.payments.desk import HOUR, NOON, WEEK_SECONDS, Desk

EUROS = {"local_amount": 1200, "local_currency": "EUR"}


def test_an_approved_authorisation_holds_the_money_and_books_nothing(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    outcome = desk.do(desk.orders.authorise(ada, 300))
    account = desk.account(ada)
    assert (account.booked, account.held, account.available) == (1000, 300, 700)
    assert (outcome.status, outcome.balance, outcome.decline_reason) == ("done", 700, None)


def test_an_approved_authorisation_is_a_pending_transaction(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    transaction = desk.transaction(desk.do(desk.orders.authorise(ada, 300)))
    assert (transaction.kind, transaction.amount, transaction.currency) == ("card", -300, "GBP")
    assert (transaction.local_amount, transaction.local_currency) == (-300, "GBP")
    assert transaction.amount_is_pending
    assert transaction.settled_at is None
    assert transaction.decline_reason is None
    assert transaction.include_in_spending
    assert not transaction.originator
    assert not transaction.is_load
    assert transaction.scheme == "mastercard"
    assert transaction.metadata == f'{{"mastercard_card_id":"{ada.card_id}"}}'


def test_the_balance_on_a_transaction_is_what_was_left_and_is_never_computed_again(
    desk: Desk,
) -> None:
    ada = desk.add_holder(1000)
    first = desk.do(desk.orders.authorise(ada, 300))
    assert first.authorisation_id
    second = desk.do(desk.orders.authorise(ada, 200))
    desk.do(desk.orders.present(ada, 400, first.authorisation_id))
    assert desk.transaction(first).account_balance == 700
    assert desk.transaction(second).account_balance == 500


def test_the_entries_of_an_authorisation_go_from_main_to_held(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    desk.do(desk.orders.authorise(ada, 300))
    [link] = desk.picture.written.entry_sets
    assert [(e.address, e.amount) for e in link.entry_set.entries] == [
        (main(ada.account_id), -300),
        (held(ada.account_id), 300),
    ]
    assert link.entry_set.code == "authorisation"
    assert not link.entry_set.forced


def test_a_hold_lives_as_long_as_the_bank_says_unless_the_command_says_otherwise(
    desk: Desk,
) -> None:
    ada = desk.add_holder(1000)
    usual = desk.authorisation(desk.do(desk.orders.authorise(ada, 1)))
    short = desk.authorisation(desk.do(desk.orders.authorise(ada, 1, hold_seconds=60)))
    assert usual.expires_at == NOON + WEEK_SECONDS * 1_000_000
    assert short.expires_at == NOON + 1 + 60 * 1_000_000


@pytest.mark.parametrize("hold_seconds", [-1, HOLD_SECONDS_MAX + 1, 2**63])
def test_a_hold_of_impossible_length_is_refused(desk: Desk, hold_seconds: int) -> None:
    ada = desk.add_holder(1000)
    with pytest.raises(BadParam, match="hold_seconds"):
        desk.do(desk.orders.authorise(ada, 1, hold_seconds=hold_seconds))
    assert desk.written() == 0


@pytest.mark.parametrize("hold_seconds", [0, HOLD_SECONDS_MAX])
def test_a_hold_may_have_the_shortest_and_the_longest_life(desk: Desk, hold_seconds: int) -> None:
    ada = desk.add_holder(1000)
    done = desk.authorisation(desk.do(desk.orders.authorise(ada, 1, hold_seconds=hold_seconds)))
    assert done.expires_at == NOON + hold_seconds * 1_000_000


def test_everything_can_be_held_and_not_a_penny_more(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    assert desk.do(desk.orders.authorise(ada, 1000)).status == "done"
    assert desk.do(desk.orders.authorise(ada, 1)).decline_reason == "INSUFFICIENT_FUNDS"


def test_an_overdraft_can_be_used_to_its_limit_and_not_a_penny_beyond(desk: Desk) -> None:
    ada = desk.add_holder(1000, overdraft_limit=500)
    assert desk.do(desk.orders.authorise(ada, 1501)).decline_reason == "INSUFFICIENT_FUNDS"
    assert desk.do(desk.orders.authorise(ada, 1500)).balance == -500
    assert desk.do(desk.orders.authorise(ada, 1)).decline_reason == "INSUFFICIENT_FUNDS"


def test_a_declined_authorisation_is_recorded_but_moves_nothing(desk: Desk) -> None:
    ada = desk.add_holder(100)
    outcome = desk.do(desk.orders.authorise(ada, 300, merchant_id=SHOP.id))
    transaction = desk.transaction(outcome)
    assert (outcome.status, outcome.balance) == ("declined", 100)
    assert outcome.authorisation_id is None
    assert transaction.decline_reason == "INSUFFICIENT_FUNDS"
    assert (transaction.amount, transaction.account_balance) == (-300, 100)
    assert (transaction.category, transaction.merchant_id) == (SHOP.category, SHOP.id)
    assert transaction.settled_at is None
    assert not transaction.amount_is_pending
    assert not transaction.include_in_spending
    assert not desk.picture.written.entry_sets
    assert not desk.picture.written.new_authorisations
    assert desk.account(ada).available == 100


OTHERS: dict[str, Any] = {"cvc_ok": True, "pin_ok": True, "expiry_ok": True}


@pytest.mark.parametrize(
    ("checks", "reason"),
    [
        ({}, None),
        (OTHERS, None),
        ({"cvc_ok": False}, "INVALID_CVC"),
        ({"pin_ok": False}, "OTHER"),
        ({"expiry_ok": False}, "OTHER"),
        ({"cvc_ok": False, "pin_ok": False}, "INVALID_CVC"),
    ],
)
def test_what_the_scheme_found_wrong_declines(
    desk: Desk, checks: dict[str, bool], reason: str | None
) -> None:
    ada = desk.add_holder(1000)
    assert desk.do(desk.orders.authorise(ada, 1, **checks)).decline_reason == reason


@pytest.mark.parametrize(
    ("state", "reason"), [("inactive", "CARD_INACTIVE"), ("blocked", "CARD_BLOCKED")]
)
def test_the_state_of_the_card_comes_before_every_other_reason(
    desk: Desk, state: str, reason: str
) -> None:
    ada = desk.add_holder(0)
    desk.set_card(ada, state=state, expires_at=NOON)
    desk.account(ada).state = "frozen"
    assert desk.do(desk.orders.authorise(ada, 1, cvc_ok=False)).decline_reason == reason


def test_a_wrong_cvc_comes_before_other_reasons_and_these_before_the_funds(desk: Desk) -> None:
    ada = desk.add_holder(0)
    desk.account(ada).state = "frozen"
    assert desk.do(desk.orders.authorise(ada, 1, cvc_ok=False)).decline_reason == "INVALID_CVC"
    assert desk.do(desk.orders.authorise(ada, 1)).decline_reason == "OTHER"
    desk.account(ada).state = "open"
    assert desk.do(desk.orders.authorise(ada, 1)).decline_reason == "INSUFFICIENT_FUNDS"


@pytest.mark.parametrize("state", ["frozen", "closed"])
def test_an_account_that_is_not_open_declines(desk: Desk, state: str) -> None:
    ada = desk.add_holder(1000)
    desk.account(ada).state = state
    assert desk.do(desk.orders.authorise(ada, 1)).decline_reason == "OTHER"


def test_a_card_works_until_the_instant_it_expires(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    desk.set_card(ada, expires_at=NOON + 1)
    assert desk.do(desk.orders.authorise(ada, 1)).status == "done"
    desk.set_card(ada, expires_at=NOON)
    assert desk.do(desk.orders.authorise(ada, 1)).decline_reason == "OTHER"


def test_a_card_is_judged_at_the_instant_of_the_payment(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    desk.set_card(ada, expires_at=NOON)
    assert desk.do(desk.orders.authorise(ada, 1, at=NOON - 1)).status == "done"


def test_a_card_check_asks_for_nothing_and_is_approved_even_when_overdrawn(desk: Desk) -> None:
    ada = desk.add_holder(-700)
    outcome = desk.do(desk.orders.authorise(ada, 0))
    assert (outcome.status, outcome.balance) == ("done", -700)
    assert desk.transaction(outcome).amount == 0
    assert desk.transaction(outcome).amount_is_pending
    assert desk.authorisation(outcome).held == 0
    assert not desk.picture.written.entry_sets


def test_a_card_check_is_declined_like_a_payment(desk: Desk) -> None:
    ada = desk.add_holder(0)
    desk.set_card(ada, state="blocked")
    assert desk.do(desk.orders.authorise(ada, 0)).decline_reason == "CARD_BLOCKED"


def test_an_unknown_card_account_or_merchant_leaves_nothing(desk: Desk) -> None:
    ada, brian = desk.add_holder(1000), desk.add_holder(1000)
    unknown = desk.ids.new("acc", ada.shard, NOON)
    with pytest.raises(NotFound, match="no such card"):
        desk.do(desk.orders.authorise(ada, 1, card_id="card_nothing"))
    with pytest.raises(NotFound, match="no such card"):
        desk.do(desk.orders.authorise(ada, 1, card_id=brian.card_id))
    with pytest.raises(NotFound, match="no such account"):
        desk.do(desk.orders.authorise(ada, 1, account_id=unknown))
    with pytest.raises(BadParam, match="merchant_id"):
        desk.do(desk.orders.authorise(ada, 1, merchant_id="merch_nothing"))
    assert desk.written() == 0


def test_the_category_is_the_merchants(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    at_shop = desk.do(desk.orders.authorise(ada, 1, merchant_id=SHOP.id))
    nowhere = desk.do(desk.orders.authorise(ada, 1))
    assert desk.transaction(at_shop).category == "groceries"
    assert desk.transaction(nowhere).category == "general"


def test_a_joint_account_says_whose_card_it_was(desk: Desk) -> None:
    alone, joint = desk.add_holder(100), desk.add_holder(100, owners=2)
    assert desk.transaction(desk.do(desk.orders.authorise(alone, 1))).user_id == ""
    assert desk.transaction(desk.do(desk.orders.authorise(joint, 1))).user_id == joint.user_ids[0]


def test_the_metadata_of_the_scheme_is_kept_and_the_card_named(desk: Desk) -> None:
    ada = desk.add_holder(100)
    done = desk.do(desk.orders.authorise(ada, 1, metadata={"mcc": "5411"}))
    expected = f'{{"mcc":"5411","mastercard_card_id":"{ada.card_id}"}}'
    assert desk.transaction(done).metadata == expected


def test_a_foreign_payment_says_what_the_merchant_charged(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    transaction = desk.transaction(desk.do(desk.orders.authorise(ada, 1000, **EUROS)))
    assert (transaction.amount, transaction.currency) == (-1000, "GBP")
    assert (transaction.local_amount, transaction.local_currency) == (-1200, "EUR")


def test_a_payment_in_the_accounts_own_currency_has_no_other_local_amount(desk: Desk) -> None:
    ada = desk.add_holder(1000)
    command = desk.orders.authorise(ada, 1000, local_amount=1200, local_currency="GBP")
    assert desk.transaction(desk.do(command)).local_amount == -1000


@pytest.mark.parametrize(
    "local",
    [
        {"local_amount": 1},
        {"local_currency": "EUR"},
        {"local_amount": 1, "local_currency": "eur"},
        {"local_amount": 1, "local_currency": "EURO"},
        {"local_amount": -1, "local_currency": "EUR"},
        {"local_amount": 10**15 + 1, "local_currency": "EUR"},
    ],
)
def test_half_of_a_local_amount_or_an_impossible_one_is_refused(
    desk: Desk, local: dict[str, Any]
) -> None:
    ada = desk.add_holder(1000)
    with pytest.raises(BadParam, match="local_"):
        desk.do(desk.orders.authorise(ada, 1, **local))


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

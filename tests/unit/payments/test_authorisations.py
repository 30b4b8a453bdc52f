"""Card authorisations: approved, and declined for every reason."""

from typing import Any, get_args

import pytest

from minibank.core.errors import BadParam, NotFound
from minibank.ledger.entries import held, main
from minibank.payments.authorisations import HOLD_SECONDS_MAX
from minibank.transactions.records import DeclineReason
from tests.support.banking import SHOP
from tests.unit.payments.desk import NOON, WEEK_SECONDS, Desk

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


def test_there_is_a_payment_that_is_declined_for_each_reason(desk: Desk) -> None:
    ada, brian, carol = (desk.add_holder(1000) for _ in range(3))
    desk.set_card(brian, state="inactive")
    desk.set_card(carol, state="blocked")
    asked = (
        desk.orders.authorise(ada, 1001),
        desk.orders.authorise(ada, 1, cvc_ok=False),
        desk.orders.authorise(ada, 1, pin_ok=False),
        desk.orders.authorise(brian, 1),
        desk.orders.authorise(carol, 1),
    )
    told = {desk.do(command).decline_reason for command in asked}
    assert told == set(get_args(DeclineReason)), "a reason needs a payment here that gets it"


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

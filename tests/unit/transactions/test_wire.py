"""How a transaction looks to a client."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest

from minibank.transactions.records import AnnotatedTransaction
from minibank.transactions.wire import show_merchants, show_transaction
from tests.support.histories import POSTAL_ADDRESS, merchant, transaction

CREATED_AT = 1_769_949_296_789_000
ACCOUNT_ID = "acc_0000B476k79qyLyeiOBR34"


class FakeRow:
    """A row as the drivers give it: by name, by position, or all values in their order."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str | int, /) -> Any:
        return self._values[key] if isinstance(key, str) else list(self._values.values())[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values.values())

    def keys(self) -> Iterable[str]:
        return self._values.keys()


def row(**changes: Any) -> AnnotatedTransaction:
    record = msgspec.structs.asdict(transaction(ACCOUNT_ID, CREATED_AT, id="tx_1"))
    fields = AnnotatedTransaction.__struct_fields__
    values: list[Any] = [{**record, **changes}.get(name) for name in fields]
    return AnnotatedTransaction(*values)


def shown(row: AnnotatedTransaction, *more: Any) -> dict[str, Any]:
    encoded = msgspec.json.encode(show_transaction(row, *more or ("",)))
    decoded: dict[str, Any] = msgspec.json.decode(encoded)
    return decoded


def test_a_pending_payment_has_every_field_of_every_version():
    pending = row(
        settled_at=None,
        updated_at=CREATED_AT + 1_212_000,
        merchant_id="merch_1",
        dedupe_id="mclifecycle_1",
        amount_is_pending=True,
    )
    assert shown(pending) == {
        "id": "tx_1",
        "created": "2026-02-01T12:34:56.789Z",
        "description": "THE EXAMPLE DELI       LONDON        GBR",
        "amount": -510,
        "fees": {},
        "currency": "GBP",
        "merchant": "merch_1",
        "notes": "",
        "metadata": {"mcc": "5812"},
        "labels": None,
        "account_balance": 13013,
        "attachments": [],
        "international": None,
        "category": "eating_out",
        "categories": {"eating_out": -510},
        "is_load": False,
        "settled": "",
        "local_amount": -510,
        "local_currency": "GBP",
        "updated": "2026-02-01T12:34:58.001Z",
        "account_id": ACCOUNT_ID,
        "user_id": "",
        "counterparty": {},
        "scheme": "mastercard",
        "dedupe_id": "mclifecycle_1",
        "originator": False,
        "include_in_spending": True,
        "can_be_excluded_from_breakdown": True,
        "can_be_made_subscription": True,
        "can_split_the_bill": True,
        "can_add_to_tab": True,
        "can_match_transactions_in_categorization": True,
        "amount_is_pending": True,
        "atm_fees_detailed": None,
        "parent_account_id": "",
    }


def test_every_column_lands_in_its_own_field():
    distinct = row(
        amount=-1,
        currency="AAA",
        local_amount=-2,
        local_currency="BBB",
        account_balance=3,
        description="description",
        category="category",
        notes="notes",
        counterparty='{"name":"Brian"}',
        scheme="scheme",
        dedupe_id="dedupe",
        user_id="user_1",
        is_load=True,
        originator=True,
        include_in_spending=False,
        decline_reason="OTHER",
    )
    answer = shown(distinct)
    assert (
        answer.items()
        >= {
            "amount": -1,
            "currency": "AAA",
            "local_amount": -2,
            "local_currency": "BBB",
            "account_balance": 3,
            "description": "description",
            "category": "category",
            "categories": {"category": -1},
            "notes": "notes",
            "counterparty": {"name": "Brian"},
            "scheme": "scheme",
            "dedupe_id": "dedupe",
            "user_id": "user_1",
            "is_load": True,
            "originator": True,
            "include_in_spending": False,
            "amount_is_pending": False,
            "decline_reason": "OTHER",
        }.items()
    )


@pytest.mark.parametrize("settled_pending", ["", "omit", "bool", "null"])
def test_a_settled_payment_says_when_except_to_clients_that_want_a_boolean(settled_pending):
    settled = shown(row(), settled_pending)["settled"]
    assert settled == (True if settled_pending == "bool" else "2026-02-01T12:34:56.789Z")


@pytest.mark.parametrize(("option", "value"), [("", ""), ("bool", False), ("null", None)])
def test_a_pending_payment_follows_the_client_s_option(option, value):
    assert shown(row(settled_at=None), option)["settled"] == value


def test_a_pending_payment_may_leave_settled_out():
    assert "settled" not in shown(row(settled_at=None), "omit")


def test_the_decline_reason_is_there_only_for_declined_payments():
    assert "decline_reason" not in shown(row())
    assert shown(row(decline_reason="CARD_BLOCKED"))["decline_reason"] == "CARD_BLOCKED"


def test_annotations_lie_under_the_bank_s_own_keys():
    answer = shown(row(annotations='{"mcc":"mine","trip":"Lisbon"}', annotated_at=CREATED_AT))
    assert answer["metadata"] == {"mcc": "5812", "trip": "Lisbon"}


def test_the_note_is_mirrored_in_the_metadata_when_there_is_one():
    assert shown(row(notes="Lunch 🍞"))["metadata"] == {"mcc": "5812", "notes": "Lunch 🍞"}
    assert "notes" not in shown(row(annotations="{}", annotated_at=CREATED_AT))["metadata"]


@pytest.mark.parametrize(
    ("annotated_at", "updated"),
    [
        (None, "2026-02-01T12:34:56.789Z"),
        (CREATED_AT - 5_000_000, "2026-02-01T12:34:56.789Z"),
        (CREATED_AT + 5_000_000, "2026-02-01T12:35:01.789Z"),
    ],
)
def test_updated_is_the_later_of_the_bank_s_change_and_the_client_s_own(annotated_at, updated):
    assert shown(row(annotations="{}", annotated_at=annotated_at))["updated"] == updated


def test_an_expanded_merchant_is_a_whole_object_with_an_absolute_logo():
    deli = merchant(id="merch_1", group_id="grp_1")
    merchants = show_merchants([FakeRow(msgspec.structs.asdict(deli))], "https://bank.example")
    assert shown(row(merchant_id="merch_1"), "", merchants)["merchant"] == {
        "id": "merch_1",
        "group_id": "grp_1",
        "created": "2026-01-01T00:00:00.000Z",
        "name": "The Example Deli",
        "logo": "https://bank.example/logos/hartwold.png",
        "emoji": "🍞",
        "category": "eating_out",
        "online": False,
        "atm": False,
        "address": POSTAL_ADDRESS,
        "updated": "2026-01-01T00:00:00.000Z",
        "metadata": {"website": "example.com"},
        "disable_feedback": False,
        "suggested_tags": "",
    }


@pytest.mark.parametrize("logo", ["", "https://elsewhere.example/x.png"])
def test_a_logo_that_is_no_path_stays_as_it_is(logo):
    rows = [FakeRow(msgspec.structs.asdict(merchant(id="merch_1", logo=logo)))]
    merchants = show_merchants(rows, "https://bank.example")
    assert msgspec.json.decode(merchants["merch_1"])["logo"] == logo


def test_without_a_merchant_the_field_is_null_expanded_or_not():
    assert shown(row())["merchant"] is None
    assert shown(row(), "", {})["merchant"] is None

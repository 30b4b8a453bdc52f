"""How an account looks to a client."""

from typing import Any

import msgspec

from minibank.accounts.records import Account, Owner
from minibank.accounts.wire import show_account

ADA = Owner("user_0000B1", "Ada Example", "Ada")
BRIAN = Owner("user_0000B2", "Brian Example", "Brian")
ACCOUNT = Account(
    id="acc_0000B1",
    type="uk_retail",
    state="open",
    currency="GBP",
    sort_code="040004",
    account_number="12345678",
    iban="GB33BUKB20201555555555",
    created_at=1_767_603_600_000_000,
    closed_at=None,
    owners=(ADA,),
)


def _shown(account: Account, bic: str) -> Any:
    return msgspec.to_builtins(show_account(account, bic))


def test_an_account_is_shown_with_every_field_that_any_client_needs():
    assert _shown(ACCOUNT, "MINIGB2L") == {
        "id": "acc_0000B1",
        "closed": False,
        "created": "2026-01-05T09:00:00.000Z",
        "description": "user_0000B1",
        "type": "uk_retail",
        "owner_type": "personal",
        "is_flex": False,
        "product_type": "standard",
        "closed_account_app_access": False,
        "currency": "GBP",
        "legal_entity": "monzo_uk",
        "country_code": "GB",
        "country_code_alpha3": "GBR",
        "owners": [
            {
                "user_id": "user_0000B1",
                "preferred_name": "Ada Example",
                "preferred_first_name": "Ada",
            }
        ],
        "account_number": "12345678",
        "sort_code": "040004",
        "payment_details": {
            "locale_uk": {"account_number": "12345678", "sort_code": "040004"},
            "iban": {
                "unformatted": "GB33BUKB20201555555555",
                "formatted": "GB33 BUKB 2020 1555 5555 55",
                "bic": "MINIGB2L",
                "usage_description": "",
                "usage_description_web": "",
            },
        },
    }


def test_a_joint_account_names_both_owners_and_describes_itself_by_the_first():
    joint = Account(
        **{
            **{name: getattr(ACCOUNT, name) for name in Account.__struct_fields__},
            "type": "uk_retail_joint",
            "owners": (BRIAN, ADA),
        }
    )
    shown = _shown(joint, "MINIGB2L")
    assert shown["owner_type"] == "joint"
    assert shown["description"] == BRIAN.user_id


def test_a_closed_account_says_so_and_a_frozen_one_does_not():
    fields = {name: getattr(ACCOUNT, name) for name in Account.__struct_fields__}
    assert _shown(Account(**{**fields, "state": "closed"}), "X")["closed"] is True
    assert _shown(Account(**{**fields, "state": "frozen"}), "X")["closed"] is False

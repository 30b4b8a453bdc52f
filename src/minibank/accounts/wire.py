"""How an account looks to a client."""

from minibank.accounts.numbers import format_iban
from minibank.accounts.records import Account
from minibank.core.instants import format_instant

LEGAL_ENTITY = "monzo_uk"
"""Clients of the API know this word only."""


def show_account(account: Account, bic: str) -> dict[str, object]:
    """An account as clients read it. `description` is the first owner's id.

    There are clients that tell current accounts from others by that; the friendly name stands in
    `owners`.
    """
    numbers = {"account_number": account.account_number, "sort_code": account.sort_code}
    return {
        "id": account.id,
        "closed": account.state == "closed",
        "created": format_instant(account.created_at),
        "description": account.owners[0].user_id,
        "type": account.type,
        "owner_type": "joint" if len(account.owners) > 1 else "personal",
        "is_flex": False,
        "product_type": "standard",
        "closed_account_app_access": False,
        "currency": account.currency,
        "legal_entity": LEGAL_ENTITY,
        "country_code": "GB",
        "country_code_alpha3": "GBR",
        "owners": [
            {
                "user_id": owner.user_id,
                "preferred_name": owner.name,
                "preferred_first_name": owner.preferred_first_name,
            }
            for owner in account.owners
        ],
        **numbers,
        "payment_details": {
            "locale_uk": numbers,
            "iban": {
                "unformatted": account.iban,
                "formatted": format_iban(account.iban),
                "bic": bic,
                "usage_description": "",
                "usage_description_web": "",
            },
        },
    }

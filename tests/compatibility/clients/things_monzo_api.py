"""monzo-api 1.2: pots and receipts; its attachments ask for an address that no API has."""

from typing import Any

import monzo.authentication  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.attachment import Attachment  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.balance import Balance  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.pot import Pot  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.receipt import Receipt, ReceiptItem  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.transaction import Transaction  # type: ignore[import-not-found, import-untyped, unused-ignore]

from tests.compatibility.clients.journey import Info, Report, first_token, refusal, things
from tests.compatibility.clients.run_monzo_api import authentication, refusal_of


def use(info: Info, user: Info) -> Report:
    """What the library does with a pot and a receipt."""
    monzo.authentication.MONZO_API_URL = info["base_url"]
    auth = authentication(info, first_token(info, user))
    account = user["accounts"][0]
    transaction_id = Transaction.fetch(auth, account["id"], limit=1)[0].transaction_id
    return {
        "pot": move(auth, account),
        "receipt": keep(auth, transaction_id),
        "attachment": refusal(
            lambda: Attachment.create_attachment(auth, transaction_id, "https://a.example/b.png")
        ),
    }


def move(auth: Any, account: Info) -> Report:
    """Put money into the pot, under one name twice, and take some of it out."""
    pot_id, account_id = account["pot_ids"][0], account["id"]
    pot = Pot.fetch_single(auth, account_id, pot_id)
    before = pot.balance
    account_before = Balance.fetch(auth, account_id).balance
    deposited = Pot.deposit(auth, pot, account_id, 500, "monzo-api-in").balance
    again = Pot.deposit(auth, pot, account_id, 500, "monzo-api-in").balance
    withdrawn = Pot.withdraw(auth, pot, account_id, 200, "monzo-api-out").balance
    return {
        "listed": [one.pot_id for one in Pot.fetch(auth, account_id)],
        "balances": [before, deposited, again, withdrawn],
        "account": [account_before, Balance.fetch(auth, account_id).balance],
        "locked": [pot.locked, pot.locked_until],
    }


def keep(auth: Any, transaction_id: str) -> Report:
    """Put a receipt, read it, put another in its place, and delete it."""
    first = receipt(auth, transaction_id, 1299)
    Receipt.create(auth, first)
    [read] = Receipt.fetch(auth, "Order-1")
    Receipt.create(auth, receipt(auth, transaction_id, 1))
    [replaced] = Receipt.fetch(auth, "Order-1")
    Receipt.delete(first)
    return {
        "transaction_id": transaction_id,
        "put": said(first),
        "read": said(read),
        "total_replaced": replaced.receipt_total,
        "gone": refusal_of(lambda: Receipt.fetch(auth, "Order-1")),
    }


def receipt(auth: Any, transaction_id: str, total: int) -> Any:
    """A burger with extra cheese."""
    burger = ReceiptItem("Burger 🍔", 539, "GBP", 1, "", 77)
    burger.add_sub_item(ReceiptItem("Extra cheese", 100, "GBP", 1))
    items = [burger, ReceiptItem("Bananas", 70, "GBP", 18.56, "kg")]
    made = Receipt(auth, transaction_id, "Order-1", total, "GBP", items)
    made.add_merchant("Grill", online=False, phone="020", email="a@b.example", store_name="Old St")
    made.add_tax("VAT", 10, "GBP", "945719291")
    return made


def said(one: Any) -> Report:
    """What a receipt says; a text of a merchant that was not given is read as an empty one."""
    texts = dict.fromkeys(("store_address", "store_postcode"), "")
    return {
        "external_id": one.external_id,
        "transaction_id": one.transaction_id,
        "total": one.receipt_total,
        "currency": one.receipt_currency,
        "items": [item.as_dict() for item in one.receipt_items],
        "taxes": one.receipt_taxes,
        "merchant": texts | one.receipt_merchant,
    }


if __name__ == "__main__":
    things("monzo-api", use)

"""Receipts for tests: the documentation's own burger, and rows as an app would have put them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from minibank.core.ids import shard_of
from minibank.db import Database
from minibank.receipts.content import Content
from minibank.receipts.putting import put_receipt
from minibank.receipts.records import Holder, Receipt

BURGER: Mapping[str, Any] = {
    "total": 1299,
    "currency": "GBP",
    "items": [
        {
            "description": "Burger",
            "quantity": 1,
            "unit": "",
            "amount": 539,
            "currency": "GBP",
            "tax": 77,
            "sub_items": [
                {
                    "description": "Extra cheese",
                    "quantity": 1,
                    "unit": "",
                    "amount": 100,
                    "currency": "GBP",
                    "tax": 0,
                },
                {
                    "description": "Free extra topping promotion",
                    "amount": -100,
                    "currency": "GBP",
                },
            ],
        },
        {
            "description": "Bananas, £1 per kg 🍌",
            "quantity": 18.56,
            "unit": "kg",
            "amount": 70,
            "currency": "GBP",
            "tax": 0,
        },
    ],
    "taxes": [
        {"description": "VAT", "amount": 10, "currency": "GBP", "tax_number": "945719291"},
    ],
    "payments": [
        {
            "type": "card",
            "bin": "543210",
            "last_four": "0987",
            "auth_code": "123456",
            "aid": "",
            "mid": "",
            "tid": "",
            "amount": 1000,
            "currency": "GBP",
        },
        {"type": "cash", "amount": 1000, "currency": "GBP"},
        {"type": "gift_card", "gift_card_type": "One4all", "amount": 1000, "currency": "GBP"},
    ],
    "merchant": {
        "name": "The Example Grill",
        "online": True,
        "phone": "+44 20 7946 0000",
        "email": "till@grill.example",
        "store_name": "Old Street",
        "store_address": "1 High St",
        "store_postcode": "N1 1AA",
    },
}


async def keep_receipt(
    db: Database, user_id: str, client_id: str, transaction_id: str, external_id: str, **more: Any
) -> str:
    """A receipt of the burger of this user and client; its id."""
    shard = shard_of(user_id)
    assert shard is not None
    receipt = Receipt(
        external_id=external_id,
        id=db.ids.new("receipt", shard, db.clock.now()),
        transaction_id=transaction_id,
        content=msgspec.convert({**BURGER, **more}, Content),
        created_at=db.clock.now(),
        updated_at=db.clock.now(),
    )
    holder = Holder(shard, user_id, client_id)
    return await db.transact(lambda tx: put_receipt(tx, holder, receipt))

"""Transactions and merchants for tests about reading them: rows without the money behind."""

from collections.abc import Sequence
from typing import Any

import msgspec

from minibank.core.ids import RandomIds, shard_of
from minibank.db import Database, Tx
from minibank.transactions.records import Annotation, MerchantRecord, TransactionRecord
from minibank.transactions.store import insert_merchants, insert_transactions, put_annotation

_IDS = RandomIds()


def transaction(account_id: str, created_at: int, **changes: Any) -> TransactionRecord:
    """A settled card payment of 5.10 pounds at this instant, with these changes."""
    shard = shard_of(account_id)
    assert shard is not None
    fields: dict[str, Any] = {
        "shard": shard,
        "id": _IDS.new("tx", shard, created_at),
        "account_id": account_id,
        "created_at": created_at,
        "updated_at": created_at,
        "settled_at": created_at,
        "kind": "card",
        "amount": -510,
        "currency": "GBP",
        "local_amount": -510,
        "local_currency": "GBP",
        "account_balance": 13_013,
        "description": "THE EXAMPLE DELI       LONDON        GBR",
        "merchant_id": None,
        "category": "eating_out",
        "notes": "",
        "metadata": '{"mcc":"5812"}',
        "counterparty": "{}",
        "scheme": "mastercard",
        "dedupe_id": "",
        "user_id": "",
        "is_load": False,
        "originator": False,
        "include_in_spending": True,
        "amount_is_pending": False,
        "decline_reason": None,
        "version": 1,
        "attachments": 0,
    }
    assert fields.keys() == set(TransactionRecord.__struct_fields__)
    return TransactionRecord(**{**fields, **changes})


def merchant(name: str = "The Example Deli", **changes: Any) -> MerchantRecord:
    """An outlet of this name, with these changes."""
    created_at = 1_767_225_600_000_000
    fields: dict[str, Any] = {
        "id": _IDS.new("merch", 0, created_at),
        "group_id": _IDS.new("grp", 0, created_at),
        "name": name,
        "logo": "/logos/hartwold.png",
        "emoji": "🍞",
        "category": "eating_out",
        "online": False,
        "atm": False,
        "postal_address": msgspec.json.encode(POSTAL_ADDRESS).decode(),
        "metadata": '{"website":"example.com"}',
        "created_at": created_at,
        "updated_at": created_at,
    }
    return MerchantRecord(**{**fields, **changes})


POSTAL_ADDRESS = {
    "short_formatted": "1 High St, London N1 1AA",
    "formatted": "1 High St, London N1 1AA, United Kingdom",
    "address": "1 High St",
    "city": "London",
    "region": "Greater London",
    "country": "GBR",
    "postcode": "N1 1AA",
    "latitude": 51.5415,
    "longitude": -0.0848,
    "zoom_level": 17,
    "approximate": False,
}


async def put(
    db: Database,
    transactions: Sequence[TransactionRecord] = (),
    merchants: Sequence[MerchantRecord] = (),
    annotations: Sequence[Annotation] = (),
) -> None:
    """Store rows in one unit of work."""

    async def work(tx: Tx) -> None:
        await insert_merchants(tx, merchants)
        await insert_transactions(tx, transactions)
        for annotation in annotations:
            await put_annotation(tx, annotation)

    await db.transact(work)

"""The hash chain: anybody can compute it from its description, and nothing in it can change."""

import hashlib
import json
from typing import Any

import msgspec
import pytest

from minibank.ledger.chain import GENESIS, next_hash
from minibank.ledger.entries import Entry, EntrySet

SET = EntrySet(
    id="entryset_1",
    account_id="acc_1",
    code="refund",
    transaction_id="tx_1",
    forced=True,
    happened_at=1_773_144_000_000_000,
    booked_at=1_773_144_000_000_001,
    entries=(Entry("scheme:card:settlement", -300, "GBP"), Entry("account:main:acc_1", 300, "GBP")),
)


def test_the_hash_is_what_its_description_says() -> None:
    form = [
        *("acc_1", 7, "entryset_1", "refund", "tx_1", 1, SET.happened_at, SET.booked_at),
        [["scheme:card:settlement", -300, "GBP"], ["account:main:acc_1", 300, "GBP"]],
    ]
    text = json.dumps(form, separators=(",", ":"), ensure_ascii=False)
    assert next_hash(GENESIS, 7, SET) == hashlib.sha256(bytes(32) + text.encode()).digest()


def test_text_beyond_ascii_stands_in_the_form_as_utf_8() -> None:
    other = msgspec.structs.replace(SET, code="é")
    form = f'["acc_1",1,"entryset_1","é","tx_1",1,{SET.happened_at},{SET.booked_at},'
    form += '[["scheme:card:settlement",-300,"GBP"],["account:main:acc_1",300,"GBP"]]]'
    assert next_hash(GENESIS, 1, other) == hashlib.sha256(GENESIS + form.encode()).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"id": "entryset_2"},
        {"account_id": "acc_2"},
        {"code": "top_up"},
        {"transaction_id": "tx_2"},
        {"forced": False},
        {"happened_at": 1},
        {"booked_at": 1},
        {"entries": SET.entries[::-1]},
        {"entries": (Entry("a", -300, "GBP"), SET.entries[1])},
        {
            "entries": tuple(
                msgspec.structs.replace(entry, amount=-entry.amount) for entry in SET.entries
            )
        },
        {"entries": tuple(msgspec.structs.replace(entry, currency="EUR") for entry in SET.entries)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_part_of_a_set_is_in_its_hash(change: dict[str, Any]) -> None:
    other = msgspec.structs.replace(SET, **change)
    assert next_hash(GENESIS, 1, other) != next_hash(GENESIS, 1, SET)


def test_the_place_in_the_chain_is_in_the_hash() -> None:
    first = next_hash(GENESIS, 1, SET)
    assert next_hash(GENESIS, 2, SET) != first
    assert next_hash(first, 1, SET) != first

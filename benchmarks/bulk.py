"""Many commands in one request: card payments, and transfers within one pair or many."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import httpx
import msgspec

from benchmarks.contenders import HOST
from benchmarks.world import Filled, Holder
from benchmarks.wrk import UNIQUE, Failed, post

BULK, HOT_PAIR, SPREAD_PAIRS = "bulk", "hot_pair", "spread_pairs"
COMMANDS = 500
"""How many commands a request brings."""
TARGET = "/operator/v1/commands"

_Command = dict[str, object]


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """A request as it goes over the wire, and its body."""

    text: str
    body: str


def bulks(world: Filled) -> dict[str, list[BulkRequest]]:
    """By measure, the requests: together they go twice through all payers or pairs."""
    count = 2 * len(world.payers) // COMMANDS
    one, other = world.payers[:2]
    return {
        BULK: _requests(_payments(world), count, world.operator_key),
        HOT_PAIR: _requests(_transfers([(one, other), (other, one)]), 2, world.operator_key),
        SPREAD_PAIRS: _requests(_transfers(_pairs(world.payers)), count, world.operator_key),
    }


def _pairs(holders: Sequence[Holder]) -> list[tuple[Holder, Holder]]:
    """As many pairs as there are holders; everybody pays once and is paid once."""
    half = len(holders) // 2
    return [(one, holders[(at + half) % len(holders)]) for at, one in enumerate(holders)]


def _payments(world: Filled) -> Iterator[_Command]:
    while True:
        for number, payer in enumerate(world.payers):
            yield {
                "command": "authorise_card",
                "id": UNIQUE,
                "account_id": payer.account_id,
                "card_id": payer.card_id,
                "amount": 1,
                "description": "THE EXAMPLE SHOP        LONDON        GBR",
                "merchant_id": world.merchants[number % len(world.merchants)],
            }


def _transfers(pairs: Sequence[tuple[Holder, Holder]]) -> Iterator[_Command]:
    while True:
        for payer, payee in pairs:
            yield {
                "command": "transfer_between",
                "id": UNIQUE,
                "account_id": payer.account_id,
                "payee_account_id": payee.account_id,
                "amount": 1,
                "description": "Lunch",
            }


def _requests(commands: Iterator[_Command], count: int, key: str) -> list[BulkRequest]:
    found = []
    for _ in range(max(count, 1)):
        body = msgspec.json.encode({"commands": list(islice(commands, COMMANDS))}).decode()
        body = body.replace("\\u0001", UNIQUE)
        found.append(BulkRequest(post(HOST, TARGET, body, key), body))
    return found


def require_done(url: str, request: BulkRequest, key: str) -> None:
    """Send a request once; `Failed` unless every command of it is done.

    The answer is 200 whatever comes of the commands, so that nobody else would notice.
    """
    first, *rest = request.body.split(UNIQUE)
    word = secrets.token_hex(8)
    body = first + "".join(f"{word}-{number}{part}" for number, part in enumerate(rest))
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = httpx.post(url + TARGET, content=body, headers=headers, trust_env=False, timeout=30)
    counts = answer.json().get("counts")
    if counts != {"done": COMMANDS, "declined": 0, "refused": 0}:
        raise Failed(f"of {COMMANDS} commands were {counts or answer.text}")

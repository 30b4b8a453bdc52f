"""The client libraries under test, and how each of them shows what the bank answered."""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def as_answered(wire: Json) -> Json:
    """For libraries that hand the bank's JSON on as it is."""
    return wire


def seconds(instant: str) -> int | None:
    """An instant of the wire as whole seconds since 1970; the empty string is none."""
    if not instant:
        return None
    return calendar.timegm(datetime.fromisoformat(instant).utctimetuple())


def understood_transaction(wire: Json) -> Json:
    """What scripts report of a transaction that their library made an object of."""
    merchant = wire["merchant"]
    if merchant is not None:
        shown = {key: merchant[key] for key in ("id", "name", "emoji")}
        merchant = shown | {"city": merchant["address"]["city"]}
    plain = ("id", "amount", "currency", "description", "category", "notes", "metadata", "is_load")
    return {key: wire[key] for key in plain} | {
        "created": seconds(wire["created"]),
        "settled": seconds(wire["settled"]),
        "decline_reason": wire.get("decline_reason"),
        "merchant": merchant,
    }


def _pymonzo_account(wire: Json) -> Json:
    return wire | {"created": seconds(wire["created"])}


def _monzo_api_account(wire: Json) -> Json:
    kept = {key: wire[key] for key in ("id", "description", "closed")}
    return kept | {"created": seconds(wire["created"])}


def _monzo_api_balance(wire: Json) -> Json:
    return {key: wire[key] for key in ("balance", "total_balance", "currency", "spend_today")}


@dataclass(frozen=True)
class Library:
    """One library: its script, environment and page size, and how it shows what was answered."""

    name: str
    script: str
    environment: str
    page: int
    account: Callable[[Json], Json] = as_answered
    balance: Callable[[Json], Json] = as_answered
    transaction: Callable[[Json], Json] = as_answered
    # The library resumes from whole seconds: a page begins with what it already saw of that second.
    pages_overlap: bool = False


LIBRARIES = [
    Library(
        "pymonzo 2.2.1",
        "run_pymonzo.py",
        "pymonzo",
        page=100,
        account=_pymonzo_account,
        transaction=understood_transaction,
        pages_overlap=True,
    ),
    Library("monzo 0.10.0", "run_monzo.py", "monzo", page=60),
    Library(
        "monzo-api 1.2.3",
        "run_monzo_api.py",
        "monzo-api",
        page=60,
        account=_monzo_api_account,
        balance=_monzo_api_balance,
        transaction=understood_transaction,
    ),
    Library("mondo-bank 0.1.13", "run_mondo_bank.js", "javascript", page=60),
]

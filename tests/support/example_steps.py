"""What is asked for the examples of the two references."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from minibank.clearing.parsing import COLUMNS
from tests.support.receipts import BURGER


@dataclass(frozen=True, slots=True)
class Step:
    """A request that becomes an example of this name; values in braces are looked up.

    `body` is sent as JSON, when there is one; the parameters are then those of the query. `key` is
    its `Idempotency-Key`. `text` is sent as a CSV file.
    """

    operation: str
    name: str
    takes: Mapping[str, str] = field(default_factory=dict)
    token: str = "{token}"
    body: Mapping[str, Any] | None = None
    key: str = ""
    text: str = ""


_CLIENT = {"client_id": "{client_id}", "client_secret": "{client_secret}"}
_PASSWORD = {"grant_type": "password", **_CLIENT, "username": "{email}"}
_PAGE = {"account_id": "{account_id}", "since": "2026-02-24"}
_ONE = "/transactions/{transaction_id}"
_ITEM = {"account_id": "{account_id}", "type": "basic"}
_RAIN = "https://app.example/rain.png"
_TITLE = {"params[title]": "Rain at three", "params[image_url]": _RAIN}
_FLAT = {"title": "Rain at three", "image_url": _RAIN, "background_color": "#2A6FDB"}
_OWN = "/feed/{item_id}"
_POT = "/pots/{pot_id}"
_INTO = {"source_account_id": "{account_id}", "dedupe_id": "wedding-2026-03"}
_OUT = {"destination_account_id": "{account_id}", "dedupe_id": "present-2026-03"}
_NOWHERE = "tx_0000B0000000000000000"
_ORDER = {"external_id": "Order-12345678"}
_BURGER = {**BURGER, **_ORDER, "transaction_id": "{transaction_id}"}
_FILE = {"file_name": "receipt.png", "file_type": "image/png"}
_PDF = "https://app.example/receipts/1.pdf"
_HOOK = "https://app.example/hooks?key=wEXQbNaJ"

STEPS = (
    Step("GET /ping", "pong", token=""),
    Step("GET /healthz", "alive", token=""),
    Step("GET /readyz", "ready", token=""),
    Step("POST /oauth2/token", "password", {**_PASSWORD, "password": "{password}"}, ""),
    Step("POST /oauth2/token", "wrong password", {**_PASSWORD, "password": "guess"}, ""),
    Step("GET /ping/whoami", "known"),
    Step("GET /ping/whoami", "no token", token=""),
    Step("GET /accounts", "joint and personal"),
    Step("GET /accounts", "one type", {"account_type": "uk_retail_joint"}),
    Step("GET /balance", "balance", {"account_id": "{account_id}"}),
    Step("GET /balance", "no account", {}),
    Step("GET /balance", "not yours", {"account_id": "acc_0000B0000000000000000"}),
    Step("GET /card/list", "one", {"account_id": "{account_id}"}),
    Step("PUT /card/toggle", "freeze", {"card_id": "{card_id}", "status": "INACTIVE"}),
    Step("PUT /card/toggle", "thaw", {"card_id": "{card_id}", "status": "ACTIVE"}),
    Step("PUT /card/toggle", "not yours", {"card_id": "card_123", "status": "ACTIVE"}),
    Step("GET /transactions", "two", {**_PAGE, "limit": "2"}),
    Step("GET /transactions", "expanded", {**_PAGE, "limit": "1", "expand[]": "merchant"}),
    Step("GET /transactions", "the end", {**_PAGE, "before": "2026-01-01"}),
    Step("GET /transactions", "bad limit", {**_PAGE, "limit": "none"}),
    Step(f"GET {_ONE}", "plain"),
    Step(f"GET {_ONE}", "expanded", {"expand[]": "merchant"}),
    Step(f"PATCH {_ONE}", "annotate", {"metadata[trip]": "Lisbon", "metadata[notes]": "Lunch"}),
    Step(f"PATCH {_ONE}", "delete a key", {"metadata[trip]": ""}),
    Step("PUT /transaction-receipts", "a burger", body=_BURGER),
    Step("PUT /transaction-receipts", "not yours", body={**_BURGER, "transaction_id": _NOWHERE}),
    Step("GET /transaction-receipts", "by your name", _ORDER),
    Step("DELETE /transaction-receipts", "delete", _ORDER),
    Step("GET /transaction-receipts", "gone", _ORDER),
    Step("POST /attachment/upload", "a picture", _FILE),
    Step("POST /attachment/upload", "no such type", {**_FILE, "file_type": "png"}),
    Step("PUT /attachment/upload/{upload_id}", "not signed", token=""),
    Step("POST /attachment/upload/{upload_id}", "not signed", token=""),
    Step(
        "POST /attachment/register",
        "what was sent here",
        {"external_id": "{transaction_id}", "file_url": "{file_url}", "file_type": "image/png"},
    ),
    Step(
        "POST /attachment/register",
        "anywhere else",
        {"external_id": "{transaction_id}", "file_url": _PDF, "file_type": "application/pdf"},
    ),
    Step(f"GET {_ONE}", "with attachments"),
    Step("POST /attachment/deregister", "take it off", {"id": "{attachment_id}"}),
    Step("POST /attachment/deregister", "gone", {"id": "{attachment_id}"}),
    Step("GET /files/{user_id}/{file}", "no such file", token=""),
    Step("GET /pots", "one account's", {"current_account_id": "{account_id}"}),
    Step("GET /pots", "no account", {}),
    Step("GET /pots/listV1", "all accounts'"),
    Step(f"GET {_POT}", "known"),
    Step(f"PATCH {_POT}", "rename", {"name": "Birthdays and weddings"}),
    Step(f"PUT {_POT}/deposit", "set aside", body={**_INTO, "amount": 2000}),
    Step(f"PUT {_POT}/deposit", "the same again", body={**_INTO, "amount": 2000}),
    Step(f"PUT {_POT}/deposit", "the same id for more", body={**_INTO, "amount": 2500}),
    Step(
        f"PUT {_POT}/deposit", "too much", body={**_INTO, "amount": 99_000_000, "dedupe_id": "all"}
    ),
    Step(f"PUT {_POT}/withdraw", "take out", body={**_OUT, "amount": 500}),
    Step(
        f"PUT {_POT}/withdraw", "too much", body={**_OUT, "amount": 99_000_000, "dedupe_id": "all"}
    ),
    Step("POST /feed", "basic", {**_ITEM, **_TITLE, "url": "https://app.example/rain"}),
    Step("POST /feed", "of September 2015", {**_ITEM, "type": "image", **_FLAT}),
    Step("POST /feed", "no such colour", {**_ITEM, **_TITLE, "params[title_color]": "red"}),
    Step("GET /feed", "three", {"account_id": "{account_id}", "limit": "3"}),
    Step("GET /feed", "the end", {"account_id": "{account_id}", "before": "2020-01-01"}),
    Step(f"GET {_OWN}", "an app's item"),
    Step(
        f"PATCH {_OWN}", "change", {"params[body]": "Take an umbrella", "expires_at": "2026-03-11"}
    ),
    Step(f"PATCH {_OWN}", "no title", {"params[title]": ""}),
    Step(f"DELETE {_OWN}", "delete"),
    Step(f"DELETE {_OWN}", "gone"),
    Step("POST /webhooks", "register", {"account_id": "{account_id}", "url": _HOOK}),
    Step("POST /webhooks", "no URL", {"account_id": "{account_id}", "url": "app.example/hooks"}),
    Step("GET /webhooks", "one", {"account_id": "{account_id}"}),
    Step("GET /webhooks/{webhook_id}", "known"),
    Step("DELETE /webhooks/{webhook_id}", "delete"),
    Step("GET /webhooks/{webhook_id}", "gone"),
    Step("DELETE /webhooks/{webhook_id}", "gone"),
    Step("GET /logos/{file}", "no logo"),
    Step("GET /docs/{file}", "no file"),
    Step(
        "POST /oauth2/token",
        "refresh",
        {"grant_type": "refresh_token", **_CLIENT, "refresh_token": "{refresh_token}"},
        "",
    ),
    Step(
        "POST /oauth2/token",
        "refresh again",
        {"grant_type": "refresh_token", **_CLIENT, "refresh_token": "{refresh_token}"},
        "",
    ),
    Step("GET /accounts", "old token"),
    Step("POST /oauth2/logout", "log out", token="{new_token}"),
    Step("POST /oauth2/logout", "old token"),
    Step("POST /ping/logout", "old token"),
)


_V1 = "POST /operator/v1"
_AT = {"account_id": "{account_id}"}
_RENT = {
    **_AT,
    "amount": 65_000,
    "description": "Rent March",
    "counterparty": {"name": "Brian Example", "sort_code": "200000", "account_number": "55779911"},
}


def _operator(operation: str, name: str, body: Mapping[str, Any], key: str = "") -> Step:
    """What an operator sends."""
    named = key or f"{operation.rpartition('/')[2]} {name}".replace(" ", "-")
    return Step(operation, name, token="{operator_key}", body=body, key=named)


def _clear(name: str, text: str) -> Step:
    """A clearing file that an operator sends."""
    key = f"clearing-{name}".replace(" ", "-")
    return Step(f"{_V1}/clearing-files", name, {}, "{operator_key}", None, key, text)


_CLEARED = (
    ",".join(COLUMNS)
    + """
presentment,ARN-0001,,{card_id},{account_id},1250,GBP,,,,DELI,2026-03-10
refund,ARN-0002,,{card_id},{account_id},499,GBP,,,,BOOKS,2026-03-10
presentment,ARN-0003,auth_unknown,,,700,GBP,,,,TAXI,2026-03-10
"""
)


def _read(path: str, name: str, takes: Mapping[str, str] | None = None) -> Step:
    """What an operator reads."""
    return Step(f"GET /operator/v1/{path}", name, takes or {}, "{operator_key}")


OPERATOR_STEPS = (
    _read("whoami", "known"),
    Step("GET /operator/v1/whoami", "no key", token=""),
    _operator(f"{_V1}/top-ups", "fifty pounds", {**_AT, "amount": 5_000}),
    _operator(f"{_V1}/top-ups", "another amount", {**_AT, "amount": 1}, "top-ups-fifty-pounds"),
    _operator(f"{_V1}/top-ups", "nothing", {**_AT, "amount": 0}),
    Step(
        f"{_V1}/top-ups", "dry run", {"dry_run": "true"}, "{operator_key}", {**_AT, "amount": 1},
        "tried",
    ),
    _operator(f"{_V1}/inbound-transfers", "rent", _RENT),
    _operator(f"{_V1}/outbound-transfers", "rent", {**_RENT, "amount": 100}),
    _operator(f"{_V1}/outbound-transfers", "too much", {**_RENT, "amount": 10**9}),
    _operator(
        f"{_V1}/internal-transfers",
        "lunch",
        {**_AT, "payee_account_id": "{payee_account_id}", "amount": 1_250, "description": "Lunch"},
    ),
    _operator(
        f"{_V1}/commands",
        "two",
        {
            "commands": [
                {"command": "top_up", "id": "batch-7/1", "account_id": "acc_1", "amount": 100},
                {"command": "top_up", "id": "batch-7/2", "account_id": "acc_2", "amount": 250},
            ]
        },
    ),
    _read("accounts/{account_id}/entry-sets", "the first", {"limit": "1"}),
    _read("accounts/{account_id}/entry-sets/{sequence}", "the second"),
    _read("transactions/{transaction_id}/entry-sets", "one"),
    _read("transactions/{transaction_id}/answers", "one"),
    _read("accounts/{account_id}/balances", "at a past instant", {"booked_by": "{then}"}),
    _read("balances", "of a customer", {"address": "account:main:{account_id}"}),
    _read("balances", "no address", {"address": "nonsense"}),
    _read("trial-balance", "now"),
    _read("holds", "of an account", {**_AT, "limit": "1"}),
    _read("answers", "unknown", {**_AT, "issuer": "scheme", "command_id": "nonsense"}),
    _read("audit/report", "before the first"),
    _read("audit/marks", "the first", {"limit": "1"}),
    _read("keys", "one"),
    _read("requests", "none yet"),
    _operator(f"{_V1}/audit/rounds", "off", {}),
    _operator(f"{_V1}/accounts/{{account_id}}/cards", "issue", {"user_id": "{owner_id}"}),
    _read("accounts/{account_id}/cards", "two"),
    _read("cards/{card_id}", "known"),
    _operator("PATCH /operator/v1/cards/{card_id}", "block", {"state": "blocked"}, "lost-card-7"),
    _operator(f"{_V1}/accounts/{{account_id}}/pots", "holiday", {"name": "Holiday"}),
    _operator(f"{_V1}/accounts/{{account_id}}/pots", "no name", {}),
    _read("accounts/{account_id}/pots", "all"),
    _read("pots/{pot_id}", "one"),
    _operator(f"{_V1}/pots/{{pot_id}}/deposits", "ten pounds", {"amount": 1_000}),
    _operator(f"{_V1}/pots/{{pot_id}}/withdrawals", "too much", {"amount": 10**9}),
    _operator(f"{_V1}/users", "Eve", {"email": "eve@example.com", "name": "Eve Example"}),
    Step(
        "PATCH /operator/v1/accounts/{account_id}/limits", "of a day", {}, "{operator_key}",
        {"card_daily_max": 50_000, "transfer_daily_max": 100_000}, "limits-1",
    ),
    _operator(f"{_V1}/accounts/{{account_id}}/closure", "money is left", {}),
    _operator(
        f"{_V1}/clients",
        "budget app",
        {"name": "Budget app", "redirect_uris": ["https://app.example/callback"]},
    ),
    _clear("of the day", _CLEARED),
    _clear("a fraction", _CLEARED.replace("1250", "12.50")),
    _read("clearing-files", "one"),
    _read("clearing-files/{file_id}", "of the day"),
    _read("clearing-files/{file_id}/rows", "surplus", {"status": "surplus"}),
)  # fmt: skip

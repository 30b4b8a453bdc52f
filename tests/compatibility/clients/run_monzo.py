"""monzo 0.10: a class attribute names the API; the fixed token endpoint is led here by the session.

The session is public and a requests.Session, which lets anyone decide how a host is reached.
"""

import os
from typing import Any

from monzo import Monzo, MonzoOAuth2Client  # type: ignore[import-not-found, import-untyped, unused-ignore]
from requests.adapters import HTTPAdapter  # type: ignore[import-not-found, import-untyped, unused-ignore]

from tests.compatibility.clients.journey import HOOK, Info, Report, first_token, main, refusal

PAGE = 60


class BankAdapter(HTTPAdapter):  # type: ignore[misc, unused-ignore]
    """Sends to this bank what the library addresses to its fixed host, as a hosts file would."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    def send(  # type: ignore[explicit-override, unused-ignore]
        self, request: Any, *arguments: Any, **named: Any
    ) -> Any:
        """Hand the request on with the bank's address before its path."""
        request.url = self.base_url + request.path_url
        named["proxies"] = {}
        return super().send(request, *arguments, **named)


def travel(info: Info, user: Info) -> Report:
    """One customer's journey."""
    # oauthlib insists on TLS, and the demo speaks plain HTTP on loopback.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    Monzo.API_URL = f"{info['base_url']}/"  # with the slash that the library's own value has
    token = first_token(info, user)
    bank = Monzo.from_oauth_session(session(info, token))
    accounts = bank.get_accounts()["accounts"]
    pages = {account["id"]: walk(bank, account["id"]) for account in accounts}
    return {
        "whoami": bank.whoami(),
        "accounts": accounts,
        "balances": {account["id"]: bank.get_balance(account["id"]) for account in accounts},
        "pages": pages,
        "annotation": annotate(bank, pages),
        "messages": messages(bank, accounts[0]["id"]),
        "refresh": refresh(info, token),
    }


def session(info: Info, token: dict[str, Any], **more: Any) -> Any:
    """The library's session for a token, with the fixed host led to this bank."""
    tokens = {"access_token": token["access_token"], "refresh_token": token["refresh_token"]}
    oauth = MonzoOAuth2Client(info["client_id"], info["client_secret"], **tokens, **more)
    oauth.session.mount(MonzoOAuth2Client.API_ENDPOINT, BankAdapter(info["base_url"]))
    return oauth


def walk(bank: Any, account_id: str) -> list[list[Report]]:
    """Every page by the library's own next_page, which raises IndexError on an empty page."""
    pages: list[list[Report]] = []
    try:
        answer = bank.get_transactions(account_id, limit=PAGE)
        while True:
            pages.append(answer["transactions"])
            answer = answer["next_page"]()
    except IndexError:
        return pages


def annotate(bank: Any, pages: dict[str, list[list[Report]]]) -> Report | None:
    """Annotate the first transaction there is, read it back, take it away; the same with a note."""
    transaction = next((page[0] for walked in pages.values() for page in walked), None)
    if transaction is None:
        return None
    transaction_id, before = transaction["id"], transaction["notes"]
    answered = bank.update_transaction_metadata(transaction_id, "monzo python", "a=b&c, 100 %")
    read_back = bank.get_transaction(transaction_id)
    removed = bank.update_transaction_metadata(transaction_id, "monzo python", "")
    noted = bank.update_transaction_notes(transaction_id, "Split with Grace")
    noted_again = bank.get_transaction(transaction_id)
    bank.update_transaction_notes(transaction_id, before)
    return {
        "transaction_id": transaction_id,
        "key": "monzo python",
        "value": "a=b&c, 100 %",
        "answered": answered["transaction"]["metadata"],
        "read_back": read_back["transaction"]["metadata"],
        "removed": removed["transaction"]["metadata"],
        "notes": [noted["transaction"]["notes"], noted_again["transaction"]["notes"]],
        "notes_mirrored": noted_again["transaction"]["metadata"].get("notes"),
    }


def messages(bank: Any, account_id: str) -> Report:
    """Register a webhook, find it in the list, and delete it; its feed call works nowhere."""
    webhook = bank.register_webhook(HOOK, account_id)["webhook"]
    listed = bank.get_webhooks(account_id)["webhooks"]
    assert bank.get_first_webhook(account_id) == webhook
    deleted = bank.delete_webhook(webhook["id"])
    params = {"title": "monzo", "image_url": "https://app.example/i.png"}
    return {
        "account_id": account_id,
        "title": None,
        "posted": refusal(lambda: bank.create_feed_item(account_id, "basic", "", params)),
        "webhook": webhook,
        "listed": listed,
        "deleted": deleted,
        "left": bank.get_webhooks(account_id)["webhooks"],
    }


def refresh(info: Info, token: dict[str, Any]) -> Report:
    """The library refreshes when the token's time is over, and when the bank answers 401."""
    saved: list[dict[str, Any]] = []

    def whoami(tokens: dict[str, Any], **more: Any) -> Any:
        return Monzo.from_oauth_session(
            session(info, tokens, refresh_callback=saved.append, **more)
        ).whoami()

    first = whoami(token, expires_at=1)
    stale = {"access_token": token["access_token"], "refresh_token": saved[0]["refresh_token"]}
    second = whoami(stale)
    return {
        "whoami": first,
        "renewed": saved[0]["access_token"] != token["access_token"],
        "whoami_after_401": second,
        "renewed_after_401": saved[1]["access_token"]
        not in (token["access_token"], saved[0]["access_token"]),
        "second_use": refusal(lambda: whoami(token, expires_at=1)),
        "old_access": refusal(lambda: whoami(token)),
        "whoami_at_the_end": whoami(saved[1]),
    }


if __name__ == "__main__":
    main("monzo", travel)

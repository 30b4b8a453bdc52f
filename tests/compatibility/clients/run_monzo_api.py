"""monzo-api 1.2: a module attribute names the bank, an `Authentication` holds the token."""

import time
from typing import Any
from urllib.error import HTTPError

import monzo.authentication  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.authentication import Authentication  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.account import Account  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.feed_item import FeedItem  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.transaction import Transaction  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.webhooks import Webhook  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.endpoints.whoami import WhoAmI  # type: ignore[import-not-found, import-untyped, unused-ignore]
from monzo.handlers.filesystem import FileSystem  # type: ignore[import-not-found, import-untyped, unused-ignore]

from tests.compatibility.clients.journey import HOOK, Info, Report, first_token, main, seconds

PAGE = 60


def travel(info: Info, user: Info) -> Report:
    """One customer's journey."""
    monzo.authentication.MONZO_API_URL = info["base_url"]
    token = first_token(info, user)
    auth = authentication(info, token)
    accounts = Account.fetch(auth)
    pages = {account.account_id: walk(auth, account.account_id) for account in accounts}
    return {
        "whoami": whoami(auth),
        "accounts": [
            {
                "id": account.account_id,
                "description": account.description,
                "created": seconds(account.created),
                "closed": account.closed,
            }
            for account in accounts
        ],
        "account_types": [account.account_type() for account in accounts],
        "balances": {account.account_id: balance(account) for account in accounts},
        "pages": pages,
        "annotation": annotate(auth, pages),
        "messages": messages(auth, accounts[0].account_id),
        "refresh": refresh(info, token, f"{user['user_id']}.json"),
    }


def authentication(info: Info, token: dict[str, Any], expiry: float | None = None) -> Any:
    """The library's holder of a token, which refreshes at once when given no expiry."""
    return Authentication(
        client_id=info["client_id"],
        client_secret=info["client_secret"],
        redirect_url=info["redirect_uri"],
        access_token=token["access_token"],
        access_token_expiry=int(expiry or time.time() + token["expires_in"]),
        refresh_token=token["refresh_token"],
    )


def whoami(auth: Any) -> Report:
    """Whose token it is."""
    answer = WhoAmI.fetch(auth)
    return {
        "authenticated": answer.authenticated,
        "client_id": answer.client_id,
        "user_id": answer.user_id,
    }


def balance(account: Any) -> Report:
    """The account's balance as the library reads it."""
    read = account.fetch_balance()
    return {
        "balance": read.balance,
        "total_balance": read.total_balance,
        "currency": read.currency,
        "spend_today": read.spend_today,
    }


def walk(auth: Any, account_id: str) -> list[list[Report]]:
    """Every page: each starts after the last id of the one before, until a page is empty."""
    pages: list[list[Report]] = []
    since = None
    while page := Transaction.fetch(auth, account_id, since=since, expand=["merchant"], limit=PAGE):
        pages.append([described(transaction) for transaction in page])
        since = page[-1].transaction_id
    return pages


def described(transaction: Any) -> Report:
    """The transaction as the library understood it."""
    merchant = transaction.merchant
    if merchant is not None:
        city = merchant["address"]["city"]
        merchant = {
            "id": merchant["id"],
            "name": merchant["name"],
            "emoji": merchant["emoji"],
            "city": city,
        }
    return {
        "id": transaction.transaction_id,
        "created": seconds(transaction.created),
        "settled": seconds(transaction.settled),
        "amount": transaction.amount,
        "currency": transaction.currency,
        "description": transaction.description,
        "category": transaction.category,
        "notes": transaction.notes,
        "metadata": transaction.metadata,
        "is_load": transaction.is_load,
        "decline_reason": transaction.decline_reason or None,
        "merchant": merchant,
    }


def annotate(auth: Any, pages: dict[str, list[list[Report]]]) -> Report | None:
    """Annotate the first transaction there is, read it back, and take the annotation away again."""
    transaction_id = next((page[0]["id"] for walked in pages.values() for page in walked), None)
    if transaction_id is None:
        return None
    transaction = Transaction.fetch_single(auth, transaction_id)
    transaction.annotate("monzo-api", "tax[2026]/Q1")
    answered = transaction.metadata
    read_back = Transaction.fetch_single(auth, transaction_id).metadata
    transaction.annotate("monzo-api")
    return {
        "transaction_id": transaction_id,
        "key": "monzo-api",
        "value": "tax[2026]/Q1",
        "answered": answered,
        "read_back": read_back,
        "removed": transaction.metadata,
    }


def messages(auth: Any, account_id: str) -> Report:
    """Put an item on the feed; register a webhook, find it in the list, and delete it."""
    params = {"title": "monzo-api", "image_url": "https://app.example/i.png", "body": "Hello"}
    FeedItem.create(auth, account_id, "basic", params, "https://app.example")
    webhook = shown(Webhook.create(auth, account_id, HOOK))
    listed = Webhook.fetch(auth, account_id)
    for one in listed:
        Webhook.delete(one)
    return {
        "account_id": account_id,
        "title": "monzo-api",
        "posted": {},
        "webhook": webhook,
        "listed": [shown(one) for one in listed],
        "deleted": {},
        "left": [one.webhook_id for one in Webhook.fetch(auth, account_id)],
    }


def shown(webhook: Any) -> Report:
    """A webhook as the library understood it."""
    return {"id": webhook.webhook_id, "account_id": webhook.account_id, "url": webhook.url}


def refresh(info: Info, token: dict[str, Any], file: str) -> Report:
    """The library refreshes when the token's time is over, tells its handlers, and logs out."""
    auth = authentication(info, token, expiry=1)
    auth.register_callback_handler(FileSystem(file))
    renewed_whoami = whoami(auth)
    saved = FileSystem(file).fetch()
    second_use = refusal_of(lambda: authentication(info, token, expiry=1).refresh_access())
    old_access = refusal_of(lambda: whoami(authentication(info, token)))
    at_the_end = whoami(auth)
    auth.logout()
    return {
        "whoami": renewed_whoami,
        "renewed": saved["access_token"] == auth.access_token != token["access_token"],
        "saved_refresh_token": saved["refresh_token"]
        == auth.refresh_token
        != token["refresh_token"],
        "second_use": second_use,
        "old_access": old_access,
        "whoami_at_the_end": at_the_end,
        "after_logout": refusal_of(lambda: whoami(auth)),
    }


def refusal_of(attempt: Any) -> dict[str, str] | None:
    """The library's exception is silent: the bank's words are in the HTTP error behind it."""
    try:
        attempt()
    except Exception as error:  # which exception it is, is what the test wants to know
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, HTTPError):
            cause = cause.__cause__
        return {
            "type": type(error).__name__,
            "text": "" if cause is None else cause.read().decode(),
        }
    return None


if __name__ == "__main__":
    main("monzo-api", travel)

"""pymonzo: class attributes name the bank, a file holds the token, `since` is in whole seconds."""

from pathlib import Path
from typing import Any

from pymonzo import MonzoAPI  # type: ignore[import-not-found, import-untyped, unused-ignore]
from pymonzo.feed import MonzoBasicFeedItem  # type: ignore[import-not-found, import-untyped, unused-ignore]
from pymonzo.settings import PyMonzoSettings  # type: ignore[import-not-found, import-untyped, unused-ignore]

from tests.compatibility.clients.journey import (
    HOOK,
    Info,
    Report,
    first_token,
    main,
    refusal,
    seconds,
)

PAGE = 100


def travel(info: Info, user: Info) -> Report:
    """One customer's journey."""
    MonzoAPI.api_url = info["base_url"]
    MonzoAPI.token_endpoint = f"{info['base_url']}/oauth2/token"
    MonzoAPI.settings_path = Path(f"{user['user_id']}.json")
    token = first_token(info, user)
    bank = opened(info, token)
    accounts = bank.accounts.list()
    pages = {account.id: walk(bank, account.id) for account in accounts}
    return {
        "whoami": bank.whoami().model_dump(),
        "accounts": [
            account.model_dump(mode="json") | {"created": seconds(account.created)}
            for account in accounts
        ],
        "balances": {
            account.id: bank.balance.get(account.id).model_dump(mode="json") for account in accounts
        },
        "pages": pages,
        "annotation": annotate(bank, pages),
        "messages": messages(bank, accounts[0].id),
        "refresh": refresh(info, token),
    }


def opened(info: Info, token: dict[str, Any]) -> Any:
    """The library as it starts from a settings file, where it keeps and renews its token."""
    settings = PyMonzoSettings(
        client_id=info["client_id"], client_secret=info["client_secret"], token=token
    )
    settings.save_to_disk(MonzoAPI.settings_path)
    return MonzoAPI()


def walk(bank: Any, account_id: str) -> list[list[Report]]:
    """Every page: each starts in the last second seen, until a page brings nothing new."""
    pages: list[list[Report]] = []
    seen: set[str] = set()
    since = None
    while True:
        page = bank.transactions.list(account_id, expand_merchant=True, since=since, limit=PAGE)
        if seen.issuperset(transaction.id for transaction in page):
            return pages
        pages.append([described(transaction) for transaction in page])
        seen.update(transaction.id for transaction in page)
        since = page[-1].created


def described(transaction: Any) -> Report:
    """The transaction as the library understood it."""
    merchant = transaction.merchant
    if merchant is not None:
        merchant = {
            "id": merchant.id,
            "name": merchant.name,
            "emoji": merchant.emoji,
            "city": merchant.address.city,
        }
    return {
        "id": transaction.id,
        "created": seconds(transaction.created),
        "settled": seconds(transaction.settled),
        "amount": transaction.amount,
        "currency": transaction.currency,
        "description": transaction.description,
        "category": transaction.category,
        "notes": transaction.notes,
        "metadata": transaction.metadata,
        "is_load": transaction.is_load,
        "decline_reason": transaction.decline_reason,
        "merchant": merchant,
    }


def annotate(bank: Any, pages: dict[str, list[list[Report]]]) -> Report | None:
    """Annotate the first transaction there is, read it back, and take the annotation away again."""
    transaction_id = next((page[0]["id"] for walked in pages.values() for page in walked), None)
    if transaction_id is None:
        return None
    answered = bank.transactions.annotate(transaction_id, {"pymonzo": "café ☕"})
    read_back = bank.transactions.get(transaction_id, expand_merchant=True)
    removed = bank.transactions.annotate(transaction_id, {"pymonzo": ""})
    return {
        "transaction_id": transaction_id,
        "key": "pymonzo",
        "value": "café ☕",
        "answered": answered.metadata,
        "read_back": read_back.metadata,
        "removed": removed.metadata,
    }


def messages(bank: Any, account_id: str) -> Report:
    """Put an item on the feed; register a webhook, find it in the list, and delete it."""
    item = MonzoBasicFeedItem(
        title="pymonzo", image_url="https://app.example/i.png", body="Hello", title_color="#2A6FDB"
    )
    posted = bank.feed.create(item, account_id, url="https://app.example")
    webhook = bank.webhooks.register(HOOK, account_id).model_dump()
    listed = [one.model_dump() for one in bank.webhooks.list(account_id)]
    deleted = bank.webhooks.delete(webhook["id"])
    return {
        "account_id": account_id,
        "title": "pymonzo",
        "posted": posted,
        "webhook": webhook,
        "listed": listed,
        "deleted": deleted,
        "left": [one.id for one in bank.webhooks.list(account_id)],
    }


def refresh(info: Info, token: dict[str, Any]) -> Report:
    """The library refreshes by itself when its saved token looks expired."""
    expired = token | {"expires_at": 1}
    bank = opened(info, expired)
    whoami = bank.whoami().model_dump()
    renewed = PyMonzoSettings.load_from_disk(MonzoAPI.settings_path).token
    return {
        "whoami": whoami,
        "renewed": renewed["access_token"] != token["access_token"],
        "second_use": refusal(lambda: opened(info, expired).whoami()),
        "old_access": refusal(lambda: MonzoAPI(access_token=token["access_token"]).whoami()),
        "whoami_at_the_end": opened(info, renewed).whoami().model_dump(),
    }


if __name__ == "__main__":
    main("pymonzo", travel)

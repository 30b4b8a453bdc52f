"""pymonzo: pots and attachments; it knows no receipts."""

from pymonzo import MonzoAPI  # type: ignore[import-not-found, import-untyped, unused-ignore]

from tests.compatibility.clients.journey import (
    PICTURE,
    Info,
    Report,
    first_token,
    is_served,
    refusal,
    send_file,
    things,
)


def use(info: Info, user: Info) -> Report:
    """What the library does with a pot and a file."""
    MonzoAPI.api_url = info["base_url"]
    bank = MonzoAPI(access_token=first_token(info, user)["access_token"])
    account = user["accounts"][0]
    return {"pot": move(bank, account), "attachment": attach(bank, account["id"])}


def move(bank: MonzoAPI, account: Info) -> Report:
    """Put money into the pot, under one name twice, and take some of it out."""
    pot_id, account_id = account["pot_ids"][0], account["id"]
    where = {"account_id": account_id}
    listed = bank.pots.list(account_id)
    before = next(pot.balance for pot in listed if pot.id == pot_id)
    account_before = bank.balance.get(account_id).balance
    deposited = bank.pots.deposit(500, pot_id, dedupe_id="pymonzo-in", **where)
    again = bank.pots.deposit(500, pot_id, dedupe_id="pymonzo-in", **where)
    withdrawn = bank.pots.withdraw(200, pot_id, dedupe_id="pymonzo-out", **where)
    too_much = refusal(lambda: bank.pots.withdraw(10**9, pot_id, dedupe_id="all", **where))
    return {
        "listed": [pot.id for pot in listed],
        "balances": [before, deposited.balance, again.balance, withdrawn.balance],
        "account": [account_before, bank.balance.get(account_id).balance],
        "too_much": too_much,
    }


def attach(bank: MonzoAPI, account_id: str) -> Report:
    """Send a file, attach it, find it on the transaction, and take it off again."""
    transaction_id = bank.transactions.list(account_id, limit=1)[0].id
    place = bank.attachments.upload(
        file_name="receipt.png", file_type="image/png", content_length=len(PICTURE)
    )
    send_file(place.upload_url, PICTURE)
    made = bank.attachments.register(transaction_id, file_url=place.file_url, file_type="image/png")
    served = is_served(place.file_url, PICTURE)
    listed = bank.transactions.get(transaction_id).attachments
    deregistered = bank.attachments.deregister(made.id)
    return {
        "transaction_id": transaction_id,
        "file_url": place.file_url,
        "made": {"id": made.id, "external_id": made.external_id, "file_url": made.file_url},
        "served": served,
        "listed": [one["id"] for one in listed],
        "deregistered": deregistered,
        "left": [one["id"] for one in bank.transactions.get(transaction_id).attachments],
    }


if __name__ == "__main__":
    things("pymonzo", use)

"""monzo 0.10: pots and registering attachments; it draws the name of each move itself."""

import os
from typing import Any

from monzo import Monzo  # type: ignore[import-not-found, import-untyped, unused-ignore]

from tests.compatibility.clients.journey import Info, Report, first_token, refusal, things
from tests.compatibility.clients.run_monzo import session

ELSEWHERE = "https://app.example/receipt.png"


def use(info: Info, user: Info) -> Report:
    """What the library does with a pot and a file that lies elsewhere."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    Monzo.API_URL = f"{info['base_url']}/"
    bank = Monzo.from_oauth_session(session(info, first_token(info, user)))
    account = user["accounts"][0]
    return {"pot": move(bank, account), "attachment": attach(bank, account["id"])}


def move(bank: Any, account: Info) -> Report:
    """Put money into the pot and take some of it out; its list does not say of which account."""
    pot_id, account_id = account["pot_ids"][0], account["id"]
    account_before = bank.get_balance(account_id)["balance"]
    deposited = bank.deposit_into_pot(pot_id, account_id, 500)
    withdrawn = bank.withdraw_from_pot(account_id, pot_id, 200)
    return {
        "list": refusal(bank.get_pots),
        "balances": [deposited["balance"], withdrawn["balance"]],
        "account": [account_before, bank.get_balance(account_id)["balance"]],
        "too_much": refusal(lambda: bank.withdraw_from_pot(account_id, pot_id, 10**9)),
    }


def attach(bank: Any, account_id: str) -> Report:
    """Attach a file that lies elsewhere, find it on the transaction, and take it off again."""
    transaction_id = bank.get_transactions(account_id, limit=1)["transactions"][0]["id"]
    made = bank.register_attachment(transaction_id, ELSEWHERE, "image/png")["attachment"]
    listed = bank.get_transaction(transaction_id)["transaction"]["attachments"]
    deregistered = bank.deregister_attachment(made["id"])
    left = bank.get_transaction(transaction_id)["transaction"]["attachments"]
    return {
        "transaction_id": transaction_id,
        "file_url": ELSEWHERE,
        "made": {name: made[name] for name in ("id", "external_id", "file_url")},
        "listed": [one["id"] for one in listed],
        "deregistered": deregistered,
        "left": [one["id"] for one in left],
    }


if __name__ == "__main__":
    things("monzo", use)

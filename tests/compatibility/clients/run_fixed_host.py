"""monzo 0.10 as it comes: https://api.monzo.com is built in, and nothing here changes that."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from monzo import Monzo, MonzoOAuth2Client  # type: ignore[import-not-found, import-untyped, unused-ignore]

from tests.compatibility.clients.journey import first_token

HOST = "https://api.monzo.com"


def travel(info: dict[str, Any]) -> dict[str, Any]:
    """Sign in, look at accounts and money, have the library refresh, look again."""
    token = first_token(info | {"base_url": HOST}, info["users"][0])
    saved: list[dict[str, Any]] = []
    tokens = {"access_token": token["access_token"], "refresh_token": token["refresh_token"]}
    client = (info["client_id"], info["client_secret"])
    bank = Monzo.from_oauth_session(MonzoOAuth2Client(*client, **tokens))
    account = bank.get_accounts()["accounts"][0]["id"]
    expired = MonzoOAuth2Client(*client, **tokens, expires_at=1, refresh_callback=saved.append)
    report = {
        "whoami": bank.whoami(),
        "balance": bank.get_balance(account),
        "transactions": len(bank.get_transactions(account, limit=10)["transactions"]),
        "whoami_after_refresh": Monzo.from_oauth_session(expired).whoami(),
    }
    page = Request(
        f"{HOST}/transactions?account_id={account}&expand[]=merchant",
        headers={"Authorization": f"Bearer {saved[0]['access_token']}"},
    )
    with urlopen(page, timeout=30) as answer:
        merchants = [one["merchant"] for one in json.load(answer)["transactions"]]
    return report | {"logos": [merchant["logo"] for merchant in merchants if merchant]}


if __name__ == "__main__":
    json.dump(travel(json.loads(Path(sys.argv[1]).read_text())), sys.stdout)

"""Ten thousand commands in one request: each is answered rightly, and the books prove."""

from typing import Any

import pytest

from minibank.accounts.opening import issue_card
from minibank.api.operator.movements import BULK_MAX
from minibank.audit.run import audit
from minibank.db import Database, Tx
from tests.support.callers import add_account, add_user
from tests.support.operators import add_key, operator_http, send

ACCOUNTS = 20
EVERY = 100
"""One command in so many uses the id of the one before it for something else."""
FUNDS = 10**5


Sent = dict[str, Any]


def commands_on(cards: dict[str, str]) -> list[Sent]:
    """Funds for each account, then payments and top-ups in turn, and conflicts in between."""
    accounts = list(cards)
    commands: list[Sent] = []
    for number in range(BULK_MAX):
        account_id = accounts[number % ACCOUNTS]
        sent: Sent = {"command": "top_up", "id": f"{number}", "account_id": account_id}
        sent["amount"] = FUNDS if number < ACCOUNTS else 1 + number
        if is_conflict(number):
            # The same account's last id, with another amount.
            sent["id"] = f"{number - ACCOUNTS}"
        elif number >= ACCOUNTS and number % 3:
            sent |= {"command": "authorise_card", "card_id": cards[account_id]}
            sent["description"] = "KETTLE AND MOTH"
        commands.append(sent)
    return commands


def is_conflict(number: int) -> bool:
    """Whether the command of this number uses an id that another one had."""
    return number >= ACCOUNTS and number % EVERY == 0


def require_right(commands: list[Sent], answers: list[Sent]) -> None:
    """Fail unless each command is answered as its account's money and its id ask for."""
    money: dict[str, int] = {}
    for number, (command, one) in enumerate(zip(commands, answers, strict=True)):
        assert one["id"] == command["id"]
        if is_conflict(number):
            assert one["status"] == "refused"
            assert one["error"]["code"] == "conflict.command_id_reused"
            continue
        had, amount = money.get(command["account_id"], 0), command["amount"]
        has = had + (amount if command["command"] == "top_up" else -amount)
        if has < 0:
            assert (one["status"], one["decline_reason"]) == ("declined", "INSUFFICIENT_FUNDS")
        else:
            assert one["status"] == "done"
            money[command["account_id"]] = has
        assert one["balance"] == money[command["account_id"]]


@pytest.mark.timeout(300)
async def test_ten_thousand_commands_with_one_conflict_in_a_hundred_are_each_answered_rightly(
    db: Database,
):
    _, secret = await add_key(db, "rails")
    ada = await add_user(db, "ada@example.com", "Ada Example")
    accounts = [(await add_account(db, ada)).id for _ in range(ACCOUNTS)]

    async def issue(tx: Tx) -> dict[str, str]:
        return {one: (await issue_card(tx, one, ada.id)).id for one in accounts}

    commands = commands_on(await db.transact(issue))
    async with operator_http(db, secret, is_documented=False) as api:
        answer = (await send(api, "commands", {"commands": commands})).json()
        again = (await send(api, "commands", {"commands": commands})).json()
    require_right(commands, answer["answers"])
    assert answer["counts"]["refused"] == BULK_MAX // EVERY - 1
    assert answer["counts"]["declined"] > 100
    assert again == answer
    report = await audit(db)
    assert report.findings == []

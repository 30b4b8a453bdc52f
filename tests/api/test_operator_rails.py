"""The operator API's rails: what each sends, repeats, dry runs, and many commands at once."""

import asyncio

import httpx
import pytest

from minibank.accounts.opening import issue_card
from minibank.operators.records import SCOPES
from minibank.settings import preset
from tests.support.callers import PUBLIC_URL
from tests.support.operators import add_key, operator_http, send


@pytest.fixture
async def rails(bank):
    """The operator API with a key for rails; Ada's account has 500.00 and a card."""
    key_id, secret = await add_key(bank.db, "rails")
    async with operator_http(bank.db, secret) as api:
        card = await bank.db.transact(lambda tx: issue_card(tx, bank.account.id, bank.ada.id))
        await send(api, "top-ups", {"account_id": bank.account.id, "amount": 50_000})
        yield Rails(bank, api, card.id, key_id)


class Rails:
    """What the tests send commands with."""

    def __init__(self, bank, api: httpx.AsyncClient, card_id: str, key_id: str) -> None:
        self.bank, self.api, self.card_id, self.key_id = bank, api, card_id, key_id
        self.account_id = bank.account.id

    async def send(self, noun, key="", status=200, query=None, **body):
        """Send a command on Ada's account; its answer, which has this status."""
        answer = await send(self.api, noun, body, key, **(query or {}))
        assert answer.status_code == status, answer.text
        return answer.json()

    async def pay(self, amount=700, **more):
        """Ask for a card payment."""
        return await self.send(
            "card-authorisations",
            account_id=self.account_id,
            card_id=self.card_id,
            amount=amount,
            description="KETTLE AND MOTH LONDON",
            **more,
        )

    async def balance(self):
        """What Ada may spend, as her app reads it."""
        answer = await self.bank.api.get(f"/balance?account_id={self.account_id}")
        return answer.json()["balance"]


async def test_a_card_payment_lives_its_whole_life_over_http(rails):
    held = await rails.pay(700)
    assert held["status"] == "done"
    assert held["balance"] == 49_300
    path = f"card-authorisations/{held['authorisation_id']}"
    more = await rails.send(f"{path}/increments", amount=300)
    assert more["balance"] == 49_000
    less = await rails.send(f"{path}/reversals", amount=100)
    assert less["balance"] == 49_100
    booked = await rails.send(
        "card-presentments",
        account_id=rails.account_id,
        authorisation_id=held["authorisation_id"],
        amount=950,
    )
    assert booked["balance"] == 49_050
    back = await rails.send(
        "card-refunds",
        account_id=rails.account_id,
        card_id=rails.card_id,
        amount=950,
        description="KETTLE AND MOTH LONDON",
    )
    assert back["balance"] == 50_000 == await rails.balance()
    other = await rails.pay(100)
    gone = await rails.send(f"card-authorisations/{other['authorisation_id']}/expiry")
    assert gone["balance"] == 50_000


async def test_transfers_come_and_go(rails):
    other = {"name": "Brian Example", "sort_code": "200000", "account_number": "55779911"}
    body = {"account_id": rails.account_id, "counterparty": other, "description": "Rent"}
    assert (await rails.send("inbound-transfers", amount=100, **body))["balance"] == 50_100
    assert (await rails.send("outbound-transfers", amount=300, **body))["balance"] == 49_800
    moved = await rails.send(
        "internal-transfers",
        account_id=rails.account_id,
        payee_account_id=rails.bank.brians_account.id,
        amount=800,
        description="Lunch",
    )
    assert moved["balance"] == 49_000
    assert moved["payee_transaction_id"]
    too_much = await rails.send("outbound-transfers", status=400, amount=49_001, **body)
    assert too_much["code"] == "bad_request.insufficient_funds"


async def test_a_decline_is_an_answer_and_is_repeated(rails):
    first = await rails.pay(50_001, key="too-much")
    assert (first["status"], first["decline_reason"]) == ("declined", "INSUFFICIENT_FUNDS")
    await rails.send("top-ups", account_id=rails.account_id, amount=10_000)
    assert await rails.pay(50_001, key="too-much") == first


async def test_a_repeat_moves_money_once_and_other_content_is_refused(rails):
    body = {"account_id": rails.account_id, "amount": 100}
    first = await rails.send("top-ups", key="salary", **body)
    assert await rails.send("top-ups", key="salary", **body) == first
    refused = await rails.send("top-ups", key="salary", status=409, **{**body, "amount": 101})
    assert refused["code"] == "conflict.command_id_reused"
    assert await rails.balance() == 50_100


async def test_another_key_may_use_the_same_idempotency_key(rails):
    _, secret = await add_key(rails.bank.db, "rails")
    body = {"account_id": rails.account_id, "amount": 100}
    await rails.send("top-ups", key="salary", **body)
    async with operator_http(rails.bank.db, secret) as other:
        assert (await send(other, "top-ups", body, "salary")).json()["balance"] == 50_200


async def test_what_is_sent_twenty_times_at_once_is_done_once(rails):
    body = {"account_id": rails.account_id, "amount": 100}
    answers = await asyncio.gather(*(rails.send("top-ups", key="once", **body) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert await rails.balance() == 50_100


async def test_a_command_without_an_idempotency_key_is_refused(rails):
    body = {"account_id": rails.account_id, "amount": 100}
    answer = await rails.api.post("/operator/v1/top-ups", json=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request.missing_header.idempotency_key"
    assert await rails.balance() == 50_000


async def test_a_dry_run_tells_what_would_happen_and_nothing_does(rails):
    body = {"account_id": rails.account_id, "amount": 100}
    answer = await rails.send("top-ups", key="later", query={"dry_run": "true"}, **body)
    assert answer["dry_run"]
    assert answer["balance"] == 50_100
    assert [(one["address"].split(":")[0], one["amount"]) for one in answer["would_book"][0]] == [
        ("scheme", -100),
        ("account", 100),
    ]
    assert answer["transaction_id"] is None
    assert await rails.balance() == 50_000
    refused = await rails.send(
        "top-ups", status=404, query={"dry_run": "true"}, account_id="acc_1", amount=1
    )
    assert refused["code"] == "not_found.account"
    done = await rails.send("top-ups", key="later", **body)
    assert not done["dry_run"]
    assert await rails.balance() == 50_100


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"account_id": "x"}, "bad_request.missing_param.amount", "amount"),
        ({"account_id": 1, "amount": 1}, "bad_request.bad_param.account_id", "expected str"),
        ({"account_id": "x", "amount": "1"}, "bad_request.bad_param.amount", "expected int"),
        ({"account_id": "x", "amount": 1.5}, "bad_request.bad_param.amount", "expected int"),
        (
            {"account_id": "x", "amount": 1, "colour": 2},
            "bad_request.bad_param.colour",
            "not known",
        ),
        ([], "bad_request.bad_body", "JSON object"),
        ({"account_id": "x", "amount": 1, "at": "noon"}, "bad_request.bad_param.at", "timestamp"),
        ({"account_id": "x", "amount": 1, "issuer": "me"}, "bad_request.bad_param.issuer", "known"),
        ({"account_id": "x", "amount": 1, "description": "\0"}, "bad_request.bad_body", "kept"),
    ],
)
async def test_a_body_that_is_not_right_is_refused_by_the_name_of_its_field(
    rails, body, code, words
):
    answer = await send(rails.api, "top-ups", body)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert words in answer.json()["message"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"amount=1"])
async def test_what_is_no_json_is_refused(rails, body):
    headers = {"Idempotency-Key": "1", "content-type": "application/json"}
    answer = await rails.api.post("/operator/v1/top-ups", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request.bad_body"


async def test_a_form_is_refused(rails):
    headers = {"Idempotency-Key": "1"}
    answer = await rails.api.post("/operator/v1/top-ups", data={"amount": "1"}, headers=headers)
    assert answer.json()["code"] == "bad_request.bad_body"


async def test_many_commands_are_each_answered_in_order(rails):
    commands = [
        {"command": "top_up", "id": f"bulk-{n}", "account_id": rails.account_id, "amount": n}
        for n in range(1, 600)
    ]
    commands[10] = {**commands[9], "amount": 5_000}
    commands[20] = {**commands[20], "account_id": "acc_1"}
    commands[30] = {
        "command": "authorise_card",
        "id": "dear",
        "account_id": rails.account_id,
        "card_id": rails.card_id,
        "amount": 10**9,
        "description": "A house",
    }
    answer = await send(rails.api, "commands", {"commands": commands})
    assert answer.status_code == 200
    answers = answer.json()["answers"]
    assert [one["id"] for one in answers] == [one["id"] for one in commands]
    assert answer.json()["counts"] == {"done": 596, "declined": 1, "refused": 2}
    assert answers[10]["error"]["code"] == "conflict.command_id_reused"
    assert answers[20]["error"]["code"] == "not_found.account"
    assert answers[30]["decline_reason"] == "INSUFFICIENT_FUNDS"
    expected = 50_000 + sum(range(1, 600)) - 11 - 21 - 31
    assert await rails.balance() == expected
    again = await send(rails.api, "commands", {"commands": commands})
    assert again.json() == answer.json()
    assert await rails.balance() == expected


async def test_a_bulk_names_the_place_of_what_is_wrong_and_does_nothing(rails):
    good = {"command": "top_up", "id": "1", "account_id": rails.account_id, "amount": 1}
    for bad, code, words in (
        ({**good, "amount": None}, "bad_request.bad_param.amount", "commands[1].amount"),
        ({**good, "command": "steal"}, "bad_request.bad_param.command", "commands[1].command"),
        (
            {"command": "top_up", "account_id": "x", "amount": 1},
            "bad_request.missing_param.id",
            "commands[1].id",
        ),
    ):
        answer = await send(rails.api, "commands", {"commands": [good, bad]})
        assert answer.status_code == 400
        assert answer.json()["code"] == code
        assert words in answer.json()["message"]
    none = await send(rails.api, "commands", {"commands": []})
    assert none.json()["code"] == "bad_request.bad_param.commands"
    many = await send(rails.api, "commands", {"commands": [good] * 10_001})
    assert many.json()["code"] == "bad_request.bad_param.commands"
    assert await rails.balance() == 50_000


async def test_a_bulk_can_be_tried_dry(rails):
    good = {"command": "top_up", "id": "1", "account_id": rails.account_id, "amount": 1}
    long = {**good, "id": "x" * 256}
    answer = await send(
        rails.api, "commands", {"commands": [good, long, {**good, "id": "2"}]}, dry_run="true"
    )
    assert [one["status"] for one in answer.json()["answers"]] == ["done", "refused", "done"]
    assert [one["balance"] for one in answer.json()["answers"]] == [50_001, None, 50_002]
    assert await rails.balance() == 50_000
    many = await send(rails.api, "commands", {"commands": [good] * 501}, dry_run="true")
    assert many.json()["code"] == "bad_request.bad_param.commands"


async def test_history_is_written_into_sandbox_banks_only(rails):
    body = {"account_id": rails.account_id, "amount": 1, "at": "2020-01-01T00:00:00Z"}
    old = await rails.send("top-ups", status=400, **body)
    assert "older than the newest" in old["message"]
    _, secret = await add_key(rails.bank.db, "rails")
    settings = preset("production", public_url=PUBLIC_URL)
    async with operator_http(rails.bank.db, secret, settings) as api:
        answer = await send(api, "top-ups", body)
    assert "sandbox banks only" in answer.json()["message"]


async def test_an_authorisation_that_is_not_there_is_not_found(rails):
    for one in ("auth_1", "x", "auth_" + "0" * 22):
        answer = await rails.send(f"card-authorisations/{one}/reversals", status=404)
        assert answer["code"] == "not_found.authorisation"


@pytest.mark.parametrize(
    "body", [b'{"name": 1e999}', b'{"name": ' + b"9" * 5000 + b"}", b'{"name": "\xff"}', b"[]"]
)
async def test_a_body_that_no_digest_can_be_made_of_is_refused(rails, body):
    headers = {"Idempotency-Key": "1", "content-type": "application/json"}
    for path in ("merchants", "users", "audit/rounds"):
        _, secret = await add_key(rails.bank.db, *SCOPES)
        async with operator_http(rails.bank.db, secret) as api:
            answer = await api.post(f"/operator/v1/{path}", content=body, headers=headers)
        assert answer.status_code == 400, answer.text

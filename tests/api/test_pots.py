"""Pots over HTTP: every row of section 1.15 of the contract."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from minibank.accounts.opening import set_account_state
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.oauth.records import ClientOptions
from minibank.payments.engine import Engine
from minibank.pots.changes import lock_pot, unlock_pot
from tests.api.conftest import Bank
from tests.support.banking import Holder, Orders
from tests.support.callers import add_account, add_client, add_token, http
from tests.support.counting import CountingDatabase
from tests.support.outbox import list_told, listen
from tests.support.pots import open_pot

REUSED = "bad_request.bad_param.dedupe_id"


class Pots:
    """Ada's account with 1000 on it, her pot, and ways to move money."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.holder = Holder(bank.account.id, "", (bank.ada.id,))
        self.brian = Holder(bank.brians_account.id, "", (bank.brian.id,))
        self.engine = Engine(bank.db)
        self.id = ""

    async def open(self) -> "Pots":
        self.id = await open_pot(self.bank.db, self.holder, style="beach_ball")
        await self.engine.execute(Orders("funds").top_up(self.holder, 1000))
        return self

    async def deposit(
        self, amount: int = 300, dedupe_id: str = "d-1", **more: Any
    ) -> httpx.Response:
        data = {"source_account_id": self.holder.account_id, "amount": amount,
                "dedupe_id": dedupe_id} | more  # fmt: skip
        return await self.bank.api.put(f"/pots/{self.id}/deposit", data=data)

    async def withdraw(
        self, amount: int = 100, dedupe_id: str = "d-1", **more: Any
    ) -> httpx.Response:
        data = {"destination_account_id": self.holder.account_id, "amount": amount,
                "dedupe_id": dedupe_id} | more  # fmt: skip
        return await self.bank.api.put(f"/pots/{self.id}/withdraw", data=data)

    async def balance(self) -> tuple[int, int]:
        """What can be spent, and the total."""
        params = {"account_id": self.holder.account_id}
        found = (await self.bank.api.get("/balance", params=params)).json()
        assert found["balance_including_flexible_savings"] == found["total_balance"]
        return found["balance"], found["total_balance"]

    async def history(self) -> list[dict[str, Any]]:
        params = {"account_id": self.holder.account_id}
        found: list[dict[str, Any]] = (
            await self.bank.api.get("/transactions", params=params)
        ).json()["transactions"]
        return found


@pytest.fixture
async def pots(bank: Bank) -> Pots:
    return await Pots(bank).open()


def code_of(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    code: str = answer.json()["code"]
    return code


async def test_the_list_is_wrapped_in_creation_order_with_deleted_pots(
    pots: Pots, clock: FakeClock
) -> None:
    clock.advance(1)
    second = await open_pot(pots.bank.db, pots.holder, "Rain", goal_amount=5)
    await pots.engine.execute(Orders().delete_pot(pots.holder, pots.id))
    params = {"current_account_id": pots.holder.account_id}
    answer = await pots.bank.api.get("/pots", params=params)
    assert answer.status_code == 200
    assert answer.json().keys() == {"pots"}
    listed = answer.json()["pots"]
    assert [(one["id"], one["deleted"]) for one in listed] == [(pots.id, True), (second, False)]
    assert (listed[1]["goal_amount"], "goal_amount" in listed[0]) == (5, False)
    assert (await pots.bank.api.get("/pots/listV1", params=params)).json() == answer.json()


async def test_an_account_is_required_for_the_list_but_not_under_its_first_name(
    pots: Pots,
) -> None:
    for params in ({}, {"current_account_id": ""}):
        answer = await pots.bank.api.get("/pots", params=params)
        assert code_of(answer) == "bad_request.missing_param.current_account_id"
        of_old = await pots.bank.api.get("/pots/listV1", params=params)
        assert [one["id"] for one in of_old.json()["pots"]] == [pots.id]


async def test_an_app_of_2018_lists_the_pots_of_all_of_its_users_accounts_and_no_others(
    pots: Pots,
) -> None:
    bank = pots.bank
    joint = await add_account(bank.db, bank.ada, bank.brian)
    shared = await open_pot(bank.db, Holder(joint.id, "", (bank.ada.id,)), "Ours")
    await open_pot(bank.db, pots.brian, "Brian's")
    old = (await add_client(bank.db, options=ClientOptions(pots_require_account=False))).client
    async with http(bank.db, token=await add_token(bank.db, old, bank.ada)) as api:
        listed = (await api.get("/pots")).json()["pots"]
    assert [one["id"] for one in listed] == [pots.id, shared]


async def test_what_is_not_the_callers_is_forbidden_whether_it_is_there_or_not(
    pots: Pots,
) -> None:
    bank = pots.bank
    brians = await open_pot(bank.db, pots.brian)
    moves = {"amount": 1, "dedupe_id": "x"}
    mine, his = pots.holder.account_id, pots.brian.account_id
    for pot_id in (brians, "pot_1", "pot_0000B3wV5n0FxAjLRtSlPc", "x", "🍞"):
        for call in (
            bank.api.get(f"/pots/{pot_id}"),
            bank.api.patch(f"/pots/{pot_id}", data={"name": "Mine"}),
            bank.api.put(f"/pots/{pot_id}/deposit", data=moves | {"source_account_id": his}),
            bank.api.put(f"/pots/{pot_id}/deposit", data=moves | {"source_account_id": mine}),
            bank.api.put(f"/pots/{pot_id}/withdraw", data=moves | {"destination_account_id": his}),
        ):
            answer = await call
            assert (answer.status_code, answer.json()) == (403, bank.forbidden)
    for account_id in (his, "acc_123"):
        params = {"current_account_id": account_id}
        assert (await bank.api.get("/pots", params=params)).json() == bank.forbidden
        assert (await bank.api.get("/pots/listV1", params=params)).json() == bank.forbidden
        assert (await pots.deposit(source_account_id=account_id)).json() == bank.forbidden
        assert (await pots.withdraw(destination_account_id=account_id)).json() == bank.forbidden


async def test_a_pot_comes_bare_and_everywhere_alike(pots: Pots) -> None:
    retrieved = (await pots.bank.api.get(f"/pots/{pots.id}")).json()
    params = {"current_account_id": pots.holder.account_id}
    listed = (await pots.bank.api.get("/pots", params=params)).json()["pots"]
    assert listed == [retrieved]
    assert (retrieved["id"], retrieved["balance"], retrieved["locked"]) == (pots.id, 0, False)
    moved = await pots.deposit()
    assert (moved.status_code, moved.headers["content-type"]) == (200, "application/json")
    assert moved.json() == retrieved | {"balance": 300, "updated": moved.json()["updated"]}


async def test_moves_leave_the_total_alone_and_are_transactions_of_their_own(
    pots: Pots,
) -> None:
    assert await pots.balance() == (1000, 1000)
    assert (await pots.deposit(300)).json()["balance"] == 300
    assert await pots.balance() == (700, 1000)
    assert (await pots.withdraw(100)).json()["balance"] == 200
    assert await pots.balance() == (800, 1000)
    into, out = (await pots.history())[1:]
    for one, sign in ((into, -300), (out, 100)):
        assert (one["amount"], one["local_amount"]) == (sign, sign)
        assert (one["scheme"], one["description"]) == ("uk_retail_pot", pots.id)
        assert (one["category"], one["merchant"]) == ("savings", None)
        assert (one["include_in_spending"], one["is_load"]) == (False, False)
        assert one["settled"] == one["created"]
        assert one["metadata"]["pot_id"] == pots.id
        assert one["metadata"]["pot_account_id"] == pots.holder.account_id
        assert one["metadata"]["external_id"] == "d-1"
        assert one["metadata"]["trigger"] == "user"
    assert into["metadata"]["pot_deposit_id"].startswith("potdep_")
    assert out["metadata"]["pot_withdrawal_id"].startswith("potwdr_")
    params = {"account_id": pots.holder.account_id}
    assert (await pots.bank.api.get("/balance", params=params)).json()["spend_today"] == 0
    feed = (await pots.bank.api.get("/feed", params=params)).json()["items"]
    assert [one["external_id"] for one in feed][:2] == [out["id"], into["id"]]


@pytest.mark.parametrize("form", ["json", "data"])
async def test_form_and_json_are_the_same(pots: Pots, form: str) -> None:
    fields = {"source_account_id": pots.holder.account_id, "amount": 300, "dedupe_id": "x"}
    body: dict[str, Any] = {form: fields}
    answer = await pots.bank.api.put(f"/pots/{pots.id}/deposit", **body)
    assert answer.json()["balance"] == 300


async def test_a_replay_answers_the_pot_as_it_is_and_moves_nothing(pots: Pots) -> None:
    bank = pots.bank
    webhook = await listen(bank.db, bank.app.id, pots.holder)
    first = await pots.deposit(300)
    assert (await pots.deposit(300)).json() == first.json()
    await pots.withdraw(100)
    again = await pots.deposit(300)
    assert (again.status_code, again.json()["balance"]) == (200, 200)
    assert await pots.balance() == (800, 1000)
    assert len(await pots.history()) == 3
    assert len(await list_told(bank.db, webhook)) == 2


async def test_a_replay_by_another_app_of_the_same_user_is_a_replay(pots: Pots) -> None:
    bank = pots.bank
    await pots.deposit(300)
    other = (await add_client(bank.db, "Another app")).client
    fields = {"source_account_id": pots.holder.account_id, "amount": 300, "dedupe_id": "d-1"}
    async with http(bank.db, token=await add_token(bank.db, other, bank.ada)) as api:
        answer = await api.put(f"/pots/{pots.id}/deposit", data=fields)
    assert answer.json()["balance"] == 300


async def test_the_same_id_for_another_owner_pot_or_direction_is_another_move(
    pots: Pots,
) -> None:
    bank = pots.bank
    joint = await add_account(bank.db, bank.ada, bank.brian)
    shared = Holder(joint.id, "", (bank.ada.id,))
    await pots.engine.execute(Orders("more").top_up(shared, 100))
    ours = [await open_pot(bank.db, shared, name) for name in ("One", "Two")]
    fields = {"source_account_id": joint.id, "amount": 10, "dedupe_id": "same"}
    async with http(bank.db, token=await add_token(bank.db, bank.app, bank.brian)) as brians:
        for api in (bank.api, brians):
            for pot_id in ours:
                assert (await api.put(f"/pots/{pot_id}/deposit", data=fields)).status_code == 200
        back = {"destination_account_id": joint.id, "amount": 10, "dedupe_id": "same"}
        assert (await brians.put(f"/pots/{ours[0]}/withdraw", data=back)).json()["balance"] == 10
        assert (await brians.get(f"/pots/{ours[1]}")).json()["balance"] == 20
        page = await brians.get("/transactions", params={"account_id": joint.id})
    told = [one["user_id"] for one in page.json()["transactions"]]
    assert told == ["", bank.ada.id, bank.ada.id, bank.brian.id, bank.brian.id, bank.brian.id]


async def test_a_replay_with_another_amount_or_account_is_refused_by_name(pots: Pots) -> None:
    bank = pots.bank
    second = await add_account(bank.db, bank.ada)
    await pots.deposit(300)
    await pots.withdraw(100)
    assert code_of(await pots.deposit(301)) == REUSED
    assert code_of(await pots.withdraw(99)) == REUSED
    assert code_of(await pots.deposit(300, source_account_id=second.id)) == REUSED
    assert code_of(await pots.withdraw(100, destination_account_id=second.id)) == REUSED
    assert await pots.balance() == (800, 1000)


async def test_another_account_of_the_user_is_refused_by_name(pots: Pots) -> None:
    second = await add_account(pots.bank.db, pots.bank.ada)
    into = await pots.deposit(source_account_id=second.id)
    assert code_of(into) == "bad_request.bad_param.source_account_id"
    out = await pots.withdraw(destination_account_id=second.id)
    assert code_of(out) == "bad_request.bad_param.destination_account_id"


async def test_a_replay_after_a_refusal_tries_anew(pots: Pots) -> None:
    assert code_of(await pots.deposit(1500)) == "bad_request.insufficient_funds"
    assert code_of(await pots.withdraw(1)) == "bad_request.insufficient_funds"
    assert (await pots.deposit(1000)).status_code == 200
    assert (await pots.withdraw(400)).status_code == 200
    assert await pots.balance() == (400, 1000)


async def test_beyond_funds_is_refused_both_ways(pots: Pots) -> None:
    into = await pots.deposit(1001)
    assert into.json() == {
        "code": "bad_request.insufficient_funds",
        "message": "You can't deposit more than your current account balance",
        "params": {},
        "retryable": {},
    }
    await pots.deposit(1000, "all")
    assert code_of(await pots.withdraw(1001)) == "bad_request.insufficient_funds"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("amount", 0, "bad_request.bad_param.amount"),
        ("amount", -5, "bad_request.bad_param.amount"),
        ("amount", "12.5", "bad_request.bad_param.amount"),
        ("amount", "", "bad_request.missing_param.amount"),
        ("amount", 10**16, "bad_request.bad_param.amount"),
        ("dedupe_id", "", "bad_request.missing_param.dedupe_id"),
        ("dedupe_id", "x" * 201, "bad_request.bad_param.dedupe_id"),
        ("dedupe_id", "a\x00b", "bad_request.bad_param.dedupe_id"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_its_name(
    pots: Pots, field: str, value: object, code: str
) -> None:
    more: dict[str, Any] = {field: value}
    assert code_of(await pots.deposit(**more)) == code
    assert code_of(await pots.withdraw(**more)) == code
    assert await pots.balance() == (1000, 1000)


async def test_an_account_must_be_named(pots: Pots) -> None:
    into = await pots.deposit(source_account_id="")
    assert code_of(into) == "bad_request.missing_param.source_account_id"
    out = await pots.withdraw(destination_account_id="")
    assert code_of(out) == "bad_request.missing_param.destination_account_id"


async def test_the_longest_and_the_strangest_dedupe_ids_will_do(pots: Pots) -> None:
    for dedupe_id in ("x" * 200, "🍞" * 200, "a/deposit/b", " ", "1"):
        assert (await pots.deposit(1, dedupe_id)).status_code == 200
        assert (await pots.deposit(1, dedupe_id)).status_code == 200
    assert await pots.balance() == (995, 1000)


async def test_a_locked_pot_gives_nothing_and_takes(pots: Pots, clock: FakeClock) -> None:
    db = pots.bank.db
    await pots.deposit(300)
    await db.transact(lambda tx: lock_pot(tx, pots.id))
    assert code_of(await pots.withdraw(), 403) == "forbidden.added_security"
    shown = (await pots.deposit(100, "more")).json()
    assert (shown["balance"], shown["locked"], shown["lock_type"]) == (400, True, "added_security")
    await db.transact(lambda tx: lock_pot(tx, pots.id, clock.now() + 60_000_000))
    assert code_of(await pots.withdraw(), 403) == "forbidden.added_security"
    shown = (await pots.bank.api.get(f"/pots/{pots.id}")).json()
    assert (shown["lock_type"], shown["locked_until"]) == (
        "until_date",
        "2026-03-10T12:01:00.000Z",
    )
    clock.advance(60)
    assert (await pots.withdraw()).json()["locked"] is False
    await db.transact(lambda tx: unlock_pot(tx, pots.id))
    assert (await pots.withdraw(1, "last")).status_code == 200


async def test_a_deleted_pot_takes_and_gives_nothing_but_is_shown(pots: Pots) -> None:
    await pots.deposit(300)
    await pots.engine.execute(Orders().delete_pot(pots.holder, pots.id))
    assert await pots.balance() == (1000, 1000)
    assert code_of(await pots.deposit(1, "new")) == "bad_request.bad_param.pot_id"
    assert code_of(await pots.withdraw(1, "new")) == "bad_request.bad_param.pot_id"
    answer = await pots.bank.api.patch(f"/pots/{pots.id}", data={"name": "Back"})
    assert code_of(answer) == "bad_request.bad_param.pot_id"
    assert (await pots.bank.api.get(f"/pots/{pots.id}")).json()["deleted"] is True
    assert (await pots.deposit(300)).json()["deleted"] is True


async def test_a_frozen_account_moves_nothing(pots: Pots) -> None:
    account_id = pots.holder.account_id
    await pots.bank.db.transact(lambda tx: set_account_state(tx, account_id, "frozen"))
    assert code_of(await pots.deposit(), 409) == "conflict.account_not_open"
    assert code_of(await pots.withdraw(), 409) == "conflict.account_not_open"


async def test_name_and_style_can_be_changed_and_nothing_else(pots: Pots) -> None:
    changes = {"name": "Rain", "style": "cloud", "balance": "5", "goal_amount": "7"}
    answer = await pots.bank.api.patch(f"/pots/{pots.id}", data=changes)
    shown = answer.json()
    assert (shown["name"], shown["style"], shown["balance"]) == ("Rain", "cloud", 0)
    assert "goal_amount" not in shown
    assert (await pots.bank.api.patch(f"/pots/{pots.id}", data={"name": "Sun"})).json() == (
        shown | {"name": "Sun"}
    )
    assert (await pots.bank.api.patch(f"/pots/{pots.id}")).json() == shown | {"name": "Sun"}
    too_long = await pots.bank.api.patch(f"/pots/{pots.id}", data={"name": "x" * 101})
    assert code_of(too_long) == "bad_request.bad_param.name"


async def test_pots_are_not_made_or_removed_over_this_api(pots: Pots) -> None:
    for method, path in [("POST", "/pots"), ("DELETE", f"/pots/{pots.id}"),
                         ("POST", f"/pots/{pots.id}/deposit")]:  # fmt: skip
        answer = await pots.bank.api.request(method, path)
        assert code_of(answer, 405) == "bad_request.method_not_allowed"


async def test_twenty_clients_with_one_dedupe_id_move_money_once_and_tell_once(
    pots: Pots,
) -> None:
    bank = pots.bank
    webhook = await listen(bank.db, bank.app.id, pots.holder)
    answers = await asyncio.gather(*(pots.deposit(300) for _ in range(20)))
    assert Counter((one.status_code, one.json()["balance"]) for one in answers) == {(200, 300): 20}
    assert await pots.balance() == (700, 1000)
    [told] = await list_told(bank.db, webhook)
    [_, made] = await pots.history()
    assert told.data == made
    assert (await audit(bank.db)).findings == []


async def test_requests_for_pots_run_a_fixed_number_of_statements(pots: Pots) -> None:
    counting = CountingDatabase(pots.bank.db)
    account_id = pots.holder.account_id
    into = {"source_account_id": account_id, "amount": 1}
    out = {"destination_account_id": account_id, "amount": 1}
    async with http(counting, token=pots.bank.token) as api:

        async def cost(method: str, path: str, **more: Any) -> int:
            counting.statements.clear()
            assert (await api.request(method, path, **more)).status_code == 200
            return len(counting.statements)

        async def costs(run: int) -> dict[str, int]:
            pot = f"/pots/{pots.id}"
            of_account = {"params": {"current_account_id": account_id}}
            dedupe = {"dedupe_id": f"run-{run}"}
            return {
                "list": await cost("GET", "/pots", **of_account),
                "list of old": await cost("GET", "/pots/listV1"),
                "one": await cost("GET", pot),
                "balance": await cost("GET", "/balance", params={"account_id": account_id}),
                "deposit": await cost("PUT", f"{pot}/deposit", data=into | dedupe),
                "replay": await cost("PUT", f"{pot}/deposit", data=into | dedupe),
                "withdraw": await cost("PUT", f"{pot}/withdraw", data=out | dedupe),
                "rename": await cost("PATCH", pot, data={"name": f"Run {run}"}),
            }

        first = await costs(1)
        for number in range(15):
            await open_pot(pots.bank.db, pots.holder, f"Pot {number}")
        assert await costs(2) == first
    assert (first["list"], first["list of old"], first["one"]) == (3, 3, 2)


async def test_an_id_without_a_shard_costs_no_statement_but_the_callers(pots: Pots) -> None:
    counting = CountingDatabase(pots.bank.db)
    async with http(counting, token=pots.bank.token) as api:
        for path in ("/pots/pot_1", "/pots?current_account_id=acc_1"):
            counting.statements.clear()
            assert (await api.get(path)).status_code == 403
            assert len(counting.statements) == 1

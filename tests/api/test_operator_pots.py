"""Pots through the operator API: opened, changed, locked, moved and deleted."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from minibank.audit import audit
from tests.api.conftest import Bank
from tests.support.counting import CountingDatabase
from tests.support.operators import add_key, operator_http, send

NOBODY = "acc_0000B3wV5n0FxAjLRtSlPc"
NO_POT = "pot_0000B3wV5n0FxAjLRtSlPc"


@pytest.fixture
async def desk(bank: Bank) -> AsyncIterator[httpx.AsyncClient]:
    """The operator API with a key that may do everything here; Ada has 500.00."""
    _, secret = await add_key(bank.db, "rails", "customers")
    async with operator_http(bank.db, secret) as api:
        await send(api, "top-ups", {"account_id": bank.account.id, "amount": 50_000})
        yield api


async def opened(desk: httpx.AsyncClient, bank: Bank, **more: Any) -> dict[str, Any]:
    answer = await send(desk, f"accounts/{bank.account.id}/pots", {"name": "Holiday"} | more)
    assert answer.status_code == 200, answer.text
    pot: dict[str, Any] = answer.json()
    return pot


async def change(
    desk: httpx.AsyncClient, method: str, path: str, key: str, **body: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": key}
    more: dict[str, Any] = {"json": body} if body or method != "DELETE" else {}
    return await desk.request(method, f"/operator/v1/pots/{path}", headers=headers, **more)


async def test_a_pot_lives_its_whole_life_over_http(desk: httpx.AsyncClient, bank: Bank) -> None:
    pot = await opened(desk, bank, style="beach_ball", goal_amount=200_000)
    path = pot["id"]
    assert (pot["name"], pot["balance"], pot["goal_amount"]) == ("Holiday", 0, 200_000)
    into = (await send(desk, f"pots/{path}/deposits", {"amount": 30_000})).json()
    assert (into["status"], into["balance"], len(into["entry_sets"])) == ("done", 20_000, 1)
    out = (await send(desk, f"pots/{path}/withdrawals", {"amount": 5_000})).json()
    assert out["balance"] == 25_000
    changed = await change(desk, "PATCH", path, "k1", name="Rain", goal_amount=None)
    assert (changed.json()["name"], "goal_amount" in changed.json()) == ("Rain", False)
    locked = await change(desk, "PUT", f"{path}/lock", "k2", until="2026-04-01T00:00:00Z")
    assert locked.json()["locked_until"] == "2026-04-01T00:00:00.000Z"
    for noun, body in (("withdrawals", {"amount": 1}), ("deletion", {})):
        refused = await send(desk, f"pots/{path}/{noun}", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden.added_security")
    assert (await change(desk, "DELETE", f"{path}/lock", "k3")).json()["locked"] is False
    gone = (await send(desk, f"pots/{path}/deletion", {})).json()
    assert (gone["status"], gone["balance"]) == ("done", 50_000)
    shown = (await bank.api.get(f"/pots/{path}")).json()
    assert (shown["deleted"], shown["balance"], shown["name"]) == (True, 0, "Rain")
    assert (await audit(bank.db)).findings == []


async def test_a_pot_is_opened_once_under_one_idempotency_key(
    desk: httpx.AsyncClient, bank: Bank
) -> None:
    noun = f"accounts/{bank.account.id}/pots"
    first = await send(desk, noun, {"name": "Holiday"}, "once")
    again = await send(desk, noun, {"name": "Holiday"}, "once")
    assert (first.status_code, again.json()) == (200, first.json())
    other = await send(desk, noun, {"name": "Rain"}, "once")
    assert (other.status_code, other.json()["code"]) == (409, "conflict.idempotency_key_reused")
    listed = (await desk.get(f"/operator/v1/{noun}")).json()
    assert (len(listed["pots"]), listed["next"]) == (1, None)


async def test_a_dry_run_opens_and_moves_nothing(desk: httpx.AsyncClient, bank: Bank) -> None:
    noun = f"accounts/{bank.account.id}/pots"
    would = await send(desk, noun, {"name": "Holiday"}, dry_run="true")
    assert would.json()["name"] == "Holiday"
    assert (await desk.get(f"/operator/v1/{noun}")).json()["pots"] == []
    pot = await opened(desk, bank)
    path = f"pots/{pot['id']}/deposits"
    dry = (await send(desk, path, {"amount": 100}, dry_run="true")).json()
    assert [one["amount"] for one in dry["would_book"][0]] == [-100, 100]
    assert (await bank.api.get(f"/pots/{pot['id']}")).json()["balance"] == 0


async def test_the_list_is_paged_and_costs_the_same_for_one_and_for_five(
    desk: httpx.AsyncClient, bank: Bank
) -> None:
    noun = f"/operator/v1/accounts/{bank.account.id}/pots"
    _, secret = await add_key(bank.db, "audit")
    counting = CountingDatabase(bank.db)
    costs, seen, after = set(), [], None
    ids = [(await opened(desk, bank, name=f"Pot {n}"))["id"] for n in range(5)]
    async with operator_http(counting, secret) as reader:
        await reader.get(noun)
        for limit in (1, 2, 2):
            counting.statements.clear()
            params = {"limit": limit} | ({"after": after} if after else {})
            page = (await reader.get(noun, params=params)).json()
            costs.add(len(counting.statements))
            seen += [one["id"] for one in page["pots"]]
            after = page["next"]
    assert seen == ids
    assert len(costs) == 1
    bad = await desk.get(noun, params={"after": "nonsense"})
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_request.bad_param.after")


async def test_what_is_not_there_is_not_found(desk: httpx.AsyncClient) -> None:
    for account_id in (NOBODY, "acc_1"):
        answers = [
            await send(desk, f"accounts/{account_id}/pots", {"name": "x"}),
            await desk.get(f"/operator/v1/accounts/{account_id}/pots"),
        ]
        assert {one.json()["code"] for one in answers} == {"not_found.account"}
    for number, pot_id in enumerate((NO_POT, "pot_1", "🍞")):
        answers = [
            await desk.get(f"/operator/v1/pots/{pot_id}"),
            await change(desk, "PATCH", pot_id, f"a{number}", name="x"),
            await change(desk, "PUT", f"{pot_id}/lock", f"b{number}"),
            await change(desk, "DELETE", f"{pot_id}/lock", f"c{number}"),
            await send(desk, f"pots/{pot_id}/deposits", {"amount": 1}),
            await send(desk, f"pots/{pot_id}/withdrawals", {"amount": 1}),
            await send(desk, f"pots/{pot_id}/deletion", {}),
        ]
        assert {one.status_code for one in answers} == {404}
        assert {one.json()["code"] for one in answers} == {"not_found.pot"}


async def test_each_endpoint_needs_its_scope(desk: httpx.AsyncClient, bank: Bank) -> None:
    pot = (await opened(desk, bank))["id"]
    allowed = {
        "rails": {"deposits", "deletion"},
        "customers": {"create", "list", "one", "change", "lock", "unlock", "deletion"},
        "audit": {"list", "one"},
        "sandbox": set(),
    }
    for scope, names in allowed.items():
        _, secret = await add_key(bank.db, scope)  # type: ignore[arg-type]
        async with operator_http(bank.db, secret) as api:
            answers = {
                "create": await send(api, f"accounts/{bank.account.id}/pots", {"name": scope}),
                "list": await api.get(f"/operator/v1/accounts/{bank.account.id}/pots"),
                "one": await api.get(f"/operator/v1/pots/{pot}"),
                "change": await change(api, "PATCH", pot, "p", name=scope),
                "lock": await change(api, "PUT", f"{pot}/lock", "l"),
                "unlock": await change(api, "DELETE", f"{pot}/lock", "u"),
                "deposits": await send(api, f"pots/{pot}/deposits", {"amount": 1}),
            }
            if scope != "rails":
                other = (await opened(desk, bank))["id"]
                answers["deletion"] = await send(api, f"pots/{other}/deletion", {})
            else:
                answers["deletion"] = await send(api, f"pots/{pot}/deletion", {})
                pot = (await opened(desk, bank))["id"]
        codes = {name: one.status_code for name, one in answers.items()}
        assert codes == {name: 200 if name in names else 403 for name in answers}, scope


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_request.missing_param.name"),
        ({"name": ""}, "bad_request.bad_param.name"),
        ({"name": 5}, "bad_request.bad_param.name"),
        ({"name": "x" * 101}, "bad_request.bad_param.name"),
        ({"name": "x", "goal_amount": 0}, "bad_request.bad_param.goal_amount"),
        ({"name": "x", "balance": 5}, "bad_request.bad_param.balance"),
    ],
)
async def test_a_body_that_is_not_right_is_refused_by_the_name_of_its_field(
    desk: httpx.AsyncClient, bank: Bank, body: dict[str, Any], code: str
) -> None:
    answer = await send(desk, f"accounts/{bank.account.id}/pots", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_lock_until_no_instant_or_a_past_one_is_refused(
    desk: httpx.AsyncClient, bank: Bank
) -> None:
    pot = (await opened(desk, bank))["id"]
    for until in ("soon", "2020-01-01T00:00:00Z"):
        answer = await change(desk, "PUT", f"{pot}/lock", until, until=until)
        assert answer.json()["code"] == "bad_request.bad_param.until"


async def test_an_account_has_no_more_pots_than_it_may(desk: httpx.AsyncClient, bank: Bank) -> None:
    for _ in range(20):
        await opened(desk, bank)
    refused = await send(desk, f"accounts/{bank.account.id}/pots", {"name": "One more"})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request.too_many_pots")

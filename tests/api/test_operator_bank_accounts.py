"""The bank's own account for suspense is no customer's account, whatever an operator asks of it."""

import pytest

from minibank.accounts.store import find_account
from minibank.audit import audit
from tests.support.operators import add_key, operator_http
from tests.support.rails import suspense_of

ASKED = [
    ("GET", "accounts/{}", None),
    ("POST", "accounts/{}/owners", {}),
    ("PUT", "accounts/{}/state", {"state": "frozen"}),
    ("PATCH", "accounts/{}/limits", {"overdraft_limit": 1}),
    ("POST", "accounts/{}/closure", {}),
    ("POST", "accounts/{}/pots", {"name": "Holiday"}),
]


@pytest.fixture
async def desk(bank):
    """An operator who looks after customers."""
    _, secret = await add_key(bank.db, "customers")
    async with operator_http(bank.db, secret) as api:
        yield api


async def suspense(bank):
    held = await suspense_of(bank.db)
    account = await bank.db.read(lambda tx: find_account(tx, held.account_id))
    assert account
    return account


async def test_lists_of_accounts_leave_out_the_banks_own(bank, desk):
    own = await suspense(bank)
    page = (await desk.get("/operator/v1/accounts")).json()
    listed = [one["id"] for one in page["accounts"]]
    assert own.id not in listed
    assert sorted(listed) == sorted([bank.account.id, bank.brians_account.id])


@pytest.mark.parametrize(("method", "path", "body"), ASKED, ids=[one[1] for one in ASKED])
async def test_the_banks_own_account_is_not_found_and_stays_as_it_is(
    bank, desk, method, path, body
):
    own = await suspense(bank)
    said = {"user_id": bank.ada.id} if path.endswith("owners") else body
    answer = await desk.request(
        method,
        f"/operator/v1/{path.format(own.id)}",
        json=said,
        headers={"Idempotency-Key": "suspense-1"},
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found.account")
    assert await suspense(bank) == own
    assert (await audit(bank.db)).findings == []

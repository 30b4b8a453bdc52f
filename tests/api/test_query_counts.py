"""Every endpoint runs a fixed number of statements, however much there is to show."""

import pytest

from minibank.accounts.opening import issue_card
from tests.support.callers import add_account, http
from tests.support.counting import CountingDatabase
from tests.support.histories import merchant, put, transaction


@pytest.fixture
async def counted(bank, clock):
    """Twice the bank's history with merchants, and a way to count the statements of a request."""
    merchants = [merchant(f"Shop {n}") for n in range(40)]
    rows = [
        transaction(bank.account.id, clock.now() - 10**9 + n, merchant_id=merchants[n % 40].id)
        for n in range(150)
    ]
    await put(bank.db, rows, merchants)
    counting = CountingDatabase(bank.db)

    async with http(counting, token=bank.token) as api:

        async def count(method, path, **more):
            counting.statements.clear()
            answer = await api.request(method, path, **more)
            assert answer.status_code in {200, 401, 403, 404}, answer.text
            return len(counting.statements), answer

        yield count, rows


async def test_a_page_of_one_costs_as_many_statements_as_a_page_of_a_hundred(bank, counted):
    count, _ = counted
    for expand, statements in [("", 3), ("&expand[]=merchant", 4)]:
        for limit in (1, 100):
            path = f"/transactions?account_id={bank.account.id}&limit={limit}{expand}"
            number, answer = await count("GET", path)
            assert len(answer.json()["transactions"]) == limit
            assert number == statements


async def test_a_bound_by_id_costs_one_more_and_two_bounds_the_same(bank, counted):
    count, rows = counted
    path = f"/transactions?account_id={bank.account.id}&since={rows[3].id}"
    assert (await count("GET", path))[0] == 4
    assert (await count("GET", f"{path}&before={rows[9].id}"))[0] == 4


async def test_single_objects_and_the_rest_have_their_fixed_costs(bank, counted):
    count, rows = counted
    assert (await count("GET", f"/transactions/{rows[0].id}"))[0] == 3
    assert (await count("GET", f"/transactions/{rows[0].id}?expand[]=merchant"))[0] == 4
    assert (await count("GET", f"/balance?account_id={bank.account.id}"))[0] == 3
    assert (await count("GET", "/ping/whoami"))[0] == 1
    assert (await count("GET", "/ping"))[0] == 0
    assert (await count("GET", "/healthz"))[0] == 0


async def test_an_annotation_costs_the_same_whatever_is_there_already(bank, counted):
    count, rows = counted
    path = f"/transactions/{rows[0].id}"
    first, _ = await count("PATCH", path, data={"metadata[a]": "1"})
    more = {f"metadata[k{n}]": "v" for n in range(90)}
    assert (await count("PATCH", path, data=more))[0] == first
    assert (await count("PATCH", path, data={}))[0] == 3


async def test_the_list_of_accounts_costs_the_same_for_one_and_for_five(bank, counted):
    count, _ = counted
    one, _ = await count("GET", "/accounts")
    for _ in range(4):
        await add_account(bank.db, bank.ada)
    five, answer = await count("GET", "/accounts")
    assert len(answer.json()["accounts"]) == 5
    assert one == five == 4


async def test_an_id_without_a_shard_is_refused_without_asking_the_database(counted):
    for identifier in ["acc_123", "x", "acc_" + "z" * 22, "🍞"]:
        count, _ = counted
        only_the_caller = 1
        params = {"account_id": identifier}
        assert (await count("GET", "/transactions", params=params))[0] == only_the_caller
        assert (await count("GET", "/balance", params=params))[0] == only_the_caller
        assert (await count("GET", f"/transactions/{identifier}"))[0] == only_the_caller
        assert (await count("PATCH", f"/transactions/{identifier}"))[0] == only_the_caller
        assert (await count("GET", "/feed", params=params))[0] == only_the_caller
        assert (await count("GET", "/webhooks", params=params))[0] == only_the_caller
        assert (await count("GET", f"/feed/{identifier}"))[0] == only_the_caller
        assert (await count("GET", f"/webhooks/{identifier}"))[0] == only_the_caller


async def test_a_page_of_a_feed_costs_the_same_whatever_is_on_it(bank, counted, clock):
    count, rows = counted
    path = f"/feed?account_id={bank.account.id}"
    for _ in range(5):
        item = {"account_id": bank.account.id, "type": "basic",
                "params": {"title": "Rain", "image_url": "x"}}  # fmt: skip
        await bank.api.post("/feed", json=item)
    for limit in (1, 6, 100):
        number, answer = await count("GET", f"{path}&limit={limit}")
        assert len(answer.json()["items"]) == limit
        assert number == (3 if limit == 1 else 4)
        number, _ = await count("GET", f"{path}&limit={limit}&before={rows[9].id}")
        assert number == 5
    [newest] = (await count("GET", f"{path}&limit=1"))[1].json()["items"]
    assert (await count("GET", f"/feed/{newest['id']}"))[0] == 3
    of_transaction = rows[0].id.replace("tx_", "feeditem_")
    assert (await count("GET", f"/feed/{of_transaction}"))[0] == 4


async def test_attachments_cost_one_statement_more_where_there_are_any_and_none_elsewhere(
    bank, counted
):
    count, rows = counted
    path = f"/transactions?account_id={bank.account.id}&limit=100"
    assert (await count("GET", path))[0] == 3
    url = {"file_url": "https://app.example/1.png", "file_type": "image/png"}
    costs = [
        (await count("POST", "/attachment/register", data={**url, "external_id": row.id}))[0]
        for row in rows[:50]
    ]
    assert set(costs) == {7}
    number, answer = await count("GET", path)
    assert sum(len(one["attachments"]) for one in answer.json()["transactions"]) == 50
    assert number == 4
    assert (await count("GET", f"/transactions/{rows[0].id}"))[0] == 4
    assert (await count("GET", f"/transactions/{rows[60].id}"))[0] == 3
    [one] = (await count("GET", f"/transactions/{rows[0].id}"))[1].json()["transaction"][
        "attachments"
    ]
    assert (await count("POST", "/attachment/deregister", data={"id": one["id"]}))[0] == 5


async def test_a_file_costs_the_same_to_send_and_to_read_whatever_is_there(bank, counted):
    count, _ = counted
    file = {"file_name": "a.png", "file_type": "image/png"}
    for _ in range(3):
        number, answer = await count("POST", "/attachment/upload", data=file)
        assert number == 7
        place = answer.json()
        assert (await count("PUT", place["upload_url"], content=b"a file"))[0] == 10
        assert (await count("GET", place["file_url"]))[0] == 1


async def test_webhooks_cost_the_same_however_many_there_are(bank, counted):
    count, _ = counted
    path = f"/webhooks?account_id={bank.account.id}"
    url = {"account_id": bank.account.id, "url": "https://app.example"}
    first, _ = await count("POST", "/webhooks", data=url)
    one, _ = await count("GET", path)
    for _ in range(4):
        assert (await count("POST", "/webhooks", data=url))[0] == first == 7
    five, answer = await count("GET", path)
    assert len(answer.json()["webhooks"]) == 5
    assert one == five == 3


async def test_receipts_cost_the_same_however_many_and_however_long(bank, counted):
    count, rows = counted
    path, named = "/transaction-receipts", {"external_id": "Order-1"}
    line = {"description": "Tea", "amount": 1, "currency": "GBP"}
    for lines in (0, 100):
        body = {**named, "transaction_id": rows[0].id, "total": 1, "currency": "GBP",
                "items": [line] * lines}  # fmt: skip
        assert (await count("PUT", path, json=body))[0] == 6
        number, answer = await count("GET", path, params=named)
        assert len(answer.json()["receipt"]["items"]) == lines
        assert number == 2
        for other in range(15):
            await bank.api.put(path, json=body | {"external_id": f"Other-{lines}-{other}"})
    assert (await count("DELETE", path, params=named))[0] == 2
    assert (await count("GET", path, params=named))[0] == 2


async def test_cards_cost_the_same_however_many_there_are(bank, counted):
    count, _ = counted
    path = f"/card/list?account_id={bank.account.id}"
    card = await bank.db.transact(lambda tx: issue_card(tx, bank.account.id, bank.ada.id))
    for cards in (2, 3):
        await bank.db.transact(lambda tx: issue_card(tx, bank.account.id, bank.ada.id))
        number, answer = await count("GET", path)
        assert len(answer.json()["cards"]) == cards
        assert number == 4
    toggle = {"card_id": card.id, "status": "INACTIVE"}
    assert (await count("PUT", "/card/toggle", data=toggle))[0] == 7
    assert (await count("PUT", "/card/toggle", data=toggle))[0] == 6


async def test_garbage_instead_of_a_token_costs_no_statement(counted):
    count, _ = counted
    headers = {"Authorization": "Bearer garbage"}
    assert (await count("GET", "/accounts", headers=headers))[0] == 0

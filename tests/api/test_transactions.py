"""GET /transactions and GET /transactions/{id}: what is shown, and to whom."""

from minibank.core.ids import compose, shard_of
from minibank.oauth.records import ClientOptions
from tests.support.callers import PUBLIC_URL, add_client, add_token, http
from tests.support.histories import merchant, put, transaction


async def _list(bank, **query):
    params = {"account_id": bank.account.id, **query}
    answer = await bank.api.get("/transactions", params=params)
    assert answer.status_code == 200
    return answer.json()["transactions"]


async def test_every_column_arrives_in_its_own_field(bank, clock):
    at = clock.now() - 10**9
    row = transaction(
        bank.account.id,
        at,
        updated_at=at + 1_000,
        settled_at=at + 2_000,
        amount=-1,
        currency="AAA",
        local_amount=-2,
        local_currency="BBB",
        account_balance=3,
        description="description",
        merchant_id="merch_1",
        category="category",
        notes="note 🍞",
        metadata='{"mcc":"1234"}',
        counterparty='{"name":"Brian"}',
        scheme="scheme",
        dedupe_id="dedupe",
        user_id="user_1",
        is_load=True,
        originator=True,
        include_in_spending=False,
        amount_is_pending=True,
        decline_reason="INVALID_CVC",
    )
    await put(bank.db, [row])
    [shown] = await _list(bank)
    assert (
        shown.items()
        >= {
            "id": row.id,
            "account_id": bank.account.id,
            "created": "2026-03-10T11:43:20.000Z",
            "updated": "2026-03-10T11:43:20.001Z",
            "settled": "2026-03-10T11:43:20.002Z",
            "amount": -1,
            "currency": "AAA",
            "local_amount": -2,
            "local_currency": "BBB",
            "account_balance": 3,
            "description": "description",
            "merchant": "merch_1",
            "category": "category",
            "categories": {"category": -1},
            "notes": "note 🍞",
            "metadata": {"mcc": "1234", "notes": "note 🍞"},
            "counterparty": {"name": "Brian"},
            "scheme": "scheme",
            "dedupe_id": "dedupe",
            "user_id": "user_1",
            "is_load": True,
            "originator": True,
            "include_in_spending": False,
            "amount_is_pending": True,
            "decline_reason": "INVALID_CVC",
        }.items()
    )
    one = await bank.api.get(f"/transactions/{row.id}")
    assert one.json() == {"transaction": shown}


async def test_merchants_are_expanded_in_every_spelling(bank, clock):
    deli = merchant()
    rows = [
        transaction(bank.account.id, clock.now() - 2, merchant_id=deli.id),
        transaction(bank.account.id, clock.now() - 1),
    ]
    await put(bank.db, rows, [deli])
    for query in [
        "expand[]=merchant",
        "expand%5B%5D=merchant",
        "expand=merchant",
        "expand[0]=merchant",
        "expand[]=account&expand[]=merchant",
        "expand=account,merchant",
        "expand[]==merchant",
    ]:
        answer = await bank.api.get(f"/transactions?account_id={bank.account.id}&{query}")
        expanded, without = [row["merchant"] for row in answer.json()["transactions"]]
        assert (expanded["id"], expanded["name"]) == (deli.id, "The Example Deli")
        assert expanded["logo"] == f"{PUBLIC_URL}/logos/hartwold.png"
        assert expanded["address"]["latitude"] == 51.5415
        assert without is None
        one = await bank.api.get(f"/transactions/{rows[0].id}?{query}")
        assert one.json()["transaction"]["merchant"] == expanded


async def test_merchants_stay_ids_when_nobody_asks_for_more(bank, clock):
    deli = merchant()
    row = transaction(bank.account.id, clock.now(), merchant_id=deli.id)
    await put(bank.db, [row], [deli])
    for query in ["", "expand[]=account", "expand=", "expand[]=Merchant"]:
        answer = await bank.api.get(f"/transactions?account_id={bank.account.id}&{query}")
        assert answer.json()["transactions"][0]["merchant"] == deli.id


async def test_pending_transactions_follow_the_client_s_option(bank, clock):
    row = transaction(bank.account.id, clock.now(), settled_at=None)
    await put(bank.db, [row])
    assert (await _list(bank))[0]["settled"] == ""
    haskell = (
        await add_client(bank.db, "Of 2016", options=ClientOptions(settled_pending="omit"))
    ).client
    async with http(bank.db, token=await add_token(bank.db, haskell, bank.ada)) as api:
        answer = await api.get(f"/transactions/{row.id}")
        assert "settled" not in answer.json()["transaction"]


async def test_foreign_and_unknown_transactions_are_one_to_the_caller(bank, clock):
    foreign = transaction(bank.brians_account.id, clock.now())
    await put(bank.db, [foreign])
    shard = shard_of(bank.account.id)
    assert shard is not None
    unknown = [
        compose("tx", clock.now(), shard, 1, 1),
        "tx_123",
        "x",
        "..",
        "%00_" + foreign.id.removeprefix("tx_"),
        "%ff_" + foreign.id.removeprefix("tx_"),
        "a%2Fb",
        bank.account.id,
    ]
    for transaction_id in (foreign.id, *unknown):
        for method in ("GET", "PATCH"):
            path = f"{PUBLIC_URL}/transactions/{transaction_id}".replace("/..", "/%2e%2e")
            answer = await bank.api.request(method, path)
            assert answer.status_code == 403, transaction_id
            assert answer.json() == bank.forbidden


async def test_an_owner_who_left_sees_nothing_any_more(bank, clock):
    row = transaction(bank.account.id, clock.now())
    await put(bank.db, [row])
    await bank.db.transact(
        lambda tx: tx.execute(
            "DELETE FROM owners WHERE shard = $1 AND account_id = $2", row.shard, row.account_id
        )
    )
    assert (await bank.api.get("/accounts")).json() == {"accounts": []}
    assert (await bank.api.get(f"/transactions/{row.id}")).status_code == 403
    for path in ("/balance", "/transactions"):
        answer = await bank.api.get(path, params={"account_id": row.account_id})
        assert answer.status_code == 403

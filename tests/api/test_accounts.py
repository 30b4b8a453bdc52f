"""GET /accounts and GET /balance."""

from minibank.accounts.opening import issue_card, set_account_state
from minibank.core.instants import parse_instant
from minibank.payments.commands import AuthoriseCard, TopUp
from minibank.payments.engine import Engine
from tests.support.callers import add_account, add_client, add_token, add_user, http
from tests.support.histories import put, transaction


async def test_accounts_are_listed_main_account_first(bank, clock):
    clock.advance(1)
    joint = await add_account(bank.db, bank.brian, bank.ada)
    clock.advance(1)
    second = await add_account(bank.db, bank.ada)
    answer = await bank.api.get("/accounts")
    assert answer.status_code == 200
    accounts = answer.json()["accounts"]
    assert [account["id"] for account in accounts] == [bank.account.id, joint.id, second.id]
    assert accounts[0]["description"] == bank.ada.id
    assert accounts[1]["owner_type"] == "joint"
    assert [owner["user_id"] for owner in accounts[1]["owners"]] == [bank.brian.id, bank.ada.id]


async def test_a_joint_account_is_the_same_account_to_both_owners(bank):
    joint = await add_account(bank.db, bank.ada, bank.brian)
    brians = await add_token(bank.db, bank.app, bank.brian)
    async with http(bank.db, token=brians) as api:
        seen = (await api.get("/accounts")).json()["accounts"]
        assert [account["id"] for account in seen] == [bank.brians_account.id, joint.id]
        mine = (await bank.api.get("/accounts")).json()["accounts"]
        assert seen[1] == mine[1]
        balance = await api.get("/balance", params={"account_id": joint.id})
        assert balance.status_code == 200


async def test_the_list_may_be_narrowed_to_one_type(bank):
    for account_type, count in [("uk_retail", 1), ("uk_retail_joint", 0), ("uk_x", 0), ("", 1)]:
        answer = await bank.api.get("/accounts", params={"account_type": account_type})
        assert len(answer.json()["accounts"]) == count


async def test_a_closed_account_stays_listed(bank):
    await bank.db.transact(lambda tx: set_account_state(tx, bank.account.id, "closed"))
    [account] = (await bank.api.get("/accounts")).json()["accounts"]
    assert account["closed"] is True


async def test_a_user_without_accounts_sees_an_empty_list(bank, db):
    carol = await add_user(db, "carol@example.com", "Carol Example")
    token = await add_token(db, bank.app, carol)
    async with http(db, token=token) as api:
        assert (await api.get("/accounts")).json() == {"accounts": []}


async def test_the_balance_is_what_is_booked_less_what_is_held(bank, db, clock):
    engine = Engine(db)
    card = await db.transact(lambda tx: issue_card(tx, bank.account.id, bank.ada.id))
    account_id = bank.account.id
    await engine.execute(TopUp(issuer="test", account_id=account_id, id="1", amount=10_000))
    await engine.execute(
        AuthoriseCard(
            issuer="test",
            account_id=account_id,
            id="2",
            card_id=card.id,
            amount=1_250,
            description="THE EXAMPLE DELI",
        )
    )
    await engine.drain()
    answer = await bank.api.get("/balance", params={"account_id": account_id})
    assert answer.json() == {
        "balance": 8_750,
        "total_balance": 8_750,
        "balance_including_flexible_savings": 8_750,
        "currency": "GBP",
        "spend_today": -1_250,
        "local_currency": "",
        "local_exchange_rate": 0,
        "local_spend": [],
    }


async def test_spend_today_counts_the_debits_since_four_that_are_spending(bank, clock):
    account_id = bank.account.id
    today, four = clock.now() - 1, parse_instant("2026-03-10T04:00:00Z")
    await put(
        bank.db,
        [
            transaction(account_id, four - 1, amount=-1),
            transaction(account_id, four, amount=-20),
            transaction(account_id, today, amount=-300),
            transaction(account_id, today, amount=4000),
            transaction(account_id, today, amount=-50_000, include_in_spending=False),
            transaction(account_id, today, amount=-600_000, decline_reason="OTHER"),
            transaction(bank.brians_account.id, today, amount=-7_000_000),
        ],
    )
    answer = await bank.api.get("/balance", params={"account_id": account_id})
    assert answer.json()["spend_today"] == -320
    clock.advance(16 * 3600)
    token = await add_token(bank.db, bank.app, bank.ada)
    async with http(bank.db, token=token) as api:
        answer = await api.get("/balance", params={"account_id": account_id})
    assert answer.json()["spend_today"] == 0


async def test_the_account_must_be_named(bank):
    for query in [{}, {"account_id": ""}]:
        answer = await bank.api.get("/balance", params=query)
        assert answer.status_code == 400
        assert answer.json() == {
            "code": "bad_request.missing_param.account_id",
            "message": "The field 'account_id' is required",
            "params": {},
            "retryable": {},
        }


async def test_foreign_and_unknown_accounts_are_one_to_the_caller(bank):
    for path in ["/balance", "/transactions"]:
        well_formed = "acc_" + bank.account.id.removeprefix("acc_")[:-1] + "~"
        foreign = bank.brians_account.id
        unknown = f"{bank.account.id[:-1]}{'1' if bank.account.id[-1] != '1' else '2'}"
        for account_id in (foreign, unknown, well_formed, "acc_123", "x", "🍞", bank.ada.id):
            answer = await bank.api.get(path, params={"account_id": account_id})
            assert answer.status_code == 403, account_id
            assert answer.json() == bank.forbidden


async def test_a_client_s_own_token_sees_only_its_user_s_accounts(bank, db):
    other = (await add_client(db, "Another app")).client
    brians = await add_token(db, other, bank.brian)
    async with http(db, token=brians) as api:
        answer = await api.get("/balance", params={"account_id": bank.account.id})
        assert answer.status_code == 403
        assert answer.json()["params"] == {"client_id": other.id, "user_id": bank.brian.id}

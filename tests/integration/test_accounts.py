"""Accounts and cards: opened, listed, changed under the lock of the balance."""

import asyncio
from typing import Any

import pytest

from minibank.accounts import store
from minibank.accounts.numbers import BankCodes, is_account_number, is_iban
from minibank.accounts.opening import (
    NewAccount,
    card_expiry,
    issue_card,
    open_account,
    set_account_state,
    set_card_state,
    set_overdraft_limit,
)
from minibank.accounts.records import Account, Card
from minibank.core.errors import BadParam
from minibank.core.ids import SeededIds, shard_of
from minibank.core.money import AMOUNT_MAX
from minibank.db import Database
from minibank.identity.store import User
from tests.support.counting import CountingDatabase
from tests.support.people import UnclearCommits, new_person, refused


async def person(db: Database, name: str = "Ada Example") -> User:
    email = f"{name.replace(' ', '.').lower()}@example.com"
    return await new_person(db, email, name=name, password_hash=None)


async def open_for(db: Database, *owners: User, **fields: Any) -> Account:
    kind = "uk_retail" if len(owners) == 1 else "uk_retail_joint"
    fields = {"type": kind, "owners": [owner.id for owner in owners]} | fields
    return await db.transact(lambda tx: open_account(tx, NewAccount(**fields)))


async def list_of(db: Database, user: User) -> list[Account]:
    return await db.read(lambda tx: store.list_accounts(tx, user.id))


def shard_of_account(account: Account) -> int:
    shard = shard_of(account.id)
    assert shard is not None
    return shard


async def card_for(db: Database, account: Account, user: User) -> Card:
    return await db.transact(lambda tx: issue_card(tx, account.id, user.id))


async def put_funds(db: Database, account: Account, booked: int, held: int) -> None:
    """Give an account a balance, as the money engine would cache it."""
    shard = shard_of(account.id)
    await db.transact(
        lambda tx: tx.execute(
            "UPDATE balances SET booked = $3, held = $4 WHERE shard = $1 AND account_id = $2",
            shard,
            account.id,
            booked,
            held,
        )
    )


async def balance_row(db: Database, account: Account) -> dict[str, Any]:
    row = await db.read(
        lambda tx: tx.fetch_one(
            "SELECT booked, held, overdraft_limit, last_created_at, chain_length, chain_head"
            " FROM balances WHERE shard = $1 AND account_id = $2",
            shard_of(account.id),
            account.id,
        )
    )
    assert row is not None
    names = ("booked", "held", "overdraft_limit", "last_created_at", "chain_length", "chain_head")
    return {name: row[name] for name in names}


async def test_an_account_is_opened_empty_in_the_shard_of_its_first_owner(db):
    ada = await person(db)
    account = await open_for(db, ada)
    assert shard_of(account.id) == shard_of(ada.id)
    assert (account.type, account.state, account.currency) == ("uk_retail", "open", "GBP")
    assert (account.created_at, account.closed_at) == (db.clock.now(), None)
    [owner] = account.owners
    assert (owner.user_id, owner.name, owner.preferred_first_name) == (ada.id, "Ada Example", "Ada")
    assert await db.read(lambda tx: store.find_account(tx, account.id)) == account
    assert await balance_row(db, account) == {
        "booked": 0,
        "held": 0,
        "overdraft_limit": 0,
        "last_created_at": 0,
        "chain_length": 0,
        "chain_head": bytes(32),
    }


async def test_an_account_has_a_number_and_an_iban_that_check(db):
    account = await open_for(db, await person(db))
    assert is_account_number(account.account_number)
    assert is_iban(account.iban)
    assert account.iban.endswith(account.sort_code + account.account_number)


async def test_an_account_has_the_codes_of_its_bank(db):
    ada = await person(db)
    new = NewAccount(type="uk_retail", owners=[ada.id])
    codes = BankCodes("112233", "TESTGB2L")
    account = await db.transact(lambda tx: open_account(tx, new, codes))
    assert account.sort_code == "112233"
    assert account.iban[4:] == f"TEST112233{account.account_number}"


async def test_accounts_opened_at_once_have_different_numbers(db):
    ada = await person(db)
    accounts = await asyncio.gather(*(open_for(db, ada) for _ in range(8)))
    assert len({account.account_number for account in accounts}) == 8
    assert len(await list_of(db, ada)) == 8


async def test_a_number_that_is_taken_is_not_given_again(db):
    """The second bank draws the same numbers as the first: it has to draw on."""
    ada, eve = await person(db), await person(db, "Eve Example")
    accounts = []
    for owner in (ada, eve):
        new = NewAccount(type="uk_retail", owners=[owner.id])
        ids = SeededIds("the same numbers")
        accounts.append(
            await db.transact(lambda tx, new=new, ids=ids: open_account(tx, new, ids=ids))
        )
    assert accounts[0].account_number != accounts[1].account_number
    assert all(is_account_number(account.account_number) for account in accounts)


async def test_an_account_is_not_opened_when_all_numbers_are_taken(db):
    class OneNumber(SeededIds):
        def secret(self, size: int = 24) -> bytes:  # type: ignore[explicit-override] # none yet
            return bytes(size)

    ada, ids = await person(db), OneNumber("one number")
    new = NewAccount(type="uk_retail", owners=[ada.id])
    account = await db.transact(lambda tx: open_account(tx, new, ids=ids))
    with refused("internal_service"):
        await db.transact(lambda tx: open_account(tx, new, ids=ids))
    assert await list_of(db, ada) == [account]


async def test_a_joint_account_belongs_to_all_its_owners_in_their_order(db):
    ada, eve = await person(db), await person(db, "Eve Example")
    account = await open_for(db, eve, ada)
    assert [owner.user_id for owner in account.owners] == [eve.id, ada.id]
    assert shard_of(account.id) == shard_of(eve.id)
    assert await list_of(db, ada) == await list_of(db, eve) == [account]


@pytest.mark.parametrize("type_", ["uk_retail", "uk_retail_joint"])
async def test_an_account_needs_the_owners_of_its_type(db, type_):
    people = [await person(db, f"Person {n}") for n in range(11)]
    wrong = {"uk_retail": (0, 2, 11), "uk_retail_joint": (0, 1, 11)}[type_]
    for count in wrong:
        with refused("bad_request.bad_param.owners"):
            await open_for(db, *people[:count], type=type_)


async def test_an_account_refuses_owners_who_are_nobody_or_named_twice(db):
    ada = await person(db)
    nobody = db.ids.new("user", 5, db.clock.now())
    for owners in ([nobody], ["user_x"], [ada.id, nobody], [ada.id, ada.id]):
        kind = "uk_retail" if len(owners) == 1 else "uk_retail_joint"
        with refused("bad_request.bad_param.owners"):
            await open_for(db, type=kind, owners=owners)
    assert await list_of(db, ada) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "uk_prepaid"},
        {"currency": "gbp"},
        {"overdraft_limit": -1},
        {"overdraft_limit": AMOUNT_MAX + 1},
    ],
)
async def test_an_account_refuses_what_will_not_do(db, fields):
    ada = await person(db)
    with pytest.raises(BadParam):
        await open_for(db, ada, **fields)
    assert await list_of(db, ada) == []


async def test_an_account_opened_again_after_an_unclear_commit_is_the_same_account(db):
    ada = await person(db)
    account_id = db.ids.new("acc", shard_of(ada.id), db.clock.now())
    account = await open_for(UnclearCommits(db), ada, id=account_id)
    assert await list_of(db, ada) == [account]


async def test_accounts_are_listed_in_three_queries_however_many(db):
    ada, eve = await person(db), await person(db, "Eve Example")
    for count in (1, 4):
        for _ in range(count):
            await open_for(db, ada)
            await open_for(db, eve, ada)
        counting = CountingDatabase(db)
        listed = await counting.read(lambda tx: store.list_accounts(tx, ada.id))
        assert len(listed) > count
        assert len(counting.statements) == 3


async def test_the_main_current_account_is_listed_first_and_the_rest_by_age(db, clock):
    ada, eve = await person(db), await person(db, "Eve Example")
    opened = []
    for owners in ((eve, ada), (ada,), (ada, eve), (ada,)):
        opened.append(await open_for(db, *owners))
        clock.advance(1)
    joint, main, second_joint, second = opened
    assert await list_of(db, ada) == [main, joint, second_joint, second]
    assert await list_of(db, eve) == [joint, second_joint]


async def test_a_stale_membership_shows_nothing(db):
    ada, eve = await person(db), await person(db, "Eve Example")
    account = await open_for(db, ada)
    gone = db.ids.new("acc", 3, db.clock.now())
    for account_id in (account.id, gone, "acc_x"):
        await db.transact(
            lambda tx, id_=account_id: tx.insert_rows(
                "memberships",
                ("shard", "user_id", "account_id", "created_at"),
                [(shard_of(eve.id), eve.id, id_, tx.now)],
            )
        )
    assert await list_of(db, eve) == []
    assert not await db.read(
        lambda tx: store.is_owner(tx, shard_of_account(account), account.id, eve.id)
    )


async def test_owners_are_told_from_all_others(db):
    ada, eve, joe = [await person(db, name) for name in ("Ada E", "Eve E", "Joe E")]
    account = await open_for(db, ada, eve)
    shard = shard_of_account(account)
    for user, owns in ((ada, True), (eve, True), (joe, False)):
        found = await db.read(lambda tx, id_=user.id: store.is_owner(tx, shard, account.id, id_))
        assert found is owns
    elsewhere = await db.read(lambda tx: store.is_owner(tx, (shard + 1) % 4096, account.id, ada.id))
    assert elsewhere is False


async def test_somebody_unknown_has_no_accounts(db):
    for user_id in ("", "user_x", db.ids.new("user", 5, db.clock.now())):
        assert await db.read(lambda tx, id_=user_id: store.list_accounts(tx, id_)) == []
    assert await db.read(lambda tx: store.find_account(tx, "acc_x")) is None
    assert await db.read(lambda tx: store.find_card(tx, "card_x")) is None
    assert await db.read(lambda tx: store.list_cards(tx, "acc_x")) == []


async def test_a_card_is_issued_active_for_four_years(db):
    ada = await person(db)
    account = await open_for(db, ada)
    card = await card_for(db, account, ada)
    assert (card.account_id, card.user_id, card.state) == (account.id, ada.id, "active")
    assert len(card.last_four) == 4
    assert card.last_four.isdecimal()
    assert card.expires_at == card_expiry(db.clock.now())
    assert shard_of(card.id) == shard_of(account.id)
    assert await db.read(lambda tx: store.find_card(tx, card.id)) == card
    assert await db.read(lambda tx: store.list_cards(tx, account.id)) == [card]


async def test_each_owner_of_a_joint_account_may_have_cards(db):
    ada, eve = await person(db), await person(db, "Eve Example")
    account = await open_for(db, ada, eve)
    cards = [await card_for(db, account, user) for user in (ada, eve, ada)]
    assert {card.id for card in await db.read(lambda tx: store.list_cards(tx, account.id))} == {
        card.id for card in cards
    }


async def test_a_card_is_for_owners_of_an_account_that_is_not_closed(db):
    ada, eve = await person(db), await person(db, "Eve Example")
    account = await open_for(db, ada)
    with refused("bad_request.bad_param.user_id"):
        await card_for(db, account, eve)
    await db.transact(lambda tx: set_account_state(tx, account.id, "closed"))
    with refused("conflict.account_not_open"):
        await card_for(db, account, ada)
    for account_id in ("acc_x", db.ids.new("acc", 5, db.clock.now())):
        with refused("not_found.account"):
            await db.transact(lambda tx, id_=account_id: issue_card(tx, id_, ada.id))


async def test_a_card_issued_again_after_an_unclear_commit_is_the_same_card(db):
    ada = await person(db)
    account = await open_for(db, ada)
    card_id = db.ids.new("card", shard_of(account.id), db.clock.now())
    card = await UnclearCommits(db).transact(lambda tx: issue_card(tx, account.id, ada.id, card_id))
    assert await db.read(lambda tx: store.list_cards(tx, account.id)) == [card]


@pytest.mark.parametrize("state", ["inactive", "blocked", "active"])
async def test_a_card_takes_a_state(db, state):
    ada = await person(db)
    card = await card_for(db, await open_for(db, ada), ada)
    changed = await db.transact(lambda tx: set_card_state(tx, card.id, state))
    assert changed.state == state
    assert await db.read(lambda tx: store.find_card(tx, card.id)) == changed


async def test_a_card_refuses_a_state_that_there_is_not_and_a_card_must_exist(db):
    stolen: Any = "stolen"
    ada = await person(db)
    card = await card_for(db, await open_for(db, ada), ada)
    with refused("bad_request.bad_param.state"):
        await db.transact(lambda tx: set_card_state(tx, card.id, stolen))
    with refused("not_found.card"):
        await db.transact(lambda tx: set_card_state(tx, "card_x", "active"))


async def test_an_overdraft_limit_is_set_and_changed(db):
    ada = await person(db)
    account = await open_for(db, ada, overdraft_limit=1000)
    assert (await balance_row(db, account))["overdraft_limit"] == 1000
    await db.transact(lambda tx: set_overdraft_limit(tx, account.id, 500))
    assert (await balance_row(db, account))["overdraft_limit"] == 500
    for limit in (-1, AMOUNT_MAX + 1):
        with refused("bad_request.bad_param.overdraft_limit"):
            await db.transact(lambda tx, to=limit: set_overdraft_limit(tx, account.id, to))
    with refused("not_found.account"):
        await db.transact(lambda tx: set_overdraft_limit(tx, "acc_x", 0))


async def test_an_overdraft_limit_is_not_lowered_below_what_is_used_holds_counted(db):
    account = await open_for(db, await person(db), overdraft_limit=1000)
    await put_funds(db, account, booked=-300, held=200)
    with refused("conflict.overdraft_in_use"):
        await db.transact(lambda tx: set_overdraft_limit(tx, account.id, 499))
    await db.transact(lambda tx: set_overdraft_limit(tx, account.id, 500))


async def test_an_account_is_frozen_and_thawed(db):
    ada = await person(db)
    account = await open_for(db, ada)
    for state in ("frozen", "frozen", "open"):
        changed = await db.transact(lambda tx, to=state: set_account_state(tx, account.id, to))
        assert changed.state == state
        assert await list_of(db, ada) == [changed]


async def test_closing_is_for_good_and_a_closed_account_stays_listed(db, clock):
    ada = await person(db)
    account = await open_for(db, ada)
    clock.advance(5)
    closed = await db.transact(lambda tx: set_account_state(tx, account.id, "closed"))
    assert (closed.state, closed.closed_at) == ("closed", clock.now())
    clock.advance(5)
    assert await db.transact(lambda tx: set_account_state(tx, account.id, "closed")) == closed
    assert await list_of(db, ada) == [closed]
    for state in ("open", "frozen"):
        with refused("conflict.account_not_open"):
            await db.transact(lambda tx, to=state: set_account_state(tx, account.id, to))


@pytest.mark.parametrize(("booked", "held"), [(1, 0), (-1, 0), (100, 100)])
async def test_an_account_that_holds_money_or_owes_some_is_not_closed(db, booked, held):
    account = await open_for(db, await person(db))
    await put_funds(db, account, booked, held)
    with refused("conflict.account_not_empty"):
        await db.transact(lambda tx: set_account_state(tx, account.id, "closed"))


async def test_an_account_refuses_a_state_that_there_is_not_and_must_exist(db):
    gone: Any = "gone"
    account = await open_for(db, await person(db))
    with refused("bad_request.bad_param.state"):
        await db.transact(lambda tx: set_account_state(tx, account.id, gone))
    with refused("not_found.account"):
        await db.transact(lambda tx: set_account_state(tx, "acc_x", "open"))


async def test_every_change_locks_the_balance_before_it_reads_or_writes_the_account(db):
    ada = await person(db)
    account = await open_for(db, ada)
    card = await card_for(db, account, ada)
    for change in (
        lambda tx: issue_card(tx, account.id, ada.id),
        lambda tx: set_overdraft_limit(tx, account.id, 5),
        lambda tx: set_account_state(tx, account.id, "frozen"),
        lambda tx: set_card_state(tx, card.id, "blocked"),
    ):
        counting = CountingDatabase(db)
        await counting.transact(change)
        statements = [text for text in counting.statements if "FROM cards" not in text]
        assert "FROM balances" in statements[0]
        assert statements[0].endswith("FOR NO KEY UPDATE")


async def test_changes_of_one_account_at_once_happen_one_after_the_other(db):
    ada = await person(db)
    account = await open_for(db, ada)
    card = await card_for(db, account, ada)
    await asyncio.gather(
        *(db.transact(lambda tx, to=n: set_overdraft_limit(tx, account.id, to)) for n in range(5)),
        *(db.transact(lambda tx: set_card_state(tx, card.id, "inactive")) for _ in range(3)),
        *(db.transact(lambda tx: issue_card(tx, account.id, ada.id)) for _ in range(3)),
    )
    assert (await balance_row(db, account))["overdraft_limit"] in range(5)
    assert len(await db.read(lambda tx: store.list_cards(tx, account.id))) == 4

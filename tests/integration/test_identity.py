"""People: one per e-mail address, whoever comes first."""

import asyncio

import pytest

from minibank.core.clock import FakeClock
from minibank.core.errors import BadParam
from minibank.core.ids import SeededIds, shard_of
from minibank.db import Database, Tx, open_database
from minibank.identity import store
from minibank.identity.emails import email_key
from minibank.identity.store import User
from minibank.identity.users import (
    CLAIM_SECONDS,
    NewUser,
    confirm_password,
    create_user,
    find_user_by_email,
    set_password_hash,
)
from tests.support.counting import CountingDatabase
from tests.support.people import (
    UnclearCommits,
    code_of,
    new_app,
    new_person,
    password_hash,
    refused,
    sign_in,
)


async def find(db: Database, email: str) -> User | None:
    return await db.read(lambda tx: find_user_by_email(tx, email))


async def test_a_person_is_found_by_their_address_in_any_writing(db):
    ada = await new_person(db, "Zoë@Example.com", name="  Zoë Example ")
    assert (ada.email, ada.name, ada.preferred_first_name) == (
        "Zoë@Example.com",
        "Zoë Example",
        "Zoë",
    )
    assert ada.created_at == db.clock.now()
    for writing in ("Zoë@Example.com", "ZOË@EXAMPLE.COM", " zoe\u0308@example.com "):
        assert await find(db, writing) == ada
    assert await db.read(lambda tx: store.find_user(tx, ada.id)) == ada


@pytest.mark.parametrize("email", ["eve@example.com", "", "@", "ada@example.com.", "Ada"])
async def test_nobody_is_found_by_another_address(db, email):
    await new_person(db)
    assert await find(db, email) is None


async def test_an_address_in_another_writing_is_taken(db):
    await new_person(db, "Ada@example.com")
    with refused("bad_request.bad_param.email"):
        await new_person(db, "ada@EXAMPLE.com")


async def test_of_many_who_want_one_address_at_once_exactly_one_gets_it(db):
    answers = await asyncio.gather(
        *(
            new_person(db, f"{'ADA' if n % 2 else 'ada'}@example.com", name=f"Ada {n}")
            for n in range(8)
        ),
        return_exceptions=True,
    )
    assert sorted(map(code_of, answers)) == ["bad_request.bad_param.email"] * 7 + ["ok"]
    [winner] = [answer for answer in answers if isinstance(answer, User)]
    assert await find(db, "ada@example.com") == winner


async def test_of_two_processes_that_want_one_address_exactly_one_gets_it(
    db, database_url: str, clock: FakeClock
):
    other = await open_database(database_url, clock, SeededIds("another process"))
    answers = await asyncio.gather(
        *(new_person(one, "ada@example.com") for one in (db, other) * 3), return_exceptions=True
    )
    assert sorted(map(code_of, answers)) == ["bad_request.bad_param.email"] * 5 + ["ok"]
    assert await find(db, "ada@example.com") == await find(other, "ada@example.com")
    await other.close()


async def test_a_refused_person_leaves_no_claim_behind(db):
    with refused("bad_request.missing_param.name"):
        await new_person(db, name=" ")
    assert (await new_person(db)).email == "ada@example.com"


async def test_a_person_created_again_after_an_unclear_commit_is_the_same_person(db):
    new = NewUser(email="ada@example.com", name="Ada", id=db.ids.new("user", 7, db.clock.now()))
    created = await UnclearCommits(db).transact(lambda tx: create_user(tx, new))
    assert created.id == new.id
    assert await find(db, "ada@example.com") == created


async def orphan_claim(db: Database, email: str) -> None:
    """A claim whose user was never written, as when a node dies between the two."""
    nobody = db.ids.new("user", 9, db.clock.now())

    async def claim(tx: Tx) -> None:
        assert await store.insert_claim(tx, email_key(email), nobody)

    await db.transact(claim)


async def test_a_claim_that_nobody_confirms_lapses(db, clock: FakeClock):
    await orphan_claim(db, "ada@example.com")
    assert await find(db, "ada@example.com") is None
    with refused("bad_request.bad_param.email"):
        await new_person(db)
    clock.advance(CLAIM_SECONDS)
    ada = await new_person(db)
    assert await find(db, "ada@example.com") == ada
    clock.advance(CLAIM_SECONDS)
    with refused("bad_request.bad_param.email"):
        await new_person(db)


async def test_of_two_who_take_over_a_lapsed_claim_exactly_one_gets_it(db, clock: FakeClock):
    await orphan_claim(db, "ada@example.com")
    clock.advance(CLAIM_SECONDS)
    answers = await asyncio.gather(*(new_person(db) for _ in range(4)), return_exceptions=True)
    assert sorted(map(code_of, answers)) == ["bad_request.bad_param.email"] * 3 + ["ok"]


async def test_people_are_spread_over_shards_and_their_ids_say_where(db):
    people = [await new_person(db, f"{n}@example.com", password_hash=None) for n in range(20)]
    shards = {shard_of(person.id) for person in people}
    assert len(shards) > 15
    for person in people:
        assert await db.read(lambda tx, id_=person.id: store.find_user(tx, id_)) == person


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
async def test_whoever_signs_in_is_looked_up_in_two_keyed_reads_known_or_not(db, email):
    await new_person(db)
    counting = CountingDatabase(db)
    await counting.read(lambda tx: store.find_login(tx, email))
    assert len(counting.statements) == 2


@pytest.mark.parametrize("user_id", ["", "user_", "user_x", "user_" + "z" * 22])
async def test_an_id_that_names_no_shard_is_unknown_without_a_query(db, user_id):
    counting = CountingDatabase(db)
    assert await counting.read(lambda tx: store.find_user(tx, user_id)) is None
    assert counting.statements == []


async def test_a_person_without_a_password_cannot_sign_in(db):
    await new_person(db, password_hash=None)
    app = await new_app(db)
    for password in ("", "anything at all"):
        with pytest.raises(Exception, match="bad_request"):
            await sign_in(db, app, password=password)


async def test_a_password_of_nobody_is_refused(db):
    for user_id in (db.ids.new("user", 3, db.clock.now()), "user_x"):
        with refused("not_found.user"):
            await db.transact(lambda tx, id_=user_id: set_password_hash(tx, id_, password_hash()))


async def test_a_verified_hash_is_confirmed_only_while_it_is_the_users(db):
    ada = await new_person(db)
    verified = password_hash()
    assert await db.transact(lambda tx: confirm_password(tx, ada.id, verified, None))
    await db.transact(lambda tx: set_password_hash(tx, ada.id, "another hash"))
    assert not await db.transact(lambda tx: confirm_password(tx, ada.id, verified, None))
    assert not await db.transact(lambda tx: confirm_password(tx, ada.id, verified, "rehashed"))
    login = await db.read(lambda tx: store.find_login(tx, "ada@example.com"))
    assert login.password_hash == "another hash"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "Ada\nExample"},
        {"preferred_first_name": "x" * 101},
        {"email": "ada"},
    ],
)
async def test_a_person_with_a_malformed_field_is_refused(db, fields):
    with (
        pytest.raises(BadParam)
        if fields.get("name") != ""
        else refused("bad_request.missing_param.name")
    ):
        await new_person(db, **fields)


async def test_a_preferred_first_name_is_kept(db):
    ada = await new_person(db, preferred_first_name="Countess")
    assert ada.preferred_first_name == "Countess"

"""People change their name and address, get a new password, are signed out; so do clients."""

import asyncio
from typing import Any

import pytest

from minibank.accounts.store import list_accounts
from minibank.audit import audit
from minibank.core.errors import BadParam, MissingParam, NotFound
from minibank.customers.people import change_person, reset_password, sign_out
from minibank.db import Database
from minibank.identity.store import User, find_user
from minibank.identity.users import UserChanges, find_user_by_email
from minibank.oauth.clients import (
    ClientChanges,
    OptionChanges,
    change_client,
    disable_client,
    enable_client,
)
from minibank.oauth.records import Client
from minibank.oauth.store import find_client
from minibank.payments.engine import Engine
from minibank.privacy.erasure import begin_erasure
from tests.support.banking import Orders, list_history, open_holder
from tests.support.people import (
    PASSWORD,
    RULES,
    UnclearCommits,
    caller_of,
    code_of,
    new_app,
    new_person,
    password_hash,
    refused,
    sign_in,
)

orders = Orders()


async def change(db: Database, user_id: str, **said: Any) -> User:
    return await db.transact(lambda tx: change_person(tx, user_id, UserChanges(**said)))


async def alter(db: Database, client_id: str, **said: Any) -> Client:
    return await db.transact(lambda tx: change_client(tx, client_id, ClientChanges(**said)))


async def by_email(db: Database, email: str) -> User | None:
    return await db.read(lambda tx: find_user_by_email(tx, email))


async def test_another_address_signs_in_at_once_and_the_former_one_is_free(db: Database) -> None:
    ada, app = await new_person(db), await new_app(db)
    changed = await change(db, ada.id, email="Ada.King@example.com")
    assert changed.email == "Ada.King@example.com"
    assert await db.read(lambda tx: find_user(tx, ada.id)) == changed
    assert (await by_email(db, "ada.king@EXAMPLE.com")) == changed
    assert await by_email(db, "ada@example.com") is None
    await sign_in(db, app, "ada.king@example.com")
    with refused("bad_request.could_not_authenticate"):
        await sign_in(db, app, "ada@example.com")
    assert (await new_person(db, "ada@example.com")).id != ada.id


async def test_an_address_that_somebody_has_changes_nothing(db: Database) -> None:
    ada, brian = await new_person(db), await new_person(db, "brian@example.com")
    with pytest.raises(BadParam) as taken:
        await change(db, ada.id, email="BRIAN@example.com", name="Other")
    assert taken.value.code == "bad_request.bad_param.email"
    assert await db.read(lambda tx: find_user(tx, ada.id)) == ada
    assert await by_email(db, "brian@example.com") == brian


async def test_another_spelling_of_the_same_address_is_kept(db: Database) -> None:
    ada = await new_person(db)
    changed = await change(db, ada.id, email="ADA@example.com")
    assert (changed.email, await by_email(db, "ada@example.com")) == ("ADA@example.com", changed)


async def test_of_two_who_want_one_address_at_once_one_gets_it(db: Database) -> None:
    people = [await new_person(db, f"p{n}@example.com") for n in range(2)]
    answers = await asyncio.gather(
        *(change(db, one.id, email="wanted@example.com") for one in people),
        return_exceptions=True,
    )
    assert sorted(code_of(one) for one in answers) == ["bad_request.bad_param.email", "ok"]


async def test_an_unclear_commit_changes_an_address_once(db: Database) -> None:
    ada = await new_person(db)
    changed = await change(UnclearCommits(db), ada.id, email="king@example.com")
    assert await by_email(db, "king@example.com") == changed


async def test_another_name_is_seen_on_all_accounts_and_in_later_transfers_alone(
    db: Database,
) -> None:
    ada, brian, engine = await open_holder(db, 100, owners=2), await open_holder(db), Engine(db)
    await engine.execute(orders.between(ada, brian, 1))
    changed = await change(db, ada.user_ids[0], name="Ada King", preferred_first_name="Countess")
    assert (changed.name, changed.preferred_first_name) == ("Ada King", "Countess")
    [account] = await db.read(lambda tx: list_accounts(tx, ada.user_ids[1]))
    names = [(one.name, one.preferred_first_name) for one in account.owners]
    assert names[0] == ("Ada King", "Countess")
    assert names[1][0].startswith("Person ")
    await engine.execute(orders.between(ada, brian, 1))
    before, after = await list_history(db, brian)
    assert "Ada King" not in before.counterparty
    assert "Ada King" in after.counterparty
    assert (await audit(db)).findings == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"name": " "}, MissingParam),
        ({"name": "x" * 101}, BadParam),
        ({"name": "a\nb"}, BadParam),
        ({"email": "nowhere"}, BadParam),
        ({"preferred_first_name": ""}, MissingParam),
    ],
)
async def test_what_nobody_may_be_called_is_refused(
    db: Database, said: dict[str, str], error: type[Exception]
) -> None:
    ada = await new_person(db)
    with pytest.raises(error):
        await change(db, ada.id, **said)


async def test_nobody_and_the_erased_are_not_changed(db: Database) -> None:
    ada = await new_person(db)
    await db.transact(lambda tx: begin_erasure(tx, ada.id))
    for user_id in (ada.id, "user_x"):
        with pytest.raises(NotFound):
            await change(db, user_id, name="Ada King")
        with pytest.raises(NotFound):
            await db.transact(lambda tx, who=user_id: sign_out(tx, who, RULES))  # type: ignore[misc]
        with pytest.raises(NotFound):
            await db.transact(
                lambda tx, who=user_id: reset_password(tx, who, password_hash(), RULES)  # type: ignore[misc]
            )


async def test_a_new_password_and_a_sign_out_end_every_token(db: Database) -> None:
    ada, apps = await new_person(db), [await new_app(db), await new_app(db)]
    tokens = [(await sign_in(db, app))["access_token"] for app in apps]
    assert await db.transact(lambda tx: sign_out(tx, ada.id, RULES)) == 2
    again = (await sign_in(db, apps[0]))["access_token"]
    await db.transact(lambda tx: reset_password(tx, ada.id, password_hash(), RULES))
    for token in (*tokens, again):
        with refused("unauthorized.bad_access_token"):
            await caller_of(db, token)
    await sign_in(db, apps[0], password=PASSWORD)


async def test_a_client_that_is_enabled_again_goes_on_with_its_tokens(db: Database) -> None:
    await new_person(db)
    app = await new_app(db)
    token = (await sign_in(db, app))["access_token"]
    await db.transact(lambda tx: disable_client(tx, app.id))
    with refused("unauthorized.bad_access_token"):
        await caller_of(db, token)
    await db.transact(lambda tx: enable_client(tx, app.id))
    assert (await caller_of(db, token)).client_id == app.id
    with pytest.raises(NotFound):
        await db.transact(lambda tx: enable_client(tx, "oauth2client_x"))


async def test_of_a_client_only_what_is_said_changes(db: Database) -> None:
    app = await new_app(db, redirect_uris=["https://app.example/cb"])
    changed = await alter(db, app.id, name="Better", options=OptionChanges(default_page_limit=100))
    assert (changed.name, changed.redirect_uris) == ("Better", ("https://app.example/cb",))
    assert (changed.options.default_page_limit, changed.options.settled_pending) == (100, "")
    changed = await alter(db, app.id, redirect_uris=[], grants=["password"])
    assert (changed.redirect_uris, changed.grants) == ((), ("password",))
    assert changed.options.default_page_limit == 100
    assert await db.read(lambda tx: find_client(tx, app.id)) == changed


@pytest.mark.parametrize(
    "said",
    [
        {"name": ""},
        {"grants": []},
        {"grants": ["magic"]},
        {"redirect_uris": ["http://elsewhere.example"]},
    ],
)
async def test_what_may_not_be_registered_may_not_be_changed_to(
    db: Database, said: dict[str, Any]
) -> None:
    app = await new_app(db)
    with pytest.raises((BadParam, MissingParam)):
        await alter(db, app.id, **said)
    with pytest.raises(NotFound):
        await alter(db, "oauth2client_x", name="x")


async def test_a_public_client_cannot_be_given_what_needs_a_secret(db: Database) -> None:
    app = await new_app(db, confidential=False)
    for grants in (["refresh_token"], ["password"]):
        with pytest.raises(BadParam):
            await alter(db, app.id, grants=grants)
    options = OptionChanges(password_without_secret=True)
    assert (await alter(db, app.id, grants=["password"], options=options)).grants == ("password",)
    # Taking the option away again would leave the grant without it.
    with pytest.raises(BadParam):
        await alter(db, app.id, options=OptionChanges(password_without_secret=False))

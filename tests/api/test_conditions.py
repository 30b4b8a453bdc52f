"""`ETag`, `If-Match` and `If-None-Match` on one transaction."""

import asyncio
import dataclasses

import pytest

from minibank.accounts.opening import issue_card
from minibank.oauth.records import ClientOptions
from minibank.payments.commands import AuthoriseCard, PresentCard, TopUp
from minibank.payments.engine import Engine
from tests.support.callers import SETTINGS, add_client, add_token, http
from tests.support.histories import merchant, put, transaction

FAILED = {
    "code": "precondition_failed",
    "message": "The transaction has changed since it was read: read it again",
    "params": {},
    "retryable": {},
}


@pytest.fixture
async def row(bank, clock):
    """A payment at a deli, a minute ago."""
    deli = merchant()
    payment = transaction(bank.account.id, clock.now() - 60_000_000, merchant_id=deli.id)
    await put(bank.db, [payment], [deli])
    return payment


@pytest.fixture
async def other(bank):
    """Another app that acts for Ada."""
    client = (await add_client(bank.db, "Another app")).client
    async with http(bank.db, token=await add_token(bank.db, client, bank.ada)) as api:
        yield api


async def _tag(api, row, query="", **headers):
    answer = await api.get(f"/transactions/{row.id}{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"]


async def _change(api, row, if_match=None, query="", **values):
    return await api.patch(
        f"/transactions/{row.id}{query}",
        data={f"metadata[{key}]": value for key, value in values.items()},
        headers={} if if_match is None else {"If-Match": if_match},
    )


async def test_a_transaction_has_a_strong_tag_that_stays_while_nothing_changes(bank, row, clock):
    tag = await _tag(bank.api, row)
    assert tag.startswith('"')
    assert tag.endswith('"')
    clock.advance(3600)
    assert await _tag(bank.api, row) == tag
    assert (await bank.api.head(f"/transactions/{row.id}")).headers["etag"] == tag
    listed = await bank.api.get("/transactions", params={"account_id": row.account_id})
    assert "etag" not in listed.headers


async def test_the_tag_of_an_annotation_s_answer_is_that_of_the_next_read(bank, row):
    for query in ("", "?expand[]=merchant"):
        answer = await _change(bank.api, row, query=query, **{f"k{len(query)}": "1"})
        assert answer.headers["etag"] == await _tag(bank.api, row, query)


async def test_whatever_changes_the_bytes_changes_the_tag(bank, row):
    plain = await _tag(bank.api, row)
    expanded = await _tag(bank.api, row, "?expand[]=merchant")
    moved = dataclasses.replace(SETTINGS, public_url="https://moved.example")
    async with http(bank.db, moved, token=bank.token) as api:
        assert await _tag(api, row) == plain
        assert await _tag(api, row, "?expand[]=merchant") != expanded
    changed = await _change(bank.api, row, a="1")
    tags = {plain, expanded, changed.headers["etag"]}
    tags.add(await _tag(bank.api, row, "?expand[]=merchant"))
    tags.add((await _change(bank.api, row, a="")).headers["etag"])
    tags.add((await _change(bank.api, row, notes="n")).headers["etag"])
    tags.add((await _change(bank.api, row, notes="")).headers["etag"])
    assert len(tags) == 7


async def test_clients_that_are_shown_other_shapes_have_other_tags(bank, clock):
    pending = transaction(bank.account.id, clock.now(), settled_at=None)
    await put(bank.db, [pending])
    tags = {await _tag(bank.api, pending)}
    for settled_pending in ("omit", "bool", "null"):
        options = ClientOptions(settled_pending=settled_pending)
        client = (await add_client(bank.db, settled_pending, options=options)).client
        async with http(bank.db, token=await add_token(bank.db, client, bank.ada)) as api:
            tags.add(await _tag(api, pending))
    assert len(tags) == 4


async def test_a_private_annotation_leaves_the_tags_of_other_clients(bank, other, row):
    before = await _tag(other, row)
    await _change(bank.api, row, mine="1")
    assert await _tag(other, row) == before
    assert (await _change(other, row, if_match=before, theirs="1")).status_code == 200


async def test_a_shared_note_changes_the_tags_of_all_clients(bank, other, row):
    before = await _tag(other, row)
    await _change(bank.api, row, notes="Lunch")
    assert await _tag(other, row) != before
    refused = await _change(other, row, if_match=before, notes="Dinner")
    assert (refused.status_code, refused.json()) == (412, FAILED)
    seen = (await other.get(f"/transactions/{row.id}")).json()["transaction"]
    assert seen["notes"] == "Lunch"


async def test_one_client_s_tag_is_never_taken_for_another_s(bank, other, row):
    mine, theirs = await _tag(bank.api, row), await _tag(other, row)
    assert mine != theirs
    assert (await _change(other, row, if_match=mine, a="1")).status_code == 412


async def test_two_tabs_of_one_client_do_not_overwrite_each_other(bank, row):
    seen_by_both = await _tag(bank.api, row)
    first = await _change(bank.api, row, if_match=seen_by_both, trip="Lisbon")
    assert first.status_code == 200
    second = await _change(bank.api, row, if_match=seen_by_both, trip="Porto")
    assert (second.status_code, second.json()) == (412, FAILED)
    again = await _change(bank.api, row, if_match=first.headers["etag"], trip="Porto")
    assert again.json()["transaction"]["metadata"]["trip"] == "Porto"


async def test_of_many_that_saw_the_same_exactly_one_writes(bank, other, row):
    mine, theirs = await _tag(bank.api, row), await _tag(other, row)
    answers = await asyncio.gather(
        *(_change(bank.api, row, if_match=mine, notes=f"mine {n}") for n in range(6)),
        *(_change(other, row, if_match=theirs, notes=f"theirs {n}") for n in range(6)),
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 11
    [written] = [one for one in answers if one.status_code == 200]
    seen = (await bank.api.get(f"/transactions/{row.id}")).json()["transaction"]
    assert seen["notes"] == written.json()["transaction"]["notes"]


async def test_any_representation_of_the_present_version_may_be_named(bank, row):
    expanded = await _tag(bank.api, row, "?expand[]=merchant")
    answer = await _change(bank.api, row, if_match=f'"other", {expanded}', a="1")
    assert answer.status_code == 200
    assert (await _change(bank.api, row, if_match="*", a="2")).status_code == 200
    plain = await _tag(bank.api, row)
    assert (
        await _change(bank.api, row, if_match=plain, query="?expand[]=merchant", a="3")
    ).status_code == 200


async def test_a_weak_tag_never_matches_a_write(bank, row):
    tag = await _tag(bank.api, row)
    assert (await _change(bank.api, row, if_match=f"W/{tag}", a="1")).status_code == 412


async def test_the_condition_counts_even_where_nothing_would_change(bank, row):
    tag = await _tag(bank.api, row)
    assert (await _change(bank.api, row, if_match=tag)).status_code == 200
    assert (await _change(bank.api, row, if_match='"old"')).status_code == 412
    assert await _tag(bank.api, row) == tag


async def test_a_condition_that_cannot_be_read_changes_nothing(bank, row):
    before = await _tag(bank.api, row)
    for header in ("abc", before.strip('"'), f"{before} {before}", ""):
        answer = await _change(bank.api, row, if_match=header, a="1")
        assert answer.status_code == 400
        assert answer.json()["code"] == "bad_request.bad_header.if_match"
    assert await _tag(bank.api, row) == before


async def test_a_condition_tells_nobody_what_is_not_theirs(bank, clock):
    foreign = transaction(bank.brians_account.id, clock.now())
    await put(bank.db, [foreign])
    for header in ("*", '"1.0.x.y"'):
        answer = await _change(bank.api, foreign, if_match=header, a="1")
        assert (answer.status_code, answer.json()) == (403, bank.forbidden)


async def test_only_who_asks_is_told_that_nothing_changed(bank, row):
    path = f"/transactions/{row.id}"
    tag = await _tag(bank.api, row)
    for given in (tag, f"W/{tag}", "*", f'"x", {tag}'):
        for method in ("GET", "HEAD"):
            answer = await bank.api.request(method, path, headers={"If-None-Match": given})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
            assert not {"content-type", "content-length"} & set(answer.headers)
            assert answer.headers["x-request-id"]
    await _change(bank.api, row, a="1")
    assert await _tag(bank.api, row, **{"If-None-Match": tag}) != tag


async def test_a_repeat_of_the_same_annotation_keeps_the_tag(bank, row):
    first = await _change(bank.api, row, a="1", notes="n")
    assert (await _change(bank.api, row, a="1", notes="n")).headers["etag"] == first.headers["etag"]


async def test_what_the_bank_itself_changes_is_a_new_version(bank, db, clock):
    engine = Engine(db)
    card = await db.transact(lambda tx: issue_card(tx, bank.account.id, bank.ada.id))
    common = {"issuer": "test", "account_id": bank.account.id}
    await engine.execute(TopUp(**common, id="top", amount=1000))
    approved = await engine.execute(
        AuthoriseCard(**common, id="auth", card_id=card.id, amount=500, description="Shop")
    )
    path = f"/transactions/{approved.transaction_id}"
    seen = (await bank.api.get(path)).headers["etag"]
    await engine.execute(
        PresentCard(**common, id="p", amount=450, authorisation_id=approved.authorisation_id or "")
    )
    await engine.drain()
    answer = await bank.api.patch(
        path, data={"metadata[notes]": "5.00, right?"}, headers={"If-Match": seen}
    )
    assert answer.status_code == 412
    assert (await bank.api.get(path)).headers["etag"] != seen

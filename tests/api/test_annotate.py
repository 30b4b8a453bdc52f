"""PATCH /transactions/{id}."""

import json

import pytest

from tests.support.callers import add_account, add_client, add_token, http
from tests.support.histories import merchant, put, transaction

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@pytest.fixture
async def row(bank, clock):
    """A payment with one key of the bank's own, a minute ago."""
    payment = transaction(bank.account.id, clock.now() - 60_000_000)
    await put(bank.db, [payment])
    return payment


async def _patch(api, row, body="", content_type: str | None = FORM, query=""):
    headers = {"Content-Type": content_type} if content_type else {}
    return await api.patch(f"/transactions/{row.id}{query}", content=body, headers=headers)


async def _annotate(api, row, **values):
    answer = await api.patch(
        f"/transactions/{row.id}", data={f"metadata[{key}]": v for key, v in values.items()}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["transaction"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, "metadata[trip]=Lisbon&metadata[my key.]=a[b]"),
        (FORM, "metadata%5Btrip%5D=Lisbon&metadata%5Bmy%20key.%5D=a%5Bb%5D"),
        (FORM + "; charset=utf-8", "metadata[trip]=Lisbon&metadata[my+key.]=a[b]"),
        (JSON, '{"metadata": {"trip": "Lisbon", "my key.": "a[b]"}}'),
        (JSON, '{"metadata[trip]": "Lisbon", "metadata[my key.]": "a[b]"}'),
        (None, "metadata[trip]=Lisbon&metadata[my key.]=a[b]"),
        (None, '{"metadata": {"trip": "Lisbon", "my key.": "a[b]"}}'),
        (FORM, "trip=Lisbon&my key.=a[b]"),
        (JSON, '{"trip": "Lisbon", "my key.": "a[b]"}'),
        (
            "multipart/form-data; boundary=xx",
            '--xx\r\nContent-Disposition: form-data; name="metadata[trip]"\r\n\r\nLisbon\r\n'
            '--xx\r\nContent-Disposition: form-data; name="metadata[my key.]"\r\n\r\na[b]\r\n'
            "--xx--\r\n",
        ),
    ],
)
async def test_every_form_of_annotation_is_understood(bank, row, content_type, body):
    answer = await _patch(bank.api, row, body, content_type)
    assert answer.status_code == 200
    shown = answer.json()["transaction"]
    assert shown["metadata"] == {"mcc": "5812", "trip": "Lisbon", "my key.": "a[b]"}
    assert (await bank.api.get(f"/transactions/{row.id}")).json() == answer.json()
    listed = await bank.api.get("/transactions", params={"account_id": row.account_id})
    assert listed.json()["transactions"] == [shown]


async def test_json_numbers_and_booleans_become_their_text(bank, row):
    body = json.dumps({"metadata": {"n": 23, "f": 12.5, "b": True}})
    shown = (await _patch(bank.api, row, body, JSON)).json()["transaction"]
    assert shown["metadata"] == {"mcc": "5812", "n": "23", "f": "12.5", "b": "true"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, "metadata[a]=&metadata[never]="),
        (JSON, '{"metadata": {"a": "", "never": ""}}'),
        (JSON, '{"metadata": {"a": null, "never": null}}'),
        (JSON, '{"a": null}'),
    ],
)
async def test_an_empty_value_or_null_deletes_its_key_alone(bank, row, content_type, body):
    await _annotate(bank.api, row, a="1", b="2")
    shown = (await _patch(bank.api, row, body, content_type)).json()["transaction"]
    assert shown["metadata"] == {"mcc": "5812", "b": "2"}


async def test_what_changes_nothing_answers_200_and_moves_nothing(bank, row, clock):
    for content_type, body in [
        (None, ""),
        (FORM, ""),
        (JSON, "{}"),
        (JSON, '{"metadata": {}}'),
        (JSON, '{"metadata": null}'),
        (FORM, "metadata="),
        (FORM, "metadata[a]=1"),
        (FORM, "metadata[never]="),
        (FORM, "expand[]=merchant"),
    ]:
        before = await _annotate(bank.api, row, a="1")
        clock.advance(10)
        answer = await _patch(bank.api, row, body, content_type)
        assert answer.status_code == 200
        assert answer.json()["transaction"] == before


async def test_the_query_annotates_only_under_the_name_metadata(bank, row):
    answer = await _patch(bank.api, row, "a=1", FORM, "?b=2")
    assert answer.json()["transaction"]["metadata"] == {"mcc": "5812", "a": "1"}
    answer = await _patch(bank.api, row, "", FORM, "?metadata[c]=3")
    assert answer.json()["transaction"]["metadata"] == {"mcc": "5812", "a": "1", "c": "3"}


async def test_a_token_in_the_body_is_never_stored(bank, row):
    answer = await _patch(bank.api, row, f"access_token={bank.token}&a=1", FORM)
    assert answer.json()["transaction"]["metadata"] == {"mcc": "5812", "a": "1"}


async def test_annotations_are_private_to_their_client(bank, db, row, clock):
    await _annotate(bank.api, row, mine="1")
    other = (await add_client(db, "Another app")).client
    async with http(db, token=await add_token(db, other, bank.ada)) as api:
        seen = (await api.get(f"/transactions/{row.id}")).json()["transaction"]
        assert seen["metadata"] == {"mcc": "5812"}
        # Not even `updated` shows that another client was here.
        assert seen["updated"] == seen["created"]
        clock.advance(1)
        theirs = await _annotate(api, row, mine="2")
    assert theirs["metadata"] == {"mcc": "5812", "mine": "2"}
    mine = (await bank.api.get(f"/transactions/{row.id}")).json()["transaction"]
    assert mine["metadata"] == {"mcc": "5812", "mine": "1"}


async def test_a_client_s_annotations_serve_every_owner_it_acts_for(bank, db, clock):
    joint = await add_account(db, bank.ada, bank.brian)
    row = transaction(joint.id, clock.now())
    await put(db, [row])
    await _annotate(bank.api, row, a="1")
    async with http(db, token=await add_token(db, bank.app, bank.brian)) as api:
        seen = (await api.get(f"/transactions/{row.id}")).json()["transaction"]
    assert seen["metadata"] == {"mcc": "5812", "a": "1"}


async def test_the_note_is_shared_by_all_clients_and_mirrored(bank, db, row, clock):
    other = (await add_client(db, "Another app")).client
    async with http(db, token=await add_token(db, other, bank.ada)) as api:
        shown = await _annotate(bank.api, row, notes="Lunch 🍞")
        assert shown["notes"] == shown["metadata"]["notes"] == "Lunch 🍞"
        seen = (await api.get(f"/transactions/{row.id}")).json()["transaction"]
        assert seen["notes"] == seen["metadata"]["notes"] == "Lunch 🍞"
        assert seen["updated"] == "2026-03-10T12:00:00.000Z"
        clock.advance(1)
        assert (await _annotate(api, row, notes="Dinner"))["notes"] == "Dinner"
        clock.advance(1)
        assert (await _annotate(bank.api, row, notes=""))["notes"] == ""
        seen = (await api.get(f"/transactions/{row.id}")).json()["transaction"]
        assert seen["notes"] == ""
        assert "notes" not in seen["metadata"]


async def test_the_bank_s_own_keys_cannot_be_changed_and_need_not_fail(bank, row):
    shown = await _annotate(bank.api, row, mcc="0000", a="1")
    assert shown["metadata"] == {"mcc": "5812", "a": "1"}
    assert (await _annotate(bank.api, row, mcc=""))["metadata"] == {"mcc": "5812", "a": "1"}


async def test_updated_moves_with_the_clock_and_never_back(bank, row, clock):
    assert (await _annotate(bank.api, row, a="1"))["updated"] == "2026-03-10T12:00:00.000Z"
    clock.advance(1)
    assert (await _annotate(bank.api, row, a="2"))["updated"] == "2026-03-10T12:00:01.000Z"
    later = transaction(bank.account.id, clock.now(), updated_at=clock.now() + 60_000_000)
    await put(bank.db, [later])
    for change in ({"a": "1"}, {"notes": "n"}):
        assert (await _annotate(bank.api, later, **change))["updated"] == "2026-03-10T12:01:01.000Z"
    assert (await _annotate(bank.api, row, a="3"))["created"] == "2026-03-10T11:59:00.000Z"


async def test_the_answer_expands_the_merchant_when_asked(bank, clock):
    deli = merchant()
    row = transaction(bank.account.id, clock.now(), merchant_id=deli.id)
    await put(bank.db, [row], [deli])
    assert (await _annotate(bank.api, row, a="1"))["merchant"] == deli.id
    for query, body in [("?expand[]=merchant", ""), ("", "metadata[a]=2&expand[]=merchant")]:
        answer = await _patch(bank.api, row, body, FORM, query)
        assert answer.json()["transaction"]["merchant"]["id"] == deli.id
        assert "expand[]" not in answer.json()["transaction"]["metadata"]


async def test_a_hundred_keys_fit_and_one_more_is_refused_whole(bank, row):
    full = {f"metadata[k{n}]": "v" * 4096 for n in range(15)}
    more = {f"metadata[k{n}]": "v" for n in range(15, 100)}
    for change in (full, more):
        assert (await bank.api.patch(f"/transactions/{row.id}", data=change)).status_code == 200
    for change in (
        {"metadata[k0]": "changed", "metadata[x]": "v"},
        {"metadata[k0]": "changed", "metadata[k20]": "v" * 4096, "metadata[k21]": "v" * 4096},
    ):
        refused = await bank.api.patch(f"/transactions/{row.id}", data=change)
        assert refused.status_code == 400
        assert refused.json()["code"] == "bad_request.bad_param.metadata"
    shown = (await bank.api.get(f"/transactions/{row.id}")).json()["transaction"]
    assert len(shown["metadata"]) == 101
    assert shown["metadata"]["k0"] == "v" * 4096


async def test_annotations_that_cannot_be_kept_are_refused(bank, row):
    for content_type, body in [
        (FORM, f"metadata[{'k' * 256}]=v"),
        (FORM, f"metadata[{'k' * 2000}]=v"),
        (FORM, f"{'k' * 256}=v"),
        (FORM, f"metadata[k]={'v' * 4097}"),
        (FORM, f"metadata[notes]={'v' * 4097}"),
        (FORM, "metadata[]=v"),
        (FORM, "metadata[k]=a%00b"),
        (FORM, "metadata[k]=%ff"),
        (FORM, "metadata=text"),
        (JSON, '{"metadata": "text"}'),
        (JSON, '{"metadata": ["text"]}'),
        (JSON, '{"metadata": {"k": {"deep": 1}}}'),
        (JSON, '{"metadata": {"k": [1]}}'),
        (JSON, '{"metadata": {"k": "\\ud800"}}'),
        (JSON, '{"metadata": {"\\u0000": "v"}}'),
    ]:
        answer = await _patch(bank.api, row, body, content_type)
        assert answer.status_code == 400
        if "kkk=" not in body:
            assert answer.json()["code"] == "bad_request.bad_param.metadata"
        assert (await bank.api.get(f"/transactions/{row.id}")).json()["transaction"][
            "metadata"
        ] == {"mcc": "5812"}

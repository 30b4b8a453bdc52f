"""Attachments: asked for, registered, shown in their transaction, taken off (contract 1.18)."""

import re

import pytest

from minibank.transactions.attaching import ATTACHMENTS_MAX
from tests.support.callers import PUBLIC_URL, add_account, add_client, add_token, http
from tests.support.files import PNG
from tests.support.histories import put, transaction

FILE = {"file_name": "receipt.png", "file_type": "image/png"}
ELSEWHERE = "https://app.example/receipts/1.pdf?key=1#page=2"


@pytest.fixture
async def paid(bank, clock):
    """The id of a payment of Ada's."""
    row = transaction(bank.account.id, clock.now())
    await put(bank.db, [row])
    return row.id


async def upload(api, content=PNG, **more):
    """Ask for an address and send a file there; where it is then."""
    place = (await api.post("/attachment/upload", data=FILE | more)).json()
    answer = await api.put(place["upload_url"], content=content)
    assert (answer.status_code, answer.json()) == (200, {})
    return place["file_url"]


async def register(api, transaction_id, url, kind="image/png"):
    return await api.post(
        "/attachment/register",
        data={"external_id": transaction_id, "file_url": url, "file_type": kind},
    )


async def shown(api, transaction_id):
    return (await api.get(f"/transactions/{transaction_id}")).json()["transaction"]["attachments"]


async def test_a_place_for_a_file_is_a_bare_object_with_two_absolute_addresses(bank):
    answer = await bank.api.post("/attachment/upload", data=FILE)
    assert answer.status_code == 200
    place = answer.json()
    assert place.keys() == {"file_url", "upload_url"}
    path = place["file_url"].removeprefix(f"{PUBLIC_URL}/files/{bank.ada.id}/")
    assert re.fullmatch(r"[0-9A-Za-z]{33}-receipt\.png", path)
    assert re.fullmatch(
        rf"{PUBLIC_URL}/attachment/upload/upload_\w+\?expires=\d+&signature=[\w-]{{43}}",
        place["upload_url"],
    )


@pytest.mark.parametrize("length", ["24", 24, 24.0])
async def test_content_length_may_be_said_as_a_text_or_a_number(bank, length):
    body = {**FILE, "content_length": length}
    place = (await bank.api.post("/attachment/upload", json=body)).json()
    assert (await bank.api.put(place["upload_url"], content=b"x" * 24)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"file_name": ""}, "missing_param.file_name"),
        ({"file_type": ""}, "missing_param.file_type"),
        ({"file_type": "png"}, "bad_param.file_type"),
        ({"file_type": "image/png\r\nx: y"}, "bad_param.file_type"),
        ({"file_type": "image/" + "p" * 300}, "bad_param.file_type"),
        ({"file_name": "a\0.png"}, "bad_param.file_name"),
        ({"content_length": "0"}, "bad_param.content_length"),
        ({"content_length": "-1"}, "bad_param.content_length"),
        ({"content_length": "many"}, "bad_param.content_length"),
        ({"content_length": str(2**40)}, "bad_param.content_length"),
    ],
)
async def test_a_place_is_given_for_files_that_can_be_only(bank, changes, code):
    answer = await bank.api.post("/attachment/upload", data=FILE | changes)
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.{code}")


async def test_a_file_that_was_sent_here_is_attached_and_stands_in_its_transaction(bank, paid):
    url = await upload(bank.api)
    answer = await register(bank.api, paid, url)
    assert answer.status_code == 200
    attachment = answer.json()["attachment"]
    assert re.fullmatch(r"attach_\w{22}", attachment.pop("id"))
    assert attachment == {
        "user_id": bank.ada.id,
        "external_id": paid,
        "file_url": url,
        "file_type": "image/png",
        "created": "2026-03-10T12:00:00.000Z",
        "url": url,
        "type": "image/png",
    }
    path = f"/transactions?account_id={bank.account.id}"
    [listed] = (await bank.api.get(path)).json()["transactions"]
    [one] = listed["attachments"]
    assert one["file_url"] == url
    assert await shown(bank.api, paid) == [one]
    items = (await bank.api.get(f"/feed?account_id={bank.account.id}")).json()["items"]
    assert items[0]["transaction"]["attachments"] == [one]
    item = (await bank.api.get(f"/feed/{items[0]['id']}")).json()["item"]
    assert item["transaction"]["attachments"] == [one]


async def test_any_address_is_attached_as_it_is_and_never_asked_for(bank, paid):
    # There is nobody at this address; a test that asked there would wait or fail.
    attachment = (await register(bank.api, paid, ELSEWHERE)).json()["attachment"]
    assert attachment["file_url"] == attachment["url"] == ELSEWHERE


async def test_the_same_file_twice_makes_two_attachments_in_their_order(bank, paid, clock):
    url = await upload(bank.api)
    first = (await register(bank.api, paid, url)).json()["attachment"]["id"]
    clock.advance(1)
    second = (await register(bank.api, paid, url)).json()["attachment"]["id"]
    assert [one["id"] for one in await shown(bank.api, paid)] == [first, second]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("javascript:alert(1)", "absolute URL"),
        ("data:text/html,<script>", "absolute URL"),
        ("file:///etc/passwd", "absolute URL"),
        ("//app.example/x", "absolute URL"),
        ("receipt.png", "absolute URL"),
        ("https:///nothing", "absolute URL"),
        ("https://app.example/a b", "absolute URL"),
        ("https://app.example/\r\nx: y", "absolute URL"),
        ("https://app.example/" + "x" * 2048, "2,048 bytes"),
        (f"{PUBLIC_URL}/files/user_1/x-a.png", "no file of yours"),
    ],
)
async def test_an_address_that_is_none_or_leads_nowhere_here_is_not_attached(
    bank, paid, url, message
):
    answer = await register(bank.api, paid, url)
    assert (answer.status_code, answer.json()["code"]) == (
        400,
        "bad_request.bad_param.file_url",
    )
    assert message in answer.json()["message"]


async def test_a_file_of_somebody_else_is_not_attached_though_its_address_is_known(bank, paid):
    token = await add_token(bank.db, bank.app, bank.brian)
    async with http(bank.db, token=token) as brian:
        url = await upload(brian)
    answer = await register(bank.api, paid, url)
    assert answer.json()["code"] == "bad_request.bad_param.file_url"


async def test_nobody_attaches_to_a_transaction_of_somebody_else_or_one_that_is_not_there(
    bank, clock
):
    row = transaction(bank.brians_account.id, clock.now())
    await put(bank.db, [row])
    for transaction_id in (row.id, "tx_0000B3wV5n0FxAjLRtSlPc", "tx_123"):
        answer = await register(bank.api, transaction_id, ELSEWHERE)
        assert (answer.status_code, answer.json()) == (403, bank.forbidden)


async def test_all_that_is_needed_to_register_is_asked_for(bank, paid):
    for name in ("external_id", "file_url", "file_type"):
        body = {"external_id": paid, "file_url": ELSEWHERE, "file_type": "a/b"}
        answer = await bank.api.post("/attachment/register", data=body | {name: ""})
        assert answer.json()["code"] == f"bad_request.missing_param.{name}"
    answer = await bank.api.post("/attachment/deregister")
    assert answer.json()["code"] == "bad_request.missing_param.id"


async def test_a_transaction_has_so_many_attachments_and_no_more(bank, paid):
    for _ in range(ATTACHMENTS_MAX):
        assert (await register(bank.api, paid, ELSEWHERE)).status_code == 200
    answer = await register(bank.api, paid, ELSEWHERE)
    assert answer.json()["code"] == "bad_request.too_many_attachments"
    assert len(await shown(bank.api, paid)) == ATTACHMENTS_MAX


async def test_what_is_deregistered_is_gone_once_and_for_all(bank, paid):
    first = (await register(bank.api, paid, await upload(bank.api))).json()["attachment"]
    second = (await register(bank.api, paid, ELSEWHERE)).json()["attachment"]
    answer = await bank.api.post("/attachment/deregister", json={"id": first["id"]})
    assert (answer.status_code, answer.json()) == (200, {})
    assert [one["id"] for one in await shown(bank.api, paid)] == [second["id"]]
    answer = await bank.api.post("/attachment/deregister", data={"id": first["id"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found.attachment")


async def test_an_attachment_of_somebody_else_is_as_if_it_were_not_there(bank, paid):
    attachment = (await register(bank.api, paid, ELSEWHERE)).json()["attachment"]
    token = await add_token(bank.db, bank.app, bank.brian)
    async with http(bank.db, token=token) as brian:
        for one in (attachment["id"], "attach_0000B3wV5n0FxAjLRtSlPc", "attach_1", "🍞"):
            answer = await brian.post("/attachment/deregister", data={"id": one})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found.attachment")
    assert len(await shown(bank.api, paid)) == 1


async def test_all_owners_see_an_attachment_through_every_app_and_may_take_it_off(bank, clock):
    joint = await add_account(bank.db, bank.ada, bank.brian)
    row = transaction(joint.id, clock.now())
    await put(bank.db, [row])
    attachment = (await register(bank.api, row.id, await upload(bank.api))).json()["attachment"]
    other_app = (await add_client(bank.db, "Another app")).client
    token = await add_token(bank.db, other_app, bank.brian)
    async with http(bank.db, token=token) as brian:
        assert await shown(brian, row.id) == [attachment]
        answer = await brian.post("/attachment/deregister", data={"id": attachment["id"]})
        assert answer.status_code == 200
    assert await shown(bank.api, row.id) == []


async def test_the_version_of_a_transaction_moves_with_its_attachments(bank, paid, clock):
    async def version():
        answer = await bank.api.get(f"/transactions/{paid}")
        return answer.headers["etag"], answer.json()["transaction"]["updated"]

    before = await version()
    clock.advance(60)
    attachment = (await register(bank.api, paid, ELSEWHERE)).json()["attachment"]
    with_it = await version()
    clock.advance(60)
    await bank.api.post("/attachment/deregister", data={"id": attachment["id"]})
    without = await version()
    assert len({before, with_it, without}) == 3
    assert before[1] < with_it[1] < without[1]
    stale = {"If-Match": before[0]}
    answer = await bank.api.patch(f"/transactions/{paid}", data={"metadata[a]": "b"}, headers=stale)
    assert answer.status_code == 412


async def test_an_annotation_s_answer_shows_the_attachments_too(bank, paid):
    attachment = (await register(bank.api, paid, ELSEWHERE)).json()["attachment"]
    answer = await bank.api.patch(f"/transactions/{paid}", data={"metadata[a]": "b"})
    assert answer.json()["transaction"]["attachments"] == [attachment]


async def test_only_transactions_with_attachments_are_asked_for_them(bank, clock):
    rows = [transaction(bank.account.id, clock.now() - 1000 + n) for n in range(5)]
    await put(bank.db, rows)
    for row in rows[1:3]:
        await register(bank.api, row.id, ELSEWHERE)
    path = f"/transactions?account_id={bank.account.id}"
    page = (await bank.api.get(path)).json()["transactions"]
    assert [len(one["attachments"]) for one in page] == [0, 1, 1, 0, 0]

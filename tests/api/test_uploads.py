"""The bytes of a file: in every form that clients send them, and never more than was said."""

import errno
import gzip
import io
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest

from minibank.api import build_api
from minibank.attachments.signatures import UploadKeys
from minibank.files import spool
from minibank.files.directory import DirectoryFiles
from minibank.payments.engine import Engine
from tests.api.test_attachments import FILE, upload
from tests.support.callers import SETTINGS, add_token, http
from tests.support.files import PNG

KIB = 1024
PACKED = gzip.compress(PNG, mtime=0)
SMALL = replace(SETTINGS, upload_bytes_max=100 * KIB, upload_bytes_per_day=250 * KIB)


@pytest.fixture
async def place(bank):
    """Where a file may be sent, and where it is then."""
    return (await bank.api.post("/attachment/upload", data=FILE)).json()


@pytest.fixture
async def small(bank):
    """The same bank, in which a file has at most 100 KiB and a day 250."""
    async with http(bank.db, SMALL, token=bank.token) as api:
        yield api


async def ask(api, **more):
    return (await api.post("/attachment/upload", data=FILE | more)).json()


async def read(api, place):
    """What is at a file's address."""
    answer = await api.get(place["file_url"])
    return answer.content if answer.status_code == 200 else None


def form(content=PNG, name="file", **more):
    return {name: ("a.png", io.BytesIO(content), "image/png"), **more}


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("kind", [None, "image/png", "application/json", "text/html; charset=x"])
async def test_bytes_are_taken_by_put_and_post_whatever_type_is_said(bank, place, method, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = await bank.api.request(method, place["upload_url"], content=PNG, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    assert await read(bank.api, place) == PNG


@pytest.mark.parametrize("token", ["", "Bearer garbage", "Basic eDp5", "AWS4-HMAC-SHA256 x"])
async def test_no_token_is_needed_and_a_stray_one_is_not_looked_at(bank, place, token):
    headers = {"Authorization": token} if token else {}
    async with http(bank.db) as nobody:
        answer = await nobody.put(place["upload_url"], content=PNG, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("more", ["&file=a.png", "?file=a.png", "&x[]=%00&&=", "&file=%ff%00"])
async def test_parameters_that_nobody_knows_do_no_harm(bank, place, more):
    answer = await bank.api.put(place["upload_url"] + more, content=PNG)
    assert answer.status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
async def test_packed_bytes_are_unpacked(bank, place, coding):
    body = gzip.compress(PNG[:10]) + gzip.compress(PNG[10:])
    headers = {"Content-Encoding": coding}
    assert (await bank.api.put(place["upload_url"], content=body, headers=headers)).json() == {}
    assert await read(bank.api, place) == PNG


async def test_a_form_with_the_file_in_it_is_understood(bank, place):
    answer = await bank.api.post(place["upload_url"], files=form(), data={"key": "value" * 100})
    assert answer.json() == {}
    assert await read(bank.api, place) == PNG


async def test_a_packed_form_with_the_file_in_it_is_understood_too(bank, place):
    request = bank.api.build_request("POST", place["upload_url"], files=form())
    headers = {"Content-Type": request.headers["content-type"], "Content-Encoding": "gzip"}
    body = gzip.compress(request.read())
    assert (await bank.api.put(place["upload_url"], content=body, headers=headers)).json() == {}
    assert await read(bank.api, place) == PNG


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        ({}, b"", "empty"),
        ({"Content-Encoding": "br"}, PNG, "by nothing else"),
        ({"Content-Encoding": "gzip, gzip"}, PNG, "by nothing else"),
        ({"Content-Encoding": "gzip"}, PNG, "not valid gzip"),
        ({"Content-Encoding": "gzip"}, PACKED[:-1], "cut short"),
        ({"Content-Encoding": "gzip"}, PACKED[:-1] + b"x", "not valid gzip"),
        ({"Content-Encoding": "gzip"}, PACKED + b"rest", "not valid gzip"),
        ({"Content-Encoding": "gzip"}, gzip.compress(b"", mtime=0), "empty"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--x\r\n", "not valid multipart"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--b\r\nA: b\r\n\r\n", "not whole"),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n',
            "no file",
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b"--b\r\n" + b"A: " + b"x" * 9000 + b"\r\n\r\n",
            "form",
        ),
    ],
    ids=range(12),
)
async def test_a_body_that_cannot_be_read_is_refused_and_leaves_nothing(
    bank, place, headers, body, message
):
    answer = await bank.api.put(place["upload_url"], content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request.bad_body")
    assert message in answer.json()["message"]
    assert await read(bank.api, place) is None
    assert (await bank.api.put(place["upload_url"], content=PNG)).status_code == 200


async def test_a_form_with_two_files_is_refused(bank, place):
    files = [("file", ("a.png", PNG, "image/png")), ("file", ("b.png", PNG, "image/png"))]
    answer = await bank.api.post(place["upload_url"], files=files)
    assert "more than one file" in answer.json()["message"]


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": ""},
        {"signature": "A" * 43},
        {"signature": "é" * 20},
        {"signature": "A"},
        {"expires": ""},
        {"expires": "99999999999"},
        {"expires": "9" * 100},
        {"expires": "-1"},
        {"expires": "soon"},
    ],
)
async def test_an_address_that_the_bank_did_not_give_out_takes_nothing(bank, place, changes):
    parts = urlsplit(place["upload_url"])
    query = dict(parse_qsl(parts.query)) | changes
    answer = await bank.api.put(parts.path, params=query, content=PNG)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden.bad_signature")
    assert await read(bank.api, place) is None


async def test_the_signature_of_one_address_is_not_that_of_another(bank, place):
    other = urlsplit((await ask(bank.api))["upload_url"])
    mixed = other._replace(query=urlsplit(place["upload_url"]).query).geturl()
    answer = await bank.api.put(mixed, content=PNG)
    assert answer.json()["code"] == "forbidden.bad_signature"


async def test_an_address_ends_when_it_says(bank, place, clock):
    clock.advance(SETTINGS.upload_url_seconds - 1)
    assert (await bank.api.put(place["upload_url"], content=PNG)).status_code == 200
    clock.advance(1)
    answer = await bank.api.put(place["upload_url"], content=PNG)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden.upload_expired")


async def test_a_signature_is_asked_for_before_the_end_so_that_a_forger_learns_nothing(
    bank, place, clock
):
    clock.advance(SETTINGS.upload_url_seconds)
    parts = urlsplit(place["upload_url"])
    forged = parts._replace(query=parts.query[:-5] + "AAAAA").geturl()
    answer = await bank.api.put(forged, content=PNG)
    assert answer.json()["code"] == "forbidden.bad_signature"


async def test_a_signed_address_of_an_upload_that_is_gone_leads_nowhere(bank, clock):
    expires = clock.now() // 10**6 + 60
    for upload_id in ("upload_0000B3wV5n0FxAjLRtSlPc", "upload_1"):
        signature = UploadKeys().sign(upload_id, expires)
        answer = await bank.api.put(
            f"/attachment/upload/{upload_id}",
            params={"expires": expires, "signature": signature},
            content=PNG,
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found.upload")


async def test_the_same_bytes_may_come_again_and_others_may_not(bank, place):
    for _ in range(2):
        assert (await bank.api.put(place["upload_url"], content=PNG)).status_code == 200
    answer = await bank.api.put(place["upload_url"], content=PNG + b"!")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict.another_file")
    assert await read(bank.api, place) == PNG


@pytest.mark.parametrize("size", [99, 101])
async def test_a_file_of_another_size_than_was_said_is_refused(bank, size):
    place = await ask(bank.api, content_length="100")
    answer = await bank.api.put(place["upload_url"], content=b"x" * size)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request.wrong_length")
    assert await read(bank.api, place) is None
    assert (await bank.api.put(place["upload_url"], content=b"x" * 100)).status_code == 200


async def test_what_was_said_is_the_size_of_the_file_and_not_of_its_packing(bank):
    place = await ask(bank.api, content_length=str(len(PNG)))
    answer = await bank.api.post(place["upload_url"], files=form())
    assert answer.status_code == 200


async def stream(size, piece=7 * KIB):
    """A body whose length nobody says."""
    while size > 0:
        yield b"x" * min(piece, size)
        size -= piece


@pytest.mark.parametrize("size", [100 * KIB, 100 * KIB + 1])
async def test_a_file_is_as_large_as_the_bank_takes_and_not_larger(small, size):
    for content in (b"x" * size, stream(size)):
        place = await ask(small)
        answer = await small.put(place["upload_url"], content=content)
        if size <= 100 * KIB:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (413, "bad_request.too_large")
            assert await read(small, place) is None


async def test_what_a_small_body_would_unpack_to_is_never_made(small):
    place = await ask(small)
    bomb = gzip.compress(bytes(200 * 1024 * KIB))
    assert len(bomb) < 250 * KIB
    headers = {"Content-Encoding": "gzip"}
    answer = await small.put(place["upload_url"], content=bomb[: 100 * KIB], headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "bad_request.too_large")


async def test_a_bomb_in_a_field_beside_the_file_is_not_unpacked_either(small):
    place = await ask(small)
    head = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    body = gzip.compress(head + bytes(50 * 1024 * KIB))
    headers = {"Content-Encoding": "gzip", "Content-Type": "multipart/form-data; boundary=b"}
    answer = await small.post(place["upload_url"], content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "bad_request.too_large")


async def test_a_user_sends_so_many_bytes_in_a_day_and_no_more(small, bank, clock):
    for number in range(2):
        place = await ask(small)
        content = bytes([number]) * 100 * KIB
        assert (await small.put(place["upload_url"], content=content)).status_code == 200
        # What comes again is counted once.
        assert (await small.put(place["upload_url"], content=content)).status_code == 200
    said = FILE | {"content_length": str(60 * KIB)}
    answer = await small.post("/attachment/upload", data=said)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited.uploads")
    place = await ask(small)
    answer = await small.put(place["upload_url"], content=b"y" * 60 * KIB)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited.uploads")
    assert int(answer.headers["retry-after"]) == 12 * 3600
    assert await read(small, place) is None
    brian = await add_token(bank.db, bank.app, bank.brian)
    async with http(bank.db, SMALL, token=brian) as other:
        await upload(other)
    clock.advance(12 * 3600)
    small.headers["Authorization"] = f"Bearer {await add_token(bank.db, bank.app, bank.ada)}"
    place = await ask(small)
    assert (await small.put(place["upload_url"], content=b"y" * 60 * KIB)).status_code == 200


async def test_a_user_asks_for_so_many_places_in_a_day_and_no_more(bank, clock):
    settings = replace(SETTINGS, upload_files_per_day=2)
    async with http(bank.db, settings, token=bank.token) as api:
        for _ in range(2):
            await ask(api)
        answer = await api.post("/attachment/upload", data=FILE)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited.uploads")
        clock.advance(12 * 3600)
        api.headers["Authorization"] = f"Bearer {await add_token(bank.db, bank.app, bank.ada)}"
        assert (await api.post("/attachment/upload", data=FILE)).status_code == 200


async def test_two_addresses_with_the_same_bytes_both_have_them(bank):
    places = [await ask(bank.api) for _ in range(2)]
    for place in places:
        assert (await bank.api.put(place["upload_url"], content=PNG)).status_code == 200
    assert [await read(bank.api, place) for place in places] == [PNG, PNG]


async def test_nobody_reads_what_is_not_here_yet(bank, place):
    answer = await bank.api.get(place["file_url"])
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found.file")


async def test_a_place_that_cannot_be_written_to_is_said_to_be_away(bank, tmp_path):
    (tmp_path / "full").write_text("a file where a directory has to be")
    async with http(bank.db, token=bank.token, files=DirectoryFiles(tmp_path / "full")) as api:
        place = await ask(api)
        answer = await api.put(place["upload_url"], content=PNG)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable.files")
        assert answer.headers["retry-after"]


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
async def test_a_disk_that_fills_up_is_told_and_nothing_is_left(
    bank, place, tmp_path, monkeypatch, call
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    files = DirectoryFiles(tmp_path)
    async with http(bank.db, files=files) as api:
        with monkeypatch.context() as broken:
            if call == "rename":
                broken.setattr(Path, "replace", full)
            else:
                broken.setattr(spool, "os", SimpleNamespace(**vars(os) | {call: full}))
            answer = await api.put(place["upload_url"], content=PNG)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable.files")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        assert await read(api, place) is None
        assert (await api.put(place["upload_url"], content=PNG)).status_code == 200
        assert await read(api, place) == PNG


async def test_a_client_that_goes_away_is_no_fault_and_leaves_nothing(bank, place, tmp_path):
    api = build_api(bank.db, Engine(bank.db), SETTINGS, files=DirectoryFiles(tmp_path))
    messages = [{"type": "http.request", "body": PNG * 9999, "more_body": True}]
    sent = []

    async def receive():
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    parts = urlsplit(place["upload_url"])
    scope = {
        "type": "http",
        "method": "PUT",
        "path": parts.path,
        "query_string": parts.query.encode(),
        "headers": [],
        "scheme": "https",
    }
    await api(scope, receive, send)
    assert sent == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert (await bank.api.put(place["upload_url"], content=PNG)).status_code == 200

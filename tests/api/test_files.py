"""Files go out as what they are, and never so that a browser runs them."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tests.api.test_attachments import FILE, upload
from tests.support.callers import SETTINGS, http
from tests.support.files import PNG

SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-cache",
    "accept-ranges": "bytes",
}
OF_THEIR_OWN = replace(SETTINGS, files_url="https://files.example")
CONTENT = bytes(range(256)) * 4
HTML = b"<!doctype html><script>alert(document.domain)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


async def test_a_file_is_for_everybody_who_knows_its_address(bank):
    url = await upload(bank.api)
    async with http(bank.db) as nobody:
        answer = await nobody.get(url)
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(PNG))
    assert answer.headers["content-disposition"].startswith('inline; filename="receipt.png";')
    assert {name: answer.headers[name] for name in SAFE} == SAFE


@pytest.mark.parametrize(
    ("content", "served_as"),
    [
        (HTML, "text/plain; charset=utf-8"),
        (SVG, "text/plain; charset=utf-8"),
        (b"\0" + HTML, "application/octet-stream"),
        (b"\xef\xbb\xbf" + HTML, "text/plain; charset=utf-8"),
        (b"%PDF-1.7\n" + HTML, "application/pdf"),
        (b"PK\x03\x04", "application/octet-stream"),
        (b"MZ\x90\x00", "application/octet-stream"),
    ],
)
async def test_whatever_a_file_claims_to_be_only_pictures_are_shown(bank, content, served_as):
    url = await upload(bank.api, content, file_name="x.png", file_type="image/png")
    answer = await bank.api.get(url)
    assert answer.headers["content-type"] == served_as
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert {name: answer.headers[name] for name in SAFE} == SAFE


async def test_a_picture_with_a_page_behind_it_is_a_picture(bank):
    url = await upload(bank.api, PNG + HTML, file_type="text/html", file_name="x.html")
    answer = await bank.api.get(url)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "saved_as"),
    [
        ("../../etc/passwd", "filename=\"passwd\"; filename*=UTF-8''passwd"),
        ("C:\\temp\\a.png", "filename=\"a.png\"; filename*=UTF-8''a.png"),
        ('a"; filename="b.exe', "filename=\"a__filename__b.exe\"; filename*=UTF-8''a_%20filename"),
        (
            "a\r\nSet-Cookie: x=y.png",
            "filename=\"a_Set-Cookie__x_y.png\"; filename*=UTF-8''a%20Set",
        ),
        ("\u202egnp.exe", "filename=\"gnp.exe\"; filename*=UTF-8''gnp.exe"),
        ("übersicht.png", "filename=\"ubersicht.png\"; filename*=UTF-8''%C3%BCbersicht.png"),
        ("領収書.png", "filename=\"file.png\"; filename*=UTF-8''%E9%A0%98"),
        (".png", "filename=\"png\"; filename*=UTF-8''png"),
        ("...", "filename=\"file\"; filename*=UTF-8''file"),
        ("a" * 5000 + ".png", f'filename="{"a" * 96}.png"'),
    ],
)
async def test_a_name_is_cleaned_before_anybody_saves_a_file_under_it(bank, name, saved_as):
    url = await upload(bank.api, file_name=name)
    answer = await bank.api.get(url)
    assert saved_as in answer.headers["content-disposition"]
    assert "set-cookie" not in answer.headers
    assert answer.status_code == 200
    assert url.isascii()


async def test_an_address_is_guessed_by_nobody(bank):
    url = await upload(bank.api)
    *_, user_id, segment = urlsplit(url).path.split("/")
    token, dash, name = segment.partition("-")
    wrong = [
        f"/files/{user_id}/{token[:-1]}0{dash}{name}",
        f"/files/{user_id}/{token}{dash}other.png",
        f"/files/{bank.brian.id}/{segment}",
        f"/files/user_1/{segment}",
        f"/files/%00/{segment}",
        f"/files/{user_id}/%ff",
        f"/files/{user_id}/..%2F{segment}",
    ]
    for path in wrong:
        answer = await bank.api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found.file"), path


async def test_a_head_tells_all_but_the_file(bank):
    url = await upload(bank.api, CONTENT)
    got, head = await bank.api.get(url), await bank.api.head(url)
    changing = {"x-request-id", "trace-id"}
    assert head.content == b""
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in got.headers.items() if k not in changing
    }


async def test_who_has_a_file_already_is_told_so(bank):
    url = await upload(bank.api, CONTENT)
    tag = (await bank.api.get(url)).headers["etag"]
    for given in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = await bank.api.get(url, headers={"If-None-Match": given})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    for given in ('"x"', "nonsense"):
        assert (await bank.api.get(url, headers={"If-None-Match": given})).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1000-5000", 1000, 1024),
        ("bytes=-24", 1000, 1024),
    ],
)
async def test_a_part_of_a_file_is_to_be_had(bank, wanted, start, end):
    url = await upload(bank.api, CONTENT)
    answer = await bank.api.get(url, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1024"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize(
    "wanted",
    ["bytes=5-3", "bytes=-", "bytes=0-1,5-6", "lines=1-2", "x", "bytes=-5000", "bytes=0-"],
)
async def test_what_is_no_part_or_several_gets_the_whole_file(bank, wanted):
    url = await upload(bank.api, CONTENT)
    answer = await bank.api.get(url, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
async def test_a_part_that_is_not_there_is_refused(bank, wanted):
    url = await upload(bank.api, CONTENT)
    answer = await bank.api.get(url, headers={"Range": wanted})
    assert (answer.status_code, answer.json()["code"]) == (416, "bad_request.bad_range")
    assert answer.headers["content-range"] == "bytes */1024"


async def test_a_part_of_another_file_is_not_put_to_the_rest_of_this_one(bank):
    url = await upload(bank.api, CONTENT)
    tag = (await bank.api.get(url)).headers["etag"]
    for given, status in ((tag, 206), ('"x"', 200), (f"W/{tag}", 200), ("Tue, 10 Mar 2026", 200)):
        headers = {"Range": "bytes=0-0", "If-Range": given}
        assert (await bank.api.get(url, headers=headers)).status_code == status


async def test_files_have_a_host_of_their_own_that_serves_nothing_else(bank):
    async with http(bank.db, OF_THEIR_OWN, token=bank.token) as api:
        place = (await api.post("/attachment/upload", data=FILE)).json()
        assert place["file_url"].startswith(f"https://files.example/files/{bank.ada.id}/")
        assert place["upload_url"].startswith("https://bank.example/attachment/upload/")
        assert (await api.put(place["upload_url"], content=PNG)).status_code == 200
        assert (await api.get(place["file_url"])).content == PNG
        path = urlsplit(place["file_url"]).path
        for host in ("bank.example", "x.files.example", "files.example:8080", "127.0.0.1"):
            assert (await api.get(path, headers={"Host": host})).status_code == 404
        for host in ("FILES.example", "files.example:443"):
            assert (await api.get(path, headers={"Host": host})).status_code == 200
        for other in ("/accounts", "/docs", "/healthz", "/openapi.json", "/oauth2/token"):
            answer = await api.get(f"https://files.example{other}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        upload_url = place["upload_url"].replace("bank.example", "files.example")
        assert (await api.put(upload_url, content=PNG)).status_code == 404


async def test_a_browser_s_page_may_read_a_file_where_it_may_call_the_api(bank):
    url = await upload(bank.api)
    answer = await bank.api.get(url, headers={"Origin": "https://app.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "set-cookie" not in answer.headers

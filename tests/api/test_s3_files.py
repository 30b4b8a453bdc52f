"""Files in a store that speaks S3: a real one, which checks who asks."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from minibank.app.files import open_files
from minibank.files import FileMissing, Files, FilesUnavailable
from minibank.files.base import PART_BYTES
from minibank.files.s3 import S3Files
from minibank.payments.engine import Engine
from minibank.settings import Settings, preset
from minibank.worker.due import run_due
from tests.support.callers import SETTINGS, http
from tests.support.files import PNG, kinds
from tests.support.s3 import BUCKET, CREDENTIALS, Store, binary, running_store

pytestmark = pytest.mark.skipif(binary() is None, reason="no SeaweedFS is installed")
FILE = {"file_name": "receipt.png", "file_type": "image/png"}
LARGE = bytes(range(256)) * 4 * 1024 * 12
"""12 MiB: several parts of an upload."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("s3")) as running:
        yield running


def settings_of(store: Store) -> Settings:
    return replace(
        preset("sandbox"),
        files=f"s3://{BUCKET}/some/prefix",
        files_endpoint=store.endpoint,
        files_region="eu-west-2",
    )


@pytest.fixture
async def files(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Files]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    opened = open_files(settings_of(store))
    yield opened
    async for one in opened.list():
        await opened.remove(one.name)


async def keep(files: Files, name: str, content: bytes) -> None:
    with files.spool() as spool:
        spool.write(content)
        spool.finish()
        await files.keep(spool, name)
        path = spool.path
    assert not path.exists()


async def read(files: Files, name: str, start: int, end: int) -> bytes:
    parts = await files.read(name, start, end)
    return b"".join([part async for part in parts])


@pytest.mark.parametrize("content", [PNG, LARGE], ids=["small", "large"])
async def test_what_is_kept_is_read_whole_and_in_part(files: Files, content: bytes):
    await keep(files, "0a1/name-1", content)
    size = len(content)
    assert await files.size_of("0a1/name-1") == size
    assert await read(files, "0a1/name-1", 0, size) == content
    assert await read(files, "0a1/name-1", 3, 7) == content[3:7]
    assert await read(files, "0a1/name-1", size - 1, size) == content[-1:]
    assert await read(files, "0a1/name-1", 0, 0) == b""


async def test_a_large_file_comes_in_pieces(files: Files):
    await keep(files, "0a1/name-1", LARGE)
    parts = await files.read("0a1/name-1", 0, len(LARGE))
    sizes = [len(part) async for part in parts]
    assert max(sizes) < 8 * PART_BYTES
    assert sum(sizes) == len(LARGE)


async def test_to_keep_the_same_again_changes_nothing(files: Files):
    for _ in range(2):
        await keep(files, "0a1/name-1", PNG)
    assert [(one.name, one.size) async for one in files.list()] == [("0a1/name-1", len(PNG))]


async def test_what_is_removed_is_missing_and_may_be_removed_again(files: Files):
    await keep(files, "0a1/name-1", PNG)
    for _ in range(2):
        await files.remove("0a1/name-1")
    assert await files.size_of("0a1/name-1") is None
    for start, end in ((0, 1), (0, 0)):
        with pytest.raises(FileMissing):
            await files.read("0a1/name-1", start, end)


async def test_whoever_has_no_credentials_or_wrong_ones_is_told_so_without_them(
    store: Store, files: Files, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another secret")
    stranger = open_files(settings_of(store))
    with pytest.raises(FilesUnavailable) as refusal:
        await keep(stranger, "0a1/name-1", PNG)
    said = str(refusal.value)
    assert "another secret" not in said
    assert said.startswith(f"s3://{BUCKET}/some/prefix: ")
    assert "\n" not in said


async def test_a_bucket_that_is_not_there_is_told_from_a_file_that_is_not(
    store: Store, files: Files
):
    nowhere = S3Files("no-such-bucket", "", endpoint=store.endpoint, region="eu-west-2")
    with pytest.raises((FilesUnavailable, FileMissing)):
        await nowhere.read("a", 0, 1)


async def test_a_file_is_sent_served_and_removed_through_the_api(
    bank,
    files: Files,
    clock,
):
    async with http(bank.db, SETTINGS, token=bank.token, files=files) as api:
        place = (await api.post("/attachment/upload", data=FILE)).json()
        assert (await api.put(place["upload_url"], content=LARGE)).json() == {}
        answer = await api.get(place["file_url"])
        assert answer.content == LARGE
        part = await api.get(place["file_url"], headers={"Range": "bytes=5-8"})
        assert (part.status_code, part.content) == (206, LARGE[5:9])
        assert len([one async for one in files.list()]) == 1
        clock.advance(86_400)
        assert (await run_due(bank.db, Engine(bank.db), kinds=kinds(files))).put_off == 0
        assert [one async for one in files.list()] == []


async def test_a_store_that_answers_nothing_is_said_to_be_away(
    bank,
    files: Files,
    tmp_path: Path,
):
    gone = S3Files(BUCKET, "", endpoint="http://127.0.0.1:9", region="eu-west-2")
    async with http(bank.db, SETTINGS, token=bank.token, files=gone) as api:
        place = (await api.post("/attachment/upload", data=FILE)).json()
        answer = await api.put(place["upload_url"], content=PNG)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable.files")
        assert (await api.get(place["file_url"])).status_code == 404
    async with http(bank.db, SETTINGS, token=bank.token, files=files) as api:
        assert (await api.put(place["upload_url"], content=PNG)).status_code == 200
        assert (await api.get(place["file_url"])).content == PNG
    async with http(bank.db, SETTINGS, token=bank.token, files=gone) as api:
        answer = await api.get(place["file_url"])
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable.files")

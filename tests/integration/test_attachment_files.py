"""Bytes and rows stay together, whatever comes between and whoever comes at the same time."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from typing_extensions import override

from minibank.attachments import registering, store
from minibank.attachments.checking import check_kept
from minibank.attachments.erasing import erase_uploads
from minibank.attachments.records import Arrived
from minibank.attachments.retention import CONTENTS, UNUSED_SECONDS, UPLOADS, remove
from minibank.attachments.sniffing import sniff
from minibank.attachments.uploading import Claim, UploadRules, claim, confirm, is_wanted
from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import BadParam, Conflict, NotFound, RateLimited
from minibank.core.ids import shard_of
from minibank.db import Database, Tx, open_database
from minibank.db.base import Work
from minibank.files import FilesUnavailable
from minibank.files.directory import ARRIVING, DirectoryFiles
from minibank.files.spool import Spool
from minibank.payments.engine import Engine
from minibank.transactions.attaching import count_fewer
from minibank.worker.due import run_due
from tests.support.banking import Holder, open_holder
from tests.support.callers import add_account, add_client, add_token, add_user, http
from tests.support.files import PNG, RULES, attach_to, expect, kinds, send
from tests.support.personal import dump, first_transaction

APP = "oauth2client_1"


@pytest.fixture
async def holder(db: Database) -> Holder:
    return await open_holder(db, 1000)


@pytest.fixture
def files(tmp_path: Path) -> DirectoryFiles:
    return DirectoryFiles(tmp_path / "files")


def kept(files: DirectoryFiles) -> list[Path]:
    """Every file that is there."""
    return [path for path in Path(files.place).rglob("*") if path.is_file()]


def came(content: bytes) -> Arrived:
    return Arrived(
        digest=hashlib.sha256(content).digest(), size=len(content), media_type=sniff(content[:100])
    )


def _claiming(upload_id: str, content: bytes) -> Work[Claim]:
    return lambda tx: claim(tx, upload_id, came(content), RULES)


async def work_off(db: Database, files: DirectoryFiles) -> None:
    report = await run_due(db, Engine(db), kinds=kinds(files))
    assert report.put_off == 0


async def no_upload_is_left(db: Database) -> bool:
    rows = await dump(db)
    left = [row for row in rows["due_work"] if row["kind"] in (UPLOADS, CONTENTS)]
    return rows["uploads"] == rows["file_contents"] == left == []


async def attached(db: Database, holder: Holder, files: DirectoryFiles, content: bytes) -> str:
    """A file on the holder's first transaction; the attachment's id."""
    file = await expect(db, holder.user_ids[0], APP)
    await send(db, file[0], content, files)
    transaction = holder.account_id, await first_transaction(db, holder)
    return await attach_to(db, transaction, holder.user_ids[0], APP, file)


async def test_what_is_attached_to_nothing_is_gone_after_a_day_row_and_bytes(
    db: Database, clock: FakeClock, holder: Holder, files: DirectoryFiles
):
    sent, _ = await expect(db, holder.user_ids[0], APP)
    await expect(db, holder.user_ids[0], APP)
    await send(db, sent, PNG, files)
    clock.advance(UNUSED_SECONDS - 1)
    await work_off(db, files)
    assert len(kept(files)) == 1
    clock.advance(1)
    await work_off(db, files)
    assert kept(files) == []
    assert await no_upload_is_left(db)


async def test_what_is_attached_stays_until_a_day_after_it_is_not(
    db: Database, clock: FakeClock, holder: Holder, files: DirectoryFiles
):
    attachment_id = await attached(db, holder, files, PNG)
    clock.advance(100 * UNUSED_SECONDS)
    await work_off(db, files)
    assert len(kept(files)) == 1
    assert (await audit(db)).clean
    await detach(db, holder, attachment_id)
    clock.advance(UNUSED_SECONDS - 1)
    await work_off(db, files)
    assert len(kept(files)) == 1
    clock.advance(1)
    await work_off(db, files)
    assert kept(files) == []
    assert await no_upload_is_left(db)
    assert (await audit(db)).clean


async def test_what_is_detached_on_the_day_it_was_sent_stays_for_a_day_from_then(
    db: Database, clock: FakeClock, holder: Holder, files: DirectoryFiles
):
    attachment_id = await attached(db, holder, files, PNG)
    clock.advance(UNUSED_SECONDS - 60)
    await detach(db, holder, attachment_id)
    clock.advance(UNUSED_SECONDS - 1)
    await work_off(db, files)
    assert len(kept(files)) == 1
    clock.advance(1)
    await work_off(db, files)
    assert kept(files) == []
    assert await no_upload_is_left(db)


async def detach(db: Database, holder: Holder, attachment_id: str) -> None:
    async def work(tx: Tx) -> None:
        row = await store.find_attachment(tx, holder.shard, attachment_id)
        assert row is not None
        await count_fewer(tx, holder.shard, [row["transaction_id"]])
        await registering.detach(tx, holder.shard, attachment_id, row["upload_id"])

    await db.transact(work)


async def test_the_same_bytes_are_kept_once_and_stay_for_whoever_still_has_them(
    db: Database, clock: FakeClock, holder: Holder, files: DirectoryFiles
):
    loose, _ = await expect(db, holder.user_ids[0], APP)
    await send(db, loose, PNG, files)
    await attached(db, holder, files, PNG)
    assert len(kept(files)) == 1
    clock.advance(UNUSED_SECONDS)
    await work_off(db, files)
    assert [row["uses"] for row in (await dump(db))["uploads"]] == [1]
    assert len(kept(files)) == 1
    assert (await audit(db)).clean


async def test_a_name_says_what_is_kept_under_it(
    db: Database, holder: Holder, files: DirectoryFiles
):
    await attached(db, holder, files, PNG)
    [path] = kept(files)
    assert path.name.startswith(came(PNG).digest.hex() + "-")
    assert path.parent.name == f"{shard_of(holder.user_ids[0]):03x}"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert path.parents[1].stat().st_mode & 0o777 == 0o700


async def test_bytes_that_come_back_while_they_go_are_kept_elsewhere(
    db: Database, clock: FakeClock, holder: Holder, files: DirectoryFiles
):
    """The worker has marked the old bytes, and is about to remove them."""
    old, _ = await expect(db, holder.user_ids[0], APP)
    await send(db, old, PNG, files)
    [before] = kept(files)
    clock.advance(UNUSED_SECONDS)
    # As a process without the errand: the bytes are marked, and nobody removes them.
    await run_due(db, Engine(db))
    await attached(db, holder, files, PNG)
    await work_off(db, files)
    [after] = kept(files)
    assert before.name != after.name
    assert (await check_kept(db, files, reads_all=True, progress=lambda _: None)).is_whole
    assert (await audit(db)).clean


async def test_a_crash_after_the_claim_leaves_what_is_removed_later_or_sent_again(
    db: Database, clock: FakeClock, holder: Holder, files: DirectoryFiles
):
    first, _ = await expect(db, holder.user_ids[0], APP)
    second, path = await expect(db, holder.user_ids[0], APP)
    for upload_id in (first, second):
        await db.transact(_claiming(upload_id, PNG + upload_id.encode()))
    shard = shard_of(second)
    assert shard is not None
    digest, user_id = path.digest, holder.user_ids[0]
    assert await db.read(lambda tx: store.find_file(tx, shard, digest, user_id)) is None
    await send(db, second, PNG + second.encode(), files)
    assert await db.read(lambda tx: store.find_file(tx, shard, digest, user_id)) is not None
    assert (await audit(db)).clean
    clock.advance(UNUSED_SECONDS)
    await work_off(db, files)
    assert kept(files) == []
    assert await no_upload_is_left(db)


async def test_a_crash_before_bytes_are_called_safe_serves_nothing_and_leaves_nothing(
    db: Database, clock: FakeClock, holder: Holder, files: DirectoryFiles
):
    upload_id, _ = await expect(db, holder.user_ids[0], APP)
    claimed = await db.transact(lambda tx: claim(tx, upload_id, came(PNG), RULES))
    with files.spool() as spool:
        spool.write(PNG)
        spool.finish()
        await files.keep(spool, claimed.name)
    clock.advance(UNUSED_SECONDS)
    await work_off(db, files)
    assert kept(files) == []
    with pytest.raises(NotFound):
        await db.transact(lambda tx: confirm(tx, claimed, came(PNG)))


async def test_what_never_arrived_whole_is_forgotten_after_a_while(
    files: DirectoryFiles, tmp_path: Path
):
    spool = files.spool()
    spool.write(PNG)
    arriving = Path(files.place) / ARRIVING
    assert files.forget_unfinished(spool.path.stat().st_mtime) == 0
    assert files.forget_unfinished(spool.path.stat().st_mtime + 1) == 1
    assert list(arriving.iterdir()) == []
    spool.__exit__(None, None, None)


async def test_of_two_files_for_one_address_one_wins(db: Database, holder: Holder):
    upload_id, _ = await expect(db, holder.user_ids[0], APP)

    async def one(content: bytes) -> str:
        try:
            await db.transact(lambda tx: claim(tx, upload_id, came(content), RULES))
        except Conflict as error:
            return error.code
        return "taken"

    answers = await asyncio.gather(*(one(PNG + bytes([n])) for n in range(8)))
    assert sorted(answers) == ["conflict.another_file"] * 7 + ["taken"]


@pytest.fixture
async def others(
    db: Database, database_url: str, clock: FakeClock
) -> AsyncIterator[list[Database]]:
    """The same bank, opened by two processes more."""
    opened = [await open_database(database_url, clock=clock) for _ in range(2)]
    yield [db, *opened]
    for one in opened:
        await one.close()


async def test_twenty_files_at_once_are_never_more_than_a_day_s_bytes(
    others: list[Database], holder: Holder
):
    user_id, db = holder.user_ids[0], others[0]
    rules = UploadRules(files_per_day=100, bytes_per_day=10 * len(PNG))
    uploads = [(await expect(db, user_id, APP))[0] for _ in range(20)]

    async def one(number: int, upload_id: str) -> str:
        content = PNG[:-2] + f"{number:02}".encode()
        try:
            await others[number % 3].transact(lambda tx: claim(tx, upload_id, came(content), rules))
        except RateLimited as error:
            return error.code
        return "taken"

    answers = await asyncio.gather(*(one(n, upload) for n, upload in enumerate(uploads)))
    assert sorted(answers) == ["rate_limited.uploads"] * 10 + ["taken"] * 10


async def test_attaching_and_removing_at_once_leave_a_file_whole_or_gone(
    others: list[Database], clock: FakeClock, holder: Holder, files: DirectoryFiles
):
    db, user_id = others[0], holder.user_ids[0]
    transaction = holder.account_id, await first_transaction(db, holder)
    for _ in range(5):
        sent = [await expect(db, user_id, APP) for _ in range(3)]
        for upload_id, _ in sent:
            await send(db, upload_id, PNG + upload_id.encode(), files)
        clock.advance(UNUSED_SECONDS)

        async def attach(number: int, file) -> None:
            # It is gone already.
            with suppress(BadParam):
                await attach_to(others[number], transaction, user_id, APP, file)

        await asyncio.gather(
            *(attach(number, file) for number, file in enumerate(sent)),
            run_due(others[1], Engine(others[1]), kinds=kinds(files)),
        )
        await work_off(db, files)
    assert (await audit(db)).clean
    report = await check_kept(db, files, reads_all=True, progress=lambda _: None)
    assert (report.is_whole, report.unknown) == (True, 0)


async def test_a_store_that_is_away_puts_removing_off(
    db: Database, clock: FakeClock, holder: Holder, files: DirectoryFiles
):
    class Away(DirectoryFiles):
        @override
        async def remove(self, name: str) -> None:
            raise FilesUnavailable("away")

    upload_id, _ = await expect(db, holder.user_ids[0], APP)
    await send(db, upload_id, PNG, files)
    clock.advance(UNUSED_SECONDS)
    report = await run_due(db, Engine(db), kinds=kinds(Away(Path(files.place))))
    assert report.put_off == 1
    clock.advance(3600)
    await work_off(db, files)
    assert await no_upload_is_left(db)


async def test_bytes_that_were_lost_or_changed_are_named(
    db: Database, holder: Holder, files: DirectoryFiles
):
    for number in range(3):
        await attached(db, holder, files, PNG + bytes([number]))
    lost, changed, _ = sorted(kept(files))
    lost.unlink()
    changed.write_bytes(bytes(len(PNG) + 1))
    (Path(files.place) / "000").mkdir(exist_ok=True)
    (Path(files.place) / "000" / "stranger").write_bytes(b"x")
    quick = await check_kept(db, files, reads_all=False, progress=lambda _: None)
    assert (quick.files, [Path(one).name for one in quick.missing]) == (3, [lost.name])
    assert (quick.wrong, quick.unknown) == ([], 1)
    full = await check_kept(db, files, reads_all=True, progress=lambda _: None)
    assert [Path(one).name for one in full.wrong] == [changed.name]


class RemovedMeanwhile(DirectoryFiles):
    """A directory whose user is gone by the time a file has been put into it: removed before, or
    with the removal of the bytes still to be forgotten."""

    def __init__(self, directory: Path, db: Database, user_id: str, *, is_forgotten: bool) -> None:
        super().__init__(directory)
        self._db = db
        self._user_id = user_id
        self._is_forgotten = is_forgotten

    @override
    async def keep(self, spool: Spool, name: str) -> None:
        await self._db.transact(lambda tx: erase_uploads(tx, self._user_id, 10))
        if self._is_forgotten:
            await work_off(self._db, self)
        await super().keep(spool, name)


@pytest.mark.parametrize("is_forgotten", [True, False])
async def test_bytes_that_are_kept_while_their_upload_is_removed_do_not_stay(
    db: Database, clock: FakeClock, tmp_path: Path, *, is_forgotten: bool
):
    ada = await add_user(db, "ada@example.com", "Ada Example")
    await add_account(db, ada)
    files = RemovedMeanwhile(tmp_path, db, ada.id, is_forgotten=is_forgotten)
    token = await add_token(db, (await add_client(db)).client, ada)
    async with http(db, token=token, files=files) as caller:
        place = (
            await caller.post(
                "/attachment/upload", data={"file_name": "a.png", "file_type": "image/png"}
            )
        ).json()
        answer = await caller.put(place["upload_url"], content=PNG)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found.upload")
    assert kept(files) == []
    clock.advance(UNUSED_SECONDS)
    await work_off(db, files)
    assert await no_upload_is_left(db)


async def test_bytes_that_another_upload_leads_to_stay_when_one_is_removed(
    db: Database, holder: Holder, files: DirectoryFiles
):
    first, _ = await expect(db, holder.user_ids[0], APP)
    second, _ = await expect(db, holder.user_ids[0], APP)
    claimed = await db.transact(_claiming(first, PNG))
    assert await db.transact(lambda tx: is_wanted(tx, claimed, came(PNG)))
    await send(db, second, PNG, files)

    async def remove_first(tx: Tx) -> None:
        upload = await store.lock_upload(tx, claimed.upload.shard, first)
        assert upload
        await remove(tx, upload)

    await db.transact(remove_first)
    assert await db.transact(lambda tx: is_wanted(tx, claimed, came(PNG)))
    assert len(kept(files)) == 1

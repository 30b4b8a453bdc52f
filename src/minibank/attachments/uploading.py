"""Have a file sent here.

An address is given out first, then bytes come, and only then is anything kept. Bytes are claimed in
a unit of work before they are put in their place, and called safe in another one after that: so no
file is called safe that is not, and whatever breaks off between leaves a row by which what was left
is found and removed (see `retention`).
"""

from dataclasses import dataclass

import msgspec

from minibank.attachments import store
from minibank.attachments.names import FilePath
from minibank.attachments.records import Arrived, Upload, UploadDay
from minibank.attachments.retention import plan_removal
from minibank.core.clock import MICROSECONDS
from minibank.core.errors import Conflict, NotFound, RateLimited
from minibank.core.ids import shard_of
from minibank.db import Tx

DAY = 24 * 3600 * MICROSECONDS
TOO_MANY = "rate_limited.uploads"
ANOTHER_FILE = "conflict.another_file"


@dataclass(frozen=True, slots=True)
class UploadRules:
    """How many files and bytes a user may send in a day."""

    files_per_day: int
    bytes_per_day: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that somebody wants to send: how it is called and, if that was said, how large it is.

    `upload_id` and `path` were drawn before, so that a unit of work that runs again makes the same.
    """

    upload_id: str
    path: FilePath
    client_id: str
    file_name: str
    file_type: str
    declared_size: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """Bytes that may be kept, where, and whether they are already."""

    upload: Upload
    name: str
    is_stored: bool


def no_such_upload() -> NotFound:
    """The one answer for an address that leads nowhere, or no longer."""
    return NotFound("upload", "There is no such upload")


async def expect_file(tx: Tx, new: NewFile, rules: UploadRules) -> None:
    """Let a file be sent; `RateLimited` when the user has sent enough for a day.

    It is counted now. Its bytes count when they have come, since nobody knows before how many.
    """
    shard = new.path.shard
    assert shard is not None, "the id of a user who exists has a shard"
    day = today(await store.lock_day(tx, shard, new.path.user_id), tx.now)
    if await store.find_upload(tx, shard, new.upload_id) is not None:
        return
    if day.files >= rules.files_per_day:
        raise _too_many(f"{rules.files_per_day:,} files", tx.now)
    if day.bytes + (new.declared_size or 0) > rules.bytes_per_day:
        raise _too_many(f"{rules.bytes_per_day:,} bytes", tx.now)
    await store.put_day(
        tx, shard, new.path.user_id, msgspec.structs.replace(day, files=day.files + 1)
    )
    upload = Upload(
        shard=shard,
        id=new.upload_id,
        user_id=new.path.user_id,
        client_id=new.client_id,
        name_digest=new.path.digest,
        file_name=new.file_name,
        file_type=new.file_type,
        declared_size=new.declared_size,
        created_at=tx.now,
    )
    await store.insert_upload(tx, upload)
    await plan_removal(tx, shard, upload.id)


def today(known: UploadDay, now: int) -> UploadDay:
    """What was sent on the day of this instant."""
    day = now - now % DAY
    return known if known.day == day else UploadDay(day=day)


def _too_many(what: str, now: int) -> RateLimited:
    return RateLimited(
        TOO_MANY,
        f"No more than {what} can be sent in a day",
        retry_after=-(-(DAY - now % DAY) // MICROSECONDS),
    )


async def claim(tx: Tx, upload_id: str, arrived: Arrived, rules: UploadRules) -> Claim:
    """Claim bytes that have arrived for an upload, before they are kept.

    The first to come are the file, for good: the same ones may come again, `Conflict` for others.
    Raises `NotFound`, and `RateLimited` when the user has sent enough for a day.
    """
    shard = shard_of(upload_id)
    upload = None if shard is None else await store.lock_upload(tx, shard, upload_id)
    if shard is None or upload is None:
        raise no_such_upload()
    if upload.content_digest is None:
        await _count_bytes(tx, upload, arrived.size, rules)
    elif upload.content_digest != arrived.digest:
        raise Conflict(ANOTHER_FILE, "Another file was sent to this address")
    name = await _place(tx, shard, upload_id, arrived)
    if upload.content_digest is None:
        await store.put_arrived(tx, shard, upload_id, arrived)
    return Claim(upload, name, upload.stored_at is not None)


async def _count_bytes(tx: Tx, upload: Upload, size: int, rules: UploadRules) -> None:
    day = today(await store.lock_day(tx, upload.shard, upload.user_id), tx.now)
    if day.bytes + size > rules.bytes_per_day:
        raise _too_many(f"{rules.bytes_per_day:,} bytes", tx.now)
    await store.put_day(
        tx, upload.shard, upload.user_id, msgspec.structs.replace(day, bytes=day.bytes + size)
    )


async def _place(tx: Tx, shard: int, upload_id: str, arrived: Arrived) -> str:
    """Where the bytes are kept: where the same ones are already, or under a name of their own.

    That is what they are, and behind it whose they were first: bytes that go and come back are
    never where somebody is about to remove them.
    """
    own = f"{shard:03x}/{arrived.digest.hex()}-{upload_id.rpartition('_')[2]}"
    await store.insert_content(tx, shard, arrived.digest, own, arrived.size)
    found = await store.lock_content(tx, shard, arrived.digest)
    assert found is not None, "it was just made, and is held by whoever forgets it"
    name, is_going = found
    if not is_going:
        return name
    await store.put_content_anew(tx, shard, arrived.digest, own)
    return own


async def is_wanted(tx: Tx, claimed: Claim, arrived: Arrived) -> bool:
    """Whether bytes that were claimed are to stay where they are: some upload has them there.

    False once they are not, or are about to go. A place that was given up is never given again.
    """
    found = await store.lock_content(tx, claimed.upload.shard, arrived.digest)
    return found == (claimed.name, False)


async def confirm(tx: Tx, claimed: Claim, arrived: Arrived) -> None:
    """Call bytes safe that were claimed and kept; `NotFound` when the upload went meanwhile."""
    if not await store.put_stored(tx, claimed.upload.shard, claimed.upload.id, arrived.digest):
        raise no_such_upload()

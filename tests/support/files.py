"""Files that were sent and attached, without a request; and a place to keep them."""

import tempfile
from functools import cache
from pathlib import Path

from minibank.attachments.names import FilePath, clean_name
from minibank.attachments.records import ATTACHMENT, UPLOAD, Arrived, Attachment
from minibank.attachments.registering import attach
from minibank.attachments.sniffing import sniff
from minibank.attachments.uploading import Claim, NewFile, UploadRules, claim, confirm, expect_file
from minibank.core.ids import shard_of
from minibank.db import Database, Tx
from minibank.files import Files
from minibank.files.directory import DirectoryFiles
from minibank.oauth.tokens import TokenRules
from minibank.transactions.attaching import count_one_more
from minibank.worker.errands import remove_contents
from minibank.worker.kinds import Kinds, kinds_of

RULES = UploadRules(files_per_day=1000, bytes_per_day=10**9)
PNG = b"\x89PNG\r\n\x1a\n and a picture"


@cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="minibank-files-")


def place() -> Files:
    """Where the tests of one process keep files when they do not say where."""
    return DirectoryFiles(Path(_directory().name))


def kinds(files: Files | None = None) -> Kinds:
    """All due work, with the errands of these files."""
    return kinds_of(TokenRules(), errands=remove_contents(files or place()))


async def expect(
    db: Database, user_id: str, client_id: str, name: str = "a.png", size: int | None = None
) -> tuple[str, FilePath]:
    """A file that may be sent: its id, and where it will be."""
    shard = shard_of(user_id)
    assert shard is not None
    name = clean_name(name)
    path = FilePath.draw(user_id, db.ids.secret(), name)
    upload_id = db.ids.new(UPLOAD, shard, db.clock.now())
    new = NewFile(upload_id, path, client_id, name, "image/png", size)
    await db.transact(lambda tx: expect_file(tx, new, RULES))
    return upload_id, path


async def send(
    db: Database, upload_id: str, content: bytes = PNG, files: Files | None = None
) -> Claim:
    """Send these bytes to an address that was given out, as a request does."""
    files = files or place()
    with files.spool() as spool:
        spool.write(content)
        spool.finish()
        came = Arrived(digest=spool.digest, size=spool.size, media_type=sniff(spool.head))
        claimed = await db.transact(lambda tx: claim(tx, upload_id, came, RULES))
        await files.keep(spool, claimed.name)
        await db.transact(lambda tx: confirm(tx, claimed, came))
    return claimed


async def attach_to(
    db: Database,
    transaction: tuple[str, str],
    user_id: str,
    client_id: str,
    file: tuple[str, FilePath] | str,
) -> str:
    """Attach a file of the bank, or an address, to a transaction of an account; the new id."""
    account_id, transaction_id = transaction
    shard = shard_of(account_id)
    assert shard is not None
    attachment = Attachment(
        shard=shard,
        id=db.ids.new(ATTACHMENT, shard, db.clock.now()),
        account_id=account_id,
        transaction_id=transaction_id,
        user_id=user_id,
        client_id=client_id,
        file_url=file if isinstance(file, str) else str(file[1]),
        file_type="image/png",
        created_at=db.clock.now(),
        upload_id=None if isinstance(file, str) else file[0],
    )

    async def work(tx: Tx) -> None:
        await count_one_more(tx, shard, transaction_id)
        await attach(tx, attachment)

    await db.transact(work)
    return attachment.id

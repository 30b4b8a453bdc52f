"""Say what does not fit among files; whether their bytes are there is `minibank files check`."""

from collections.abc import Iterator

from minibank.audit.files import store
from minibank.audit.findings import Finding
from minibank.db import Database, ReadTx, Row


async def check_files(db: Database) -> list[Finding]:
    """What is wrong with the attachments, uploads and contents of the whole bank."""
    return await db.snapshot(_check)


async def _check(tx: ReadTx) -> list[Finding]:
    found = [
        Finding("transaction.attachments", row["account_id"], row["id"], _miscounted(row))
        for row in await store.list_miscounted_transactions(tx)
    ]
    uses = {row["upload_id"]: row["found"] for row in await store.list_uses(tx)}
    uploads = await store.list_uploads(tx)
    for row in uploads:
        found += _check_upload(row, uses.pop(row["id"], 0))
    found += [
        Finding("upload.missing", "", upload_id, "is attached and not there")
        for upload_id in sorted(uses)
    ]
    found += [
        Finding("file_content.stray", "", row["name"], "nothing leads to it, nobody removes it")
        for row in await store.list_stray_contents(tx)
    ]
    return found


def _miscounted(row: Row) -> str:
    if row["counted"] is None:
        return "has attachments, and the account has no such transaction"
    return f"counts {row['counted']} attachments and has {row['found']}"


def _check_upload(row: Row, uses: int) -> Iterator[Finding]:
    def finding(code: str, message: str) -> Finding:
        return Finding(f"upload.{code}", "", row["id"], message)

    if row["uses"] != uses:
        yield finding("uses", f"counts {row['uses']} attachments and has {uses}")
    if not row["has_come_to_nothing"] and row["going"] != 0:
        yield finding("content", "its bytes have no place, or are about to go")
    elif not row["has_come_to_nothing"] and row["kept_size"] != row["size"]:
        yield finding("content", f"has {row['size']} bytes, of which {row['kept_size']} are kept")
    if not uses and not row["is_planned"]:
        yield finding("unplanned", "is attached to nothing, and nobody removes it")

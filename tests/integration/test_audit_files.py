"""Damage every kind of row that files depend on; the audit must name it each time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from minibank.audit import audit
from minibank.db import Database
from tests.support.banking import open_holder
from tests.support.files import PNG, attach_to, expect, send
from tests.support.personal import first_transaction
from tests.support.saboteur import Saboteur

APP = "oauth2client_1"
ATTACHED, LOOSE = "uses > 0", "uses = 0 AND content_digest IS NOT NULL"


@dataclass(frozen=True)
class Damage:
    """What is done to a row (deleted without `changes`), and what the audit must call it."""

    code: str
    table: str
    where: str
    subject: str
    changes: dict[str, Any] = field(default_factory=dict)


DAMAGES = [
    Damage("transaction.attachments", "transactions", "attachments > 0", "id", {"attachments": 3}),
    Damage("transaction.attachments", "transactions", "attachments = 0", "id", {"attachments": 1}),
    Damage("transaction.attachments", "attachments", "1 = 1", "transaction_id"),
    Damage(
        *("transaction.attachments", "attachments", "1 = 1", "transaction_id"),
        {"account_id": "acc_0000B3wV5n0FxAjLRtSlPc"},
    ),
    Damage(
        *("transaction.attachments", "attachments", "1 = 1", "transaction_id"),
        {"transaction_id": "tx_0000B3wV5n0FxAjLRtSlPc"},
    ),
    Damage("upload.uses", "attachments", "upload_id IS NOT NULL", "upload_id"),
    Damage("upload.uses", "uploads", ATTACHED, "id", {"uses": 2}),
    Damage("upload.uses", "uploads", LOOSE, "id", {"uses": 1}),
    Damage("upload.missing", "uploads", ATTACHED, "id"),
    Damage("upload.content", "uploads", ATTACHED, "id", {"content_digest": bytes(32)}),
    Damage("upload.content", "uploads", ATTACHED, "id", {"size": 1}),
    Damage("upload.unplanned", "due_work", "kind = 'upload'", "subject"),
    Damage("file_content.stray", "file_contents", "1 = 1", "name", {"digest": bytes(32)}),
]


@pytest.fixture
async def filled(db: Database) -> Database:
    """A bank with files that are attached, loose and still to come, and an address elsewhere."""
    holder = await open_holder(db, 1000)
    await open_holder(db, 1000)
    user_id = holder.user_ids[0]
    transaction = holder.account_id, await first_transaction(db, holder)
    for number in range(2):
        file = await expect(db, user_id, APP)
        await send(db, file[0], PNG + bytes([number]))
        if number:
            await attach_to(db, transaction, user_id, APP, file)
    await attach_to(db, transaction, user_id, APP, "https://app.example/a.pdf")
    await expect(db, user_id, APP)
    # As after a day: what is used needs nobody to look at it.
    await db.transact(
        lambda tx: tx.execute(
            "DELETE FROM due_work WHERE shard = $1 AND kind = 'upload' AND subject = $2",
            holder.shard,
            file[0],
        )
    )
    assert (await audit(db)).clean
    return db


@pytest.fixture
async def saboteur(database_url: str) -> AsyncIterator[Saboteur]:
    came = await Saboteur.connect(database_url)
    yield came
    await came.leave()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: f"{one.code}-{one.table}")
async def test_damage_is_named(filled: Database, saboteur: Saboteur, damage: Damage):
    row = await saboteur.pick(damage.table, damage.where)
    if damage.changes:
        await saboteur.update(damage.table, row, damage.changes)
    else:
        await saboteur.delete(damage.table, row)
    found = {(one.code, one.subject) for one in (await audit(filled)).findings}
    assert (damage.code, str(row[damage.subject])) in found

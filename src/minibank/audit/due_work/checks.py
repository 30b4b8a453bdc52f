"""Compare due work with what it is about, in both directions."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Protocol

from minibank.audit.due_work import store
from minibank.audit.findings import Finding
from minibank.core.clock import MICROSECONDS
from minibank.db import Database, ReadTx, Row

_FIRST = (-(2**62), "")

LATE_SECONDS = 86_400
"""How late a removal may be: whoever was to do it may have been away."""


class _ListWork(Protocol):
    """Reads a page of work about money."""

    async def __call__(self, tx: ReadTx, after: tuple[int, str]) -> Sequence[Row]: ...


async def check_due_work(db: Database) -> list[Finding]:
    """What is planned for nothing, and what nothing is planned for; in the whole bank."""
    return [
        *await _strays(db, store.list_expiries, "has nothing to expire"),
        *await _strays(db, store.list_returns, "has nothing to send back"),
        *await db.snapshot(_check_the_rest),
    ]


async def _strays(db: Database, list_work: _ListWork, message: str) -> list[Finding]:
    """Work about money that is not there, a page in each snapshot: there is much of it."""
    found: list[Finding] = []
    after = _FIRST
    while rows := await db.snapshot(partial(list_work, after=after)):
        found += [
            Finding("due_work.stray", row["account_id"], row["subject"], message)
            for row in rows
            if row["is_stray"]
        ]
        after = (rows[-1]["shard"], rows[-1]["subject"])
    return found


async def _check_the_rest(tx: ReadTx) -> list[Finding]:
    return [finding async for finding in _walk_the_rest(tx)]


async def _walk_the_rest(tx: ReadTx) -> AsyncIterator[Finding]:
    for list_strays, message in (
        (store.list_stray_sweeps, "there is nothing to remove"),
        (store.list_stray_erasures, "there is nobody to erase"),
    ):
        for row in await list_strays(tx):
            yield Finding("due_work.stray", row["account_id"], row["subject"], message)
    ended_by = tx.now - LATE_SECONDS * MICROSECONDS
    for row in await store.list_unplanned(tx, ended_by):
        message = f"rows of shard {row['shard']} have ended and nothing removes them"
        yield Finding("retention.unplanned", "", row["kind"], message)
    for row in await store.list_unplanned_secrets(tx, ended_by):
        message = "a secret has ended and nothing removes it"
        yield Finding("retention.unplanned", "", row["client_id"], message)
    for row in await store.list_unplanned_purges(tx):
        message = "nothing removes what it was told"
        yield Finding("retention.unplanned", row["account_id"], row["id"], message)
    for row in await store.list_unplanned_endings(tx, ended_by):
        message = "is closed and nothing removes its webhooks"
        yield Finding("retention.unplanned", row["id"], row["id"], message)
    for row in await store.list_unplanned_erasures(tx):
        message = "is being erased and nothing goes on with it"
        yield Finding("erasure.unplanned", "", row["id"], message)

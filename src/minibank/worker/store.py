"""Rows of due work and of the audit in the background: who has which, and until when.

Due work ends with its effect.
"""

from collections.abc import Sequence

import msgspec

from minibank.audit import Finding
from minibank.db import ReadTx, Row, Tx


class DueRow(msgspec.Struct, frozen=True):
    """One piece of work; `due_at` is in microseconds."""

    shard: int
    kind: str
    subject: str
    account_id: str
    due_at: int


def _due_row(row: Row) -> DueRow:
    return DueRow(
        shard=row["shard"],
        kind=row["kind"],
        subject=row["subject"],
        account_id=row["account_id"],
        due_at=row["due_at"],
    )


class Overdue(msgspec.Struct, frozen=True):
    """Work that is due and not done: how much of it is nobody's, and since when the oldest is."""

    count: int
    unclaimed: int
    oldest_due_at: int | None


async def read_overdue(tx: ReadTx, shards: Sequence[int], now: int) -> Overdue:
    """What is due in these shards at this unit's instant; what is claimed is so at `now`."""
    row = await tx.fetch_one(
        "SELECT COUNT(*) AS count, MIN(due_at) AS oldest,"
        " COUNT(CASE WHEN claimed_until <= $3 THEN 1 END) AS unclaimed FROM due_work"
        " WHERE shard = ANY($1) AND due_at <= $2",
        shards,
        tx.now,
        now,
    )
    assert row is not None, "an aggregate always gives a row"
    return Overdue(row["count"], row["unclaimed"], row["oldest"])


async def claim_due(
    tx: Tx, shards: Sequence[int], kinds: Sequence[str], now: int, claimed_until: int
) -> list[DueRow]:
    """Take up to 100 pieces of work that are due at this unit's instant, the oldest first.

    `now` and `claimed_until` are real time: a lease is about processes, not about the bank's world.
    Rows that another process is taking at this moment are passed over.
    """
    rows = await tx.fetch(
        "SELECT shard, kind, subject, account_id, due_at FROM due_work"
        " WHERE shard = ANY($1) AND due_at <= $2 AND claimed_until <= $3 AND kind = ANY($4)"
        " ORDER BY due_at, shard, subject LIMIT 100 FOR UPDATE SKIP LOCKED",
        shards,
        tx.now,
        now,
        kinds,
    )
    found = [_due_row(row) for row in rows]
    await set_leases(tx, found, claimed_until)
    return found


async def set_leases(tx: Tx, rows: Sequence[DueRow], claimed_until: int) -> None:
    """Say until when these are somebody's; those that are gone stay gone."""
    await tx.update_rows(
        "due_work",
        ("shard", "kind", "subject"),
        ("claimed_until",),
        [(row.shard, row.kind, row.subject, claimed_until) for row in rows],
    )


async def lock_due(tx: Tx, row: DueRow) -> int | None:
    """Hold this piece until the unit of work ends; when it is due now, None when it is gone."""
    found = await tx.fetch_one(
        "SELECT due_at FROM due_work"
        " WHERE shard = $1 AND kind = $2 AND subject = $3 FOR NO KEY UPDATE",
        row.shard,
        row.kind,
        row.subject,
    )
    return found["due_at"] if found else None


async def move_due(tx: Tx, row: DueRow, due_at: int) -> None:
    """Have this piece be due then, and nobody's."""
    await tx.execute(
        "UPDATE due_work SET due_at = $4, claimed_until = 0"
        " WHERE shard = $1 AND kind = $2 AND subject = $3",
        row.shard,
        row.kind,
        row.subject,
        due_at,
    )


async def delete_due(tx: Tx, row: DueRow) -> None:
    """This piece is over."""
    await tx.execute(
        "DELETE FROM due_work WHERE shard = $1 AND kind = $2 AND subject = $3",
        row.shard,
        row.kind,
        row.subject,
    )


class RoundRow(msgspec.Struct, frozen=True):
    """The audit in the background: who has it until when, and what its last round came to.

    Instants are microseconds of real time, 0 for never. `requested_at`, in the bank's time, is when
    somebody asked for a round that has not begun yet.
    """

    claimed_by: str
    claimed_until: int
    started_at: int
    finished_at: int
    accounts: int
    accounts_in_full: int
    entry_sets: int
    findings: int
    milliseconds: int
    requested_at: int


NO_ROUND = RoundRow("", *([0] * 9))
"""Before the first one."""


class RoundResult(msgspec.Struct, frozen=True):
    """What a round came to."""

    accounts: int
    accounts_in_full: int
    entry_sets: int
    findings: int
    milliseconds: int


async def find_round(tx: ReadTx) -> RoundRow | None:
    """The audit in the background; None before its first round."""
    row = await tx.fetch_one(
        "SELECT claimed_by, claimed_until, started_at, finished_at, audited, audited_in_full,"
        " verified, findings, milliseconds, requested_at FROM audit_rounds WHERE id = 1"
    )
    return RoundRow(*row) if row else None


async def claim_round(tx: Tx, claimant: str, now: int, claimed_until: int, started_by: int) -> bool:
    """Begin a round when the last one began at `started_by` or before, or was never finished, or
    somebody asks for one.

    False when it is not due, or somebody's.
    """
    await _put_round(tx)
    claimed = await tx.execute(
        "UPDATE audit_rounds SET claimed_by = $1, claimed_until = $3, started_at = $2,"
        " requested_at = 0"
        " WHERE id = 1 AND claimed_until <= $2 AND (started_at <= $4 OR finished_at < started_at"
        " OR requested_at > 0)",
        claimant,
        now,
        claimed_until,
        started_by,
    )
    return claimed == 1


async def _put_round(tx: Tx) -> None:
    await tx.execute(
        "INSERT INTO audit_rounds (id, claimed_by, claimed_until, started_at, finished_at,"
        " audited, audited_in_full, verified, findings, milliseconds, requested_at)"
        " VALUES (1, '', 0, 0, 0, 0, 0, 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING"
    )


async def request_round(tx: Tx) -> None:
    """Have a round begin as soon as somebody looks, after the one that runs if one does."""
    await _put_round(tx)
    await tx.execute("UPDATE audit_rounds SET requested_at = $1 WHERE id = 1", tx.now)


async def keep_round(tx: Tx, claimant: str, claimed_until: int) -> bool:
    """Prolong one's claim; False when it has become another's."""
    kept = await tx.execute(
        "UPDATE audit_rounds SET claimed_until = $2 WHERE id = 1 AND claimed_by = $1",
        claimant,
        claimed_until,
    )
    return kept == 1


async def finish_round(
    tx: Tx, claimant: str, finished_at: int, result: RoundResult, findings: Sequence[Finding]
) -> None:
    """Say what a round came to, unless it has become another's."""
    finished = await tx.execute(
        "UPDATE audit_rounds SET claimed_until = 0, finished_at = $2, audited = $3,"
        " audited_in_full = $4, verified = $5, findings = $6, milliseconds = $7"
        " WHERE id = 1 AND claimed_by = $1",
        claimant,
        finished_at,
        result.accounts,
        result.accounts_in_full,
        result.entry_sets,
        result.findings,
        result.milliseconds,
    )
    if finished:
        await tx.execute("DELETE FROM audit_findings WHERE ordinal >= $1", 0)
        await tx.insert_rows(
            "audit_findings",
            ("ordinal", "code", "account_id", "subject", "message"),
            [
                (ordinal, one.code, one.account_id, one.subject, one.message)
                for ordinal, one in enumerate(findings, 1)
            ],
        )


async def list_findings(tx: ReadTx) -> list[Finding]:
    """What the last finished round found, the first `FINDINGS_MAX` of it."""
    rows = await tx.fetch(
        "SELECT code, account_id, subject, message FROM audit_findings ORDER BY ordinal"
    )
    return [Finding(*row) for row in rows]

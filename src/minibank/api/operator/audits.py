"""The audit in the background: what its last round came to, and a new one on request."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct

from minibank.api.catalogue import AUDITS_OFF
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import OperatorCall
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.audit.marks.store import list_progress
from minibank.core.errors import Conflict
from minibank.core.instants import format_instant
from minibank.core.pages import LIMIT_MAX
from minibank.db import ReadTx, Row, Tx
from minibank.worker import store
from minibank.worker.audits import ask_for_round

_MaybeInstant = Annotated[str | None, Meta(description="RFC 3339; null for never.")]


class WireFinding(Struct, frozen=True):
    """Something that did not prove."""

    code: Annotated[str, Meta(description="Which rule: stable, for programs.")]
    account_id: str
    subject: Annotated[str, Meta(description="The id of the row.")]
    message: str


class AuditReport(Struct, frozen=True, kw_only=True):
    """What the last finished round of the audit in the background came to.

    By the clock of the machine, not of the bank's world.
    """

    enabled: Annotated[bool, Meta(description="Whether rounds run at all (a setting).")]
    running: bool
    requested: Annotated[_MaybeInstant, Meta(description="When somebody asked for the next one.")]
    started: Annotated[_MaybeInstant, Meta(description="When the last round began.")]
    finished: Annotated[_MaybeInstant, Meta(description="When the last one was finished.")]
    clean: Annotated[bool | None, Meta(description="Whether everything proved; null before any.")]
    accounts: Annotated[int, Meta(description="How many were looked at.")]
    accounts_in_full: Annotated[int, Meta(description="Of these from their first entry set.")]
    entry_sets: Annotated[int, Meta(description="How many that round verified.")]
    milliseconds: Annotated[int, Meta(description="How long it took, its pauses included.")]
    findings_count: int
    findings: Annotated[list[WireFinding], Meta(description="The first 1,000 of them.")]


class AuditMark(Struct, frozen=True, kw_only=True):
    """How far one account was verified."""

    account_id: str
    chain_length: Annotated[int, Meta(description="How long its chain is now.")]
    verified_length: Annotated[int, Meta(description="How much of it was verified.")]
    verified: Annotated[_MaybeInstant, Meta(description="When it last was.")]
    proved: Annotated[_MaybeInstant, Meta(description="When it was from its first entry set.")]


class AuditMarks(Struct, frozen=True):
    """A page of marks, in the order of the audit."""

    marks: list[AuditMark]
    next: Cursor


class WhichMarks(Struct, frozen=True, kw_only=True):
    """Which page."""

    after: After = UNSET
    limit: Limit = UNSET


SHOW = Operation(
    tag="Books",
    summary="Show what the audit found",
    description="The last finished round in the background. `minibank audit` proves the books now.",
    answers=AuditReport,
    scopes=("audit",),
)
LIST_MARKS = Operation(
    tag="Books",
    summary="List how far each account was verified",
    takes=WhichMarks,
    answers=AuditMarks,
    scopes=("audit",),
)
REQUEST = Operation(
    tag="Books",
    summary="Ask for a round of the audit",
    description="It begins within a minute, in a process that serves or works, after the one that"
    " runs if one does; `GET` the report to see what came of it.",
    answers=AuditReport,
    refuses=(AUDITS_OFF,),
    scopes=("audit",),
)


async def show(tx: ReadTx, call: OperatorCall) -> AuditReport:
    """GET /operator/v1/audit/report"""
    row = await store.find_round(tx)
    enabled = call.settings.audit_interval_seconds > 0
    if row is None:
        row = store.NO_ROUND
    found = await store.list_findings(tx)
    return AuditReport(
        enabled=enabled,
        running=row.started_at > row.finished_at,
        requested=_instant(row.requested_at),
        started=_instant(row.started_at),
        finished=_instant(row.finished_at),
        clean=row.findings == 0 if row.finished_at else None,
        accounts=row.accounts,
        accounts_in_full=row.accounts_in_full,
        entry_sets=row.entry_sets,
        milliseconds=row.milliseconds,
        findings_count=row.findings,
        findings=[WireFinding(f.code, f.account_id, f.subject, f.message) for f in found],
    )


async def request_round(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/audit/rounds"""
    if not call.settings.audit_interval_seconds:
        raise Conflict(AUDITS_OFF, "This bank does not audit itself: see audit_interval_seconds")
    await ask_for_round(tx)
    return "audit"


async def show_after(tx: ReadTx, call: OperatorCall, _: str) -> AuditReport:
    """The report as it is, with the request in it."""
    return await show(tx, call)


async def list_marks(tx: ReadTx, call: OperatorCall) -> AuditMarks:
    """GET /operator/v1/audit/marks"""
    limit = call.params.limit(LIMIT_MAX)
    after = position_of(call.params.text("after"), tuple[int, str]) or (0, "")
    rows = await list_progress(tx, after, limit)
    last = rows[-1] if len(rows) == limit else None
    place = (last["shard"], last["account_id"]) if last else None
    return AuditMarks([_mark(row) for row in rows], cursor_of(place))


def _mark(row: Row) -> AuditMark:
    return AuditMark(
        account_id=row["account_id"],
        chain_length=row["chain_length"],
        verified_length=row["verified"],
        verified=_instant(row["verified_at"]),
        proved=_instant(row["proved_at"]),
    )


def _instant(at: int) -> str | None:
    return format_instant(at) if at > 0 else None

"""A card scheme's clearing files: imported, and what came of each row."""

import hashlib
import io
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.answers import Answer, answer_json
from minibank.api.bodies import bad_body
from minibank.api.catalogue import (
    BAD_CLEARING_FILE,
    KEY_REUSED,
    LATE,
    NO_CLEARING_FILE,
    SHUTTING_DOWN,
)
from minibank.api.endpoint import Edge, Request
from minibank.api.operation import FILE, Operation
from minibank.api.operator.clearing_wire import (
    ClearingFiles,
    ClearingRows,
    WireClearingReport,
    show_file,
    show_missing,
    show_report,
    show_row,
)
from minibank.api.operator.endpoint import DRY_RUN, OperatorCall, enter, once
from minibank.api.operator.pages import After, Limit, cursor_of, position_of
from minibank.api.requests import is_storable
from minibank.clearing import store
from minibank.clearing.importing import (
    book_file,
    check_file,
    claim,
    no_such_file,
    read_report,
)
from minibank.clearing.parsing import COLUMNS, ROWS_MAX, day_of, wrong_day
from minibank.clearing.records import ClearingFile
from minibank.core.errors import BadParam, TooLarge
from minibank.core.instants import INSTANT_MAX
from minibank.core.pages import LIMIT_MAX
from minibank.db import ReadTx, Tx
from minibank.operators.records import Scope

BYTES_MAX = 32 * 1024 * 1024
"""A hundred thousand rows of three hundred bytes each; most are half as long."""
LINE_MAX = 2 * ROWS_MAX
CSV = "text/csv"
STATUSES = ("matched", "surplus", "duplicate", "pending", "missing")
READERS: tuple[Scope, ...] = ("rails", "audit")

_FILE = {"file_id": "The file."}
_Line = Annotated[int, Meta(ge=0, le=LINE_MAX)]
_Instant = Annotated[int, Meta(ge=0, le=INSTANT_MAX)]


class HowToImport(Struct, frozen=True):
    """What a file is for."""

    day: Annotated[
        str | UnsetType,
        Meta(
            description="The day whose payments are looked for in the file, such as 2026-03-10;"
            " that of its newest row, unless it is said."
        ),
    ] = UNSET


class WhichFiles(Struct, frozen=True, kw_only=True):
    """Which part of the list."""

    after: After = UNSET
    limit: Limit = UNSET


class WhichRows(Struct, frozen=True, kw_only=True):
    """Which rows."""

    status: Annotated[
        Literal["matched", "surplus", "duplicate", "pending", "missing"] | UnsetType,
        Meta(
            description="Only those that came to this; `missing` are payments and refunds of the"
            " file's day that no row names. All rows of the file, unless it is said.",
            extra_json_schema={"type": "string"},
        ),
    ] = UNSET
    after: After = UNSET
    limit: Limit = UNSET


IMPORT = Operation(
    tag="Movements",
    summary="Import a clearing file",
    description=f"The body is a CSV file in UTF-8 with at most {ROWS_MAX:,} rows and"
    f" {BYTES_MAX // 1024**2} MiB, whose first line is `{','.join(COLUMNS)}`. Everything is checked"
    " before anything is booked. Then each row is booked, found in the books or, when no account"
    " gets it, held in suspense; a row whose `reference` has come before is a duplicate. In the end"
    " payments of the file's day that no row names are noted as missing. The answer comes when all"
    " is done. A file is known by its content: imported again it changes nothing, and an import"
    " that was cut short goes on where it was.",
    takes=HowToImport,
    sends=(CSV, FILE),
    answers=WireClearingReport,
    refuses=(BAD_CLEARING_FILE, KEY_REUSED, SHUTTING_DOWN, LATE),
    scopes=("rails",),
    named=True,
)
LIST = Operation(
    tag="Movements",
    summary="List clearing files",
    description="The newest first.",
    takes=WhichFiles,
    answers=ClearingFiles,
    scopes=READERS,
)
RETRIEVE = Operation(
    tag="Movements",
    summary="Retrieve what came of a clearing file",
    path=_FILE,
    answers=WireClearingReport,
    refuses=(NO_CLEARING_FILE,),
    scopes=READERS,
)
LIST_ROWS = Operation(
    tag="Movements",
    summary="List rows of a clearing file",
    description="In the order of the file; what is missing, which has no line, in the order it"
    " was made.",
    path=_FILE,
    takes=WhichRows,
    answers=ClearingRows,
    refuses=(NO_CLEARING_FILE,),
    scopes=READERS,
)


async def import_file(edge: Edge, request: Request) -> Answer:
    """POST /operator/v1/clearing-files"""
    call = await enter(edge, request, *IMPORT.scopes)
    call.require_key()
    if call.is_dry_run:
        raise BadParam(DRY_RUN, "is not for clearing files: what a row comes to depends on others")
    day = _day(call, edge.db.clock.now())
    content = await _content(call, request)
    file = await check_file(edge.db, lambda: io.BytesIO(content), call.operator.key_id, day)
    file_id = await edge.db.transact(lambda tx: _claim(tx, call, file))
    return answer_json(
        show_report(await book_file(edge.db, edge.engine, lambda: io.BytesIO(content), file_id))
    )


async def list_files(tx: ReadTx, call: OperatorCall) -> ClearingFiles:
    """GET /operator/v1/clearing-files"""
    limit = call.params.limit(LIMIT_MAX)
    before = position_of(call.params.text("after"), tuple[_Instant, str]) or (INSTANT_MAX, "")
    found = await store.list_files(tx, before, limit)
    last = (found[-1].began_at, found[-1].id) if len(found) == limit else None
    return ClearingFiles([show_file(one) for one in found], cursor_of(last))


async def retrieve_file(tx: ReadTx, call: OperatorCall) -> WireClearingReport:
    """GET /operator/v1/clearing-files/{file_id}"""
    return show_report(await read_report(tx, _file_id(call)))


async def list_rows(tx: ReadTx, call: OperatorCall) -> ClearingRows:
    """GET /operator/v1/clearing-files/{file_id}/rows"""
    limit = call.params.limit(LIMIT_MAX)
    status = call.params.choice("status", STATUSES)
    after = call.params.text("after")
    place = position_of(after, str) if status == "missing" else None
    line = position_of(after, _Line) if status != "missing" else None
    file_id = _file_id(call)
    if await store.find_file(tx, file_id) is None:
        raise no_such_file()
    if status == "missing":
        return await _list_missing(tx, file_id, place or "", limit)
    if status is None:
        found = await store.list_rows(tx, file_id, line or 0, LINE_MAX, limit)
    else:
        found = await store.list_rows_of(tx, file_id, status, line or 0, limit)
    last = found[-1].line if len(found) == limit else None
    return ClearingRows([show_row(one) for one in found], cursor_of(last))


async def _list_missing(tx: ReadTx, file_id: str, after: str, limit: int) -> ClearingRows:
    missing = await store.list_missing(tx, file_id, after, limit)
    last = missing[-1].transaction_id if len(missing) == limit else None
    return ClearingRows([show_missing(one) for one in missing], cursor_of(last))


def _file_id(call: OperatorCall) -> str:
    """The file that the path names; `NotFound` for what can be the id of none."""
    file_id = call.path["file_id"]
    if not is_storable(file_id):
        raise no_such_file()
    return file_id


def _day(call: OperatorCall, now: int) -> int | None:
    text = call.params.text("day")
    if text is None:
        return None
    if wrong := wrong_day(text, now):
        raise BadParam("day", wrong)
    return day_of(text)


async def _content(call: OperatorCall, request: Request) -> bytes:
    """The body, once it is known who sends it; `TooLarge` as soon as it is."""
    essence = call.content_type.partition(";")[0].strip().lower()
    if essence not in ("", CSV, FILE):
        raise bad_body(f"The body must be {CSV} or {FILE}")
    assert request.parts is not None, "its route takes a stream"
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:18]) > BYTES_MAX:
        raise TooLarge(BYTES_MAX)
    content = bytearray()
    async for part in request.parts:
        content += part
        if len(content) > BYTES_MAX:
            raise TooLarge(BYTES_MAX)
    return bytes(content)


async def _claim(tx: Tx, call: OperatorCall, file: ClearingFile) -> str:
    """Note who asked for it, and that the file is there; its id."""
    form = [call.operation, file.id, call.params.text("day")]
    digest = hashlib.sha256(msgspec.json.encode(form)).digest()
    file_id, _ = await once(tx, call, digest, lambda: claim(tx, file))
    return file_id

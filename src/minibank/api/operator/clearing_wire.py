"""Clearing files and their rows, as operators read them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from minibank.api.operator.pages import Cursor
from minibank.clearing.records import ClearingFile, ClearingReport, ClearingRow, Missing
from minibank.core.instants import format_instant
from minibank.core.wire import Currency, Instant, MinorUnits

TRANSACTION_ENTRY_SETS = "/operator/v1/transactions/{}/entry-sets"

_Day = Annotated[str, Meta(description="A day, UTC.", pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class WireClearingFile(Struct, frozen=True, kw_only=True):
    """A clearing file that was imported."""

    id: Annotated[str, Meta(description="Follows from its content.")]
    day: _Day
    row_count: int
    imported_by: Annotated[
        str, Meta(description="The operator key; `cli` for whoever had the books at hand.")
    ]
    began: Instant
    finished: Annotated[
        str | None,
        Meta(description="Null while its import is not over: import it again, and it goes on."),
    ]


class WireClearingReport(WireClearingFile, frozen=True, kw_only=True):
    """A clearing file, and how many of its rows came to what."""

    matched: Annotated[int, Meta(description="Booked, or found in the books.")]
    surplus: Annotated[int, Meta(description="Held in suspense: no account gets it.")]
    duplicate: Annotated[int, Meta(description="Of a reference that had come before.")]
    pending: Annotated[int, Meta(description="Decided and not yet booked.")]
    missing: Annotated[
        int, Meta(description="Payments and refunds of its day that no row names, when it ended.")
    ]


class WireClearingRow(Struct, frozen=True, kw_only=True):
    """A row of a clearing file or, where `status` says missing, what no row names.

    What was not said, or does not apply, is null. Amounts have no sign: `type` says which way.
    """

    status: Literal["matched", "surplus", "duplicate", "pending", "missing"]
    reason: Annotated[
        str | None,
        Meta(
            description="Why: `booked`, `found` or `amount_differs` of what is matched;"
            " `no_account`, `no_card`, `no_authorisation`, `contradiction`, `currency`,"
            " `account_closed`, `disputed` (a refund of what a dispute has given back) or the"
            " code of the refusal of what is surplus; `reference` of a duplicate."
        ),
    ]
    line: Annotated[int | None, Meta(description="Its line in the file; the header is line 1.")]
    type: Literal["presentment", "refund"]
    reference: Annotated[str | None, Meta(description="The scheme's name of it.")]
    authorisation_id: str | None
    card_id: str | None
    account_id: str | None
    amount: MinorUnits
    currency: Currency
    local_amount: int | None
    local_currency: str | None
    merchant_id: str | None
    description: str | None
    date: Annotated[str | None, Meta(description="The day it happened, as the file says.")]
    booked_on: Annotated[
        str | None,
        Meta(
            description="The account on which `transaction_id` stands; of a surplus that in whose"
            " chain it is in suspense."
        ),
    ]
    transaction_id: str | None
    entry_sets: Annotated[
        str | None, Meta(description="Where what was booked for the transaction can be read.")
    ]
    found_in: Annotated[
        str | None, Meta(description="Of what was missing, the file that has named it since.")
    ]


class ClearingFiles(Struct, frozen=True):
    """A page of the files, newest first."""

    clearing_files: list[WireClearingFile]
    next: Cursor


class ClearingRows(Struct, frozen=True):
    """A page of rows."""

    rows: list[WireClearingRow]
    next: Cursor


def show_file(file: ClearingFile) -> WireClearingFile:
    """A file."""
    return WireClearingFile(
        id=file.id,
        day=_day(file.day),
        row_count=file.row_count,
        imported_by=file.imported_by,
        began=format_instant(file.began_at),
        finished=None if file.finished_at is None else format_instant(file.finished_at),
    )


def show_report(report: ClearingReport) -> WireClearingReport:
    """A file with its counts."""
    shown = show_file(report.file)
    return WireClearingReport(
        **{name: getattr(shown, name) for name in shown.__struct_fields__},
        matched=report.matched,
        surplus=report.surplus,
        duplicate=report.duplicate,
        pending=report.pending,
        missing=report.missing,
    )


def show_row(row: ClearingRow) -> WireClearingRow:
    """A row of a file."""
    return WireClearingRow(
        status=row.status,
        reason=row.reason or None,
        line=row.line,
        type=row.kind,
        reference=row.reference,
        authorisation_id=row.authorisation_id or None,
        card_id=row.card_id or None,
        account_id=row.account_id or None,
        amount=row.amount,
        currency=row.currency,
        local_amount=row.local_amount,
        local_currency=row.local_currency or None,
        merchant_id=row.merchant_id or None,
        description=row.description,
        date=_day(row.day),
        booked_on=row.booked_on or None,
        transaction_id=row.transaction_id or None,
        entry_sets=_entry_sets(row.transaction_id),
        found_in=None,
    )


def show_missing(one: Missing) -> WireClearingRow:
    """What no row names, in the form of the row that would."""
    return WireClearingRow(
        status="missing",
        reason=None,
        line=None,
        type="presentment" if one.amount < 0 else "refund",
        reference=None,
        authorisation_id=None,
        card_id=None,
        account_id=one.account_id,
        amount=abs(one.amount),
        currency=one.currency,
        local_amount=None,
        local_currency=None,
        merchant_id=None,
        description=None,
        date=None,
        booked_on=one.account_id,
        transaction_id=one.transaction_id,
        entry_sets=_entry_sets(one.transaction_id),
        found_in=one.found_in or None,
    )


def _entry_sets(transaction_id: str) -> str | None:
    return TRANSACTION_ENTRY_SETS.format(transaction_id) if transaction_id else None


def _day(instant: int) -> str:
    return format_instant(instant)[:10]

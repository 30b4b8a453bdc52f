"""The form of a clearing file: CSV in UTF-8 with a header, read strictly, row by row."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import BinaryIO, cast

from minibank.clearing.records import ClearingRow, Kind
from minibank.core.errors import BadRequest
from minibank.core.instants import from_datetime
from minibank.core.money import AMOUNT_MAX

COLUMNS = (
    *("type", "reference", "authorisation_id", "card_id", "account_id", "amount", "currency"),
    *("local_amount", "local_currency", "merchant_id", "description", "date"),
)
ROWS_MAX = 100_000
TOO_MANY = f"there are more than {ROWS_MAX} rows"
FIELD_MAX = 255
ERRORS_MAX = 20
"""How many mistakes are told at once."""
DAYS_BACK_MAX = 730

Source = Callable[[], BinaryIO]
"""Opens the file from its beginning; it is read twice."""

_DIGITS = re.compile(r"[0-9]{1,15}")
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CURRENCY = re.compile(r"[A-Z]{3}")


class BadClearingFile(BadRequest):
    """The file breaks its form; the mistakes are told by line and column."""

    def __init__(self, mistakes: list[tuple[int, str, str]]) -> None:
        line, column, message = mistakes[0]
        super().__init__(
            "bad_request.bad_clearing_file",
            f"Line {line}, {column}: {message}",
            params={f"line {line}, {column}": message for line, column, message in mistakes},
        )


class Checked:
    """What a first reading shows of a file: its id, how many rows it has, its newest day."""

    def __init__(self, source: Source, now: int) -> None:
        digest = hashlib.sha256()
        with source() as file:
            while chunk := file.read(1 << 16):
                digest.update(chunk)
        self.digest = digest.digest()
        self.row_count = 0
        self.newest_day = 0
        mistakes: list[tuple[int, str, str]] = []
        for row in read_rows(source, now, mistakes):
            self.row_count += 1
            self.newest_day = max(self.newest_day, row.day)
        if not self.row_count and not mistakes:
            mistakes.append((2, "type", "there is no row"))
        if mistakes:
            raise BadClearingFile(mistakes)


def read_rows(
    source: Source, now: int, mistakes: list[tuple[int, str, str]]
) -> Iterator[ClearingRow]:
    """The rows of a file; what is wrong is added to `mistakes`, and ends it when it is too much."""
    with io.TextIOWrapper(source(), encoding="utf-8", errors="strict", newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            header = next(reader, [])
            if tuple(header) != COLUMNS:
                mistakes.append((1, "header", f"must be {','.join(COLUMNS)}"))
                return
            for number, fields in enumerate(reader, 1):
                if number > ROWS_MAX:
                    mistakes.append((reader.line_num, "row", TOO_MANY))
                    return
                wrong = list(_mistakes(fields, now))
                if wrong:
                    mistakes += [(reader.line_num, *one) for one in wrong]
                    if len(mistakes) >= ERRORS_MAX:
                        return
                    continue
                yield _row(reader.line_num, dict(zip(COLUMNS, fields, strict=True)))
        except (csv.Error, UnicodeDecodeError) as error:
            mistakes.append((reader.line_num + 1, "row", f"cannot be read: {type(error).__name__}"))


def _row(line: int, said: dict[str, str]) -> ClearingRow:
    return ClearingRow(
        line=line,
        kind=cast(Kind, said["type"]),
        reference=said["reference"],
        authorisation_id=said["authorisation_id"],
        card_id=said["card_id"],
        account_id=said["account_id"],
        amount=int(said["amount"]),
        currency=said["currency"],
        local_amount=int(said["local_amount"]) if said["local_amount"] else None,
        local_currency=said["local_currency"],
        merchant_id=said["merchant_id"],
        description=said["description"],
        day=day_of(said["date"]),
    )


def day_of(text: str) -> int:
    """The beginning of a day, UTC, in microseconds; `ValueError` for what is no date."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    day = date.fromisoformat(text)
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _mistakes(fields: list[str], now: int) -> Iterator[tuple[str, str]]:
    """What is wrong with one row, by column."""
    if len(fields) != len(COLUMNS):
        yield "row", f"must have {len(COLUMNS)} fields, and has {len(fields)}"
        return
    said = dict(zip(COLUMNS, fields, strict=True))
    for column, value in said.items():
        if len(value) > FIELD_MAX or not all(one.isprintable() for one in value):
            yield column, f"must have at most {FIELD_MAX} printable characters"
    if said["type"] not in ("presentment", "refund"):
        yield "type", "must be presentment or refund"
    if not _REFERENCE.fullmatch(said["reference"]):
        yield "reference", "must be 1 to 64 letters, digits, dashes or underscores"
    if not said["authorisation_id"] and not (said["card_id"] and said["account_id"]):
        yield "authorisation_id", "must be given, or card_id and account_id"
    yield from _money(said)
    if wrong := wrong_day(said["date"], now):
        yield "date", wrong


def _money(said: dict[str, str]) -> Iterator[tuple[str, str]]:
    least = 1 if said["type"] == "refund" else 0
    amount = said["amount"]
    if not _DIGITS.fullmatch(amount) or not least <= int(amount) <= AMOUNT_MAX:
        yield "amount", f"must be minor units, {least} to {AMOUNT_MAX}"
    if not _CURRENCY.fullmatch(said["currency"]):
        yield "currency", "must be an ISO 4217 code"
    local, currency = said["local_amount"], said["local_currency"]
    if bool(local) != bool(currency):
        yield "local_amount", "must be given with local_currency"
    elif local and not _DIGITS.fullmatch(local):
        yield "local_amount", "must be minor units"
    elif currency and not _CURRENCY.fullmatch(currency):
        yield "local_currency", "must be an ISO 4217 code"


def wrong_day(text: str, now: int) -> str | None:
    """What is wrong with the day of a row or a file; None when nothing is."""
    try:
        day = day_of(text)
    except ValueError:
        return "must be a date such as 2026-03-10"
    if not now - DAYS_BACK_MAX * 86_400_000_000 <= day <= now:
        return f"must be in the past, by at most {DAYS_BACK_MAX} days"
    return None

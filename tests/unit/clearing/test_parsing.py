"""The form of a clearing file: what is refused, and where it says so."""

import io

import pytest

from minibank.clearing.parsing import COLUMNS, ERRORS_MAX, BadClearingFile, Checked, read_rows

NOON = 1_773_144_000_000_000
GOOD = {
    "type": "presentment",
    "reference": "ARN-1",
    "authorisation_id": "auth_1",
    "card_id": "",
    "account_id": "",
    "amount": "700",
    "currency": "GBP",
    "local_amount": "",
    "local_currency": "",
    "merchant_id": "",
    "description": "SHOP, LONDON",
    "date": "2026-03-09",
}


def text(*rows: dict[str, str]) -> bytes:
    lines = [",".join(COLUMNS)]
    lines += [",".join(f'"{row[name]}"' for name in COLUMNS) for row in rows]
    return "\r\n".join(lines).encode()


def check(content: bytes) -> Checked:
    return Checked(lambda: io.BytesIO(content), NOON)


def test_a_good_file_is_read_row_by_row() -> None:
    content = text(GOOD, GOOD | {"reference": "ARN-2", "date": "2026-03-10"})
    checked = check(content)
    assert (checked.row_count, checked.newest_day) == (2, 1_773_100_800_000_000)
    rows = list(read_rows(lambda: io.BytesIO(content), NOON, []))
    assert [(one.line, one.reference, one.amount) for one in rows] == [
        (2, "ARN-1", 700),
        (3, "ARN-2", 700),
    ]
    assert rows[0].description == "SHOP, LONDON"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("type", "payment"),
        ("reference", ""),
        ("reference", "a b"),
        ("authorisation_id", ""),
        ("amount", "7.00"),
        ("amount", "-700"),
        ("amount", "٣"),
        ("amount", "9999999999999999"),
        ("currency", "gbp"),
        ("local_amount", "5"),
        ("description", "x" * 256),
        ("description", "\x1b[31m"),
        ("date", "10.03.2026"),
        ("date", "2026-03-11"),
        ("date", "2020-01-01"),
        ("date", "2026-02-30"),
    ],
)
def test_a_bad_value_is_told_by_line_and_column(column: str, value: str) -> None:
    with pytest.raises(BadClearingFile) as caught:
        check(text(GOOD, GOOD | {column: value}))
    assert list(caught.value.params) == [f"line 3, {column}"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"type,reference\n",
        text(),
        text(GOOD) + b'\r\n"presentment',
        text(GOOD) + b"\r\npresentment,2",
        text(GOOD) + b"\xff",
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(BadClearingFile):
        check(content)


def test_a_refund_of_nothing_is_refused_and_a_payment_of_nothing_is_not() -> None:
    check(text(GOOD | {"amount": "0"}))
    with pytest.raises(BadClearingFile, match="amount"):
        check(text(GOOD | {"amount": "0", "type": "refund"}))


def test_only_so_many_mistakes_are_told() -> None:
    with pytest.raises(BadClearingFile) as caught:
        check(text(*[GOOD | {"amount": "x"}] * 1000))
    assert len(caught.value.params) == ERRORS_MAX

"""Instants as text: one form goes out, many come in."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibank.core.instants import (
    INSTANT_MAX,
    INSTANT_MIN,
    format_instant,
    from_datetime,
    parse_instant,
    to_datetime,
)

T = from_datetime(datetime(2017, 8, 22, 5, 35, 46, tzinfo=UTC))
"""2017-08-22T05:35:46Z."""
SECOND = 1_000_000
HOUR = 3600 * SECOND

instants = st.integers(INSTANT_MIN, INSTANT_MAX)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2017-08-22T05:35:46Z", T),
        ("2017-08-22T05:35:46z", T),
        ("2017-08-22t05:35:46Z", T),
        ("2017-08-22T05:35:46.2Z", T + 200_000),
        ("2017-08-22T05:35:46.23Z", T + 230_000),
        ("2017-08-22T05:35:46.230Z", T + 230_000),
        ("2017-08-22T05:35:46.230456Z", T + 230_456),  # isoformat() of a naive one, and a Z
        ("2017-08-22T05:35:46.230456789Z", T + 230_456),
        ("2017-08-22T05:35:46.000000999999999999999999999999999999999999Z", T),
        ("2017-08-22T05:35:46+00:00", T),
        ("2017-08-22T05:35:46-00:00", T),
        ("2017-08-22T06:35:46+01:00", T),
        ("2017-08-22T06:35:46+0100", T),
        ("2017-08-21T23:05:46-06:30", T),
        ("2017-08-23T05:34:46+23:59", T),
        ("2017-08-22T05:35:46 00:00", T),  # the plus sign was not percent-encoded
        ("2017-08-22T06:35:46 01:00", T),
        ("2017-08-22T06:35:46.5 0100", T + 500_000),
        ("2017-08-22 05:35:46+00:00", T),  # str(datetime)
        ("2017-08-22 05:35:46.230456+00:00", T + 230_456),
        ("2017-08-22 05:35:46 00:00", T),
        ("2017-08-22 05:35:46", T),
        ("2017-08-22T05:35:46", T),
        ("2017-08-22T05:35:46.230456", T + 230_456),
        ("2017-08-22T05:35:46+00:00Z", T),
        ("2017-08-22T05:35:46 00:00Z", T),
        ("2017-08-22T05:35:46.230456+00:00Z", T + 230_456),
        ("2017-08-22", T - 5 * HOUR - 35 * 60 * SECOND - 46 * SECOND),
        ("2016-02-29T00:00:00Z", from_datetime(datetime(2016, 2, 29, tzinfo=UTC))),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("0001-01-01T00:00:00Z", INSTANT_MIN),  # "never", where a language has no null
        ("9999-12-31T23:59:59.999999Z", INSTANT_MAX),
    ],
)
def test_every_form_that_clients_send_is_read(text: str, instant: int):
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1503380146",
        "tx_00008zIcpb1TB4yeIFXMzx",
        "2017-08",
        "2017-W34-2",
        "20170822",
        "2017-234",
        "17-08-22",
        "2017-8-22",
        "2017-08-22T",
        "2017-08-22Z",
        "2017-08-22T05",
        "2017-08-22T05:35",
        "2017-08-22T053546Z",
        "2017-08-22T05:35:46.Z",
        "2017-08-22T05:35:46,230Z",
        "2017-08-22T05:35:46 Z",
        "2017-08-22T05:35:46+",
        "2017-08-22T05:35:46+01",
        "2017-08-22T05:35:46+1:00",
        "2017-08-22T05:35:46+24:00",
        "2017-08-22T05:35:46+01:60",
        "2017-08-22T05:35:46+01:00Z",  # says two things
        "2017-08-22T05:35:46ZZ",
        "2017-08-22T05:35:46 UTC",
        "2017-08-22T05:35:46+00:00[Europe/London]",
        "2017-08-22  05:35:46",
        " 2017-08-22T05:35:46Z",
        "2017-08-22T05:35:46Z ",
        "2017-08-22T05:35:46Z\n",
        "+2017-08-22T05:35:46Z",
        "-2017-08-22T05:35:46Z",
        "02017-08-22T05:35:46Z",
        "2017-02-29T00:00:00Z",
        "2017-13-01T00:00:00Z",
        "2017-00-01T00:00:00Z",
        "2017-08-32T00:00:00Z",
        "2017-08-00T00:00:00Z",
        "2017-08-22T24:00:00Z",
        "2017-08-22T25:00:00Z",
        "2017-08-22T05:60:00Z",
        "2017-08-22T23:59:60Z",
        "\u0662\u0660\u0661\u0667-08-22T05:35:46Z",  # digits of another script
    ],
)
def test_what_is_no_timestamp_is_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - for whatever reason
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59.999999-23:59",
    ],
)
def test_instants_before_the_year_1_and_after_the_year_9999_are_refused(text: str):
    with pytest.raises(ValueError, match="range"):
        parse_instant(text)


@given(st.text())
def test_any_text_is_read_or_refused_and_nothing_else(text: str):
    try:
        instant = parse_instant(text)
    except ValueError:
        return
    assert INSTANT_MIN <= instant <= INSTANT_MAX


@given(st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}.{0,12}\Z"))
def test_any_text_that_resembles_a_timestamp_is_read_or_refused(text: str):
    try:
        instant = parse_instant(text)
    except ValueError:
        return
    assert INSTANT_MIN <= instant <= INSTANT_MAX


@given(instants)
def test_an_instant_goes_out_with_three_digits_and_comes_back_to_its_millisecond(instant: int):
    text = format_instant(instant)
    assert len(text) == len("2017-08-22T05:35:46.230Z")
    assert parse_instant(text) == instant // 1000 * 1000


@given(instants)
def test_an_instant_goes_out_as_the_standard_library_writes_it(instant: int):
    moment = to_datetime(instant)
    expected = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert format_instant(instant) == expected


@given(instants, instants)
def test_texts_sort_like_the_instants_they_stand_for(one: int, other: int):
    if one // 1000 < other // 1000:
        assert format_instant(one) < format_instant(other)


@given(instants)
def test_datetimes_and_instants_are_the_same_to_the_microsecond(instant: int):
    assert from_datetime(to_datetime(instant)) == instant


DAWN, DUSK = datetime(2, 1, 1), datetime(9998, 1, 1)  # noqa: DTZ001 - hypothesis wants them naive
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(DAWN, DUSK, timezones=zones))
def test_what_isoformat_and_str_write_is_read_to_the_microsecond(moment: datetime):
    for text in (moment.isoformat(), str(moment), moment.isoformat().replace("+", " ")):
        assert parse_instant(text) == from_datetime(moment)


def test_a_datetime_without_a_zone_is_no_instant():
    with pytest.raises(AssertionError):
        from_datetime(datetime(2017, 8, 22))  # noqa: DTZ001 - that is what is refused


def test_a_year_before_1000_is_written_with_four_digits():
    assert format_instant(INSTANT_MIN) == "0001-01-01T00:00:00.000Z"
